//! The trigger functions of one source table, for all models that read it together.
//!
//! Order within a function: join locks of all realtime models, then model by model in the order of their names, then one append
//! to the change queue for all eventual ones. A fault of Headwater's own is caught: the steps are then tried one by one, and the
//! models of the one that fails are marked broken while the writer goes on. Serialization failures, deadlocks and lock
//! timeouts are the writer's own business and pass through.

use std::collections::BTreeSet;

use headwater_catalog::{Catalog, Ident, QualifiedName};

use super::names::{Names, in_schema};
use super::queue::Queue;
use super::sql::{bump, function, indent, quoted};
use super::{delta, locks, queue};
use crate::analyze::provenance::Path;
use crate::output::{CompiledModel, SourceTriggers, Stage, Statement};
use crate::parse::Mode;
use crate::plan::{MaintenancePlan, Strategy};
use crate::tree::{Expr, NodeEnum, build, visit};

/// What happened to a source table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// INSERT, COPY, the inserting branch of MERGE and of ON CONFLICT.
    Insert,
    /// UPDATE.
    Update,
    /// DELETE, cascades included.
    Delete,
    /// TRUNCATE, which tells nothing of the rows.
    Truncate,
    /// Everything that became visible between two snapshots, as the change queue has it. Not a trigger's event.
    Batch,
}

impl Event {
    const ALL: [Self; 4] = [Self::Insert, Self::Update, Self::Delete, Self::Truncate];

    fn word(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Truncate => "truncate",
            Self::Batch => "batch",
        }
    }

    fn transition_tables(self) -> &'static str {
        match self {
            Self::Insert => "\n  REFERENCING NEW TABLE AS hw_new",
            Self::Update => "\n  REFERENCING OLD TABLE AS hw_old NEW TABLE AS hw_new",
            Self::Delete => "\n  REFERENCING OLD TABLE AS hw_old",
            Self::Truncate | Self::Batch => "",
        }
    }
}

/// A realtime model as the trigger generator sees it.
struct Reader<'m> {
    plan: &'m MaintenancePlan,
    names: Names,
    position: usize,
}

/// The change queue of a table, and the model tables that it feeds.
struct Feed<'m> {
    queue: &'m Queue,
    models: Vec<String>,
}

/// The triggers of every table that a realtime one of `models` reads or that has one of `queues`.
#[must_use]
pub fn all(models: &[&CompiledModel], queues: &[Queue], stage: Stage, catalog: &Catalog) -> Vec<SourceTriggers> {
    let mut models: Vec<&&CompiledModel> = models.iter().collect();
    models.sort_by(|one, other| (&one.name, &one.version).cmp(&(&other.name, &other.version)));
    let (realtime, eventual): (Vec<&CompiledModel>, Vec<&CompiledModel>) =
        models.into_iter().copied().partition(|model| model.mode == Mode::Realtime);
    let tables: BTreeSet<&QualifiedName> =
        realtime.iter().flat_map(|model| &model.sources).chain(queues.iter().map(|queue| &queue.source)).collect();
    tables
        .into_iter()
        .map(|table| {
            let readers: Vec<Reader<'_>> = realtime
                .iter()
                .filter(|model| model.sources.contains(table))
                .enumerate()
                .map(|(position, model)| Reader {
                    plan: &model.maintenance,
                    names: Names::new(&model.name, &model.version),
                    position: position + 1,
                })
                .collect();
            let fed = eventual.iter().filter(|model| model.sources.contains(table));
            let feed = queues
                .iter()
                .find(|queue| queue.source == *table)
                .map(|queue| Feed { queue, models: fed.map(|model| model.table.name.as_str().to_owned()).collect() });
            of_table(table, &readers, feed.as_ref(), stage, catalog)
        })
        .collect()
}

