//! File text → [`ParsedModel`]: one per `CREATE MATERIALIZED VIEW`, with its indexes and option comments.
//!
//! | module | does |
//! | --- | --- |
//! | `statements` | cuts a file into statements, so that one error does not hide the next |
//! | `words` | PostgreSQL's scanner: words with their bytes in the file |
//! | `scan_error` | finds a word that cannot be scanned (HW0102) |
//! | `syntax_error` | finds the word at which the grammar stops, and a likely cause (HW0101) |
//! | `declared` | collects what all statements declare, and gives each index to its model |
//! | `model` | reads CREATE MATERIALIZED VIEW |
//! | `index` | reads CREATE INDEX |
//! | `options` | reads `-- headwater:` comments |
//! | `refused` | refuses every other statement, with what to write instead (HW0103) |
//! | `nearest` | "did you mean …?" |
//!
//! The grammar is PostgreSQL's own (libpg_query). Names are not resolved here: the server does that.

mod access;
mod column;
mod declared;
mod index;
mod model;
mod nearest;
mod options;
mod refused;
mod scan_error;
mod statements;
mod syntax_error;
mod words;

use std::ops::Range;

use headwater_catalog::{Ident, QualifiedName};

pub use self::access::{Access, Readers};
use self::declared::Declared;
use crate::Diagnostic;

/// One file of models.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// Its path as the user named it; diagnostics carry it.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// When a model is maintained.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Inside the writer's transaction.
    #[default]
    Realtime,
    /// After it, in batches.
    Eventual,
}

impl Mode {
    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Realtime => "realtime",
            Self::Eventual => "eventual",
        }
    }
}

/// Whether changes of model rows are kept as a list, and whether rows stay as they were.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Retain {
    /// Every change of a row is an entry of the log.
    Live,
    /// Rows are added when the SELECT yields a new key and stay as they were; they are entries of the log, too.
    Append {
        /// How long they stay.
        keep: Option<Keep>,
        /// What of a row does not stay as it was.
        follow: Option<Follow>,
    },
}

impl Retain {
    /// `live` or `append`, as it is written.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Append { .. } => "append",
        }
    }
}

/// How long the rows of an event log stay.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Keep {
    /// As an interval that PostgreSQL reads, such as `180 days`.
    pub interval: String,
    /// The column with the time that counts, where one is named.
    pub by: Option<String>,
}

/// What of the rows of an event log follows the SELECT: that a row is there at all, and the values of some columns.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Follow {
    /// The columns; none where only deletes are followed.
    pub columns: Vec<Ident>,
}

/// How a change reaches a model, as `require` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Arithmetic on the model row.
    Delta,
    /// The affected keys are recomputed.
    Keyed,
}

/// What the `-- headwater:` comments before a model say.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Options {
    /// `realtime` (the default) or `eventual`.
    pub mode: Mode,
    /// `require delta | keyed`: refuse the model if a change would reach it in a slower way.
    pub require: Option<Tier>,
    /// `access public | admin | owner(column)`: who may read it.
    pub access: Option<Access>,
    /// `eventual max_lag 1s`: how far behind the model may be, as an interval that PostgreSQL reads.
    pub max_lag: Option<String>,
    /// `retain live | append [keep 180 days [by column]] [follow deletes | follow column, …]`.
    pub retain: Option<Retain>,
}

/// One `CREATE INDEX` on a model.
#[derive(Debug, Clone, PartialEq)]
pub struct ParsedIndex {
    /// Its name, where one is written.
    pub name: Option<Ident>,
    /// True for `CREATE UNIQUE INDEX`.
    pub unique: bool,
    /// The key columns in order, `None` where an expression stands; INCLUDE columns are not among them.
    pub columns: Vec<Option<Ident>>,
    /// True where it has a WHERE clause.
    pub has_predicate: bool,
    /// PostgreSQL's parse of the statement.
    pub stmt: pg_query::protobuf::IndexStmt,
    /// The statement exactly as written, without its semicolon.
    pub text: String,
    /// The place of `text` in the file, in bytes.
    pub span: Range<usize>,
    /// The file, which may be another than the model's.
    pub file: String,
}

/// One declared model.
#[derive(Debug, Clone, PartialEq)]
pub struct ParsedModel {
    /// Where it is declared.
    pub file: String,
    /// Its name; the schema is `public` where none is written.
    pub name: QualifiedName,
    /// The place of the name (with its schema where one is written) in the file, in bytes.
    pub name_span: Range<usize>,
    /// The SELECT exactly as written, from its first to its last word: comments around it and `WITH [NO] DATA` are
    /// left out, so that it can stand before anything.
    pub select: String,
    /// Where the SELECT starts in the file, in bytes.
    pub select_offset: usize,
    /// Column names written after the view's name.
    pub column_names: Vec<Ident>,
    /// What the `-- headwater:` comments before it say.
    pub options: Options,
    /// The model's indexes in the order in which they are written.
    pub indexes: Vec<ParsedIndex>,
    /// The place of the CREATE MATERIALIZED VIEW statement in the file, without its semicolon, in bytes.
    pub span: Range<usize>,
    /// The statement's whole text, indexes and options included, but for `access`: what the version hashes.
    pub text: String,
    /// The line of `access` as written, with its line break; empty where there is none. It changes no object.
    pub access_line: String,
}

impl ParsedModel {
    /// The declaration whole: what the database keeps, and from which it can be compiled again.
    #[must_use]
    pub fn declaration(&self) -> String {
        format!("{}{}", self.access_line, self.text)
    }
}

/// The stack that one word can cost, in bytes. Measured without optimisation: 31 kB a level for decoding the tree, one
/// level a word in chains of NOT. PostgreSQL's own parser guards its stack; the decoder does not.
const STACK_PER_WORD: usize = 40 << 10;

/// The stack that always suffices, in bytes: libpg_query gives no tree that is deeper than 5,000 levels.
const STACK_MAX: usize = 5_000 * STACK_PER_WORD;

/// Parses every file; problems of one statement do not hide those of the next. Models come in the order of the files;
/// a statement with an error gives none. Diagnostics come in the order of the files and of the places in them.
#[must_use]
pub fn parse(files: &[SourceFile]) -> (Vec<ParsedModel>, Vec<Diagnostic>) {
    let mut diagnostics = Vec::new();
    let mut statements = Vec::new();
    for file in files {
        statements.extend(statements::split(file, &mut diagnostics).into_iter().map(|raw| (file, raw)));
    }
    let longest = statements.iter().map(|(_, raw)| raw.words.len()).max().unwrap_or(0);
    let models = on_deep_stack(longest, || {
        let mut declared = Declared::default();
        for (file, raw) in &statements {
            declared.add(file, raw, &mut diagnostics);
        }
        declared.join(files, &mut diagnostics)
    });
    let order = |diagnostic: &Diagnostic| files.iter().position(|file| file.path == diagnostic.file);
    diagnostics.sort_by_key(|diagnostic| (order(diagnostic), diagnostic.span.start));
    (models, diagnostics)
}

/// Runs `work` on a thread whose stack suffices for statements of so many words: 32 MB at least, which the system
/// provides page by page as they are used.
fn on_deep_stack<T: Send>(words: usize, work: impl FnOnce() -> T + Send) -> T {
    let stack = words.saturating_mul(STACK_PER_WORD).clamp(32 << 20, STACK_MAX);
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("parse".into()).stack_size(stack).spawn_scoped(scope, work);
        let result = thread.expect("the system provides a thread").join();
        result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

#[cfg(test)]
mod tests;
