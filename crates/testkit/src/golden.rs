//! Golden cases: `tests/cases/<rule>/<idea>/`, a folder per idea, compared as whole texts.
//!
//! | file | holds |
//! | --- | --- |
//! | `schema.sql` | the source tables |
//! | `model.sql` | the models |
//! | `plan.txt` | of each model: tier, explanation, what readers see; warnings and notes |
//! | `generated.sql` | what is installed: views, table, indexes, the recompute function, and the trigger functions that its first line names; of eventual models also the rebuild, the step, the change queues and the functions that all batches share |
//! | `diagnostics.txt` | instead of both, where the models are refused |
//!
//! A case has a `generated.sql` where one is there already; to begin one, write its first line and bless.
//! `HEADWATER_BLESS=1` writes the files anew. The eight digits of a model's version, which change with everything, are
//! written `VERSION`; nothing else is normalised, so the texts are the same on every server version.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use headwater_compile::{CompiledModel, Diagnostic, Mode, SourceFile, Statement};
use headwater_deploy::{Plan, Problems, apply};

use crate::TestDatabase;

/// Set to anything, differing files are written instead of reported.
pub const BLESS_VARIABLE: &str = "HEADWATER_BLESS";

/// How the first line of `generated.sql` begins.
const TRIGGERS: &str = "-- trigger functions: ";

/// What it says where it names none.
const NONE: &str = "none";

/// Every folder under `root` that holds a `model.sql`, in order.
///
/// # Panics
/// Where a folder cannot be read.
#[must_use]
pub fn cases(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        folders.extend(entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_dir()));
        if folder.join("model.sql").exists() {
            found.push(folder);
        }
    }
    found.sort();
    found
}

/// Runs one case. Returns what is wrong with it, a panic included; nothing is fine.
pub async fn run(case: &Path) -> Vec<String> {
    let folder = case.to_owned();
    let running = tokio::spawn(async move { outcome(&folder).await });
    match running.await.unwrap_or_else(|panic| Err(panic.to_string())) {
        Ok(texts) => texts.iter().filter_map(|(name, text)| compare(&case.join(name), text)).collect(),
        Err(fault) => vec![format!("{}: {fault}", case.display())],
    }
}

/// The files that the case should have, with their texts.
async fn outcome(case: &Path) -> Result<Vec<(&'static str, String)>, String> {
    let read = |name: &str| std::fs::read_to_string(case.join(name)).map_err(|error| format!("{name}: {error}"));
    let idea = case.file_name().and_then(|name| name.to_str()).unwrap_or("case");
    let database = TestDatabase::create(idea).await;
    let mut client = database.connect().await;
    let describe = |error: tokio_postgres::Error| format!("schema.sql: {}", headwater_postgres::describe(&error));
    client.batch_execute(&read("schema.sql")?).await.map_err(describe)?;
    let files = [SourceFile { path: "model.sql".to_owned(), text: read("model.sql")? }];
    let plan = apply::plan(&mut client, &files).await.map_err(|error| error.to_string())?;
    let refused = case.components().any(|part| part.as_os_str() == "refused");
    let problems = problems_text(&plan.wanted.problems);
    match (refused, plan.wanted.problems.errors()) {
        (true, 0) => Err("nothing is refused".to_owned()),
        (true, _) => Ok(vec![("diagnostics.txt", problems)]),
        (false, 1..) => Err(format!("refused:\n{problems}")),
        (false, 0) => {
            let mut texts = vec![("plan.txt", plan_text(&plan))];
            if case.join("generated.sql").exists() {
                texts.push(("generated.sql", generated_text(&plan, &read("generated.sql")?)?));
            }
            Ok(texts)
        }
    }
}

fn compare(path: &Path, text: &str) -> Option<String> {
    let was = std::fs::read_to_string(path).unwrap_or_default();
    if was == text {
        return None;
    }
    if std::env::var_os(BLESS_VARIABLE).is_some() {
        return std::fs::write(path, text).err().map(|error| format!("{}: {error}", path.display()));
    }
    Some(format!("{} differs ({BLESS_VARIABLE}=1 writes it anew)\n{}", path.display(), difference(&was, text)))
}

/// The lines that differ, with where they are.
#[must_use]
pub fn difference(was: &str, is: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (was.lines().collect(), is.lines().collect());
    let same = old.iter().zip(&new).take_while(|(one, other)| one == other).count();
    let ends = old[same..].iter().rev().zip(new[same..].iter().rev()).take_while(|(one, other)| one == other).count();
    let lines = |sign: &str, lines: &[&str]| {
        lines[same..lines.len() - ends].iter().map(|line| format!("  {sign} {line}\n")).collect::<String>()
    };
    format!("  from line {}:\n{}{}", same + 1, lines("-", &old), lines("+", &new))
}

