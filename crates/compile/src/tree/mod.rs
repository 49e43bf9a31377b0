//! PostgreSQL's parse tree: parsing, walking, rewriting and printing it. The only place that knows the parser crate's
//! shapes in general; stages match the few node kinds they are about.
//!
//! | module | does |
//! | --- | --- |
//! | [`visit`] | the children of any node of a SELECT, for reading and for rewriting |
//! | [`print`] | a tree back to SQL, with every operator and function qualified where asked |
//! | [`expr`] | [`Expr`]: an expression with its text, compared by that text |

pub mod build;
pub mod expr;
pub mod print;
pub mod visit;

pub use expr::Expr;
pub use pg_query::NodeEnum;
pub use pg_query::protobuf::{self, Node, SelectStmt};

/// The stack of the thread that parses and prints: PostgreSQL's grammar and the tree's decoder recurse.
const STACK_BYTES: usize = 200 << 20;

/// Runs `work` on a thread with a stack deep enough for any SELECT that PostgreSQL itself accepts.
pub fn with_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, work)
            .expect("the operating system refused a thread")
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Parses one SELECT, such as the text of `pg_get_viewdef`.
pub fn parse_select(sql: &str) -> Result<SelectStmt, String> {
    let parsed = pg_query::parse(sql, 0).map_err(|error| error.to_string())?;
    let statement = parsed.protobuf.stmts.into_iter().next().and_then(|raw| raw.stmt);
    match statement.and_then(|statement| statement.node) {
        Some(NodeEnum::SelectStmt(mut select)) => {
            spell_out(&mut select);
            Ok(*select)
        }
        _ => Err("not a SELECT".to_owned()),
    }
}

/// Qualifies the columns of an outermost block that reads one item. PostgreSQL 16 and later leave the qualifier out there, and
/// only there; every later stage sees one spelling.
fn spell_out(select: &mut SelectStmt) {
    let [item] = select.from_clause.as_slice() else { return };
    let alias = match &item.node {
        Some(NodeEnum::RangeVar(range)) => range.alias.as_ref().map_or(&range.relname, |alias| &alias.aliasname),
        Some(NodeEnum::RangeSubselect(range)) => match &range.alias {
            Some(alias) => &alias.aliasname,
            None => return,
        },
        _ => return,
    }
    .clone();
    let outputs: Vec<String> = select
        .target_list
        .iter()
        .filter_map(|target| match &target.node {
            Some(NodeEnum::ResTarget(target)) if !target.name.is_empty() => Some(target.name.clone()),
            _ => None,
        })
        .collect();
    let sorts = std::mem::take(&mut select.sort_clause);
    let (with, from) = (select.with_clause.take(), std::mem::take(&mut select.from_clause));
    visit::select_children_mut(select, &mut |child| qualify_here(child, &alias, &[]));
    select.sort_clause = sorts;
    for sort in &mut select.sort_clause {
        qualify_here(sort, &alias, &outputs);
    }
    (select.with_clause, select.from_clause) = (with, from);
}

/// Sub-selects are left alone: their columns are qualified already.
fn qualify_here(node: &mut Node, alias: &str, outputs: &[String]) {
    match &mut node.node {
        Some(NodeEnum::SelectStmt(_)) => return,
        Some(NodeEnum::ColumnRef(reference)) => {
            let name = build::strings(&reference.fields).and_then(|names| match names.as_slice() {
                [name] => Some((*name).to_owned()),
                _ => None,
            });
            if let Some(name) = name.filter(|name| !outputs.contains(name) && name != alias) {
                reference.fields = vec![build::string(alias), build::string(&name)];
            }
            return;
        }
        _ => {}
    }
    visit::children_mut(node, &mut |child| qualify_here(child, alias, outputs));
}
