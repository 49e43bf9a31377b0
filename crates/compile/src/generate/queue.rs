//! The change queue of a source table: what triggers append and what a batch takes.
//!
//! A queue holds the columns that eventual models read, typed, with a sign (−1 for an old image, 1 for a new one) and the
//! transaction. What a batch takes is what became visible between two snapshots: everything else is either in the models already or
//! not to be seen yet. Nothing is ordered and nothing has a number, so writers meet nowhere.
//!
//! Rows that a transaction put in and took out again, or changed in a column that one model does not read, cancel out when
//! they are taken ([`net_rows`]): a batch sees the difference between its two snapshots, however it came about.

use std::collections::{BTreeMap, BTreeSet};

use headwater_catalog::{Catalog, Ident, QualifiedName, ident::short_hash, quote_literal};

use super::names::in_schema;
use super::sql::{function, indent};
use super::trigger::{Event, compared_list};
use crate::output::{CompiledModel, Statement};
use crate::parse::Mode;

/// The change queue of one source table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// Its table in the schema `headwater`.
    pub name: QualifiedName,
    /// The source table.
    pub source: QualifiedName,
    /// The columns that it holds, with their types.
    pub columns: Vec<(Ident, String)>,
}

/// The queues that the eventual ones of `models` need, with the columns that they need. One that is `installed` stays where it holds
/// all of them; what else it holds is no longer fed, so that a column which no model reads any more can be dropped.
#[must_use]
pub fn wanted(models: &[&CompiledModel], installed: &[Queue], catalog: &Catalog) -> Vec<Queue> {
    let mut needed: BTreeMap<&QualifiedName, BTreeSet<Ident>> = BTreeMap::new();
    for model in models.iter().filter(|model| model.mode == Mode::Eventual) {
        for source in &model.sources {
            needed.entry(source).or_default().extend(model.maintenance.used_columns(source));
        }
    }
    needed
        .into_iter()
        .map(|(source, columns)| {
            let typed = typed(source, &columns, catalog);
            let serves =
                |queue: &&Queue| queue.source == *source && typed.iter().all(|column| queue.columns.contains(column));
            match installed.iter().find(serves) {
                Some(queue) => Queue { columns: typed, ..queue.clone() },
                None => new(source, typed, installed),
            }
        })
        .collect()
}

fn typed(source: &QualifiedName, columns: &BTreeSet<Ident>, catalog: &Catalog) -> Vec<(Ident, String)> {
    let declared = catalog.tables.get(source).into_iter().flat_map(|table| &table.columns);
    declared
        .filter(|column| columns.contains(&column.name))
        .map(|column| (column.name.clone(), column.ty.sql.clone()))
        .collect()
}

/// Its name tells its columns, and is not that of a queue that once had them.
fn new(source: &QualifiedName, columns: Vec<(Ident, String)>, installed: &[Queue]) -> Queue {
    let shape: Vec<String> = columns.iter().map(|(name, ty)| format!("{name} {ty}")).collect();
    let stem = format!("queue_{}_{}", source.schema.as_str(), source.name.as_str());
    let named = |attempt: usize| {
        let hash = short_hash(&[&shape.join(","), &"again".repeat(attempt)]);
        in_schema(Ident::generated(&stem, &format!("_{hash}")))
    };
    let free = |name: &QualifiedName| installed.iter().all(|queue| queue.name != *name);
    let name = (0..=installed.len()).map(named).find(free).unwrap_or_else(|| named(0));
    Queue { name, source: source.clone(), columns }
}

impl Queue {
    /// Creates it. Vacuum comes early, so that the space of what was taken is used again.
    #[must_use]
    pub fn create(&self) -> Vec<Statement> {
        let mut columns = vec![
            "hw_sign smallint NOT NULL".to_owned(),
            "hw_xid xid8 NOT NULL DEFAULT pg_catalog.pg_current_xact_id()".to_owned(),
        ];
        columns.extend(self.columns.iter().map(|(name, ty)| format!("{name} {ty}")));
        let source = self.source.short();
        vec![
            Statement {
                sql: format!(
                    "CREATE TABLE IF NOT EXISTS {} ({}) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 20000, autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 1000000)",
                    self.name,
                    columns.join(", ")
                ),
                comment: format!("the change queue of {source}"),
                undo: Some(format!("DROP TABLE IF EXISTS {}", self.name)),
            },
            Statement::new(
                format!(
                    "CREATE INDEX IF NOT EXISTS {} ON {} (hw_xid)",
                    Ident::generated(self.name.name.as_str(), "_xid"),
                    self.name
                ),
                "finds what became visible since the last batch",
            ),
            Statement::new(
                format!("REVOKE ALL ON {} FROM PUBLIC", self.name),
                "writers reach it through trigger functions",
            ),
        ]
    }
}

