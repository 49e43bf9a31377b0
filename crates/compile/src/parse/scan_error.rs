//! HW0102: a word that PostgreSQL's scanner refuses, such as a string without its closing quote. The scanner does not
//! say where, so the file is cut into chunks at which a word surely ends, and the first prefix that fails is searched.

use std::ops::Range;

use super::{SourceFile, words};
use crate::Diagnostic;

/// The place of a scan error.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ScanError {
    /// The bytes that cannot be scanned; to the end of the file where something is not closed.
    pub chunk: Range<usize>,
    /// Where the next statement starts.
    pub resume: usize,
}

/// Finds the first word of `text[from..]` that cannot be scanned.
pub(super) fn locate(text: &str, from: usize, message: &str) -> ScanError {
    let chunks = chunks(text, from);
    let bad = chunks.partition_point(|chunk| words::scan(text, from..chunk.end).is_ok());
    let chunk = chunks.get(bad).cloned().unwrap_or(from..text.len());
    if message.starts_with("unterminated") {
        return ScanError { chunk: chunk.start..text.len(), resume: text.len() };
    }
    let semicolon = chunks.iter().skip(bad).find(|chunk| &text[(*chunk).clone()] == ";");
    ScanError { resume: semicolon.map_or(text.len(), |chunk| chunk.end), chunk }
}

/// Says what cannot be scanned and what may have been meant.
pub(super) fn diagnose(file: &SourceFile, error: &ScanError, message: &str) -> Diagnostic {
    let bytes = &file.text[error.chunk.clone()];
    let first_line = error.chunk.start..error.chunk.start + bytes.find('\n').unwrap_or(bytes.len());
    // PostgreSQL repeats the rest of the file after these words; the span shows the place.
    let sentence = message.split(" at or near ").next().unwrap_or(message);
    let (label, hint) = match sentence {
        "unterminated quoted string" => {
            ("this string is not closed", "close it with a quote; a quote inside a string is written twice: 'it''s'")
        }
        "unterminated quoted identifier" => ("this name is not closed", "close it with a double quote"),
        "unterminated dollar-quoted string" => ("this string is not closed", "close it with the same $tag$"),
        "unterminated /* comment" => ("this comment is not closed", "close it with */; comments nest"),
        "zero-length delimited identifier" => ("an empty name", "strings stand in single quotes: ''"),
        _ if sentence.starts_with("trailing junk after") => (
            "a number with letters after it",
            "put a name that starts with a digit into double quotes, or write a space after the number",
        ),
        _ => ("this cannot be read", "see \"Lexical Structure\" in PostgreSQL's documentation"),
    };
    Diagnostic::error(102, &file.path, first_line, sentence).label(label).hint(hint)
}

/// Pieces of `text[from..]` at whose ends words end too: strings, comments, words, and everything else by character.
fn chunks(text: &str, from: usize) -> Vec<Range<usize>> {
    let mut chunks: Vec<Range<usize>> = Vec::new();
    let mut at = from;
    while at < text.len() {
        let rest = &text[at..];
        // The E of E'…' belongs to its string, in which a backslash escapes the quote.
        let escapes = rest.starts_with(['e', 'E']) && rest[1..].starts_with('\'');
        let length = if escapes {
            1 + quoted(&rest[1..], '\'', true)
        } else if rest.starts_with('\'') {
            quoted(rest, '\'', false)
        } else if rest.starts_with('"') {
            quoted(rest, '"', false)
        } else if rest.starts_with("--") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            comment(rest)
        } else if let Some(tag) = dollar_tag(rest) {
            rest[tag.len()..].find(tag).map_or(rest.len(), |end| end + 2 * tag.len())
        } else {
            let word = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
            word.max(rest.chars().next().map_or(1, char::len_utf8))
        };
        chunks.push(at..at + length);
        at += length;
    }
    chunks
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '$' || !c.is_ascii()
}

/// The length of a quoted text with both quotes; a doubled quote does not end it.
fn quoted(text: &str, quote: char, escapes: bool) -> usize {
    let mut inside = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = inside.next() {
        if escapes && c == '\\' {
            inside.next();
        } else if c == quote && inside.next_if(|(_, next)| *next == quote).is_none() {
            return at + 1;
        }
    }
    text.len()
}

/// The length of a `/* */` comment with those nested in it.
fn comment(text: &str) -> usize {
    let (mut at, mut depth) = (2, 1);
    while depth > 0 {
        let Some(next) = text[at..].find(['/', '*']) else { return text.len() };
        at += next;
        let step = match &text.as_bytes()[at..] {
            [b'/', b'*', ..] => 1,
            [b'*', b'/', ..] => -1,
            _ => 0,
        };
        depth += step;
        at += if step == 0 { 1 } else { 2 };
    }
    at
}

/// The `$tag$` that `text` starts with.
fn dollar_tag(text: &str) -> Option<&str> {
    let end = text.strip_prefix('$')?.find('$')? + 1;
    let tag = &text[1..end];
    let well_formed = !tag.starts_with(|c: char| c.is_ascii_digit()) && tag.chars().all(is_word);
    well_formed.then_some(&text[..=end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_end_where_words_end() {
        let text = "SELECT E'a\\'b', 'c''d' /* x /* y */ z */, $t$;$t$ -- 'é\n\"q\"\"\"";
        let pieces: Vec<&str> = chunks(text, 0).into_iter().map(|chunk| &text[chunk]).collect();
        assert_eq!(
            pieces,
            [
                "SELECT",
                " ",
                "E'a\\'b'",
                ",",
                " ",
                "'c''d'",
                " ",
                "/* x /* y */ z */",
                ",",
                " ",
                "$t$;$t$",
                " ",
                "-- 'é",
                "\n",
                "\"q\"\"\"",
            ]
        );
    }

    #[test]
    fn what_is_not_closed_reaches_to_the_end() {
        for text in ["'a", "\"a", "/* a /* b */", "$x$ a $y$", "E'a\\'"] {
            assert_eq!(chunks(text, 0).first(), Some(&(0..text.len())), "{text}");
        }
    }
}
