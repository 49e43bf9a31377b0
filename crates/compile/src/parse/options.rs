//! Option comments: `-- headwater: …` lines before a model. They are comments so that the file stays valid SQL for
//! psql and every editor.
//!
//! ```sql
//! -- headwater: require delta
//! -- headwater: access owner(user_id)
//! CREATE MATERIALIZED VIEW …
//! ```

use std::ops::Range;

use pg_query::protobuf::Token;

use super::nearest::nearest;
use super::words::Word;
use super::{Follow, Keep, Mode, Options, Retain, SourceFile, Tier, access, column};
use crate::Diagnostic;

/// The options there are, as a hint lists them.
const KNOWN: [&str; 5] = ["realtime", "eventual", "retain", "require", "access"];

/// Reads the option comments among `comments`.
pub(super) fn read(file: &SourceFile, comments: &[Word], diagnostics: &mut Vec<Diagnostic>) -> Options {
    let mut options = Options::default();
    let mut seen: Vec<&str> = Vec::new();
    for body in comments.iter().filter_map(|comment| body(&file.text, comment)) {
        let words = split(&file.text, body.clone());
        let error = |code, span, message: String| Diagnostic::error(code, &file.path, span, message);
        let Some((name, values)) = words.split_first() else {
            diagnostics.push(error(107, body, "an option is missing".into()).label("here").hint(list()));
            continue;
        };
        let option = &file.text[name.clone()];
        if KNOWN.contains(&option) {
            if seen.contains(&option) {
                let message = format!("the option \"{option}\" is given twice");
                diagnostics.push(error(111, name.clone(), message).label("given before").hint("keep one of them"));
            }
            let modes = ["realtime", "eventual"];
            if modes.contains(&option) && seen.iter().any(|before| *before != option && modes.contains(before)) {
                let message = "a model is either realtime or eventual".to_owned();
                diagnostics.push(
                    error(111, name.clone(), message).label("the other is given before").hint("keep one of them"),
                );
            }
            seen.push(option);
        }
        let mut choice = |choices: [&'static str; 2]| match values {
            [value] if choices.contains(&&file.text[value.clone()]) => Some(&file.text[value.clone()]),
            _ => {
                let [a, b] = choices;
                let wrong = values.first().zip(values.last()).map(|(first, last)| first.start..last.end);
                let label = if wrong.is_some() { "not one of them" } else { "the value is missing" };
                let message = format!("\"{option}\" takes \"{a}\" or \"{b}\"");
                let hint = format!("write -- headwater: {option} {a}, or -- headwater: {option} {b}");
                let span = wrong.unwrap_or_else(|| name.clone());
                diagnostics.push(error(111, span, message).label(label).hint(hint));
                None
            }
        };
        match option {
            "realtime" => {
                options.mode = Mode::Realtime;
                if let Some(value) = values.first() {
                    let message = "\"realtime\" takes no value".to_owned();
                    diagnostics.push(
                        error(111, value.start..body.end, message)
                            .label("remove this")
                            .hint("write -- headwater: realtime"),
                    );
                }
            }
            "eventual" => {
                options.mode = Mode::Eventual;
                match max_lag(&file.text, values) {
                    Ok(lag) => options.max_lag = lag,
                    Err(span) => diagnostics.push(
                        error(111, span, "\"eventual\" takes nothing, or \"max_lag\" and a time".into())
                            .label("not understood")
                            .hint("write -- headwater: eventual, or -- headwater: eventual max_lag 1s"),
                    ),
                }
            }
            "require" => {
                options.require = choice(["delta", "keyed"]).map(|tier| match tier {
                    "delta" => Tier::Delta,
                    _ => Tier::Keyed,
                });
            }
            "retain" => match retain(&file.text, values) {
                Ok(retain) => options.retain = Some(retain),
                Err(span) => diagnostics.push(
                    error(111, span.unwrap_or_else(|| name.clone()), "\"retain\" takes \"live\" or \"append\"".into())
                        .label("not understood")
                        .hint("write -- headwater: retain live, or retain append [keep 180 days by created_at] [follow deletes | follow column, …]"),
                ),
            },
            "access" => {
                let span = values.first().map(|value| value.start..body.end);
                options.access =
                    span.clone().and_then(|span| access::read(&file.text[span.clone()], span));
                if options.access.is_none() {
                    let label = if span.is_some() { "not understood" } else { "the value is missing" };
                    diagnostics.push(
                        error(111, span.unwrap_or_else(|| name.clone()), "\"access\" takes who may read the model".into())
                            .label(label)
                            .hint("write -- headwater: access public, access owner(column) or access admin"),
                    );
                }
            }
            unknown => {
                let hint = match nearest(unknown, KNOWN) {
                    Some(meant) => format!("did you mean \"{meant}\"? {}", list()),
                    None => list(),
                };
                let message = format!("unknown option \"{unknown}\"");
                diagnostics.push(error(107, name.clone(), message).label("not an option").hint(hint));
            }
        }
    }
    options
}

/// `max_lag 1s`, or nothing. The place of what is not understood otherwise.
fn max_lag(text: &str, values: &[Range<usize>]) -> Result<Option<String>, Range<usize>> {
    let Some((word, time)) = values.split_first() else { return Ok(None) };
    if &text[word.clone()] != "max_lag" {
        return Err(word.clone());
    }
    interval(text, time).map(Some).ok_or_else(|| time.first().unwrap_or(word).clone())
}

