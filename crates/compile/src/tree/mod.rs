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
        Some(NodeEnum::SelectStmt(select)) => Ok(*select),
        _ => Err("not a SELECT".to_owned()),
    }
}
