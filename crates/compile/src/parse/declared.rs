//! What the statements of all files declare together: models, their indexes, and names that clash or lead nowhere.

use std::collections::BTreeSet;
use std::ops::Range;

use headwater_catalog::QualifiedName;
use pg_query::NodeEnum;
use pg_query::protobuf::{ObjectType, Token};

use super::index::{self, IndexOn};
use super::statements::RawStatement;
use super::words::{self, Word};
use super::{ParsedIndex, ParsedModel, SourceFile, model, nearest, options, refused, syntax_error};
use crate::{Diagnostic, Severity};

/// What the statements of all files declare.
#[derive(Default)]
pub(super) struct Declared {
    models: Vec<ParsedModel>,
    indexes: Vec<IndexOn>,
    /// Models that are declared with an error: their indexes are not to blame.
    refused: BTreeSet<QualifiedName>,
    /// A statement is so broken that its name is unknown: no index is to blame.
    nameless: bool,
}

impl Declared {
    /// Reads one statement.
    pub fn add(&mut self, file: &SourceFile, raw: &RawStatement, diagnostics: &mut Vec<Diagnostic>) {
        let errors = |diagnostics: &[Diagnostic]| diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
        let before = errors(diagnostics);
        let node = node(file, raw, diagnostics);
        let model = match node {
            Some(NodeEnum::CreateTableAsStmt(statement)) if statement.objtype() == ObjectType::ObjectMatview => {
                model::read(file, raw, &statement, diagnostics)
            }
            Some(NodeEnum::IndexStmt(statement)) => {
                let index = index::read(file, raw, *statement, diagnostics);
                self.indexes.extend(index.filter(|_| errors(diagnostics) == before));
                return;
            }
            Some(other) => {
                diagnostics.push(refused::refuse(file, raw, &other));
                return options::refuse(file, &raw.before, diagnostics);
            }
            None => None,
        };
        match model.filter(|_| errors(diagnostics) == before) {
            Some(model) => self.models.push(model),
            None => self.refuse(file, raw),
        }
    }

    /// Remembers the name of a declaration with an error.
    fn refuse(&mut self, file: &SourceFile, raw: &RawStatement) {
        let name = raw.declared_name(&file.text).and_then(|(_, name)| match name.parts.as_slice() {
            [name] => QualifiedName::parse("public", name).ok(),
            [schema, name] => QualifiedName::parse(schema, name).ok(),
            _ => None,
        });
        self.nameless |= name.is_none() && (raw.broken || raw.declares_model());
        self.refused.extend(name);
    }

    /// Gives the indexes to their models, and reports names that are declared twice or not at all.
    pub fn join(self, files: &[SourceFile], diagnostics: &mut Vec<Diagnostic>) -> Vec<ParsedModel> {
        let mut models: Vec<ParsedModel> = Vec::new();
        for model in self.models {
            match models.iter().find(|first| first.name == model.name) {
                Some(first) => report_twice(first, &model, files, diagnostics),
                None => models.push(model),
            }
        }
        for IndexOn { relation, relation_span, index } in self.indexes {
            let model = models.iter_mut().find(|model| model.name == relation);
            match model {
                Some(model) if model.file != index.file || model.span.start < index.span.start => {
                    model.text.push_str(&index.text);
                    model.text.push_str(";\n");
                    model.indexes.push(index);
                }
                Some(_) => diagnostics.push(
                    Diagnostic::error(
                        104,
                        &index.file,
                        relation_span,
                        format!("the index stands before the model \"{}\"", relation.short()),
                    )
                    .label("declared below")
                    .hint("move the index after the model, so that psql can run the file too"),
                ),
                None if self.nameless || self.refused.contains(&relation) => {}
                None => diagnostics.push(on_unknown(&index, &relation, relation_span, &models)),
            }
        }
        models
    }
}

