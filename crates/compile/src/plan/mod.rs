//! How a model is stored and how each change reaches it.
//!
//! | module | decides |
//! | --- | --- |
//! | [`sides`] | what of a join is computed once, on its own |
//! | [`determinize`] | how ties fall |
//! | [`finish`] | what is stored and what is evaluated at read time |
//! | [`factor`] | repeated sub-selects are evaluated once |
//! | [`key`] | which columns identify a model row |
//! | [`rules`] | one file per maintenance rule: delta, keyed, window |
//! | [`explain`] | the plan in words |

pub mod determinize;
pub mod explain;
pub mod factor;
pub mod finish;
pub mod key;
pub mod rules;
pub mod sides;

use std::collections::{BTreeMap, BTreeSet};

use headwater_catalog::{Catalog, QualifiedName, Resolution};
use pg_query::protobuf::SelectStmt;

use crate::analyze::{Analysis, provenance::Path, walk};
use crate::parse::{Mode, ParsedModel, Retain};
use crate::tree;
use finish::{Finish, Split};
use key::Key;
use rules::delta::Delta;
use sides::Reading;

/// A model that is not maintained, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The diagnostic's code.
    pub code: u16,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: String,
    /// A word of the SELECT to underline; empty for the whole.
    pub needle: String,
}

impl Refusal {
    /// A refusal.
    pub fn new(code: u16, message: impl Into<String>, hint: impl Into<String>, needle: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: hint.into(), needle: needle.into() }
    }
}

/// Everything about one model that the generator prints.
#[derive(Debug, Clone)]
pub struct MaintenancePlan {
    /// The SELECT with its ties decided: what `verify` compares with.
    pub definition: SelectStmt,
    /// The same result without the product, where the SELECT has sides: `verify` then compares with this, since computing
    /// the product is what nobody could wait for.
    pub apart: Option<SelectStmt>,
    /// The model tables of its sides, and the source tables that they are read from.
    pub sides: Vec<(QualifiedName, QualifiedName)>,
    /// The stored part.
    pub core: SelectStmt,
    /// The stored part as its view is written.
    pub core_view: SelectStmt,
    /// The model table's columns that the core gives, in order.
    pub columns: Vec<String>,
    /// What identifies a row.
    pub key: Key,
    /// What readers get on top.
    pub finish: Finish,
    /// How a change of each source table reaches the model.
    pub strategies: BTreeMap<QualifiedName, Strategy>,
    /// The column with the moment at which a row is due, where rows change as time passes.
    pub due: Option<String>,
    /// The occurrences and equalities behind the paths.
    pub analysis: Analysis,
    /// Stored and output columns whose type has no equality: they are compared as text.
    pub compared_as_text: BTreeSet<String>,
    /// Settings that the model's functions pin, because its SELECT calls functions that depend on them.
    pub pinned: Vec<(String, String)>,
    /// When it is maintained.
    pub mode: Mode,
    /// Whether its changes are kept as a list.
    pub retain: Option<Retain>,
    /// The column and the time after which the rows of an event log go, where they do.
    pub keep: Option<(String, String)>,
    /// Of an event log whose rows go with their key in the SELECT: the columns that follow it, too.
    pub follow: Option<Vec<String>>,
}

/// How a change of one source table reaches the model.
#[derive(Debug, Clone)]
pub enum Strategy {
    /// Arithmetic on the model row.
    Delta(Delta),
    /// The affected keys are recomputed; one path per occurrence of the table.
    Keyed(Vec<Path>),
    /// Everything is computed anew and what differs is written: nothing leads from a change to a key.
    Diff,
}

impl MaintenancePlan {
    /// The columns of a source table that a change must touch to matter.
    #[must_use]
    pub fn used_columns(&self, table: &QualifiedName) -> BTreeSet<headwater_catalog::Ident> {
        self.analysis
            .occurrences
            .iter()
            .filter(|occurrence| occurrence.table == *table)
            .flat_map(|occurrence| occurrence.columns.iter().cloned())
            .collect()
    }

