//! **delta** in SQL: one pass over the transition tables gives, per key, what is added, what comes and what goes; one UPDATE per
//! key folds it into the model row, in the order of the keys. Keys whose row is not there, was recomputed by this very
//! statement, or loses what it keeps, are recomputed.

use std::collections::BTreeSet;

use headwater_catalog::{Catalog, Ident, QualifiedName};

use super::names::Names;
use super::queue::{self, Queue};
use super::sql::{attribute, bump, indent, key_lock_id, matches_key, quoted};
use super::trigger::{Event, changed_rows};
use crate::plan::MaintenancePlan;
use crate::plan::rules::delta::{Contribution, Delta, Input, Kind, State};
use crate::tree::{Expr, build, print};

/// What the steps of a trigger function share: whether one row changed or several, and the one row.
#[must_use]
pub fn opening(event: Event) -> String {
    let rows = if event == Event::Delete { "hw_old" } else { "hw_new" };
    let read = if event == Event::Update {
        String::new()
    } else {
        format!("\nIF NOT hw_several THEN\n  SELECT n.* INTO hw_row FROM {rows} AS n;\n  hw_one := FOUND;\nEND IF;")
    };
    format!("hw_one := false;\nhw_several := EXISTS (SELECT FROM {rows} OFFSET 1);{read}")
}

/// The variables that [`opening`] sets.
pub const DECLARATIONS: [&str; 3] = ["hw_several boolean;", "hw_one boolean;", "hw_row record;"];

/// The step of one model in a trigger function; `record` and `keys` are variables of its own.
#[must_use]
pub fn step(
    plan: &MaintenancePlan,
    names: &Names,
    delta: &Delta,
    table: &QualifiedName,
    event: Event,
    variables: (&str, &str),
    catalog: &Catalog,
) -> String {
    let keys = variables.1;
    let many = many_rows(plan, names, delta, table, event, variables, catalog);
    let steps = match one_row(plan, names, delta, event, keys) {
        Some(one) => {
            format!("IF hw_one THEN\n{}\nELSIF hw_several THEN\n{}\nEND IF;", indent(&one, 2), indent(&many, 2))
        }
        None => many,
    };
    format!(
        "-- {model}: fold into the rows.\n{keys} := NULL;\n{steps}\nIF {keys} IS NOT NULL THEN\n  PERFORM {recompute}({keys});\nEND IF;",
        model = names.table.name.as_str(),
        recompute = names.recompute,
    )
}