/// What a trigger appends.
#[must_use]
pub fn append(queue: &Queue, event: Event, catalog: &Catalog) -> String {
    let columns: Vec<String> = queue.columns.iter().map(|(name, _)| name.to_string()).collect();
    let listed =
        |sign: &str| std::iter::once(sign.to_owned()).chain(columns.iter().cloned()).collect::<Vec<_>>().join(", ");
    let (new, old) = (listed("1"), listed("-1"));
    let rows = match event {
        Event::Insert => format!("SELECT {new} FROM hw_new"),
        Event::Delete => format!("SELECT {old} FROM hw_old"),
        _ if can_be_subtracted(queue, catalog) => {
            let list = columns.join(", ");
            format!(
                "SELECT {new} FROM (SELECT {list} FROM hw_new EXCEPT ALL SELECT {list} FROM hw_old) AS n\nUNION ALL\nSELECT {old} FROM (SELECT {list} FROM hw_old EXCEPT ALL SELECT {list} FROM hw_new) AS o"
            )
        }
        // What cannot be told apart by `=` cancels out when it is taken.
        _ => format!("SELECT {new} FROM hw_new\nUNION ALL\nSELECT {old} FROM hw_old"),
    };
    format!("-- The change queue of the eventual models.\nINSERT INTO {} ({})\n{rows};", queue.name, listed("hw_sign"))
}

/// True where rows that are equal in the queue's columns are identical in them.
fn can_be_subtracted(queue: &Queue, catalog: &Catalog) -> bool {
    let Some(table) = catalog.tables.get(&queue.source) else { return false };
    !queue.columns.is_empty()
        && queue.columns.iter().all(|(name, _)| {
            table.column(name).is_some_and(|column| column.ty.comparable && column.ty.equal_is_identical)
        })
}

/// What a TRUNCATE leaves: all keys are affected.
#[must_use]
pub fn truncated(queue: &Queue) -> String {
    format!("INSERT INTO headwater.truncated (source) VALUES ({});", quote_literal(&queue.source.to_string()))
}

/// What became visible: `hw_xid` is in the window that the function's arguments `hw_since`, `hw_until` and `hw_also` give. Two conditions,
/// of which no row meets both (what is in `hw_also` is older than `hw_since`): each is a look into the index. Joined by OR, they may
/// become one walk through the whole index, past every row that a long transaction keeps from vacuum.
pub const WINDOW: [&str; 2] = ["q.hw_xid >= hw_since AND q.hw_xid < hw_until", "q.hw_xid = ANY (hw_also)"];

/// `select`, whose rows are called `q`, over the window.
#[must_use]
pub fn in_window(select: &str) -> String {
    WINDOW.map(|condition| format!("{select} WHERE {condition}")).join("\n  UNION ALL\n  ")
}

/// Whether `select` has a row in the window.
fn any_in_window(select: &str) -> String {
    format!("({})", WINDOW.map(|condition| format!("EXISTS ({select} WHERE {condition})")).join(" OR "))
}

/// The taken rows as a CTE that [`net_rows`] and the fold read.
#[must_use]
pub fn taken(queue: &Queue) -> String {
    format!("hw_queue AS MATERIALIZED (\n  {}\n)", in_window(&format!("SELECT q.* FROM {} AS q", queue.name)))
}

/// The images, new and old, in which the two snapshots differ in the given columns.
#[must_use]
pub fn net_rows(table: &QualifiedName, columns: &BTreeSet<Ident>, catalog: &Catalog) -> String {
    let (list, groups) = grouped(table, columns, catalog);
    format!("SELECT {list} FROM hw_queue{groups}\n  HAVING pg_catalog.sum(hw_sign) OPERATOR(pg_catalog.<>) 0")
}

/// The same with `hw_sign`: how many more of the row there are.
#[must_use]
pub fn signed_net_rows(table: &QualifiedName, columns: &BTreeSet<Ident>, catalog: &Catalog) -> String {
    let (list, groups) = grouped(table, columns, catalog);
    format!(
        "(\n  SELECT {list}, pg_catalog.sum(hw_sign) AS hw_sign FROM hw_queue{groups}\n  HAVING pg_catalog.sum(hw_sign) OPERATOR(pg_catalog.<>) 0\n)"
    )
}

fn grouped(table: &QualifiedName, columns: &BTreeSet<Ident>, catalog: &Catalog) -> (String, String) {
    let list = compared_list(table, columns, catalog);
    if list.is_empty() {
        return ("1 AS hw_any".to_owned(), String::new());
    }
    let positions: Vec<String> = (1..=list.len()).map(|position| position.to_string()).collect();
    (list.join(", "), format!("\n  GROUP BY {}", positions.join(", ")))
}

/// An eventual model as batches see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its table in the schema `headwater`.
    pub table: QualifiedName,
    /// Its step function, quoted.
    pub step: String,
    /// Its rows change as time passes.
    pub timed: bool,
}

