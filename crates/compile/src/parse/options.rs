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
use super::{Mode, Options, SourceFile, Tier};
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
            "eventual" => diagnostics.push(
                error(106, name.clone(), "eventual models are not there yet".into())
                    .label("not there yet")
                    .hint("write -- headwater: realtime, or leave the option out: realtime is the default for now"),
            ),
            "require" => {
                options.require = choice(["delta", "keyed"]).map(|tier| match tier {
                    "delta" => Tier::Delta,
                    _ => Tier::Keyed,
                });
            }
            "retain" => options.retain = choice(["live", "append"]).map(str::to_owned),
            "access" => match values.first() {
                Some(value) => options.access = Some(file.text[value.start..body.end].to_owned()),
                None => diagnostics.push(
                    error(111, name.clone(), "\"access\" takes who may read the model".into())
                        .label("the value is missing")
                        .hint("write -- headwater: access public, access owner(column) or access admin"),
                ),
            },
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

/// The option comments among `comments`, as written.
pub(super) fn lines<'a>(file: &'a SourceFile, comments: &[Word]) -> Vec<&'a str> {
    let options = comments.iter().filter(|comment| body(&file.text, comment).is_some());
    options.map(|comment| comment.text(&file.text).trim_end()).collect()
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