/// One INSERTed or DELETEd row that reaches one key: its values go straight into the UPDATE.
fn one_row(plan: &MaintenancePlan, names: &Names, delta: &Delta, event: Event, keys: &str) -> Option<String> {
    let contribution = delta.contributions.first().filter(|_| has_one_row_branch(delta, event))?;
    let sign = if event == Event::Insert { "1" } else { "-1" };
    let rename = |expr: &Expr| {
        let renamed =
            expr.renamed(&|alias| if alias == contribution.alias { "hw_row".to_owned() } else { alias.to_owned() });
        print::qualified_expression(renamed.node())
    };
    let input = |n: usize| contribution.inputs.iter().find(|input| input.column == delta.states[n].column);
    let value = |side: char, n: usize| -> String {
        let Some(input) = input(n) else { return if side == 'd' { "0" } else { "NULL" }.to_owned() };
        let given = input.value.as_ref().map(rename);
        let text = match (&delta.states[n].kind, given) {
            (Kind::Sum(_), None) => sign.to_owned(),
            (Kind::Sum(ty), Some(given)) => format!("({given})::pg_catalog.{ty} OPERATOR(pg_catalog.*) {sign}"),
            (_, given) => given.unwrap_or_else(|| "NULL".to_owned()),
        };
        let otherwise = if side == 'd' { "0" } else { "NULL" };
        match &input.condition {
            Some(condition) => format!("(CASE WHEN {} THEN {text} ELSE {otherwise} END)", rename(condition)),
            None => format!("({text})"),
        }
    };
    // A row that counts for no state changes nothing.
    let counts: Vec<Option<String>> =
        contribution.inputs.iter().map(|input| input.condition.as_ref().map(rename)).collect();
    let mut conditions: Vec<String> = plan
        .key
        .columns
        .iter()
        .zip(&contribution.key)
        .filter(|(column, _)| column.not_null)
        .map(|(_, key)| format!("{} IS NOT NULL", rename(key)))
        .collect();
    conditions.extend(contribution.condition.as_ref().map(|condition| format!("({})", rename(condition))));
    if counts.iter().all(Option::is_some) {
        let any: Vec<String> = counts.iter().flatten().map(|condition| format!("({condition})")).collect();
        conditions.push(format!("({})", any.join(" OR ")));
    }
    if conditions.is_empty() {
        conditions.push("true".to_owned());
    }
    let row_key: Vec<String> = contribution.key.iter().map(rename).collect();
    let matches: Vec<String> = plan
        .key
        .columns
        .iter()
        .zip(&row_key)
        .map(|(column, key)| {
            let (own, equals) = (format!("m.{}", quoted(&column.name)), super::sql::equals(&column.ty));
            let equal = format!("{own} {equals} ({key})");
            if column.not_null { equal } else { format!("({equal} OR {own} IS NULL AND ({key}) IS NULL)") }
        })
        .collect();
    let typed: Vec<String> =
        row_key.iter().zip(&plan.key.columns).map(|(key, column)| format!("({key})::{}", column.ty.sql)).collect();
    Some(format!(
        "IF {conditions} THEN\n  UPDATE {table} AS m SET\n{set}\n  WHERE {matches}{guards};\n  IF NOT FOUND THEN\n    {keys} := ARRAY[ROW({row_key})::{key_type}];\n  END IF;\nEND IF;",
        conditions = conditions.join(" AND "),
        matches = matches.join(" AND "),
        table = names.table,
        set = indent(&assignments(delta, event, &value).join(",\n"), 4),
        guards = guards(delta, event, &value).iter().map(|guard| format!("\n    AND {guard}")).collect::<String>(),
        row_key = typed.join(", "),
        key_type = names.key_type,
    ))
}

/// True where one changed row reaches one key, by values that need no pass over the transition tables.
fn has_one_row_branch(delta: &Delta, event: Event) -> bool {
    delta.contributions.len() == 1 && matches!(event, Event::Insert | Event::Delete)
}

/// The fold of a batch: one pass over the change queue, one UPDATE for all keys. A query that puts the keys to recompute into
/// `hw_more`: their row is not there, or loses what it keeps.
#[must_use]
pub fn batch(
    plan: &MaintenancePlan,
    names: &Names,
    delta: &Delta,
    table: &QualifiedName,
    queue: &Queue,
    catalog: &Catalog,
) -> String {
    let event = Event::Batch;
    let value = |side: char, n: usize| format!("g.{side}{n}");
    let keys = &plan.key.columns;
    let listed = |alias: &str, name: &dyn Fn(usize) -> String| {
        let each = |(n, column): (usize, &crate::plan::key::KeyColumn)| {
            format!("{alias}.{}::{} AS {}", name(n), column.ty.sql, attribute(n))
        };
        keys.iter().enumerate().map(each).collect::<Vec<_>>().join(", ")
    };
    let row: Vec<String> = (0..keys.len()).map(|n| format!("q.{}", attribute(n))).collect();
    format!(
        "WITH {taken}, g AS MATERIALIZED (\n{changes}\n), u AS (\n  UPDATE {table} AS m SET\n{set}\n  FROM g\n  WHERE {matches}{guards}\n  RETURNING {folded}\n)\nSELECT array_agg(ROW({row})::{key_type}) INTO hw_more\nFROM (SELECT {came} FROM g EXCEPT SELECT {went} FROM u) AS q",
        came = listed("g", &attribute),
        went = listed("u", &attribute),
        folded = listed("m", &|n| quoted(&keys[n].name)),
        taken = super::queue::taken(queue),
        changes = indent(&changes(plan, delta, table, event, catalog), 2),
        table = names.table,
        set = indent(&assignments(delta, event, &value).join(",\n"), 4),
        matches = matches_key(keys, "m", "g"),
        guards = guards(delta, event, &value).iter().map(|guard| format!("\n    AND {guard}")).collect::<String>(),
        row = row.join(", "),
        key_type = names.key_type,
    )
}

