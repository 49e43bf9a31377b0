//! Join locks: where the way from a changed row to the key reads another table, the writer who changes that other table and
//! the one who reads it on the way must meet before either looks.
//!
//! One space of locks per hop target, `table.column`; the value is the join value. Where that column is unique in the
//! target, the reader of the hop is the *child* (many children, one parent): it bumps one stripe, and the writer of the target
//! bumps all. Elsewhere it is the other way round. Two children then rarely wait for each other, and a child and its parent
//! always do.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use headwater_catalog::{Catalog, Ident, PgType, QualifiedName};

use super::sql::{STRIPES, lock_id, seed};
use super::trigger::{Event, changed_rows};
use crate::analyze::provenance::{Hop, Path};
use crate::plan::{MaintenancePlan, Strategy};
use crate::tree::{Expr, print};

/// The lock statements of one table and event, in the order in which they must run; each is a query of lock ids.
#[must_use]
pub fn queries(plans: &[&MaintenancePlan], table: &QualifiedName, event: Event, catalog: &Catalog) -> Vec<String> {
    // Locks far from the key come first, for readers and writers of a hop alike: that is one order for everybody.
    let mut levels: BTreeMap<Reverse<usize>, BTreeSet<Ids>> = BTreeMap::new();
    for plan in plans {
        for path in keyed_paths(plan) {
            if plan.analysis.occurrences[path.from].table == *table {
                for level in 0..path.hops.len() {
                    levels
                        .entry(Reverse(path.hops.len() - level))
                        .or_default()
                        .insert(reader(plan, path, level, event, catalog));
                }
            }
            for (position, hop) in path.hops.iter().enumerate() {
                if plan.analysis.occurrences[hop.to].table == *table {
                    let writer = target_writer(plan, path, position, event, catalog);
                    levels.entry(Reverse(path.hops.len() - position)).or_default().insert(writer);
                }
            }
        }
    }
    levels.into_values().map(|ids| together(&ids, event)).collect()
}

/// Some lock ids of changed rows: the rows, and the query over them, which calls them `hw_rows`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Ids {
    rows: String,
    query: String,
}

/// All ids of one level in one query. Changed rows of an UPDATE take some work to tell from unchanged ones, so each set of
/// them is computed once.
fn together(ids: &BTreeSet<Ids>, event: Event) -> String {
    let sources: BTreeSet<&String> = ids.iter().map(|one| &one.rows).collect();
    let sources: Vec<&String> = sources.into_iter().collect();
    let shared = event == Event::Update;
    let queries: Vec<String> = ids
        .iter()
        .map(|one| {
            let number = sources.iter().position(|rows| **rows == one.rows).unwrap_or_default() + 1;
            let source = if shared { format!("rows_{number}") } else { format!("({})", one.rows) };
            one.query.replace("hw_rows", &source)
        })
        .collect();
    let with = if shared {
        let ctes: Vec<String> = sources
            .iter()
            .enumerate()
            .map(|(n, rows)| format!("rows_{} AS MATERIALIZED (\n  {rows}\n)", n + 1))
            .collect();
        format!("WITH {}\n", ctes.join(", "))
    } else {
        String::new()
    };
    format!("{with}SELECT DISTINCT q.id FROM (\n{}\n) AS q", super::sql::indent(&queries.join("\nUNION ALL\n"), 2))
}

/// Every path of a plan.
fn keyed_paths(plan: &MaintenancePlan) -> impl Iterator<Item = &Path> {
    plan.strategies.values().flat_map(|strategy| match strategy {
        Strategy::Keyed(paths) => paths.as_slice(),
        Strategy::Delta(_) | Strategy::Diff => &[],
    })
}

/// The locks of the writer who is about to read a hop's target.
fn reader(plan: &MaintenancePlan, path: &Path, level: usize, event: Event, catalog: &Catalog) -> Ids {
    let start = &plan.analysis.occurrences[path.from];
    let columns: BTreeSet<Ident> = plan.used_columns(&start.table);
    let hop = &path.hops[level];
    let (from, to) = &hop.on[0];
    let mut source = "hw_rows AS r".to_owned();
    for earlier in &path.hops[..level] {
        source.push_str(&join(plan, path, earlier, catalog));
    }
    let space = Space::of(plan, hop, from, to, catalog);
    Ids {
        rows: changed_rows(event, &start.table, &columns, catalog),
        query: ids(&space, &path.printed(&plan.analysis, from), &source, space.target_unique),
    }
}

/// The locks of the writer who changes a hop's target.
fn target_writer(plan: &MaintenancePlan, path: &Path, position: usize, event: Event, catalog: &Catalog) -> Ids {
    let hop = &path.hops[position];
    let target = &plan.analysis.occurrences[hop.to];
    let (from, to) = &hop.on[0];
    // Only columns on the way matter: what else changes in the row is found by the key lock.
    let mut columns = BTreeSet::new();
    let later = path.hops[position + 1..].iter().flat_map(|hop| hop.on.iter().map(|(from, _)| from));
    for expr in hop.on.iter().map(|(_, to)| to).chain(later).chain(&path.key) {
        columns.extend(columns_of(expr, &target.alias));
    }
    let space = Space::of(plan, hop, from, to, catalog);
    let value = print::qualified_expression(to.renamed(&|_| "r".to_owned()).node());
    Ids {
        rows: changed_rows(event, &target.table, &columns, catalog),
        query: ids(&space, &value, "hw_rows AS r", !space.target_unique),
    }
}

