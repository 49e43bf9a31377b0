//! HW0101: a statement that PostgreSQL's grammar refuses.
//!
//! The parser says what is wrong but not where. It reads from left to right and stops at the first word that cannot
//! follow, so a prefix that contains this word fails with the same sentence as the whole statement and a shorter one
//! does not: the word is found by halving, in about ten parses for a thousand words.

use pg_query::protobuf::{KeywordKind, Token};

use super::SourceFile;
use super::statements::RawStatement;
use super::words::{self, Word};
use crate::Diagnostic;

/// Says what PostgreSQL says, at the word where it stopped.
pub(super) fn diagnose(file: &SourceFile, raw: &RawStatement, message: &str) -> Diagnostic {
    let words: Vec<&Word> = raw.words.iter().chain(&raw.semicolon).collect();
    let error = |span| Diagnostic::error(101, &file.path, span, message);
    if message.ends_with("at end of input") {
        let last = &words[words.len() - 1].span;
        let error = error(last.clone()).label("the statement ends here");
        return with_hint(error, unclosed(&file.text, &words).or_else(|| missing(&file.text, &words, words.len())));
    }
    let start = raw.span().start;
    let at = words.partition_point(|word| refusal(&file.text[start..word.span.end]).as_deref() != Some(message));
    match words.get(at) {
        Some(word) => {
            let label = if message.starts_with("syntax error") { "unexpected" } else { "here" };
            with_hint(error(word.span.clone()).label(label), hint(&file.text, &words, at, message))
        }
        None => error(raw.span()).label("in this statement"),
    }
}

fn refusal(sql: &str) -> Option<String> {
    pg_query::parse(sql, 0).err().map(words::sentence)
}

fn with_hint(error: Diagnostic, hint: Option<String>) -> Diagnostic {
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// A common cause, where one is recognisable.
fn hint(file: &str, words: &[&Word], at: usize, message: &str) -> Option<String> {
    let word = words[at];
    let text = word.text(file);
    let before = at.checked_sub(1).map(|previous| words[previous]);
    let near = &words[at.saturating_sub(3)..=at];
    if message.starts_with("LIMIT #,#") {
        return Some("write LIMIT and OFFSET apart: LIMIT 10 OFFSET 20".into());
    }
    if near.iter().any(|near| near.text(file).contains('`')) {
        return Some("PostgreSQL quotes names with double quotes, not with backticks".into());
    }
    if text == "\\" {
        return Some("model files are plain SQL: psql's backslash commands have no place in them".into());
    }
    if near.windows(2).any(|pair| pair[0].kind == Token::Sconst && pair[1].is_name() && touch(pair[0], pair[1])) {
        return Some("a quote inside a string is written twice: 'it''s'".into());
    }
    if before.is_some_and(|before| before.kind == Token::View) {
        return Some("a name is missing here; a reserved word as a name stands in double quotes".into());
    }
    if word.kind == Token::Materialized && before.is_some_and(|before| before.kind == Token::Replace) {
        return Some("remove OR REPLACE: a changed model replaces the one that serves".into());
    }
    if word.kind == Token::Create {
        return Some("a semicolon is missing before CREATE".into());
    }
    let before_query = !words[..at].iter().any(|word| word.kind == Token::As);
    if matches!(word.kind, Token::Select | Token::Values) && before_query && words[0].kind == Token::Create {
        return Some(format!("write AS before {}", text.to_uppercase()));
    }
    if word.kind == Token::Ascii41 && open_parentheses(&words[..at]).is_empty() {
        return Some("no parenthesis is open here: remove this one, or add the one that opens it".into());
    }
    let ends = ends_a_list(word);
    if ends && before.is_some_and(|before| before.kind == Token::Ascii44) {
        return Some(format!("remove the comma before {text}, or write what should follow it"));
    }
    if let Some(hint) = unclosed(file, words) {
        return Some(hint);
    }
    if ends && before.is_some_and(wants_more) {
        return missing(file, words, at);
    }
    if ends && open_cases(&words[..at]) > 0 {
        return Some(format!("a CASE has no END before {text}"));
    }
    if word.keyword == KeywordKind::ReservedKeyword
        && before.is_some_and(|before| matches!(before.kind, Token::As | Token::Ascii44 | Token::Ascii46))
    {
        return Some(format!("{text} is a reserved word: as a name it stands in double quotes"));
    }
    if starts_operand(word) && before.is_some_and(ends_operand) {
        return Some(format!("a comma, an operator or a word such as FROM is missing before {text}"));
    }
    is_clause(word)
        .then(|| "clauses stand in this order: SELECT, FROM, JOIN, WHERE, GROUP BY, HAVING, ORDER BY, LIMIT".into())
}

/// What is missing before `words[at]`, or at the statement's end.
fn missing(file: &str, words: &[&Word], at: usize) -> Option<String> {
    let before = words[..at].iter().rev().find(|word| word.kind != Token::Ascii59)?;
    Some(format!("something is missing after {}", before.text(file)))
}

/// The parenthesis that the statement never closes.
fn unclosed(file: &str, words: &[&Word]) -> Option<String> {
    let open = open_parentheses(words);
    let line = words::line(file, open.last()?.span.start);
    Some(format!("the parenthesis opened in line {line} is not closed"))
}

fn open_parentheses<'a>(words: &[&'a Word]) -> Vec<&'a Word> {
    let mut open = Vec::new();
    for word in words {
        match word.kind {
            Token::Ascii40 => open.push(*word),
            Token::Ascii41 => {
                open.pop();
            }
            _ => {}
        }
    }
    open
}

/// True where nothing stands between two words.
fn touch(first: &Word, second: &Word) -> bool {
    first.span.end == second.span.start
}

fn open_cases(words: &[&Word]) -> usize {
    let count = |kind| words.iter().filter(|word| word.kind == kind).count();
    count(Token::Case).saturating_sub(count(Token::EndP))
}

/// Words at which a list of columns, tables or conditions ends.
fn ends_a_list(word: &Word) -> bool {
    is_clause(word) || matches!(word.kind, Token::Ascii41 | Token::Ascii59 | Token::As)
}

fn is_clause(word: &Word) -> bool {
    matches!(
        word.kind,
        Token::From
            | Token::Join
            | Token::InnerP
            | Token::Left
            | Token::Right
            | Token::Full
            | Token::Cross
            | Token::Where
            | Token::GroupP
            | Token::Having
            | Token::Window
            | Token::Order
            | Token::Limit
            | Token::Offset
            | Token::Fetch
            | Token::Union
            | Token::Except
            | Token::Intersect
    )
}

/// Words after which an expression or a name must follow.
fn wants_more(word: &Word) -> bool {
    matches!(
        word.kind,
        Token::And | Token::Or | Token::Not | Token::On | Token::Where | Token::By | Token::From | Token::Join
            | Token::Having | Token::When | Token::Then | Token::Else | Token::Like | Token::Is | Token::InP
            | Token::Between | Token::Op | Token::LessEquals | Token::GreaterEquals | Token::NotEquals
            // = < > + - * /
            | Token::Ascii61 | Token::Ascii60 | Token::Ascii62 | Token::Ascii43 | Token::Ascii45 | Token::Ascii42
            | Token::Ascii47
    )
}

fn starts_operand(word: &Word) -> bool {
    word.is_name() || matches!(word.kind, Token::Iconst | Token::Fconst | Token::Sconst | Token::Case)
}

fn ends_operand(word: &Word) -> bool {
    starts_operand(word) || matches!(word.kind, Token::Ascii41 | Token::EndP)
}