/// Any number of rows: one pass gives what each key gets, one UPDATE per key in their order.
fn many_rows(
    plan: &MaintenancePlan,
    names: &Names,
    delta: &Delta,
    table: &QualifiedName,
    event: Event,
    (record, keys): (&str, &str),
    catalog: &Catalog,
) -> String {
    let query = changes(plan, delta, table, event, catalog);
    let missing = format!(
        "SELECT DISTINCT {} AS id\nFROM (\n{}\n) AS q\nWHERE NOT EXISTS (SELECT FROM {} AS m WHERE {})",
        key_lock_id(plan, names, &|position, _| format!("q.{}", attribute(position))),
        indent(&query, 2),
        names.table,
        matches_key(&plan.key.columns, "m", "q")
    );
    let lock = format!(
        "-- Lock the keys that have no row before the rows of the others, as recomputing does.\n{};\n",
        bump(&missing)
    );
    // Where one row has a branch of its own, this is the branch of several.
    let alone = !has_one_row_branch(delta, event);
    let lock = if alone { format!("IF hw_several THEN\n{}\nEND IF;\n", indent(&lock, 2)) } else { lock };
    let width = plan.key.columns.len();
    let row_key: Vec<String> = (0..width).map(|position| format!("{record}.{}", attribute(position))).collect();
    let order: Vec<String> = (1..=width).map(|position| position.to_string()).collect();
    let value = |side: char, n: usize| format!("{record}.{side}{n}");
    format!(
        "{lock}FOR {record} IN\n{query}\n  ORDER BY {order}\nLOOP\n  UPDATE {table} AS m SET\n{set}\n  WHERE {row}{guards};\n  IF NOT FOUND THEN\n    {keys} := {keys} OPERATOR(pg_catalog.||) ROW({row_key})::{key_type};\n  END IF;\nEND LOOP;",
        query = indent(&query, 2),
        order = order.join(", "),
        table = names.table,
        set = indent(&assignments(delta, event, &value).join(",\n"), 4),
        row = matches_key(&plan.key.columns, "m", record),
        guards = guards(delta, event, &value).iter().map(|guard| format!("\n    AND {guard}")).collect::<String>(),
        row_key = row_key.join(", "),
        key_type = names.key_type,
    )
}

/// A query with one row per key: `k1…`, and for the state at position n `d<n>` (added), `i<n>` (comes), `o<n>` (goes).
fn changes(plan: &MaintenancePlan, delta: &Delta, table: &QualifiedName, event: Event, catalog: &Catalog) -> String {
    let rows: Vec<String> = delta
        .contributions
        .iter()
        .map(|contribution| contributed(plan, delta, contribution, table, event, catalog))
        .collect();
    let keys: Vec<String> = (0..plan.key.columns.len()).map(|position| format!("r.{}", attribute(position))).collect();
    let mut columns = keys.clone();
    let mut changed = Vec::new();
    for (n, state) in delta.states.iter().enumerate() {
        match &state.kind {
            Kind::Sum(ty) => {
                columns.push(format!("pg_catalog.sum(r.s{n})::pg_catalog.{ty} AS d{n}"));
                changed.push(format!("g.d{n} OPERATOR(pg_catalog.<>) 0"));
            }
            Kind::Extreme { greatest, .. } => {
                let function = if *greatest { "max" } else { "min" };
                for side in sides(event) {
                    columns.push(format!("pg_catalog.{function}(r.{side}{n}) AS {side}{n}"));
                    changed.push(format!("g.{side}{n} IS NOT NULL"));
                }
            }
            Kind::First { order, descending } => {
                let direction = if *descending { " DESC" } else { "" };
                let by: Vec<String> =
                    order.iter().map(|column| format!("r.f{}{direction}", position_of(delta, column))).collect();
                for side in sides(event) {
                    let sign = if *side == 'i' { ">" } else { "<" };
                    columns.push(format!(
                        "(pg_catalog.array_agg(r.f{n} ORDER BY {}) FILTER (WHERE r.hw_sign OPERATOR(pg_catalog.{sign}) 0 AND r.c{n}))[1] AS {side}{n}",
                        by.join(", ")
                    ));
                    if order.contains(&state.column) {
                        changed.push(format!("g.{side}{n} IS NOT NULL"));
                    }
                }
            }
        }
    }
    format!(
        "SELECT g.* FROM (\n  SELECT {}\n  FROM (\n{}\n  ) AS r\n  GROUP BY {}\n) AS g\nWHERE {}",
        columns.join(", "),
        indent(&rows.join("\nUNION ALL\n"), 4),
        keys.join(", "),
        changed.join(" OR ")
    )
}