fn of_table(
    table: &QualifiedName,
    readers: &[Reader<'_>],
    feed: Option<&Feed<'_>>,
    stage: Stage,
    catalog: &Catalog,
) -> SourceTriggers {
    let mut functions = Vec::new();
    let mut triggers = Vec::new();
    let mut discard = Vec::new();
    let mut function_names = Vec::new();
    let building = if stage == Stage::Building { "building_" } else { "" };
    let members = catalog.tables.get(table).map(|table| table.members.clone()).unwrap_or_default();
    let settings = settings(table, readers);
    for event in Event::ALL {
        let stem = format!("on_{}_{}", table.schema.as_str(), table.name.as_str());
        let name = Ident::generated(&stem, &format!("_{building}{}", event.word()));
        let qualified = in_schema(name.clone());
        let body = match event {
            Event::Truncate => truncate_body(table, readers, feed),
            _ => body(table, readers, feed, event, catalog),
        };
        let head = format!("{qualified}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER");
        functions.push(function(&head, &settings, &body, &format!("{} on {}", event.word(), table.short())));
        functions.push(Statement::new(
            format!("REVOKE ALL ON FUNCTION {qualified}() FROM PUBLIC"),
            "only its triggers call it",
        ));
        // Names sort first, so that the application's own triggers of the same statement already see exact models.
        let trigger = Ident::generated("00_headwater_", &format!("{building}{}", event.word()));
        for relation in std::iter::once(table).chain(&members) {
            triggers.push(Statement {
                sql: format!(
                    "CREATE OR REPLACE TRIGGER {trigger} AFTER {} ON {relation}{}\n  FOR EACH STATEMENT EXECUTE FUNCTION {qualified}()",
                    event.word().to_uppercase(),
                    event.transition_tables()
                ),
                comment: format!("watches {} on {}", event.word(), relation.short()),
                undo: Some(format!("DROP TRIGGER IF EXISTS {trigger} ON {relation}")),
            });
            triggers.push(Statement::new(
                format!("ALTER TABLE {relation} ENABLE ALWAYS TRIGGER {trigger}"),
                "also under session_replication_role = replica",
            ));
            discard.push(Statement::new(format!("DROP TRIGGER IF EXISTS {trigger} ON {relation}"), "a trigger"));
        }
        discard.push(Statement::new(format!("DROP FUNCTION IF EXISTS {qualified}()"), "its function"));
        function_names.push(name);
    }
    discard.sort_by_key(|statement| statement.sql.starts_with("DROP FUNCTION"));
    let queue = feed.map(|feed| feed.queue.name.clone());
    SourceTriggers { table: table.clone(), functions, triggers, discard, function_names, queue }
}

/// The settings that the functions pin: where a model's functions do, and a changed row's key or summand is computed rather than
/// read, it must be computed alike.
fn settings(table: &QualifiedName, readers: &[Reader<'_>]) -> Vec<(String, String)> {
    let computed_value = |expr: &Expr| !is_read(expr.node());
    let computed = |reader: &&Reader<'_>| match &reader.plan.strategies[table] {
        Strategy::Keyed(paths) => {
            let hops = paths.iter().flat_map(|path| &path.hops).flat_map(|hop| &hop.on);
            let mut exprs = paths.iter().flat_map(|path| &path.key).chain(hops.flat_map(|(from, to)| [from, to]));
            exprs.any(computed_value)
        }
        Strategy::Delta(delta) => delta.contributions.iter().any(|contribution| {
            let inputs = contribution.inputs.iter().flat_map(|input| input.condition.iter().chain(&input.value));
            let mut exprs = contribution.key.iter().chain(&contribution.condition).chain(inputs);
            exprs.any(computed_value)
        }),
        Strategy::Diff => false,
    };
    let pinned: BTreeSet<(String, String)> =
        readers.iter().filter(computed).flat_map(|reader| reader.plan.pinned.iter().cloned()).collect();
    pinned.into_iter().collect()
}

/// True for what no setting can change: columns, constants, and tests and equalities of them.
fn is_read(node: &crate::tree::Node) -> bool {
    let plain = match &node.node {
        Some(NodeEnum::ColumnRef(_) | NodeEnum::AConst(_) | NodeEnum::BoolExpr(_)) => true,
        Some(NodeEnum::NullTest(_) | NodeEnum::BooleanTest(_) | NodeEnum::String(_)) => true,
        Some(NodeEnum::TypeCast(cast)) => {
            cast.arg.as_ref().is_some_and(|arg| matches!(&arg.node, Some(NodeEnum::AConst(_))))
        }
        Some(NodeEnum::AExpr(expr)) => ["=", "<>"].contains(&build::last_name(&expr.name)),
        _ => false,
    };
    let mut all = plain;
    visit::children(node, &mut |child| all = all && is_read(child));
    all
}

/// A part of a trigger function that may fail by itself.
struct Step {
    sql: String,
    /// The model tables that are no longer maintained where it fails.
    models: Vec<String>,
}

impl Step {
    fn of(reader: &Reader<'_>, sql: String) -> Self {
        Self { sql, models: vec![reader.names.table.name.as_str().to_owned()] }
    }

    /// The statements that mark its models broken, in an exception handler.
    fn marks(&self) -> String {
        let mark = |model: &String| {
            format!("PERFORM headwater.mark_broken({}, SQLSTATE, SQLERRM);", headwater_catalog::quote_literal(model))
        };
        self.models.iter().map(mark).collect::<Vec<_>>().join("\n")
    }
}

fn truncate_body(table: &QualifiedName, readers: &[Reader<'_>], feed: Option<&Feed<'_>>) -> String {
    let rebuild = |reader: &Reader<'_>| Step::of(reader, format!("PERFORM {}();", reader.names.rebuild));
    let mut steps: Vec<Step> = readers.iter().map(rebuild).collect();
    steps.extend(feed.map(|feed| Step { sql: queue::truncated(feed.queue), models: feed.models.clone() }));
    frame(&format!("-- Headwater: TRUNCATE of {} empties what its rows made.", table.short()), &[], &[], &steps)
}

fn body(
    table: &QualifiedName,
    readers: &[Reader<'_>],
    feed: Option<&Feed<'_>>,
    event: Event,
    catalog: &Catalog,
) -> String {
    let mut declarations: Vec<String> = Vec::new();
    let mut opening: Vec<String> = Vec::new();
    if event == Event::Update {
        let used = readers.iter().flat_map(|reader| reader.plan.used_columns(table));
        let queued = feed.iter().flat_map(|feed| feed.queue.columns.iter().map(|(name, _)| name.clone()));
        let list = compared_columns(table, &used.chain(queued).collect(), catalog);
        opening.push(format!(
            "-- Nothing that a model reads has changed.\nIF NOT EXISTS (SELECT {list} FROM hw_new EXCEPT ALL SELECT {list} FROM hw_old) THEN\n  RETURN NULL;\nEND IF;"
        ));
    }
    let plans: Vec<&MaintenancePlan> = readers.iter().map(|reader| reader.plan).collect();
    for query in locks::queries(&plans, table, event, catalog) {
        opening.push(format!(
            "-- Join locks: meet those who change the other side of a join before looking there.\n{};",
            bump(&query)
        ));
    }
    let folds = readers.iter().any(|reader| matches!(reader.plan.strategies[table], Strategy::Delta(_)));
    if folds {
        declarations.extend(delta::DECLARATIONS.map(str::to_owned));
        opening.push(delta::opening(event));
    }
    let mut steps = Vec::new();
    for reader in readers {
        match &reader.plan.strategies[table] {
            Strategy::Keyed(paths) => {
                declarations.push(format!("keys_{} {}[];", reader.position, reader.names.key_type));
                steps.push(Step::of(reader, keyed_step(table, reader, paths, event, catalog)));
            }
            Strategy::Delta(delta) => {
                let (record, keys) = (format!("row_{}", reader.position), format!("keys_{}", reader.position));
                declarations.push(format!("{record} record;"));
                declarations.push(format!("{keys} {}[];", reader.names.key_type));
                let sql = delta::step(reader.plan, &reader.names, delta, table, event, (&record, &keys), catalog);
                steps.push(Step::of(reader, sql));
            }
            // Only eventual models have it, and these read the queue.
            Strategy::Diff => {}
        }
    }
    steps.extend(feed.map(|feed| Step { sql: queue::append(feed.queue, event, catalog), models: feed.models.clone() }));
    let fed = feed.map_or(0, |feed| feed.models.len());
    let comment = format!(
        "-- Headwater: {} on {} reaches {} realtime and {fed} eventual model(s).",
        event.word().to_uppercase(),
        table.short(),
        readers.len()
    );
    frame(&comment, &declarations, &opening, &steps)
}

/// The frame around the steps: all together; where that fails, one by one.
fn frame(comment: &str, declarations: &[String], opening: &[String], steps: &[Step]) -> String {
    let together: Vec<&str> =
        opening.iter().map(String::as_str).chain(steps.iter().map(|step| step.sql.as_str())).collect();
    let passed_on = "WHEN transaction_rollback OR lock_not_available THEN\n    RAISE;";
    let alone: Vec<String> = steps
        .iter()
        .map(|step| {
            format!(
                "BEGIN\n{}\nEXCEPTION\n  {passed_on}\n  WHEN OTHERS THEN\n{}\nEND;",
                indent(&step.sql, 2),
                indent(&step.marks(), 4),
            )
        })
        .collect();
    // What the steps share must be there for each of them as well; where it fails, so do they.
    let shared = if opening.is_empty() {
        String::new()
    } else {
        format!(
            "BEGIN\n{}\nEXCEPTION\n  {passed_on}\n  WHEN OTHERS THEN\n{}\n    RETURN NULL;\nEND;\n",
            indent(&opening.join("\n"), 2),
            indent(&steps.iter().map(Step::marks).collect::<Vec<_>>().join("\n"), 4)
        )
    };
    format!(
        "#variable_conflict use_column\n{comment}\nDECLARE\n{declarations}\nBEGIN\n  BEGIN\n{together}\n    RETURN NULL;\n  EXCEPTION\n    {passed_on}\n    WHEN OTHERS THEN\n      NULL;\n  END;\n  -- Something failed: find out which model, and let the writer and the other models go on.\n{shared}{alone}\n  RETURN NULL;\nEND",
        declarations = indent(&declarations.join("\n"), 2),
        together = indent(&together.join("\n"), 4),
        passed_on = passed_on.replace('\n', "\n    "),
        shared = indent(&shared, 2) + if shared.is_empty() { "" } else { "\n" },
        alone = indent(&alone.join("\n"), 2),
    )
}

/// **keyed**: collect the affected keys, recompute them.
fn keyed_step(table: &QualifiedName, reader: &Reader<'_>, paths: &[Path], event: Event, catalog: &Catalog) -> String {
    let plan = reader.plan;
    let rows = changed_rows(event, table, &plan.used_columns(table), catalog);
    let (with, source_rows) = if event == Event::Update {
        (format!("WITH hw_rows AS MATERIALIZED (\n  {rows}\n)\n"), "hw_rows".to_owned())
    } else {
        (String::new(), format!("({rows})"))
    };
    let position = reader.position;
    format!(
        "-- {model}: recompute the affected keys.\n{with}SELECT pg_catalog.array_agg(q.key) INTO keys_{position}\nFROM (\n{keys}\n) AS q;\nIF keys_{position} IS NOT NULL THEN\n  PERFORM {recompute}(keys_{position});\nEND IF;",
        model = reader.names.table.name.as_str(),
        keys = indent(&affected_keys(plan, &reader.names, paths, event, &|_| source_rows.clone(), catalog), 2),
        recompute = reader.names.recompute,
    )
}

/// A query of the keys, each once, that changed rows lead to; its column `key` is of the model's key type. `source_rows` gives the
/// changed rows from which a path starts.
#[must_use]
pub fn affected_keys(
    plan: &MaintenancePlan,
    names: &Names,
    paths: &[Path],
    event: Event,
    source_rows: &dyn Fn(&Path) -> String,
    catalog: &Catalog,
) -> String {
    let mut queries: BTreeSet<String> = BTreeSet::new();
    for path in paths {
        let source_rows = source_rows(path);
        let mut source = format!("{source_rows} AS r");
        for hop in &path.hops {
            source.push_str(&locks::join(plan, path, hop, catalog));
        }
        let list = |nulls: &BTreeSet<usize>| {
            path.key
                .iter()
                .enumerate()
                .map(|(position, expr)| {
                    let name = super::sql::attribute(position);
                    let ty = &plan.key.columns[position].ty.sql;
                    if nulls.contains(&position) {
                        format!("NULL::{ty} AS {name}")
                    } else {
                        format!("({})::{ty} AS {name}", path.printed(&plan.analysis, expr))
                    }
                })
                .collect::<Vec<_>>()
                .join(", ")
        };
        queries.insert(format!("SELECT {}\nFROM {source}", list(&BTreeSet::new())));
        for nulls in &path.also_null {
            queries.insert(format!("SELECT {}\nFROM {source}", list(nulls)));
        }
        if event != Event::Insert {
            queries.extend(rows_left_behind(plan, names, path, &source_rows));
        }
    }
    let all: Vec<String> = queries.into_iter().collect();
    let attributes: Vec<String> =
        (0..plan.key.columns.len()).map(|position| format!("q.{}", super::sql::attribute(position))).collect();
    let not_null: Vec<String> = plan
        .key
        .columns
        .iter()
        .zip(&attributes)
        .filter(|(column, _)| column.not_null)
        .map(|(_, attribute)| format!("{attribute} IS NOT NULL"))
        .collect();
    let filter = if not_null.is_empty() { String::new() } else { format!("\n  WHERE {}", not_null.join(" AND ")) };
    let list = attributes.join(", ");
    format!(
        "SELECT ROW({list})::{key_type} AS key\nFROM (\n  SELECT DISTINCT {list} FROM (\n{all}\n  ) AS q{filter}\n) AS q",
        all = indent(&all.join("\nUNION ALL\n"), 4),
        key_type = names.key_type,
    )
}

/// Where a key takes columns of several tables, one statement may delete the rows at both ends, and neither leads to the other
/// any more. The model itself still knows: its rows with the part of the key that the changed row holds.
fn rows_left_behind(plan: &MaintenancePlan, names: &Names, path: &Path, rows: &str) -> Option<String> {
    let start = &plan.analysis.occurrences[path.from].alias;
    let own = |expr: &Expr| !expr.relations().is_empty() && expr.relations().iter().all(|relation| relation == start);
    let fixed = |expr: &Expr| expr.relations().is_empty();
    if path.key.iter().all(|expr| own(expr) || fixed(expr)) || !path.key.iter().any(own) {
        return None;
    }
    let known: Vec<String> = plan
        .key
        .columns
        .iter()
        .zip(&path.key)
        .filter(|(_, expr)| own(expr))
        .map(|(column, expr)| {
            let value = path.printed(&plan.analysis, expr);
            format!("hw_m.{} {} {value}", quoted(&column.name), super::sql::equals(&column.ty))
        })
        .collect();
    let list: Vec<String> = plan
        .key
        .columns
        .iter()
        .enumerate()
        .map(|(position, column)| format!("hw_m.{} AS {}", quoted(&column.name), super::sql::attribute(position)))
        .collect();
    Some(format!(
        "SELECT {}\nFROM {rows} AS r\n  CROSS JOIN LATERAL (\n    SELECT hw_m.* FROM {} AS hw_m WHERE {} OFFSET 0\n  ) AS hw_m",
        list.join(", "),
        names.table,
        known.join(" AND ")
    ))
}

/// The rows that an event changed, with the given columns: new and old images, unchanged rows left out.
#[must_use]
pub fn changed_rows(event: Event, table: &QualifiedName, columns: &BTreeSet<Ident>, catalog: &Catalog) -> String {
    let list = if columns.is_empty() {
        "1 AS hw_any".to_owned()
    } else {
        columns.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    match event {
        Event::Insert => format!("SELECT {list} FROM hw_new"),
        Event::Delete | Event::Truncate => format!("SELECT {list} FROM hw_old"),
        Event::Update => {
            let list = if columns.is_empty() { list } else { compared_columns(table, columns, catalog) };
            format!(
                "(SELECT {list} FROM hw_old EXCEPT ALL SELECT {list} FROM hw_new)\n  UNION ALL (SELECT {list} FROM hw_new EXCEPT ALL SELECT {list} FROM hw_old)"
            )
        }
        Event::Batch => queue::net_rows(table, columns, catalog),
    }
}

/// The columns such that rows are equal only where they are identical: 1.0 and 1.00 are not.
fn compared_columns(table: &QualifiedName, columns: &BTreeSet<Ident>, catalog: &Catalog) -> String {
    let list = compared_list(table, columns, catalog);
    if list.is_empty() { "1 AS hw_any".to_owned() } else { list.join(", ") }
}

/// The same, one by one.
#[must_use]
pub fn compared_list(table: &QualifiedName, columns: &BTreeSet<Ident>, catalog: &Catalog) -> Vec<String> {
    let declared = catalog.tables.get(table);
    let mut list = Vec::new();
    for (position, name) in columns.iter().enumerate() {
        let ty = declared.and_then(|table| table.column(name)).map(|column| &column.ty);
        if ty.is_none_or(|ty| ty.comparable) {
            list.push(name.to_string());
        }
        if ty.is_some_and(|ty| !ty.equal_is_identical) {
            list.push(format!("{name}::pg_catalog.text AS hw_t{position}"));
        }
    }
    list
}
