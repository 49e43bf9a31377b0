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
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Inside the writer's transaction.
    Realtime,
}

/// One declared model.
#[derive(Debug, Clone)]
pub struct ParsedModel {
    /// Where it is declared.
    pub file: String,
    /// Its name; the schema is `public` where none is written.
    pub name: QualifiedName,
    /// The place of the name in the file, in bytes.
    pub name_span: Range<usize>,
    /// The SELECT exactly as written.
    pub select: String,
    /// Where the SELECT starts in the file, in bytes.
    pub select_offset: usize,
    /// Column names written after the view's name.
    pub column_names: Vec<Ident>,
    /// Realtime or eventual.
    pub mode: Mode,
    /// The statement's whole text, indexes and options included: what `plan` shows and the version hashes.
    pub text: String,
}

/// Parses every file; problems of one statement do not hide those of the next.
#[must_use]
pub fn parse(files: &[SourceFile]) -> (Vec<ParsedModel>, Vec<crate::Diagnostic>) {
    let _ = files;
    todo!()
}