/// `i` for what comes, `o` for what goes.
fn sides(event: Event) -> &'static [char] {
    match event {
        Event::Insert => &['i'],
        Event::Update | Event::Batch => &['i', 'o'],
        Event::Delete | Event::Truncate => &['o'],
    }
}

fn position_of(delta: &Delta, column: &str) -> usize {
    delta.states.iter().position(|state| state.column == column).unwrap_or_default()
}

/// The changed rows as one contribution sees them: the key, and per state its summand or candidate.
fn contributed(
    plan: &MaintenancePlan,
    delta: &Delta,
    contribution: &Contribution,
    table: &QualifiedName,
    event: Event,
    catalog: &Catalog,
) -> String {
    let rename = |expr: &Expr| {
        let renamed =
            expr.renamed(&|alias| if alias == contribution.alias { "t".to_owned() } else { alias.to_owned() });
        print::qualified_expression(renamed.node())
    };
    let sign = match event {
        Event::Insert => "1",
        Event::Delete | Event::Truncate => "-1",
        Event::Update | Event::Batch => "t.hw_sign",
    };
    let keys: Vec<String> = contribution.key.iter().map(rename).collect();
    let mut columns: Vec<String> =
        keys.iter().enumerate().map(|(position, key)| format!("{key} AS {}", attribute(position))).collect();
    if delta.retracts() {
        columns.push(format!("{sign} AS hw_sign"));
    }
    for (n, state) in delta.states.iter().enumerate() {
        let input = contribution.inputs.iter().find(|input| input.column == state.column);
        columns.extend(candidates(n, state, input, sign, event, &rename));
    }
    let mut conditions: Vec<String> = plan
        .key
        .columns
        .iter()
        .zip(&keys)
        .filter(|(column, _)| column.not_null)
        .map(|(_, key)| format!("{key} IS NOT NULL"))
        .collect();
    conditions.extend(contribution.condition.as_ref().map(|condition| format!("({})", rename(condition))));
    let filter = if conditions.is_empty() { String::new() } else { format!("\nWHERE {}", conditions.join(" AND ")) };
    format!(
        "SELECT {}\nFROM {} AS t{filter}",
        columns.join(", "),
        signed_rows(delta, contribution, table, event, catalog)
    )
}

fn candidates(
    n: usize,
    state: &State,
    input: Option<&Input>,
    sign: &str,
    event: Event,
    rename: &dyn Fn(&Expr) -> String,
) -> Vec<String> {
    let condition = input.and_then(|input| input.condition.as_ref()).map(rename);
    let when = |then: String, otherwise: &str| match &condition {
        Some(condition) => format!("CASE WHEN {condition} THEN {then} ELSE {otherwise} END"),
        None => then,
    };
    let value = input.and_then(|input| input.value.as_ref()).map(rename);
    match (&state.kind, input) {
        (Kind::Sum(_), None) => vec![format!("0 AS s{n}")],
        (Kind::Sum(ty), Some(_)) => {
            let summand = match value {
                Some(value) if sign == "1" => format!("({value})::pg_catalog.{ty}"),
                Some(value) => format!("({value})::pg_catalog.{ty} OPERATOR(pg_catalog.*) {sign}"),
                None => sign.to_owned(),
            };
            vec![format!("{} AS s{n}", when(summand, "0"))]
        }
        (Kind::Extreme { ty, .. }, input) => sides(event)
            .iter()
            .map(|side| {
                let Some(value) = value.as_ref().filter(|_| input.is_some()) else {
                    return format!("NULL::{ty} AS {side}{n}");
                };
                let mut terms: Vec<String> = condition.iter().map(|condition| format!("({condition})")).collect();
                if sides(event).len() > 1 {
                    terms.push(format!("{sign} OPERATOR(pg_catalog.{}) 0", if *side == 'i' { ">" } else { "<" }));
                }
                if terms.is_empty() {
                    format!("{value} AS {side}{n}")
                } else {
                    format!("CASE WHEN {} THEN {value} END AS {side}{n}", terms.join(" AND "))
                }
            })
            .collect(),
        (Kind::First { .. }, _) => {
            let value = value.unwrap_or_else(|| "NULL".to_owned());
            let counts = condition.clone().unwrap_or_else(|| "true".to_owned());
            vec![format!("{value} AS f{n}"), format!("({counts}) AS c{n}")]
        }
    }
}