    /// The slowest way in which a change reaches this model.
    #[must_use]
    pub fn tier(&self) -> &'static str {
        if self.strategies.values().any(|strategy| matches!(strategy, Strategy::Diff)) {
            "diff"
        } else if self.strategies.values().all(|strategy| matches!(strategy, Strategy::Delta(_))) {
            "delta"
        } else {
            "keyed"
        }
    }

    /// True where rows carry the mark of a recomputed row: inside a writer's transaction, one statement may fire several
    /// triggers, and what one has recomputed another must not add to. A batch has one order for all.
    #[must_use]
    pub fn has_mark(&self) -> bool {
        self.mode == Mode::Realtime && self.strategies.values().any(|strategy| matches!(strategy, Strategy::Delta(_)))
    }

    /// True for an event log: rows, once added, stay as they were, but for what [`Self::follow`] says.
    #[must_use]
    pub fn is_append(&self) -> bool {
        matches!(self.retain, Some(Retain::Append { .. }))
    }

    /// True where rows, once added, stay whatever becomes of their sources.
    #[must_use]
    pub fn only_adds(&self) -> bool {
        self.is_append() && self.follow.is_none()
    }

    /// The columns that are brought to what the SELECT gives where a row is there already: all of them, or of an event log
    /// those that follow, and when it is due next.
    #[must_use]
    pub fn following(&self) -> Vec<&str> {
        let follows = |column: &&str| match (&self.follow, self.is_append()) {
            (Some(columns), _) => columns.iter().any(|name| name == column) || self.due.as_deref() == Some(*column),
            (None, append) => !append,
        };
        self.columns.iter().map(String::as_str).filter(follows).collect()
    }
}

/// Plans one model, whose sides are read as `reading` says.
pub fn plan(
    model: &ParsedModel,
    resolution: &Resolution,
    catalog: &Catalog,
    reading: Option<&Reading>,
) -> Result<MaintenancePlan, Vec<Refusal>> {
    let mut plan = plan_stored(model, resolution, catalog, reading)?;
    if let Some(reading) = reading {
        plan.apart = Some(determinize::determinize(&reading.apart, catalog));
        plan.sides.clone_from(&reading.tables);
    }
    Ok(plan)
}

fn plan_stored(
    model: &ParsedModel,
    resolution: &Resolution,
    catalog: &Catalog,
    reading: Option<&Reading>,
) -> Result<MaintenancePlan, Vec<Refusal>> {
    let mut refusals = rules::refused::functions(resolution);
    let select = tree::parse_select(&resolution.definition).map_err(|error| {
        vec![Refusal::new(
            300,
            format!("the server's text of the SELECT does not parse: {error}"),
            "report this as a bug",
            "",
        )]
    })?;
    refusals.extend(rules::refused::expressions(&select));
    let eventual = model.options.mode == Mode::Eventual;
    if !(refusals.is_empty() || eventual && refusals.iter().all(rules::diff::overcomes)) {
        return Err(refusals);
    }
    let definition = determinize::determinize(&select, catalog);
    let aggregates = aggregate_names(resolution);
    let sets: BTreeSet<String> = resolution
        .functions
        .iter()
        .filter(|function| function.returns_set)
        .map(|function| function.name.clone())
        .collect();
    let without_sides = reading.map(|reading| determinize::determinize(&reading.select, catalog));
    let stored = without_sides.as_ref().unwrap_or(&definition);
    let mut split = finish::split(stored, &aggregates).map_err(|refusal| vec![refusal])?;
    split.finish.conditions.extend(reading.iter().flat_map(|reading| reading.conditions.iter().cloned()));
    rules::window::add_due(&mut split, &aggregates).map_err(|refusal| vec![refusal])?;
    // What has been refused for its form already is not looked into.
    let first = match refusals.is_empty() {
        true => walk::analyze(&split.core, catalog, &aggregates, &sets),
        false => Analysis::default(),
    };
    refusals.extend(first.problems.iter().map(|p| Refusal::new(p.code, &p.message, &p.hint, &p.needle)));
    if !refusals.is_empty() {
        let anew = || rules::diff::anew(model, resolution, catalog, &split);
        return match refusals.iter().all(rules::diff::overcomes).then(anew).flatten().filter(|_| eventual) {
            Some((key, analysis, strategies)) => {
                assemble(model, resolution, definition, key, split, analysis, strategies)
            }
            None => Err(refusals),
        };
    }
    let mut first_refusal = None;
    let candidates = key::candidates(model, resolution, catalog, &first, &split);
    let append = matches!(model.options.retain, Some(Retain::Append { .. }));
    for (key, split) in &candidates {
        let (key, mut split) = (key.clone(), split.clone());
        // Rows of an event log stay as they were: there is nothing to add to them.
        let deltas = if append { BTreeMap::new() } else { rules::delta::find(&mut split, &key, catalog) };
        // State columns repeat sub-selects, so occurrences are counted again in what is really stored.
        let analysis = walk::analyze(&split.core, catalog, &aggregates, &sets);
        match strategies(&analysis, &key, deltas, false) {
            Ok(strategies) => return assemble(model, resolution, definition, key, split, analysis, strategies),
            Err(refusal) => first_refusal = first_refusal.or(Some(refusal)),
        }
    }
    if eventual {
        let (key, split) = candidates
            .into_iter()
            .next()
            .or_else(|| key::whole_row(resolution, &split).map(|key| (key, split)))
            .ok_or_else(|| vec![key::none()])?;
        let analysis = walk::analyze(&split.core, catalog, &aggregates, &sets);
        let strategies = strategies(&analysis, &key, BTreeMap::new(), true).map_err(|refusal| vec![refusal])?;
        return assemble(model, resolution, definition, key, split, analysis, strategies);
    }
    Err(vec![first_refusal.unwrap_or_else(key::none)])
}

