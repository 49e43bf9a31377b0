//! Model SQL and a [`Catalog`] in; statements, or diagnostics, out. Pure: no connection, no clock, no files.
//!
//! | stage | module | from → to |
//! | --- | --- | --- |
//! | parse | [`parse`] | file text → [`ParsedModel`] |
//! | resolve | (the server, through `headwater-postgres`) | [`ParsedModel`] → [`Resolution`] |
//! | compile | [`compile`] | [`ParsedModel`] + [`Resolution`] + [`Catalog`] → [`CompiledModel`] |
//! | triggers | [`triggers`] | every model of a stage → [`SourceTriggers`] |
//!
//! Beside it, what `doctor` asks: [`lookups`], the queries that keep a model; [`declaration`], a declared schema; [`condition`], what a query plan
//! demands of columns.

pub mod analyze;
pub mod condition;
pub mod declaration;
pub mod diagnostic;
pub mod generate;
pub mod output;
pub mod parse;
pub mod plan;
pub mod tree;

use std::collections::BTreeMap;

use headwater_catalog::{Catalog, QualifiedName, Resolution};

pub use diagnostic::{Code, Diagnostic, Severity};
pub use generate::lookup::lookups;
pub use generate::queue::{Member, Queue};
pub use output::{Compare, CompiledModel, Fill, Lookup, SourceTriggers, Stage, Statement};
pub use parse::{Mode, ParsedModel, SourceFile};

/// What compiling a set of models gave: everything that compiled, and every problem of everything that did not.
#[derive(Debug, Default)]
pub struct Compiled {
    /// The models that compiled, in the one order in which every transaction locks them (by name).
    pub models: Vec<CompiledModel>,
    /// Errors and warnings.
    pub diagnostics: Vec<Diagnostic>,
}

/// Compiles every model that the server could resolve.
#[must_use]
pub fn compile(
    models: &[ParsedModel],
    resolutions: &BTreeMap<QualifiedName, Resolution>,
    catalog: &Catalog,
) -> Compiled {
    tree::with_deep_stack(|| {
        let mut compiled = Compiled::default();
        for model in models {
            let Some(resolution) = resolutions.get(&model.name) else { continue };
            let unknown = unknown_columns(model, resolution);
            if !unknown.is_empty() {
                compiled.diagnostics.extend(unknown);
                continue;
            }
            match with_sides(model, resolution, catalog) {
                Ok((plan, sides)) => {
                    require(model, &plan, &mut compiled.diagnostics);
                    compiled.diagnostics.extend(unknown_owner(model, &plan));
                    compiled.models.push(generate::model(model, resolution, plan, catalog));
                    compiled.models.extend(sides);
                }
                Err(refusals) => {
                    compiled.diagnostics.extend(refusals.iter().map(|refusal| refused(model, refusal)));
                }
            }
        }
        compiled.models.sort_by(|one, other| one.name.cmp(&other.name));
        compiled
    })
}

/// A model's plan, and the models of its sides.
fn with_sides(
    model: &ParsedModel,
    resolution: &Resolution,
    catalog: &Catalog,
) -> Result<(plan::MaintenancePlan, Vec<CompiledModel>), Vec<plan::Refusal>> {
    let apart = match plan::sides::find(model, resolution, catalog) {
        Ok(Some(apart)) => apart,
        Ok(None) => return Ok((plan::plan(model, resolution, catalog, None)?, Vec::new())),
        // What is not taken apart may still be computed anew; where it may not, this is why.
        Err(refusal) => {
            return match plan::plan(model, resolution, catalog, None) {
                Ok(plan) => Ok((plan, Vec::new())),
                Err(_) => Err(vec![refusal]),
            };
        }
    };
    let mut sides = Vec::new();
    for side in &apart.sides {
        let plan = plan::plan(&side.parsed, &side.resolution, catalog, None)?;
        sides.push(generate::model(&side.parsed, &side.resolution, plan, catalog));
    }
    let tables: Vec<QualifiedName> = sides.iter().map(|side| side.table.clone()).collect();
    Ok((plan::plan(model, resolution, catalog, Some(&apart.reading(&tables)))?, sides))
}

/// Columns that an index names and the model does not have.
fn unknown_columns(model: &ParsedModel, resolution: &Resolution) -> Vec<Diagnostic> {
    let known = |name: &str| resolution.columns.iter().any(|column| column.name.as_str() == name);
    let mut found = Vec::new();
    for index in &model.indexes {
        let mut names: Vec<String> = index.columns.iter().flatten().map(|name| name.as_str().to_owned()).collect();
        let nodes = index.stmt.index_params.iter().chain(&index.stmt.index_including_params);
        for node in nodes.chain(index.stmt.where_clause.as_deref()) {
            match &node.node {
                Some(pg_query::NodeEnum::IndexElem(element)) => {
                    names.extend((!element.name.is_empty()).then(|| element.name.clone()));
                    element.expr.iter().for_each(|expr| column_names(expr, &mut names));
                }
                _ => column_names(node, &mut names),
            }
        }
        names.retain(|name| !known(name));
        names.sort();
        names.dedup();
        for name in names {
            let place = find_word(&index.text, &name);
            let span = place.map_or(index.span.clone(), |at| index.span.start + at.start..index.span.start + at.end);
            let columns: Vec<&str> = resolution.columns.iter().map(|column| column.name.as_str()).collect();
            found.push(
                Diagnostic::error(410, &index.file, span, format!("{} has no column {name}", model.name.short()))
                    .label("no such column")
                    .hint(format!("its columns are {}", columns.join(", "))),
            );
        }
    }
    found
}

