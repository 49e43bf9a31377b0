//! The trigger functions of one source table, for all models that read it together.
//!
//! Order within a function: join locks of all models, then model by model in the order of their names. A fault of
//! Headwater's own is caught: the models are then tried one by one, and the one that fails is marked broken while the
//! writer goes on. Serialization failures, deadlocks and lock timeouts are the writer's own business and pass through.

use std::collections::{BTreeMap, BTreeSet};

use headwater_catalog::{Catalog, Ident, QualifiedName};

use super::locks;
use super::names::{Names, in_schema};
use super::sql::{bump, function, indent, quoted};
use crate::output::{CompiledModel, SourceTriggers, Stage, Statement};
use crate::plan::rules::delta::{Delta, State};
use crate::plan::{MaintenancePlan, Strategy};
use crate::tree::print;

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
}

impl Event {
    const ALL: [Self; 4] = [Self::Insert, Self::Update, Self::Delete, Self::Truncate];

    fn word(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Truncate => "truncate",
        }
    }

    fn transition_tables(self) -> &'static str {
        match self {
            Self::Insert => "\n  REFERENCING NEW TABLE AS hw_new",
            Self::Update => "\n  REFERENCING OLD TABLE AS hw_old NEW TABLE AS hw_new",
            Self::Delete => "\n  REFERENCING OLD TABLE AS hw_old",
            Self::Truncate => "",
        }
    }
}

/// A model as the trigger generator sees it.
struct Reader<'m> {
    plan: &'m MaintenancePlan,
    names: Names,
    position: usize,
}

/// The triggers of every source table of `models`.
#[must_use]
pub fn all(models: &[&CompiledModel], stage: Stage, catalog: &Catalog) -> Vec<SourceTriggers> {
    let mut models: Vec<&&CompiledModel> = models.iter().collect();
    models.sort_by(|one, other| (&one.name, &one.version).cmp(&(&other.name, &other.version)));
    let tables: BTreeSet<&QualifiedName> = models.iter().flat_map(|model| &model.sources).collect();
    tables
        .into_iter()
        .map(|table| {
            let readers: Vec<Reader<'_>> = models
                .iter()
                .filter(|model| model.sources.contains(table))
                .enumerate()
                .map(|(position, model)| Reader {
                    plan: &model.maintenance,
                    names: Names::new(&model.name, &model.version),
                    position: position + 1,
                })
                .collect();
            of_table(table, &readers, stage, catalog)
        })
        .collect()
}