/// `live`, or `append` and what follows it.
fn retain(text: &str, values: &[Range<usize>]) -> Result<Retain, Option<Range<usize>>> {
    let (word, rest) = values.split_first().ok_or(None)?;
    match &text[word.clone()] {
        "live" if rest.is_empty() => Ok(Retain::Live),
        "append" => append(text, rest).ok_or_else(|| values.last().cloned()),
        _ => Err(values.last().cloned()),
    }
}

/// `[keep TIME [by COLUMN]] [follow deletes | follow COLUMN, …]`, in either order.
fn append(text: &str, values: &[Range<usize>]) -> Option<Retain> {
    let is = |value: &Range<usize>, word: &str| &text[value.clone()] == word;
    let clause = |name: &str| {
        let after = &values[values.iter().position(|value| is(value, name))? + 1..];
        let end = after.iter().position(|value| is(value, "keep") || is(value, "follow")).unwrap_or(after.len());
        Some(&after[..end])
    };
    let clauses = (clause("keep"), clause("follow"));
    let words = |clause: Option<&[Range<usize>]>| clause.map_or(0, |words| words.len() + 1);
    if words(clauses.0) + words(clauses.1) < values.len() {
        return None;
    }
    Some(Retain::Append {
        keep: clauses.0.map(|words| keep(text, words).ok_or(())).transpose().ok()?,
        follow: clauses.1.map(|words| follow(text, words).ok_or(())).transpose().ok()?,
    })
}

/// `TIME [by COLUMN]`.
fn keep(text: &str, words: &[Range<usize>]) -> Option<Keep> {
    let (time, by) = match words {
        [time @ .., by, column] if &text[by.clone()] == "by" => (time, Some(text[column.clone()].to_owned())),
        _ => (words, None),
    };
    Some(Keep { interval: interval(text, time)?, by })
}

/// `deletes`, or `COLUMN, …`.
fn follow(text: &str, words: &[Range<usize>]) -> Option<Follow> {
    let written = &text[words.first()?.start..words.last()?.end];
    let columns = match written {
        "deletes" => Some(Vec::new()),
        _ => written.split(',').map(|name| column::name(name.trim())).collect(),
    };
    Some(Follow { columns: columns? })
}

/// `1s`, `250 ms`, `180 days`: as PostgreSQL reads it.
fn interval(text: &str, words: &[Range<usize>]) -> Option<String> {
    let (number, unit) = match words {
        [one] => {
            let word = &text[one.clone()];
            word.split_at(word.find(|c: char| !c.is_ascii_digit() && c != '.')?)
        }
        [number, unit] => (&text[number.clone()], &text[unit.clone()]),
        _ => return None,
    };
    let amount: f64 = number.parse().ok().filter(|amount| *amount > 0.0 && *amount < 1e6)?;
    let unit = match unit {
        "ms" | "milliseconds" => "milliseconds",
        "s" | "second" | "seconds" => "seconds",
        "min" | "minute" | "minutes" => "minutes",
        "h" | "hour" | "hours" => "hours",
        "d" | "day" | "days" => "days",
        "week" | "weeks" => "weeks",
        "month" | "months" => "months",
        "year" | "years" => "years",
        _ => return None,
    };
    Some(format!("{amount} {unit}"))
}

/// Reports option comments that stand where no model is: they would have no effect.
pub(super) fn refuse(file: &SourceFile, comments: &[Word], diagnostics: &mut Vec<Diagnostic>) {
    for comment in comments.iter().filter(|comment| body(&file.text, comment).is_some()) {
        diagnostics.push(
            Diagnostic::error(113, &file.path, comment.span.clone(), "this option belongs to no model")
                .label("has no effect here")
                .hint("options stand directly before CREATE MATERIALIZED VIEW"),
        );
    }
}

/// The option comments among `comments`, as written, a line each: those that say who may read the model, and the others.
pub(super) fn lines(file: &SourceFile, comments: &[Word]) -> (String, String) {
    let (mut access, mut others) = (String::new(), String::new());
    for comment in comments {
        let Some(body) = body(&file.text, comment) else { continue };
        let lines = if file.text[body].starts_with("access") { &mut access } else { &mut others };
        lines.push_str(comment.text(&file.text).trim_end());
        lines.push('\n');
    }
    (access, others)
}

/// What follows `-- headwater:`, with the white space around it cut off.
fn body(text: &str, comment: &Word) -> Option<Range<usize>> {
    if comment.kind != Token::SqlComment {
        return None;
    }
    let whole = comment.text(text).trim_end();
    let body = whole.strip_prefix("--")?.trim_start().strip_prefix("headwater:")?.trim_start();
    let end = comment.span.start + whole.len();
    Some(end - body.len()..end)
}

/// The words of a comment's body: its bytes between white space.
fn split(text: &str, body: Range<usize>) -> Vec<Range<usize>> {
    let mut words: Vec<Range<usize>> = Vec::new();
    let mut in_word = false;
    for (at, c) in text[body.clone()].char_indices() {
        let place = body.start + at;
        match (c.is_whitespace(), in_word) {
            (true, _) => in_word = false,
            (false, true) => words.last_mut().expect("a word is open").end = place + c.len_utf8(),
            (false, false) => {
                words.push(place..place + c.len_utf8());
                in_word = true;
            }
        }
    }
    words
}

fn list() -> String {
    format!("the options are: {}", KNOWN.join(", "))
}