/// The transition tables with a sign. Where an old image may take away what is kept, rows that did not change in what the
/// contribution reads are left out.
fn signed_rows(
    delta: &Delta,
    contribution: &Contribution,
    table: &QualifiedName,
    event: Event,
    catalog: &Catalog,
) -> String {
    match event {
        Event::Insert => "hw_new".to_owned(),
        Event::Delete | Event::Truncate => "hw_old".to_owned(),
        Event::Batch if !delta.retracts() => "hw_queue".to_owned(),
        Event::Batch => queue::signed_net_rows(table, &columns_read(contribution, table, catalog), catalog),
        Event::Update if !delta.retracts() => {
            "(\n  SELECT 1 AS hw_sign, n.* FROM hw_new AS n UNION ALL SELECT -1, o.* FROM hw_old AS o\n)".to_owned()
        }
        Event::Update => {
            let columns = columns_read(contribution, table, catalog);
            let list = changed_rows(Event::Update, table, &columns, catalog);
            // `changed_rows` gives both images; here each needs its sign.
            let (old, new) = list.split_once("\n  UNION ALL ").unwrap_or((&list, ""));
            format!("(\n  SELECT 1 AS hw_sign, n.* FROM {new} AS n\n  UNION ALL SELECT -1, o.* FROM {old} AS o\n)")
        }
    }
}

/// The columns of the changed row that a contribution reads.
fn columns_read(contribution: &Contribution, table: &QualifiedName, catalog: &Catalog) -> BTreeSet<Ident> {
    let mut exprs: Vec<&Expr> = contribution.key.iter().chain(&contribution.condition).collect();
    for input in &contribution.inputs {
        exprs.extend(input.condition.iter().chain(&input.value).chain(&input.order));
    }
    let texts: Vec<BTreeSet<String>> = exprs.iter().map(|expr| column_names(expr)).collect();
    let declared = catalog.tables.get(table);
    declared
        .into_iter()
        .flat_map(|table| &table.columns)
        .filter(|column| texts.iter().any(|names| names.contains(column.name.as_str())))
        .map(|column| column.name.clone())
        .collect()
}

fn column_names(expr: &Expr) -> BTreeSet<String> {
    fn collect(node: &crate::tree::Node, found: &mut BTreeSet<String>) {
        if let Some(parts) = build::column_parts(node) {
            found.extend(parts.last().map(|name| (*name).to_owned()));
        }
        crate::tree::visit::children(node, &mut |child| collect(child, found));
    }
    let mut found = BTreeSet::new();
    collect(expr.node(), &mut found);
    found
}

/// `column = …` for every state and for what depends on them.
fn assignments(delta: &Delta, event: Event, value: &dyn Fn(char, usize) -> String) -> Vec<String> {
    let mut terms: Vec<String> = delta
        .states
        .iter()
        .enumerate()
        .filter(|(_, state)| matches!(state.kind, Kind::Sum(_)) || sides(event).contains(&'i'))
        .map(|(n, state)| format!("{} = {}", quoted(&state.column), next(delta, n, event, value)))
        .collect();
    for (name, expr) in &delta.dependents {
        // The state after this change stands for the state; everything else is the row's own.
        let expr = expr.rewritten(&mut |node| {
            let parts = build::column_parts(node)?;
            let [column] = parts.as_slice() else { return None };
            let state = delta.states.iter().position(|state| state.column == *column);
            Some(match state {
                Some(n) => build::parsed(&format!("({})", next(delta, n, event, value))),
                None => build::column(&["m", column]),
            })
        });
        terms.push(format!("{} = {}", quoted(name), print::qualified_expression(expr.node())));
    }
    if terms.is_empty() {
        // Even where nothing changes the row is written: a writer who recomputes it has to wait for this one.
        let column = quoted(&delta.states[0].column);
        terms.push(format!("{column} = m.{column}"));
    }
    terms
}