fn of_table(table: &QualifiedName, readers: &[Reader<'_>], stage: Stage, catalog: &Catalog) -> SourceTriggers {
    let mut functions = Vec::new();
    let mut triggers = Vec::new();
    let mut discard = Vec::new();
    let mut function_names = Vec::new();
    let building = if stage == Stage::Building { "building_" } else { "" };
    let members = catalog.tables.get(table).map(|table| table.members.clone()).unwrap_or_default();
    for event in Event::ALL {
        let stem = format!("on_{}_{}", table.schema.as_str(), table.name.as_str());
        let name = Ident::generated(&stem, &format!("_{building}{}", event.word()));
        let qualified = in_schema(name.clone());
        let body = match event {
            Event::Truncate => truncate_body(table, readers),
            _ => body(table, readers, event, catalog),
        };
        let head = format!("{qualified}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER");
        functions.push(function(&head, &[], &body, &format!("{} on {}", event.word(), table.short())));
        functions.push(Statement::new(format!("REVOKE ALL ON FUNCTION {qualified}() FROM PUBLIC"), "only its triggers call it"));
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
    SourceTriggers { table: table.clone(), functions, triggers, discard, function_names }
}

fn truncate_body(table: &QualifiedName, readers: &[Reader<'_>]) -> String {
    let steps: Vec<String> = readers.iter().map(|reader| format!("PERFORM {}();", reader.names.rebuild)).collect();
    frame(&format!("-- Headwater: TRUNCATE of {} empties what its rows made.", table.short()), &[], &[], readers, &steps)
}

fn body(table: &QualifiedName, readers: &[Reader<'_>], event: Event, catalog: &Catalog) -> String {
    let mut declarations: Vec<String> = Vec::new();
    let mut opening: Vec<String> = Vec::new();
    if event == Event::Update {
        let columns: BTreeSet<Ident> = readers.iter().flat_map(|reader| reader.plan.used_columns(table)).collect();
        let list = compared_columns(table, &columns, catalog);
        opening.push(format!(
            "-- Nothing that a model reads has changed.\nIF NOT EXISTS (SELECT {list} FROM hw_new EXCEPT ALL SELECT {list} FROM hw_old) THEN\n  RETURN NULL;\nEND IF;"
        ));
    }
    let plans: Vec<&MaintenancePlan> = readers.iter().map(|reader| reader.plan).collect();
    for query in locks::queries(&plans, table, event, catalog) {
        opening.push(format!("-- Join locks: meet those who change the other side of a join before looking there.\n{};", bump(&query)));
    }
    let groups = DeltaGroups::of(table, readers, event);
    declarations.extend(groups.declarations());
    opening.extend(groups.queries.iter().cloned());
    let mut steps = Vec::new();
    for reader in readers {
        match &reader.plan.strategies[table] {
            Strategy::Keyed(_) => {
                declarations.push(format!("keys_{} {}[];", reader.position, reader.names.key_type));
                steps.push(keyed_step(table, reader, event, catalog));
            }
            Strategy::Delta(delta) => {
                declarations.push(format!("keys_{} {}[];", reader.position, reader.names.key_type));
                steps.push(delta_step(reader, delta, &groups));
            }
        }
    }
    let comment = format!("-- Headwater: {} on {} reaches {} model(s).", event.word().to_uppercase(), table.short(), readers.len());
    frame(&comment, &declarations, &opening, readers, &steps)
}

/// The frame around the steps: all together; where that fails, one by one.
fn frame(comment: &str, declarations: &[String], opening: &[String], readers: &[Reader<'_>], steps: &[String]) -> String {
    let together: Vec<&str> = opening.iter().chain(steps).map(String::as_str).collect();
    let passed_on = "WHEN transaction_rollback OR lock_not_available THEN\n    RAISE;";
    let alone: Vec<String> = readers
        .iter()
        .zip(steps)
        .map(|(reader, step)| {
            format!(
                "BEGIN\n{}\nEXCEPTION\n  {passed_on}\n  WHEN OTHERS THEN\n    PERFORM headwater.mark_broken({}, SQLSTATE, SQLERRM);\nEND;",
                indent(step, 2),
                headwater_catalog::quote_literal(reader.names.table.name.as_str()),
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
            indent(
                &readers
                    .iter()
                    .map(|reader| {
                        format!(
                            "PERFORM headwater.mark_broken({}, SQLSTATE, SQLERRM);",
                            headwater_catalog::quote_literal(reader.names.table.name.as_str())
                        )
                    })
                    .collect::<Vec<_>>()
                    .join("\n"),
                4
            )
        )
    };
    format!(
        "{comment}\nDECLARE\n{declarations}\nBEGIN\n  BEGIN\n{together}\n    RETURN NULL;\n  EXCEPTION\n    {passed_on}\n    WHEN OTHERS THEN\n      NULL;\n  END;\n  -- Something failed: find out which model, and let the writer and the other models go on.\n{shared}{alone}\n  RETURN NULL;\nEND",
        declarations = indent(&declarations.join("\n"), 2),
        together = indent(&together.join("\n"), 4),
        passed_on = passed_on.replace('\n', "\n    "),
        shared = indent(&shared, 2) + if shared.is_empty() { "" } else { "\n" },
        alone = indent(&alone.join("\n"), 2),
    )
}

/// **keyed**: collect the affected keys, recompute them.
fn keyed_step(table: &QualifiedName, reader: &Reader<'_>, event: Event, catalog: &Catalog) -> String {
    let plan = reader.plan;
    let Strategy::Keyed(paths) = &plan.strategies[table] else { return String::new() };
    let columns = plan.used_columns(table);
    let mut queries: BTreeSet<String> = BTreeSet::new();
    for path in paths {
        let start = &plan.analysis.occurrences[path.from];
        let mut source = format!("({}) AS {}", changed_rows(event, table, &columns, catalog), quoted(&start.alias));
        for hop in &path.hops {
            source.push_str(&locks::join(plan, hop));
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
                        format!("({})::{ty} AS {name}", print::qualified_expression(expr.node()))
                    }
                })
                .collect::<Vec<_>>()
                .join(", ")
        };
        queries.insert(format!("SELECT {}\nFROM {source}", list(&BTreeSet::new())));
        for nulls in &path.also_null {
            queries.insert(format!("SELECT {}\nFROM {source}", list(nulls)));
        }
    }
    let position = reader.position;
    let all: Vec<String> = queries.into_iter().collect();
    let attributes: Vec<String> = (0..plan.key.columns.len()).map(super::sql::attribute).collect();
    let not_null: Vec<String> = plan
        .key
        .columns
        .iter()
        .enumerate()
        .filter(|(_, column)| column.not_null)
        .map(|(position, _)| format!("q.{} IS NOT NULL", super::sql::attribute(position)))
        .collect();
    let filter = if not_null.is_empty() { String::new() } else { format!("\nWHERE {}", not_null.join(" AND ")) };
    format!(
        "-- {model}: recompute the affected keys.\nSELECT pg_catalog.array_agg(ROW({row})::{key_type}) INTO keys_{position}\nFROM (\n  SELECT DISTINCT {attributes} FROM (\n{all}\n  ) AS q{filter}\n) AS q;\nIF keys_{position} IS NOT NULL THEN\n  PERFORM {recompute}(keys_{position});\nEND IF;",
        model = reader.names.table.name.as_str(),
        row = attributes.iter().map(|name| format!("q.{name}")).collect::<Vec<_>>().join(", "),
        attributes = attributes.iter().map(|name| format!("q.{name}")).collect::<Vec<_>>().join(", "),
        all = indent(&all.join("\nUNION ALL\n"), 4),
        key_type = reader.names.key_type,
        recompute = reader.names.recompute,
        filter = filter.replace('\n', "\n  "),
    )
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
    }
}

/// The columns such that rows are equal only where they are identical: 1.0 and 1.00 are not.
fn compared_columns(table: &QualifiedName, columns: &BTreeSet<Ident>, catalog: &Catalog) -> String {
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
    if list.is_empty() { "1 AS hw_any".to_owned() } else { list.join(", ") }
}

/// Models that add to rows found by the same columns of the changed row share one pass over the transition tables.
struct DeltaGroups {
    /// Key columns → number of the group.
    groups: BTreeMap<Vec<Ident>, Group>,
    queries: Vec<String>,
}

struct Group {
    number: usize,
    /// The aggregate over the transition tables → its name.
    deltas: BTreeMap<String, String>,
    /// The query that gives a row per key.
    query: String,
}

impl DeltaGroups {
    fn of(table: &QualifiedName, readers: &[Reader<'_>], event: Event) -> Self {
        let mut groups: BTreeMap<Vec<Ident>, Group> = BTreeMap::new();
        for reader in readers {
            let Strategy::Delta(delta) = &reader.plan.strategies[table] else { continue };
            let number = groups.len() + 1;
            let group = groups.entry(delta.key.clone()).or_insert(Group { number, deltas: BTreeMap::new(), query: String::new() });
            for state in &delta.states {
                let next = format!("d{}", group.deltas.len() + 1);
                group.deltas.entry(summand(state, event)).or_insert(next);
            }
        }
        let mut queries = Vec::new();
        for (key, group) in &mut groups {
            let rows = signed_rows(event);
            let names: Vec<String> = key.iter().map(|name| format!("t.{name}")).collect();
            let keys: Vec<String> =
                names.iter().enumerate().map(|(position, name)| format!("{name} AS {}", super::sql::attribute(position))).collect();
            let mut deltas: Vec<(&String, &String)> = group.deltas.iter().collect();
            deltas.sort_by_key(|(_, name)| name[1..].parse::<usize>().unwrap_or(0));
            let columns: Vec<String> = deltas.iter().map(|(sum, name)| format!("{sum} AS {name}")).collect();
            let changed: Vec<String> = deltas.iter().map(|(_, name)| format!("g.{name} OPERATOR(pg_catalog.<>) 0")).collect();
            let present: Vec<String> = names.iter().map(|name| format!("{name} IS NOT NULL")).collect();
            group.query = format!(
                "SELECT g.* FROM (\n  SELECT {}, {}\n  FROM {rows} AS t\n  WHERE {}\n  GROUP BY {}\n) AS g\nWHERE {}",
                keys.join(", "),
                columns.join(", "),
                present.join(" AND "),
                names.join(", "),
                changed.join(" OR ")
            );
            queries.push(format!(
                "-- What is added to the rows that {key} identifies.\nSELECT q.*, pg_catalog.count(*) OVER () AS hw_keys INTO delta_{number}\nFROM (\n{query}\n) AS q LIMIT 1;",
                key = key.iter().map(Ident::as_str).collect::<Vec<_>>().join(", "),
                number = group.number,
                query = indent(&group.query, 2),
            ));
        }
        Self { groups, queries }
    }

    fn declarations(&self) -> impl Iterator<Item = String> {
        self.groups.values().map(|group| format!("delta_{} record;", group.number))
    }
}

/// The transition tables with a sign: +1 for new images, −1 for old ones.
fn signed_rows(event: Event) -> String {
    match event {
        Event::Insert => "(SELECT 1 AS hw_sign, n.* FROM hw_new AS n)".to_owned(),
        Event::Delete | Event::Truncate => "(SELECT -1 AS hw_sign, o.* FROM hw_old AS o)".to_owned(),
        Event::Update => {
            "(SELECT 1 AS hw_sign, n.* FROM hw_new AS n UNION ALL SELECT -1, o.* FROM hw_old AS o)".to_owned()
        }
    }
}

/// The change of one state, an aggregate over the signed rows `t`.
fn summand(state: &State, event: Event) -> String {
    let rename = |expr: &crate::tree::Expr| {
        let renamed = expr.renamed(&|alias| if alias == state.alias { "t".to_owned() } else { alias.to_owned() });
        print::qualified_expression(renamed.node())
    };
    let filter = state.condition.as_ref().map(|condition| format!(" FILTER (WHERE {})", rename(condition))).unwrap_or_default();
    match &state.value {
        None if event == Event::Insert => format!("pg_catalog.count(*){filter}"),
        None => format!("COALESCE(pg_catalog.sum(t.hw_sign){filter}, 0)"),
        Some(value) => format!(
            "COALESCE(pg_catalog.sum(({})::pg_catalog.{} OPERATOR(pg_catalog.*) t.hw_sign){filter}, 0)",
            rename(&value.expr),
            if value.sum_type == "bigint" { "int8" } else { "numeric" }
        ),
    }
}

/// **delta**: one key, one UPDATE; several keys, their rows locked in order first. A row that is not there, or that this very
/// statement has recomputed, is recomputed.
fn delta_step(reader: &Reader<'_>, delta: &Delta, groups: &DeltaGroups) -> String {
    let group = &groups.groups[&delta.key];
    let (number, position) = (group.number, reader.position);
    let names = &reader.names;
    let columns = &reader.plan.key.columns;
    let attributes: Vec<String> = (0..columns.len()).map(super::sql::attribute).collect();
    let name_of = |state: &State| {
        [Event::Insert, Event::Update, Event::Delete]
            .into_iter()
            .find_map(|event| group.deltas.get(&summand(state, event)))
            .cloned()
            .unwrap_or_default()
    };
    let set = |from: &str| {
        let mut terms: Vec<String> = delta
            .states
            .iter()
            .map(|state| format!("{column} = {sum}", column = quoted(&state.column), sum = added(state, &name_of(state), from)))
            .collect();
        for (name, expr) in &delta.dependents {
            // The state after this change stands for the state; everything else is the row's own.
            let expr = expr.rewritten(&mut |node| {
                let parts = crate::tree::build::column_parts(node)?;
                let [column] = parts.as_slice() else { return None };
                let state = delta.states.iter().find(|state| state.column == *column);
                Some(match state {
                    Some(state) => crate::tree::build::parsed(&added(state, &name_of(state), from)),
                    None => crate::tree::build::column(&["m", column]),
                })
            });
            let text = print::qualified_expression(expr.node());
            terms.push(format!("{} = {text}", quoted(name)));
        }
        terms.join(",\n    ")
    };
    let guard = |from: &str| {
        let mut terms = vec!["m.hw_mark IS DISTINCT FROM pg_catalog.statement_timestamp()".to_owned()];
        for state in delta.states.iter().filter(|state| state.value.as_ref().is_some_and(|value| value.sum_type == "numeric")) {
            // NaN and the infinities cannot be taken away again: such a row is recomputed.
            terms.push(format!(
                "({})::pg_catalog.text OPERATOR(pg_catalog.<>) ALL (ARRAY['NaN', 'Infinity', '-Infinity']::pg_catalog.text[])",
                added(state, &name_of(state), from)
            ));
        }
        terms.join("\n    AND ")
    };
    let delta_row = format!("delta_{number}");
    let row_key: Vec<String> = attributes.iter().map(|name| format!("{delta_row}.{name}")).collect();
    let list: Vec<String> = attributes.iter().map(|name| format!("q.{name}")).collect();
    let order: Vec<String> = columns.iter().map(|column| format!("m.{}", quoted(&column.name))).collect();
    format!(
        "-- {model}: add to the row.\nIF {delta_row}.hw_keys OPERATOR(pg_catalog.=) 1 THEN\n  UPDATE {table} AS m SET\n    {one_set}\n  WHERE {one_match}\n    AND {one_guard};\n  IF NOT FOUND THEN\n    PERFORM {recompute}(ARRAY[ROW({row_key})::{key_type}]);\n  END IF;\nELSIF {delta_row}.hw_keys OPERATOR(pg_catalog.>) 1 THEN\n  PERFORM FROM {table} AS m, (\n{query}\n  ) AS q\n  WHERE {many_match}\n  ORDER BY {order}\n  FOR NO KEY UPDATE OF m;\n  WITH q AS MATERIALIZED (\n{query}\n  ), done AS (\n    UPDATE {table} AS m SET\n    {many_set}\n    FROM q\n    WHERE {many_match}\n    AND {many_guard}\n    RETURNING {list}\n  )\n  SELECT pg_catalog.array_agg(ROW({list})::{key_type}) INTO keys_{position}\n  FROM q WHERE NOT EXISTS (SELECT FROM done WHERE {done_match});\n  IF keys_{position} IS NOT NULL THEN\n    PERFORM {recompute}(keys_{position});\n  END IF;\nEND IF;",
        model = names.table.name.as_str(),
        table = names.table,
        one_set = set(&delta_row),
        one_match = super::sql::matches_key(columns, "m", &delta_row),
        one_guard = guard(&delta_row),
        recompute = names.recompute,
        row_key = row_key.join(", "),
        key_type = names.key_type,
        query = indent(&group.query, 4),
        many_match = super::sql::matches_key(columns, "m", "q"),
        many_set = set("q"),
        many_guard = guard("q"),
        order = order.join(", "),
        list = list.join(", "),
        done_match = columns
            .iter()
            .zip(&attributes)
            .map(|(column, name)| format!("done.{name} {} q.{name}", super::sql::equals(&column.ty)))
            .collect::<Vec<_>>()
            .join(" AND "),
    )
}

fn added(state: &State, delta: &str, from: &str) -> String {
    format!("m.{} OPERATOR(pg_catalog.+) {from}.{delta}", quoted(&state.column))
}
