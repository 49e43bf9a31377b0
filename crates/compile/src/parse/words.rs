//! The words of a statement, as PostgreSQL's own scanner splits them, with their bytes in the file.

use std::ops::Range;

use headwater_catalog::ident::MAX_BYTES;
use pg_query::protobuf::{KeywordKind, Token};

/// One word: a key word, a name, a literal, an operator or a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// What PostgreSQL's scanner calls it.
    pub kind: Token,
    /// How reserved it is, where it is a key word.
    pub keyword: KeywordKind,
    /// Its bytes in the file.
    pub span: Range<usize>,
}

/// Scans `text[range]`; the error is PostgreSQL's sentence, which names no place.
pub(super) fn scan(text: &str, range: Range<usize>) -> Result<Vec<Word>, String> {
    let offset = range.start;
    // The parser crate builds a slice from a null pointer, and aborts, where there is no token.
    if text[range.clone()].chars().all(|c| matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')) {
        return Ok(Vec::new());
    }
    let tokens = pg_query::scan_tokens(&text[range]).map_err(sentence)?;
    Ok(tokens
        .into_iter()
        .map(|token| Word {
            kind: token.token(),
            keyword: token.keyword_kind(),
            span: offset + position(token.start)..offset + position(token.end),
        })
        .collect())
}

fn position(byte: i32) -> usize {
    usize::try_from(byte).expect("the scanner counts from zero")
}

/// PostgreSQL's sentence, without the parser crate's words around it.
pub(super) fn sentence(error: pg_query::Error) -> String {
    match error {
        pg_query::Error::Parse(message) | pg_query::Error::Scan(message) => message,
        other => other.to_string(),
    }
}

impl Word {
    /// The word as written.
    pub fn text<'a>(&self, file: &'a str) -> &'a str {
        &file[self.span.clone()]
    }

    /// True for `--` and `/* */` comments.
    pub fn is_comment(&self) -> bool {
        matches!(self.kind, Token::SqlComment | Token::CComment)
    }

    /// True for a name that is no key word.
    pub fn is_name(&self) -> bool {
        matches!(self.kind, Token::Ident | Token::Uident)
    }

    /// True for a name that PostgreSQL would cut.
    pub fn is_too_long(&self, file: &str) -> bool {
        self.kind == Token::Ident && unquote(self.text(file)).len() > MAX_BYTES
    }
}

/// A name as the catalog holds it: quotes taken off, or folded to lower case (ASCII only, as PostgreSQL does).
pub(super) fn unquote(name: &str) -> String {
    match name.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) => inner.replace("\"\"", "\""),
        None => name.to_ascii_lowercase(),
    }
}

/// A name as it stands among words: `schema.name` or `name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NameAt {
    /// The parts as the catalog holds them.
    pub parts: Vec<String>,
    /// From the first part's first byte to the last part's last.
    pub span: Range<usize>,
    /// How many words it takes.
    pub words: usize,
}

/// The dotted name that `words` begin with.
pub(super) fn name_at(file: &str, words: &[Word]) -> Option<NameAt> {
    let first = words.first().filter(|word| word.is_name() || word.keyword != KeywordKind::NoKeyword)?;
    let mut name = NameAt { parts: vec![unquote(first.text(file))], span: first.span.clone(), words: 1 };
    while let [dot, part, ..] = &words[name.words..]
        && dot.kind == Token::Ascii46
    {
        name.parts.push(unquote(part.text(file)));
        name.span.end = part.span.end;
        name.words += 2;
    }
    Some(name)
}

/// True where `words` begin with these kinds.
pub(super) fn starts_with(words: &[Word], kinds: &[Token]) -> bool {
    words.len() >= kinds.len() && words.iter().zip(kinds).all(|(word, kind)| word.kind == *kind)
}

/// The line, from 1, of a byte of the file.
pub(super) fn line(file: &str, byte: usize) -> usize {
    file.as_bytes()[..byte].iter().filter(|byte| **byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_bytes_of_the_file() {
        let text = "-- é\nSELECT 'ü', \"Größe\"";
        let words = scan(text, 6..text.len()).unwrap();
        assert_eq!(words.iter().map(|word| word.text(text)).collect::<Vec<_>>(), ["SELECT", "'ü'", ",", "\"Größe\""]);
    }

    #[test]
    fn names_read_as_the_catalog_holds_them() {
        let text = "Sales.\"Top \"\"10\"\"\" (a)";
        let name = name_at(text, &scan(text, 0..text.len()).unwrap()).unwrap();
        assert_eq!(name, NameAt { parts: vec!["sales".into(), "Top \"10\"".into()], span: 0..18, words: 3 });
    }
}