fn column_names(node: &pg_query::protobuf::Node, names: &mut Vec<String>) {
    if let Some(parts) = tree::build::column_parts(node) {
        names.extend(parts.last().map(|name| (*name).to_owned()));
    }
    tree::visit::children(node, &mut |child| column_names(child, names));
}

/// `require delta` refuses a model that some change would reach in a slower way.
fn require(model: &ParsedModel, plan: &plan::MaintenancePlan, diagnostics: &mut Vec<Diagnostic>) {
    let Some(required) = model.options.require else { return };
    let slower = |strategy: &plan::Strategy| match strategy {
        plan::Strategy::Delta(_) => false,
        plan::Strategy::Keyed(_) => required == parse::Tier::Delta,
        plan::Strategy::Diff => true,
    };
    let tables: Vec<String> =
        plan.strategies.iter().filter(|(_, strategy)| slower(strategy)).map(|(table, _)| table.short()).collect();
    if tables.is_empty() {
        return;
    }
    let (tier, what) = match required {
        parse::Tier::Delta => ("delta", "recompute keys"),
        parse::Tier::Keyed => ("keyed", "recompute everything"),
    };
    diagnostics.push(
        Diagnostic::error(
            407,
            &model.file,
            model.name_span.clone(),
            format!("the model requires the {tier} tier, but changes of {} {what}", tables.join(", ")),
        )
        .label(format!("declared `require {tier}`"))
        .hint("`plan` tells why; drop the option, or read those tables in a model of their own"),
    );
}

/// `access owner(column)` goes by a stored column: entries of the log have no others.
fn unknown_owner(model: &ParsedModel, plan: &plan::MaintenancePlan) -> Option<Diagnostic> {
    let access = model.options.access.as_ref()?;
    let parse::Readers::Owner(column) = &access.readers else { return None };
    let stored: Vec<&str> = plan.columns.iter().map(String::as_str).filter(|name| !name.starts_with("hw_")).collect();
    if stored.contains(&column.as_str()) {
        return None;
    }
    let message = match plan.finish.targets.iter().any(|(name, _)| name == column.as_str()) {
        true => format!("the owner {} of a row is computed at read time", column.as_str()),
        false => format!("{} has no column {}", model.name.short(), column.as_str()),
    };
    Some(
        Diagnostic::error(411, &model.file, access.span.clone(), message)
            .label("whose row it is, is not known")
            .hint(format!("its stored columns are {}", stored.join(", "))),
    )
}

/// A refusal at the place in the user's file that it is about.
fn refused(model: &ParsedModel, refusal: &plan::Refusal) -> Diagnostic {
    let start = model.select_offset;
    let place = find_word(&model.select, &refusal.needle);
    let span = match place {
        Some(range) => start + range.start..start + range.end,
        None => model.name_span.clone(),
    };
    Diagnostic::error(refusal.code, &model.file, span, format!("{}: {}", model.name.short(), refusal.message))
        .label("here")
        .hint(refusal.hint.clone())
}

/// The first place of a word in the SELECT, whatever its case.
fn find_word(select: &str, word: &str) -> Option<std::ops::Range<usize>> {
    if word.is_empty() {
        return None;
    }
    let (text, word) = (select.to_ascii_lowercase(), word.to_ascii_lowercase());
    let boundary = |byte: Option<&u8>| byte.is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_');
    text.match_indices(&word).map(|(at, _)| at..at + word.len()).find(|range| {
        let before = range.start.checked_sub(1).and_then(|at| text.as_bytes().get(at));
        boundary(before) && boundary(text.as_bytes().get(range.end))
    })
}

/// The triggers that maintain `models` together, one function per source table and event, and that append to `queues`.
#[must_use]
pub fn triggers(models: &[&CompiledModel], queues: &[Queue], stage: Stage, catalog: &Catalog) -> Vec<SourceTriggers> {
    tree::with_deep_stack(|| generate::trigger::all(models, queues, stage, catalog))
}

/// The change queues that the eventual ones of `models` need; of those `installed`, what has all that is needed stays.
#[must_use]
pub fn queues(models: &[&CompiledModel], installed: &[Queue], catalog: &Catalog) -> Vec<Queue> {
    generate::queue::wanted(models, installed, catalog)
}

/// The functions with which batches bring the eventual ones of `models` up to date, reading `queues`; and the two that all
/// batches share, over `queues` and those of `other_queues` that are still fed, and over `models` and `other_members`.
#[must_use]
pub fn batches(
    models: &[&CompiledModel],
    queues: &[Queue],
    other_queues: &[Queue],
    other_members: &[Member],
    catalog: &Catalog,
) -> Vec<Statement> {
    let eventual: Vec<&&CompiledModel> = models.iter().filter(|model| model.mode == Mode::Eventual).collect();
    tree::with_deep_stack(|| {
        let mut statements: Vec<Statement> =
            eventual.iter().flat_map(|model| generate::step::function_of(model, queues, catalog)).collect();
        let all: Vec<Queue> =
            queues.iter().chain(other_queues.iter().filter(|other| !queues.contains(other))).cloned().collect();
        let members = eventual.iter().filter_map(|model| {
            Some(Member { table: model.table.clone(), step: model.step.as_ref()?.to_string(), timed: model.timed })
        });
        let members: Vec<Member> = members.chain(other_members.iter().cloned()).collect();
        statements.extend(generate::queue::functions(&all, &members));
        statements
    })
}