/// A hop as a lookup per row. OFFSET 0 keeps the planner from turning it into a hash join over the whole table: the plan is made
/// once a session, and the statement it is made for may have changed a million rows or one.
#[must_use]
pub fn join(plan: &MaintenancePlan, path: &Path, hop: &Hop, catalog: &Catalog) -> String {
    let target = &plan.analysis.occurrences[hop.to];
    let printed = |expr: &Expr| path.printed(&plan.analysis, expr);
    let equal = |to: &Expr| type_of(plan, to, catalog).map_or("OPERATOR(pg_catalog.=)".to_owned(), super::sql::equals);
    let on: Vec<String> =
        hop.on.iter().map(|(from, to)| format!("{} {} {}", printed(to), equal(to), printed(from))).collect();
    let (kind, condition) = if hop.outer { ("LEFT JOIN LATERAL", " ON true") } else { ("CROSS JOIN LATERAL", "") };
    let alias = path.alias(&plan.analysis, &target.alias);
    format!(
        "\n  {kind} (\n    SELECT {alias}.* FROM {} AS {alias} WHERE {} OFFSET 0\n  ) AS {alias}{condition}",
        target.table,
        on.join(" AND ")
    )
}

/// The columns of one relation in an expression.
fn columns_of(expr: &Expr, alias: &str) -> BTreeSet<Ident> {
    let mut found = BTreeSet::new();
    collect(expr.node(), alias, &mut found);
    found
}

fn collect(node: &pg_query::protobuf::Node, alias: &str, found: &mut BTreeSet<Ident>) {
    if let Some(parts) = crate::tree::build::column_parts(node)
        && let [relation, column] = parts.as_slice()
        && *relation == alias
    {
        found.extend(Ident::new(*column));
    }
    crate::tree::visit::children(node, &mut |child| collect(child, alias, found));
}

/// The space of locks of a hop.
struct Space {
    seed: i64,
    target_unique: bool,
    /// What is hashed: the value, the value as bigint, or nothing where its two sides hash differently.
    hash: Hash,
}

enum Hash {
    Value,
    Bigint,
    Nothing,
}

impl Space {
    fn of(plan: &MaintenancePlan, hop: &Hop, from: &Expr, to: &Expr, catalog: &Catalog) -> Self {
        let target = &plan.analysis.occurrences[hop.to];
        let column = to.renamed(&|_| "t".to_owned());
        let unique = catalog.tables.get(&target.table).is_some_and(|table| {
            table.keys.iter().any(|key| {
                key.iter().all(|name| {
                    let name = Expr::column(&target.alias, name.as_str());
                    hop.on.iter().any(|(_, to)| *to == name)
                })
            })
        });
        let (left, right) = (type_of(plan, from, catalog), type_of(plan, to, catalog));
        let integer = |ty: &PgType| ["int2", "int4", "int8"].contains(&ty.base.as_str());
        let text = |ty: &PgType| ["text", "varchar"].contains(&ty.base.as_str());
        let hash = match (left, right) {
            (Some(left), Some(right)) if integer(left) && integer(right) => Hash::Bigint,
            (Some(left), Some(right)) if left.hashable && (left.base == right.base || text(left) && text(right)) => {
                Hash::Value
            }
            _ => Hash::Nothing,
        };
        Self { seed: seed(&format!("join {} {}", target.table, column.text())), target_unique: unique, hash }
    }
}

fn type_of<'c>(plan: &MaintenancePlan, expr: &Expr, catalog: &'c Catalog) -> Option<&'c PgType> {
    let (alias, column) = expr.as_column()?;
    let occurrence = &plan.analysis.occurrences[plan.analysis.occurrence(alias)?];
    catalog.tables.get(&occurrence.table)?.column(&Ident::new(column).ok()?).map(|column| &column.ty)
}

fn ids(space: &Space, value: &str, source: &str, child: bool) -> String {
    let hashed = match space.hash {
        Hash::Value => vec![value.to_owned()],
        Hash::Bigint => vec![format!("({value})::pg_catalog.int8")],
        Hash::Nothing => Vec::new(),
    };
    let (stripe, stripes) = if child {
        (format!("(pg_catalog.pg_backend_pid() OPERATOR(pg_catalog.%) {STRIPES})"), String::new())
    } else {
        ("s.stripe".to_owned(), format!("\nCROSS JOIN pg_catalog.generate_series(0, {}) AS s(stripe)", STRIPES - 1))
    };
    format!(
        "SELECT {} AS id\nFROM {source}{stripes}\nWHERE {value} IS NOT NULL",
        lock_id(&hashed, space.seed, Some(&stripe))
    )
}
