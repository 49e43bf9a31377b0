//! `CREATE MATERIALIZED VIEW` → [`ParsedModel`].

use std::ops::Range;

use headwater_catalog::{Ident, QualifiedName};
use pg_query::NodeEnum;
use pg_query::protobuf::{CreateTableAsStmt, IntoClause, Node, RangeVar, Token};

use super::statements::RawStatement;
use super::words::Word;
use super::{ParsedModel, SourceFile, options};
use crate::Diagnostic;

/// Reads one declaration. What Headwater ignores in it is reported as a warning; `None` where an error is reported.
pub(super) fn read(
    file: &SourceFile,
    raw: &RawStatement,
    statement: &CreateTableAsStmt,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<ParsedModel> {
    let into = statement.into.as_deref()?;
    let (first, name_at) = raw.declared_name(&file.text)?;
    let options = options::read(file, &raw.before, diagnostics);
    options::refuse(file, &raw.inside, diagnostics);
    let Some(name) = qualified(into.rel.as_ref()?) else {
        diagnostics.push(database_in_name(file, name_at.span));
        return None;
    };
    let after_name = first + name_at.words;
    let query = query_start(&raw.words, after_name)?;
    let end = query_end(&raw.words);
    if raw.words[..first].iter().any(|word| word.kind == Token::Unlogged) {
        diagnostics.push(
            Diagnostic::error(103, &file.path, raw.words[1].span.clone(), "materialized views cannot be unlogged")
                .label("not possible")
                .hint("remove UNLOGGED"),
        );
    }
    ignored(file, &raw.words[after_name..query], into, diagnostics);
    if end < raw.words.len() && into.skip_data {
        let span = raw.words[end].span.start..raw.span().end;
        diagnostics.push(ignored_part(file, span, "WITH NO DATA", "a model is always filled"));
    }
    let (access_line, options_text) = options::lines(file, &raw.before);
    let select = raw.words[query].span.start..raw.words[end - 1].span.end;
    Some(ParsedModel {
        file: file.path.clone(),
        name,
        name_span: name_at.span,
        select: file.text[select.clone()].to_owned(),
        select_offset: select.start,
        column_names: into.col_names.iter().map(string).collect::<Option<_>>()?,
        options,
        indexes: Vec::new(),
        span: raw.span(),
        // Indexes are added as they are found.
        text: format!("{options_text}{};\n", &file.text[raw.span()]),
        access_line,
    })
}

/// A relation's name; `public` where no schema is written, `None` where a database is.
pub(super) fn qualified(relation: &RangeVar) -> Option<QualifiedName> {
    let schema = if relation.schemaname.is_empty() { "public" } else { &relation.schemaname };
    if !relation.catalogname.is_empty() {
        return None;
    }
    QualifiedName::parse(schema, &relation.relname).ok()
}

/// The refusal of `database.schema.name`.
pub(super) fn database_in_name(file: &SourceFile, span: Range<usize>) -> Diagnostic {
    Diagnostic::error(103, &file.path, span, "a model's name has at most a schema before it")
        .label("too many parts")
        .hint("leave the database out: models live in the database that Headwater connects to")
}

/// The index of the query's first word: the one after the AS that stands outside parentheses.
fn query_start(words: &[Word], from: usize) -> Option<usize> {
    let mut depth = 0;
    for (at, word) in words.iter().enumerate().skip(from) {
        match word.kind {
            Token::Ascii40 => depth += 1,
            Token::Ascii41 => depth -= 1,
            Token::As if depth == 0 => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// The number of words up to the query's end: `WITH [NO] DATA` left out.
fn query_end(words: &[Word]) -> usize {
    let kinds: Vec<Token> = words.iter().rev().take(3).map(|word| word.kind).collect();
    let extra = match kinds.as_slice() {
        [Token::DataP, Token::No, Token::With] => 3,
        [Token::DataP, Token::With, ..] => 2,
        _ => 0,
    };
    words.len() - extra
}

/// Warns of storage clauses, which say how to store a materialized view that will never exist.
fn ignored(file: &SourceFile, words: &[Word], into: &IntoClause, diagnostics: &mut Vec<Diagnostic>) {
    let why = "Headwater stores the model in a table of its own";
    let mut warn = |given: bool, kind: Token, clause: &str| {
        let Some(at) = words.iter().position(|word| word.kind == kind).filter(|_| given) else { return };
        let end = match kind {
            Token::With => words[at..].iter().find(|word| word.kind == Token::Ascii41),
            _ => words.get(at + 1),
        };
        let span = words[at].span.start..end.unwrap_or(&words[at]).span.end;
        diagnostics.push(ignored_part(file, span, clause, why));
    };
    warn(!into.access_method.is_empty(), Token::Using, "USING");
    warn(!into.options.is_empty(), Token::With, "WITH (…)");
    warn(!into.table_space_name.is_empty(), Token::Tablespace, "TABLESPACE");
}

fn ignored_part(file: &SourceFile, span: Range<usize>, clause: &str, why: &str) -> Diagnostic {
    Diagnostic::warning(110, &file.path, span, format!("{clause} is ignored: {why}")).label("ignored").hint("remove it")
}

/// A name in a list of names.
fn string(node: &Node) -> Option<Ident> {
    match node.node.as_ref()? {
        NodeEnum::String(string) => Ident::new(&*string.sval).ok(),
        _ => None,
    }
}
