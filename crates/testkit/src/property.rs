//! Random statements of every kind over a tiny data set; the oracle after each of them, inside the open transaction and
//! after every commit; the failure shrunk to the statements that matter, as a script to run.
//!
//! | module | does |
//! | --- | --- |
//! | [`tables`] | reads the application's tables from the catalog, and makes values of their columns |
//! | [`statements`] | makes statements, and scripts of transactions |
//! | [`stage`] | a database with models, copied for every run |
//! | [`session`] | runs a script and asks the oracle |
//! | [`shrink`] | drops statements while the script still fails |
//! | [`crowd`] | several sessions at once, compared at quiet points |
//!
//! Everything random comes from one seed. Values are few (a dozen ids a table), so that statements meet the same rows.

pub mod crowd;
pub mod session;
pub mod shrink;
pub mod stage;
pub mod statements;
pub mod tables;

use std::path::{Path, PathBuf};

use headwater_compile::{Mode, SourceFile};

use crate::behavior::{in_mode, root};
use crate::traffic::Random;
pub use session::Failure;
pub use stage::Stage;

/// The models of the showcase and of `tests/property`, all realtime, one file for each, so that some can be left out.
///
/// # Panics
/// Where a file cannot be read.
#[must_use]
pub fn models() -> Vec<SourceFile> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(root().join("examples/showcase/models"))
        .expect("the showcase's models")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    paths.push(root().join("tests/property/models.sql"));
    let files: Vec<SourceFile> =
        paths.iter().map(|path| SourceFile { path: path.display().to_string(), text: read(path) }).collect();
    let (models, _) = headwater_compile::parse::parse(&files);
    models
        .into_iter()
        .map(|model| SourceFile {
            path: format!("{}.sql", model.name.name.as_str()),
            text: in_mode(&model.text, Mode::Realtime),
        })
        .collect()
}

/// The models of one round. Every third round has all models, the others a few or one: models that share keys and locks hide each other's faults.
#[must_use]
pub fn chosen(all: &[SourceFile], seed: u64) -> Vec<SourceFile> {
    let every = match seed % 3 {
        0 => return all.to_vec(),
        1 => 5,
        _ => all.len() as u64,
    };
    let start = usize::try_from(seed / 3 % every).unwrap_or(0);
    all.iter().skip(start).step_by(usize::try_from(every).unwrap_or(1)).cloned().collect()
}

/// The tables that those models read.
///
/// # Panics
/// Where a file cannot be read.
#[must_use]
pub fn schema() -> String {
    ["examples/showcase/schema.sql", "tests/property/schema.sql"].map(|path| read(&root().join(path))).join("\n")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A number below `bound`.
pub(crate) fn below(random: &mut Random, bound: usize) -> usize {
    usize::try_from(random.number() % bound.max(1) as u64).unwrap_or(0)
}

/// True in so many of a hundred cases.
pub(crate) fn chance(random: &mut Random, percent: usize) -> bool {
    below(random, 100) < percent
}

/// One of them.
pub(crate) fn pick<'t, T>(random: &mut Random, from: &'t [T]) -> &'t T {
    &from[below(random, from.len())]
}