/// PostgreSQL's parse of one statement; `None` where an error is reported or nothing is there.
fn node(file: &SourceFile, raw: &RawStatement, diagnostics: &mut Vec<Diagnostic>) -> Option<NodeEnum> {
    if raw.broken {
        return None;
    }
    if raw.words.is_empty() {
        options::refuse(file, &raw.before, diagnostics);
        return None;
    }
    let end = raw.semicolon.as_ref().map_or(raw.span().end, |semicolon| semicolon.span.end);
    let parsed = match pg_query::parse(&file.text[raw.span().start..end], 0) {
        Ok(parsed) => parsed,
        Err(error) => {
            let message = words::sentence(error);
            diagnostics.push(match is_too_deep(&message) {
                true => too_deep(file, raw),
                false => syntax_error::diagnose(file, raw, &message),
            });
            return None;
        }
    };
    let node = parsed.protobuf.stmts.into_iter().next()?.stmt?.node?;
    if matches!(node, NodeEnum::CreateTableAsStmt(_) | NodeEnum::IndexStmt(_)) {
        check_words(file, &raw.words, diagnostics);
    }
    Some(node)
}

/// True for the sentences with which the parser says that a statement is nested too deeply for it.
fn is_too_deep(message: &str) -> bool {
    ["memory exhausted", "stack depth limit exceeded", "parse tree is nested too deeply"]
        .iter()
        .any(|sentence| message.starts_with(sentence))
}

fn too_deep(file: &SourceFile, raw: &RawStatement) -> Diagnostic {
    Diagnostic::error(112, &file.path, raw.words[0].span.clone(), "the statement is nested too deeply")
        .label("starts here")
        .hint("move parts of it into views, or write a chain of operators with parentheses in halves")
}

/// Reports names that PostgreSQL would cut, and parameters.
fn check_words(file: &SourceFile, words: &[Word], diagnostics: &mut Vec<Diagnostic>) {
    for word in words {
        let text = word.text(&file.text);
        if word.is_too_long(&file.text) {
            diagnostics.push(
                Diagnostic::error(108, &file.path, word.span.clone(), "the name is longer than 63 bytes")
                    .label("PostgreSQL would cut it silently")
                    .hint("choose a shorter name"),
            );
        } else if word.kind == Token::Param {
            diagnostics.push(
                Diagnostic::error(
                    109,
                    &file.path,
                    word.span.clone(),
                    format!("a model has no parameters such as {text}"),
                )
                .label("a parameter")
                .hint("select the value as a column, and let readers filter on it"),
            );
        }
    }
}

/// Two models of one name: an error at the second, a note at the first.
fn report_twice(first: &ParsedModel, second: &ParsedModel, files: &[SourceFile], diagnostics: &mut Vec<Diagnostic>) {
    let place = |model: &ParsedModel| {
        let file = files.iter().find(|file| file.path == model.file).map_or("", |file| &file.text);
        format!("{}:{}", model.file, words::line(file, model.name_span.start))
    };
    let name = first.name.short();
    let message = format!("the model \"{name}\" is declared twice: here and in {}", place(first));
    diagnostics.push(
        Diagnostic::error(105, &second.file, second.name_span.clone(), message)
            .label("declared again")
            .hint("rename or remove one of them"),
    );
    let message = format!("the model \"{name}\" is declared here first, and again in {}", place(second));
    diagnostics.push(Diagnostic::note(105, &first.file, first.name_span.clone(), message).label("declared here first"));
}

/// An index on something that is no model.
fn on_unknown(index: &ParsedIndex, relation: &QualifiedName, span: Range<usize>, models: &[ParsedModel]) -> Diagnostic {
    let names: Vec<String> = models.iter().map(|model| model.name.short()).collect();
    let meant = nearest::nearest(&relation.short(), names.iter().map(String::as_str));
    let hint = match meant {
        Some(meant) => format!("did you mean \"{meant}\"?"),
        None => "indexes on the application's tables belong in its migrations".into(),
    };
    Diagnostic::error(104, &index.file, span, format!("there is no model \"{}\"", relation.short()))
        .label("no such model")
        .hint(hint)
}
