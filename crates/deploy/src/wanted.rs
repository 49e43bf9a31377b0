//! Model files → [`Wanted`]: parse, let the server resolve, compile. Every problem of every file is reported at once.

use std::collections::BTreeMap;
use std::ops::Range;

use headwater_catalog::{Catalog, QualifiedName, ResolutionError};
use headwater_compile::{CompiledModel, Diagnostic, ParsedModel, Queue, SourceFile, SourceTriggers, Stage, Statement};
use headwater_postgres::SelectToResolve;
use tokio_postgres::Client;

use crate::error::{During, Error, Problems};
use crate::install::EVENTS;
use crate::queues;

/// How often each model was refreshed. A refresh builds the same definition under another version, so the number goes
/// into the text that the version is computed from.
pub type Generations = BTreeMap<QualifiedName, i32>;

/// The models that should be installed, compiled against one database.
#[derive(Debug, Default)]
pub struct Wanted {
    /// What was declared, generation included, by name.
    pub declared: BTreeMap<QualifiedName, ParsedModel>,
    /// The definition of each model as its author wrote it.
    pub definitions: BTreeMap<QualifiedName, String>,
    /// How often each was refreshed.
    pub generations: Generations,
    /// What compiled, in lock order.
    pub models: Vec<CompiledModel>,
    /// The tables they read.
    pub catalog: Catalog,
    /// The change queues of the eventual ones; those of the installed that serve still are among them.
    pub queues: Vec<Queue>,
    /// Errors, warnings and notes, with the files.
    pub problems: Problems,
}

impl Wanted {
    /// The same, or the problems when there is an error among them.
    pub fn accepted(self) -> Result<Self, Error> {
        if self.problems.errors() == 0 { Ok(self) } else { Err(Error::Problems(self.problems)) }
    }

    /// The triggers that keep every wanted model once it serves.
    #[must_use]
    pub fn serving_triggers(&self) -> Vec<SourceTriggers> {
        let models: Vec<_> = self.models.iter().collect();
        headwater_compile::triggers(&models, &self.queues, Stage::Serving, &self.catalog)
    }

    /// The triggers that keep `models` while they are built, and that append to the queues `unfed`.
    #[must_use]
    pub fn building_triggers(&self, models: &[&CompiledModel], unfed: &[Queue]) -> Vec<SourceTriggers> {
        headwater_compile::triggers(models, unfed, Stage::Building, &self.catalog)
    }

    /// The functions with which batches keep every eventual model once it serves.
    #[must_use]
    pub fn serving_batches(&self) -> Vec<Statement> {
        let models: Vec<_> = self.models.iter().collect();
        headwater_compile::batches(&models, &self.queues, &[], &[], &self.catalog)
    }
}

/// Parses, resolves and compiles `files`. Problems do not fail it: they are in [`Wanted::problems`].
pub async fn compile(client: &mut Client, files: &[SourceFile], generations: &Generations) -> Result<Wanted, Error> {
    let (parsed, mut diagnostics) = headwater_compile::parse::parse(files);
    let definitions = parsed.iter().map(|model| (model.name.clone(), model.declaration())).collect();
    let parsed: Vec<_> = parsed.into_iter().map(|model| with_generation(model, generations)).collect();
    let (catalog, answers) = resolve(client, &parsed).await?;
    let mut resolutions = BTreeMap::new();
    for (name, answer) in answers {
        match answer {
            Ok(resolution) => drop(resolutions.insert(name, resolution)),
            Err(refusal) => diagnostics
                .extend(parsed.iter().find(|model| model.name == name).map(|model| refused(model, &refusal, files))),
        }
    }
    let compiled = headwater_compile::compile(&parsed, &resolutions, &catalog);
    let installed: Vec<Queue> = queues::load(client).await?.into_iter().map(|installed| installed.queue).collect();
    let queues = headwater_compile::queues(&compiled.models.iter().collect::<Vec<_>>(), &installed, &catalog);
    diagnostics.extend(compiled.diagnostics);
    diagnostics.sort_by(|a, b| (&a.file, a.span.start, a.code).cmp(&(&b.file, b.span.start, b.code)));
    Ok(Wanted {
        declared: parsed.into_iter().map(|model| (model.name.clone(), model)).collect(),
        definitions,
        generations: generations.clone(),
        models: compiled.models,
        catalog,
        queues,
        problems: Problems { diagnostics, files: files.to_vec() },
    })
}