fn plan_text(plan: &Plan) -> String {
    let mut text = String::new();
    for model in &plan.wanted.models {
        let _ = writeln!(text, "model    {}", model.name.short());
        if model.mode == Mode::Eventual {
            let lag = model.max_lag.as_ref().map_or_else(String::new, |lag| format!(", max_lag {lag}"));
            let _ = writeln!(text, "mode     eventual{lag}");
        }
        let _ = write!(text, "tier     {}\n{}", model.tier, model.explanation);
        let _ = writeln!(text, "\n-- what readers see\n{};\n", model.finish.trim_end());
    }
    text.push_str(&problems_text(&plan.wanted.problems));
    without_versions(&format!("{}\n", text.trim_end()), &plan.wanted.models)
}

fn generated_text(plan: &Plan, was: &str) -> Result<String, String> {
    let asked =
        was.lines().next().and_then(|line| line.strip_prefix(TRIGGERS)).ok_or("its first line names no triggers")?;
    let mut text = format!("{TRIGGERS}{asked}\n");
    let mut write = |statement: &Statement| {
        let _ = write!(text, "\n-- {}\n{};\n", statement.comment, statement.sql.trim_end());
    };
    for model in &plan.wanted.models {
        model.build.iter().filter(|statement| is_shown(statement, model.mode)).for_each(&mut write);
        for statement in &model.serve {
            write(&Statement {
                comment: format!("when it begins to serve: {}", statement.comment),
                ..statement.clone()
            });
        }
        let trim = model.trim.iter().map(|sql| Statement { sql: sql.clone(), comment: "trims it".into(), undo: None });
        trim.for_each(|statement| write(&statement));
    }
    for queue in &plan.wanted.queues {
        queue.create().iter().for_each(&mut write);
    }
    if !plan.wanted.queues.is_empty() {
        let batches = plan.wanted.serving_batches();
        batches.iter().filter(|statement| statement.sql.starts_with("CREATE")).for_each(&mut write);
    }
    let functions: Vec<Statement> =
        plan.wanted.serving_triggers().into_iter().flat_map(|source| source.functions).collect();
    for name in asked.split(", ").filter(|name| *name != NONE) {
        let function = functions.iter().find(|function| function.comment == name && function.sql.contains("plpgsql"));
        write(function.ok_or_else(|| format!("there is no trigger function \"{name}\""))?);
    }
    Ok(without_versions(&text, &plan.wanted.models))
}

/// Everything but settings, grants, and the functions that fill and verify, which look alike for all models; so do the rebuilds of
/// realtime ones.
fn is_shown(statement: &Statement, mode: Mode) -> bool {
    let head = statement.sql.lines().next().unwrap_or_default();
    let shown: &[&str] = match mode {
        Mode::Realtime => &["_recompute(", "_note(", "_changes("],
        Mode::Eventual => &["_recompute(", "_note(", "_changes(", "_rebuild("],
    };
    let wanted = || head.starts_with("CREATE") && shown.iter().any(|function| head.contains(function));
    let function = head.contains(" FUNCTION ") && !head.contains(" TRIGGER ");
    !head.starts_with("SET ") && (!function || wanted())
}

/// Queues carry eight digits of their own in their names, which change with their columns only; those stay.
fn without_versions(text: &str, models: &[CompiledModel]) -> String {
    models.iter().fold(text.to_owned(), |text, model| text.replace(&model.version, "VERSION"))
}

/// Diagnostics with their places: what `headwater check` says, drawn in plain lines.
#[must_use]
pub fn problems_text(problems: &Problems) -> String {
    let drawn: Vec<String> = problems.diagnostics.iter().map(|diagnostic| problem_text(diagnostic, problems)).collect();
    drawn.join("\n")
}

fn problem_text(diagnostic: &Diagnostic, problems: &Problems) -> String {
    let severity = format!("{:?}", diagnostic.severity).to_lowercase();
    let mut text = format!("{severity} {}: {}\n", diagnostic.code, diagnostic.message);
    let file = problems.files.iter().find(|file| file.path == diagnostic.file);
    if let Some(file) = file.filter(|_| diagnostic.span.end > 0) {
        text.push_str(&place_text(&file.text, &file.path, diagnostic));
    }
    if let Some(hint) = &diagnostic.hint {
        let _ = writeln!(text, "  help: {hint}");
    }
    text
}

/// The line with the place underlined; of a place over several lines, the first.
fn place_text(file: &str, path: &str, diagnostic: &Diagnostic) -> String {
    let (before, from) = file.split_at(diagnostic.span.start);
    let place = &from[..diagnostic.span.len()];
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = file[start..].lines().next().unwrap_or_default();
    let (number, column) = (before.matches('\n').count() + 1, file[start..diagnostic.span.start].chars().count());
    let underlined = place.lines().next().unwrap_or_default().chars().count().max(1);
    let label = diagnostic.label.as_deref().unwrap_or_default();
    let under = format!("{}{} {label}", " ".repeat(column), "^".repeat(underlined));
    format!("  --> {path}:{number}:{}\n   | {line}\n   | {}\n", column + 1, under.trim_end())
}
