//! Splitting an SQL script into statements, at semicolons outside quotes, comments and dollar quotes: for progress, and for what
//! cannot run in one message with others.

/// The statements of `text`, without their semicolons, empty ones left out.
#[must_use]
pub fn statements(text: &str) -> Vec<&str> {
    let mut statements = Vec::new();
    let (mut start, mut at) = (0, 0);
    while at < text.len() {
        if text[at..].starts_with(';') {
            statements.push(&text[start..at]);
            start = at + 1;
        }
        at += token(&text[at..]);
    }
    statements.push(&text[start..]);
    statements.retain(|statement| says_something(statement));
    statements
}

/// The length of what starts `rest` and is not to be looked into; else of its first character.
fn token(rest: &str) -> usize {
    let after = |opening: usize, closing: &str| {
        rest[opening..].find(closing).map_or(rest.len(), |at| opening + at + closing.len())
    };
    match rest.as_bytes()[0] {
        b'\'' => after(1, "'"),
        b'"' => after(1, "\""),
        b'-' if rest.starts_with("--") => after(2, "\n"),
        b'/' if rest.starts_with("/*") => after(2, "*/"),
        b'$' => match dollar_quote(rest) {
            Some(quote) => after(quote.len(), quote),
            None => 1,
        },
        _ => rest.chars().next().map_or(1, char::len_utf8),
    }
}

/// `$$` or `$tag$` at the start of `rest`.
fn dollar_quote(rest: &str) -> Option<&str> {
    let end = 1 + rest[1..].find('$')?;
    let tag = &rest[1..end];
    let is_tag = !tag.starts_with(|c: char| c.is_ascii_digit()) && tag.chars().all(|c| c.is_alphanumeric() || c == '_');
    is_tag.then(|| &rest[..=end])
}

/// False where only blanks and line comments are left.
fn says_something(statement: &str) -> bool {
    statement.lines().map(str::trim).any(|line| !line.is_empty() && !line.starts_with("--"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn semicolons_in_quotes_and_comments_do_not_split() {
        let text = "SELECT ';', \";\"; -- one; two\nDO $x$ BEGIN; $$ END $x$;\n/* ; */ SELECT $1; -- the end\n";
        let found = statements(text);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[1].contains("$$ END"));
    }

    #[test]
    fn the_examples_split_into_their_statements() {
        assert_eq!(statements("SELECT 'it''s'; SELECT 2").len(), 2);
        assert!(statements("-- nothing\n\n").is_empty());
    }
}