/// The functions that all batches share: `pending`, which tells what there is to do, `call_step`, which calls a model's step by the
/// name of its table (a call whose plan is kept, unlike that of an EXECUTE), and `forget`, which deletes what was taken.
#[must_use]
pub fn functions(queues: &[Queue], members: &[Member]) -> Vec<Statement> {
    let timed: Vec<&QualifiedName> = members.iter().filter(|member| member.timed).map(|member| &member.table).collect();
    let arguments = "hw_since xid8, hw_until xid8, hw_also xid8[]";
    let settings = [
        ("search_path".to_owned(), "pg_catalog".to_owned()),
        ("enable_seqscan".to_owned(), "off".to_owned()),
        ("plan_cache_mode".to_owned(), "force_generic_plan".to_owned()),
    ];
    let collected = |queries: Vec<String>| {
        if queries.is_empty() {
            "ARRAY[]::text[]".to_owned()
        } else {
            format!("ARRAY(\n    {}\n  )", queries.join("\n    UNION ALL "))
        }
    };
    let changed = queues.iter().map(|queue| {
        let source = quote_literal(&queue.source.to_string());
        format!("SELECT {source} WHERE {}", any_in_window(&format!("SELECT FROM {} AS q", queue.name)))
    });
    let due = timed.iter().map(|table| {
        format!(
            "SELECT {} WHERE EXISTS (SELECT FROM {table} AS m WHERE m.hw_due <= now())",
            quote_literal(table.name.as_str())
        )
    });
    let next: Vec<String> = timed.iter().map(|table| format!("(SELECT min(m.hw_due) FROM {table} AS m)")).collect();
    let next = if next.is_empty() { "NULL::timestamptz".to_owned() } else { format!("LEAST({})", next.join(", ")) };
    let pending = format!(
        "-- Headwater: which source tables have changed, which were truncated, which model tables have rows that are due.\nBEGIN\n  changed := {};\n  truncated := ARRAY(SELECT DISTINCT t.source FROM ({}) AS t);\n  due := {};\n  next_due := {next};\n  noted := {};\nEND",
        collected(changed.collect()),
        in_window("SELECT q.source FROM headwater.truncated AS q"),
        collected(due.collect()),
        any_in_window("SELECT FROM headwater.changed AS q"),
    );
    let deletes: Vec<String> = queues
        .iter()
        .map(|queue| {
            let source = quote_literal(&queue.source.to_string());
            let delete = |condition: &str| {
                format!(
                    "    DELETE FROM {} AS q WHERE {condition};\n    GET DIAGNOSTICS n = ROW_COUNT;\n    taken := taken + n;\n",
                    queue.name
                )
            };
            format!("  IF {source} = ANY (hw_changed) THEN\n{}  END IF;", WINDOW.map(delete).concat())
        })
        .collect();
    let forget = format!(
        "-- Headwater: deletes what a batch has taken; gives how many rows.\nDECLARE\n  n bigint;\n  taken bigint := 0;\nBEGIN\n{}\n  RETURN taken;\nEND",
        deletes.join("\n")
    );
    let calls: Vec<String> = members
        .iter()
        .map(|member| {
            format!(
                "WHEN {} THEN\n  RETURN {}(hw_changed, hw_truncated, hw_since, hw_until, hw_also);",
                quote_literal(member.table.name.as_str()),
                member.step
            )
        })
        .collect();
    let call = if calls.is_empty() {
        "-- Headwater: no model is maintained in batches.\nBEGIN\n  RETURN 0;\nEND".to_owned()
    } else {
        format!(
            "-- Headwater: a model's part of a batch.\nBEGIN\n  CASE hw_table\n{}\n  END CASE;\nEND",
            indent(&calls.join("\n"), 4)
        )
    };
    let call_head = format!(
        "headwater.call_step(hw_table text, hw_changed text[], hw_truncated text[], {arguments}) RETURNS bigint LANGUAGE plpgsql"
    );
    vec![
        function(
            &call_head,
            &[("search_path".to_owned(), "pg_catalog".to_owned())],
            &call,
            "calls a model's part of a batch",
        ),
        function(
            &format!(
                "headwater.pending({arguments}, OUT changed text[], OUT truncated text[], OUT due text[], OUT next_due timestamptz, OUT noted boolean) LANGUAGE plpgsql"
            ),
            &settings,
            &pending,
            "what there is to do for a batch",
        ),
        function(
            &format!("headwater.forget(hw_changed text[], {arguments}) RETURNS bigint LANGUAGE plpgsql"),
            &settings,
            &forget,
            "deletes what a batch has taken",
        ),
        Statement::new(
            "REVOKE ALL ON FUNCTION headwater.pending(xid8, xid8, xid8[]), headwater.forget(text[], xid8, xid8, xid8[]), headwater.call_step(text, text[], text[], xid8, xid8, xid8[]) FROM PUBLIC",
            "only batches call them",
        ),
    ]
}
