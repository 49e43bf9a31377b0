//! File text → [`ParsedModel`]: one per `CREATE MATERIALIZED VIEW`, with its indexes and option comments.

use std::ops::Range;

use headwater_catalog::{Ident, QualifiedName};

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
    /// `access …`: who may read it; the words after `access` as written.
    pub access: Option<String>,
    /// `retain live | append`: the word after `retain`.
    pub retain: Option<String>,
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
    /// The statement's whole text, indexes and options included: what `plan` shows and the version hashes.
    pub text: String,
}

/// Parses every file; problems of one statement do not hide those of the next.
#[must_use]
pub fn parse(files: &[SourceFile]) -> (Vec<ParsedModel>, Vec<crate::Diagnostic>) {
    let _ = files;
    todo!()
}
