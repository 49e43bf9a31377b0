//! Splits a file into statements at its semicolons, before anything is parsed: an error in one statement then never
//! hides those of the others. The words are PostgreSQL's, so semicolons in strings, dollar quotes and comments do not
//! count.

use std::ops::Range;

use pg_query::protobuf::Token;

use super::words::{self, NameAt, Word};
use super::{SourceFile, scan_error};
use crate::Diagnostic;

/// One statement, not yet parsed.
#[derive(Debug, Default)]
pub(super) struct RawStatement {
    /// Its words, without comments and without the semicolon.
    pub words: Vec<Word>,
    /// Its semicolon, where one ends it.
    pub semicolon: Option<Word>,
    /// The comments between the previous statement's end and this one's first word.
    pub before: Vec<Word>,
    /// The comments between its first and its last word.
    pub inside: Vec<Word>,
    /// True where a word in it cannot be scanned; that is reported, and its words end there.
    pub broken: bool,
}

/// A file's statements, in order; the last may consist of comments alone. Words that cannot be scanned are reported.
pub(super) fn split(file: &SourceFile, diagnostics: &mut Vec<Diagnostic>) -> Vec<RawStatement> {
    let text = &file.text;
    if let Some(nul) = text.find('\0') {
        let error = Diagnostic::error(102, &file.path, nul..nul + 1, "the file contains a NUL byte");
        diagnostics.push(error.label("here").hint("save the file as UTF-8 text"));
        return vec![RawStatement { broken: true, ..RawStatement::default() }];
    }
    // An editor's byte order mark: psql skips it, the scanner would take it for part of a name.
    let mut from = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut statements = Vec::new();
    loop {
        match words::scan(text, from..text.len()) {
            Ok(words) => {
                group(words, &mut statements);
                return statements;
            }
            Err(message) => {
                let error = scan_error::locate(text, from, &message);
                diagnostics.push(scan_error::diagnose(file, &error, &message));
                let complete = statements.len();
                group(words::scan(text, from..error.chunk.start).unwrap_or_default(), &mut statements);
                match statements[complete..].last_mut() {
                    Some(last) if last.semicolon.is_none() => last.broken = true,
                    _ => statements.push(RawStatement { broken: true, ..RawStatement::default() }),
                }
                from = error.resume;
            }
        }
    }
}

/// Adds the statements that `words` hold.
fn group(words: Vec<Word>, statements: &mut Vec<RawStatement>) {
    let mut current = RawStatement::default();
    let mut comments = Vec::new();
    for word in words {
        if word.kind == Token::Ascii59 {
            if !current.words.is_empty() {
                current.semicolon = Some(word);
                current.inside.append(&mut comments);
                statements.push(std::mem::take(&mut current));
            }
        } else if word.is_comment() {
            comments.push(word);
        } else {
            let place = if current.words.is_empty() { &mut current.before } else { &mut current.inside };
            place.append(&mut comments);
            current.words.push(word);
        }
    }
    if !current.words.is_empty() {
        statements.push(std::mem::take(&mut current));
    }
    if !comments.is_empty() {
        statements.push(RawStatement { before: comments, ..RawStatement::default() });
    }
}

impl RawStatement {
    /// Its bytes, from the first word to the last.
    pub fn span(&self) -> Range<usize> {
        match (self.words.first(), self.words.last()) {
            (Some(first), Some(last)) => first.span.start..last.span.end,
            _ => 0..0,
        }
    }

    /// True where it declares a materialized view, well-formed or not.
    pub fn declares_model(&self) -> bool {
        self.view().is_some()
    }

    /// The name that it declares, and the index of the name's first word.
    pub fn declared_name(&self, file: &str) -> Option<(usize, NameAt)> {
        let mut at = self.view()? + 1;
        if words::starts_with(&self.words[at..], &[Token::IfP, Token::Not, Token::Exists]) {
            at += 3;
        }
        Some((at, words::name_at(file, &self.words[at..])?))
    }

    /// The index of VIEW in `CREATE … MATERIALIZED VIEW`.
    fn view(&self) -> Option<usize> {
        let view = self.words.iter().take(6).position(|word| word.kind == Token::View)?;
        let modifiers = self.words[1..view].split_last()?;
        (self.words[0].kind == Token::Create
            && modifiers.0.kind == Token::Materialized
            && modifiers.1.iter().all(|word| matches!(word.kind, Token::Or | Token::Replace | Token::Unlogged)))
        .then_some(view)
    }
}