/// A state after the change.
fn next(delta: &Delta, n: usize, event: Event, value: &dyn Fn(char, usize) -> String) -> String {
    let state = &delta.states[n];
    let column = format!("m.{}", quoted(&state.column));
    if !matches!(state.kind, Kind::Sum(_)) && !sides(event).contains(&'i') {
        return column;
    }
    match &state.kind {
        Kind::Sum(_) => format!("{column} OPERATOR(pg_catalog.+) {}", value('d', n)),
        Kind::Extreme { greatest: true, .. } => format!("GREATEST({column}, {})", value('i', n)),
        Kind::Extreme { greatest: false, .. } => format!("LEAST({column}, {})", value('i', n)),
        Kind::First { order, descending } => {
            let (comes, kept) = (row(delta, order, value, 'i'), kept(order));
            let operator = if *descending { ">=" } else { "<=" };
            let first = position_of(delta, &order[0]);
            format!(
                "CASE WHEN {} IS NOT NULL AND {comes} OPERATOR(pg_catalog.{operator}) {kept} THEN {} ELSE {column} END",
                value('i', first),
                value('i', n)
            )
        }
    }
}

fn row(delta: &Delta, order: &[String], value: &dyn Fn(char, usize) -> String, side: char) -> String {
    let columns: Vec<String> = order.iter().map(|column| value(side, position_of(delta, column))).collect();
    format!("ROW({})", columns.join(", "))
}

fn kept(order: &[String]) -> String {
    let columns: Vec<String> = order.iter().map(|column| format!("m.{}", quoted(column))).collect();
    format!("ROW({})", columns.join(", "))
}

/// When the row may be folded into; otherwise its key is recomputed.
fn guards(delta: &Delta, event: Event, value: &dyn Fn(char, usize) -> String) -> Vec<String> {
    let mut guards = Vec::new();
    // A batch has one order for all its steps and needs no mark.
    if event != Event::Batch {
        guards.push("m.hw_mark IS DISTINCT FROM pg_catalog.statement_timestamp()".to_owned());
    }
    let goes = sides(event).contains(&'o');
    let comes = sides(event).contains(&'i');
    let mut orders: BTreeSet<&Vec<String>> = BTreeSet::new();
    for (n, state) in delta.states.iter().enumerate() {
        let column = format!("m.{}", quoted(&state.column));
        match &state.kind {
            // NaN and the infinities cannot be taken away again.
            Kind::Sum("numeric") => guards.push(format!(
                "({})::pg_catalog.text OPERATOR(pg_catalog.<>) ALL (ARRAY['NaN', 'Infinity', '-Infinity']::pg_catalog.text[])",
                next(delta, n, event, value)
            )),
            Kind::Extreme { greatest, .. } if goes => {
                let (beyond, reaches) = if *greatest { (">", ">=") } else { ("<", "<=") };
                let replaced = if comes { format!(" OR {} OPERATOR(pg_catalog.{reaches}) {}", value('i', n), value('o', n)) } else { String::new() };
                guards.push(format!("({out} IS NULL OR {column} OPERATOR(pg_catalog.{beyond}) {out}{replaced})", out = value('o', n)));
            }
            Kind::First { order, descending } if goes && orders.insert(order) => {
                let (beyond, reaches) = if *descending { (">", ">=") } else { ("<", "<=") };
                let first = position_of(delta, &order[0]);
                let went = row(delta, order, value, 'o');
                let replaced = if comes {
                    format!(
                        " OR {} IS NOT NULL AND {} OPERATOR(pg_catalog.{reaches}) {went}",
                        value('i', first),
                        row(delta, order, value, 'i')
                    )
                } else {
                    String::new()
                };
                guards.push(format!(
                    "({} IS NULL OR {} OPERATOR(pg_catalog.{beyond}) {went}{replaced})",
                    value('o', first),
                    kept(order)
                ));
            }
            Kind::Sum(_) | Kind::Extreme { .. } | Kind::First { .. } => {}
        }
    }
    if let Some(count) = &delta.lives_by
        && goes
    {
        let n = position_of(delta, count);
        guards.push(format!("{} OPERATOR(pg_catalog.>) 0", next(delta, n, event, value)));
    }
    guards
}
