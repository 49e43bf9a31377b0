//! `CREATE INDEX` on a model → [`ParsedIndex`].
//!
//! The columns of a unique index are the model's key; every index is built on the model table. CONCURRENTLY and IF NOT
//! EXISTS say how to create an index on a table in use, so they mean nothing here and are accepted in silence.

use std::ops::Range;

use headwater_catalog::{Ident, QualifiedName};
use pg_query::NodeEnum;
use pg_query::protobuf::{IndexStmt, Node, Token};

use super::statements::RawStatement;
use super::{ParsedIndex, SourceFile, model, options, words};
use crate::Diagnostic;

/// An index and the relation that it is on.
#[derive(Debug)]
pub(super) struct IndexOn {
    /// The relation's name; `public` where no schema is written.
    pub relation: QualifiedName,
    /// The place of the relation's name in the index's file.
    pub relation_span: Range<usize>,
    /// The index.
    pub index: ParsedIndex,
}

/// Reads one index; `None` where an error is reported.
pub(super) fn read(
    file: &SourceFile,
    raw: &RawStatement,
    statement: IndexStmt,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<IndexOn> {
    options::refuse(file, &raw.before, diagnostics);
    options::refuse(file, &raw.inside, diagnostics);
    let relation_span = relation_span(file, raw)?;
    let Some(relation) = model::qualified(statement.relation.as_ref()?) else {
        diagnostics.push(model::database_in_name(file, relation_span));
        return None;
    };
    let index = ParsedIndex {
        name: Ident::new(&*statement.idxname).ok(),
        unique: statement.unique,
        columns: statement.index_params.iter().map(column).collect(),
        has_predicate: statement.where_clause.is_some(),
        stmt: statement,
        text: file.text[raw.span()].to_owned(),
        span: raw.span(),
        file: file.path.clone(),
    };
    Some(IndexOn { relation, relation_span, index })
}

/// The place of the name after `ON [ONLY]`. ON is reserved, so the first one is that one.
fn relation_span(file: &SourceFile, raw: &RawStatement) -> Option<Range<usize>> {
    let on = raw.words.iter().position(|word| word.kind == Token::On)?;
    let after = &raw.words[on + 1..];
    let only = usize::from(words::starts_with(after, &[Token::Only]));
    Some(words::name_at(&file.text, &after[only..])?.span)
}

/// The column of one index element, where it is a plain column.
fn column(element: &Node) -> Option<Ident> {
    match element.node.as_ref()? {
        NodeEnum::IndexElem(element) => Ident::new(&*element.name).ok(),
        _ => None,
    }
}