fn aggregate_names(resolution: &Resolution) -> BTreeSet<String> {
    resolution.functions.iter().filter(|function| function.aggregate).map(|function| function.name.clone()).collect()
}

fn assemble(
    model: &ParsedModel,
    resolution: &Resolution,
    definition: SelectStmt,
    key: Key,
    split: Split,
    analysis: Analysis,
    strategies: BTreeMap<QualifiedName, Strategy>,
) -> Result<MaintenancePlan, Vec<Refusal>> {
    let due = rules::window::due_column(&split);
    check_names(&split).map_err(|refusal| vec![refusal])?;
    let Split { core, columns, finish, .. } = split;
    let columns = columns.into_iter().map(|column| column.name).collect();
    let pinned = rules::refused::pinned_settings(resolution);
    let compared_as_text = resolution
        .columns
        .iter()
        .filter(|column| !column.ty.comparable)
        .map(|column| column.name.as_str().to_owned())
        .collect();
    let plan = MaintenancePlan {
        definition,
        apart: None,
        sides: Vec::new(),
        core_view: factor::factor(&core, &aggregate_names(resolution)),
        core,
        columns,
        key,
        finish,
        strategies,
        due,
        analysis,
        compared_as_text,
        pinned,
        mode: model.options.mode,
        retain: model.options.retain.clone(),
        keep: None,
        follow: None,
    };
    rules::refused::reserved_columns(&plan).map_err(|refusal| vec![refusal])?;
    rules::append::check(plan, model, resolution).map_err(|refusal| vec![refusal])
}

/// A strategy for every source table, or the first table to which no way leads.
fn strategies(
    analysis: &Analysis,
    key: &Key,
    mut deltas: BTreeMap<QualifiedName, Delta>,
    or_diff: bool,
) -> Result<BTreeMap<QualifiedName, Strategy>, Refusal> {
    let tables: BTreeSet<&QualifiedName> = analysis.occurrences.iter().map(|occurrence| &occurrence.table).collect();
    let mut strategies = BTreeMap::new();
    for table in tables {
        let mentions: Vec<usize> =
            (0..analysis.occurrences.len()).filter(|id| analysis.occurrences[*id].table == *table).collect();
        if let Some(delta) = deltas.remove(table)
            && delta.occurrences == mentions.len()
        {
            strategies.insert(table.clone(), Strategy::Delta(delta));
            continue;
        }
        let strategy = match rules::keyed::paths(analysis, key, &mentions) {
            Ok(paths) => Strategy::Keyed(paths),
            Err(_) if or_diff => Strategy::Diff,
            Err(refusal) => return Err(refusal),
        };
        strategies.insert(table.clone(), strategy);
    }
    Ok(strategies)
}

fn check_names(split: &Split) -> Result<(), Refusal> {
    for (name, _) in &split.finish.targets {
        if name.starts_with("hw_") {
            return Err(Refusal::new(
                402,
                format!("the output column {name} begins with hw_, which Headwater keeps for its own columns"),
                "give it another name with AS",
                name.clone(),
            ));
        }
    }
    Ok(())
}