type Answers = BTreeMap<QualifiedName, Result<headwater_catalog::Resolution, ResolutionError>>;

async fn resolve(client: &mut Client, parsed: &[ParsedModel]) -> Result<(Catalog, Answers), Error> {
    let selects: Vec<_> = parsed
        .iter()
        .map(|model| SelectToResolve {
            name: model.name.clone(),
            select: model.select.clone(),
            column_names: model.column_names.clone(),
        })
        .collect();
    let missing = reads_missing_events(client, parsed).await?.then_some(EVENTS);
    headwater_postgres::resolve(client, &selects, missing).await.map_err(Error::from)
}

/// Models may read `headwater.event` before anything is installed: the server then has it for as long as it resolves them.
async fn reads_missing_events(client: &Client, parsed: &[ParsedModel]) -> Result<bool, Error> {
    if !parsed.iter().any(|model| model.select.to_lowercase().contains("headwater")) {
        return Ok(false);
    }
    let sql = "SELECT to_regclass('headwater.event') IS NULL";
    Ok(client.query_one(sql, &[]).await.during("looking for headwater.event")?.get(0))
}

/// The version hashes the text, so a line about the generation makes another version of the same definition.
fn with_generation(mut model: ParsedModel, generations: &Generations) -> ParsedModel {
    if let Some(generation) = generations.get(&model.name).filter(|generation| **generation > 0) {
        model.text.push_str(&format!("\n-- headwater generation {generation}"));
    }
    model
}

/// The server's refusal, drawn in the user's file.
fn refused(model: &ParsedModel, refusal: &ResolutionError, files: &[SourceFile]) -> Diagnostic {
    let text = files.iter().find(|file| file.path == model.file).map_or("", |file| file.text.as_str());
    let span = match refusal.offset {
        Some(offset) => word_at(text, model.select_offset + offset),
        None => model.name_span.clone(),
    };
    let (code, advice) = advice(&refusal.sqlstate);
    let mut diagnostic = Diagnostic::error(code, &model.file, span, sentence(refusal));
    diagnostic.label = refusal.detail.clone();
    diagnostic.hint = Some(refusal.hint.clone().unwrap_or_else(|| advice.to_owned()));
    diagnostic
}

fn sentence(refusal: &ResolutionError) -> String {
    format!("the server refuses this SELECT: {}", refusal.message)
}

/// The code of a refusal, and what to do about it where the server gives no hint of its own.
fn advice(sqlstate: &str) -> (u16, &'static str) {
    match sqlstate {
        "42601" => (201, "write it so that psql accepts the SELECT"),
        "42703" => (202, "name a column that one of the tables in FROM has"),
        "42P01" | "3F000" => {
            (203, "create the table first, or write its schema: tables are found by qualified name or in public")
        }
        "42702" | "42P09" | "42725" => (204, "qualify the name: table.column"),
        "42883" | "42704" => (205, "create the function, operator or type first, or cast the arguments"),
        "42804" | "42846" | "22P02" | "42P18" => (206, "cast the expression to the type that is meant"),
        "42803" => (207, "add the column to GROUP BY or aggregate it"),
        "42701" => (208, "give each output column its own name with AS"),
        "42501" => (209, "GRANT the right to the role that Headwater connects as"),
        _ => (200, "try the SELECT in psql; it must run there as it is written here"),
    }
}

/// The identifier, number or sign at `offset`.
fn word_at(text: &str, offset: usize) -> Range<usize> {
    let Some(rest) = text.get(offset..) else { return 0..0 };
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '"' | '$');
    let length = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
    offset..offset + length.max(rest.chars().next().map_or(0, char::len_utf8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_under_an_error() {
        assert_eq!(word_at("SELECT u.nme, 1", 7), 7..12);
        assert_eq!(word_at("SELECT ,", 7), 7..8);
        assert_eq!(word_at("ü", 0), 0..2);
        assert_eq!(word_at("x", 9), 0..0);
    }
}
