//! The file format.
//!
//! ```text
//! # What this is about.
//! schema {
//!   CREATE TABLE …;
//! }
//! rows {                       -- put back before every run
//!   INSERT …;
//! }
//! model feed {                 -- as many as you like; each runs alone
//!   CREATE MATERIALIZED VIEW …; CREATE UNIQUE INDEX …;
//! }
//! session a
//!   step a1 { INSERT … }
//! session b
//!   step b1 { UPDATE … }
//!   step b2 { ROLLBACK }       -- instead of the COMMIT that ends every session
//! order b a1 b1 a.end b.end    -- all orders where none is given; a session's name is its BEGIN (and snapshot)
//! levels rc rr ser rr-rc rc-rr -- these where none are given
//! deadlocks none               -- else they are counted
//! mutant join_lock caught      -- see `mutant`
//! mutant key_lock survives for feed
//! ```
//!
//! A block ends with the last `}` of its line, or, opened at the end of a line, with a line that is `}`.

use std::path::Path;

use super::mutant::Mutant;
use super::orders::{Isolation, Token};

/// A parsed spec.
#[derive(Debug, Default)]
pub struct Spec {
    /// The file's stem.
    pub name: String,
    /// Tables; run once.
    pub schema: String,
    /// Rows; put back before every run.
    pub rows: String,
    /// Name and definition of each model.
    pub models: Vec<(String, String)>,
    /// The sessions.
    pub sessions: Vec<Session>,
    /// Orders given; all where empty.
    pub orders: Vec<Vec<Token>>,
    /// Isolation levels, one per session, for each round.
    pub levels: Vec<Vec<Isolation>>,
    /// False where the spec says that none occur.
    pub deadlocks_allowed: bool,
    /// What is taken out in turn.
    pub mutants: Vec<Mutant>,
}

/// One session.
#[derive(Debug, Clone)]
pub struct Session {
    /// Its name.
    pub name: String,
    /// Its steps, COMMIT or ROLLBACK last.
    pub steps: Vec<Step>,
}

/// One step.
#[derive(Debug, Clone)]
pub struct Step {
    /// Its name.
    pub name: String,
    /// Its SQL.
    pub sql: String,
}

impl Spec {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        Self::parse(name, &text)
    }

    /// Parses a text.
    pub fn parse(name: &str, text: &str) -> Result<Self, String> {
        let mut spec = Self { name: name.to_owned(), deadlocks_allowed: true, ..Self::default() };
        let mut levels = vec!["rc", "rr", "ser", "rr-rc", "rc-rr"];
        let mut orders = Vec::new();
        let mut lines = text.lines().enumerate();
        while let Some((number, line)) = lines.next() {
            let wrong = |what: &str| format!("{name}.spec line {}: {what}: {line}", number + 1);
            let trimmed = line.trim();
            if trimmed.is_empty() || trimmed.starts_with('#') {
                continue;
            }
            let (head, body) = match trimmed.split_once('{') {
                Some((head, "")) => (head, Some(block(&mut lines).ok_or_else(|| wrong("no `}` ends this"))?)),
                Some((head, rest)) => {
                    let end = rest.rfind('}').ok_or_else(|| wrong("no `}` ends this"))?;
                    (head, Some(rest[..end].trim().to_owned()))
                }
                None => (trimmed, None),
            };
            let words: Vec<&str> = head.split_whitespace().collect();
            match (words.as_slice(), body) {
                (["schema"], Some(body)) => spec.schema = body,
                (["rows"], Some(body)) => spec.rows = body,
                (["model", name], Some(body)) => spec.models.push(((*name).to_owned(), body)),
                (["session", name], None) => {
                    spec.sessions.push(Session { name: (*name).to_owned(), steps: Vec::new() });
                }
                (["step", name], Some(sql)) => {
                    let session = spec.sessions.last_mut().ok_or_else(|| wrong("a step without a session"))?;
                    session.steps.push(Step { name: (*name).to_owned(), sql });
                }
                (["order", tokens @ ..], None) => orders.push((wrong("order"), tokens.to_vec())),
                (["levels", given @ ..], None) => given.clone_into(&mut levels),
                (["deadlocks", "none"], None) => spec.deadlocks_allowed = false,
                (["mutant", ..], body) => spec.mutants.push(Mutant::parse(&words[1..], body).map_err(|e| wrong(&e))?),
                _ => return Err(wrong("not understood")),
            }
        }
        for session in &mut spec.sessions {
            let ended = session
                .steps
                .last()
                .is_some_and(|step| ["COMMIT", "ROLLBACK"].contains(&step.sql.trim_end_matches(';')));
            if !ended {
                session.steps.push(Step { name: format!("{}.end", session.name), sql: "COMMIT".to_owned() });
            }
        }
        for (wrong, tokens) in orders {
            spec.orders.push(spec.tokens(&tokens).ok_or(wrong)?);
        }
        let sessions = spec.sessions.len();
        spec.levels = levels
            .iter()
            .map(|text| Isolation::parse_all(text, sessions).ok_or_else(|| format!("{name}.spec: levels {text}?")))
            .collect::<Result<_, _>>()?;
        Ok(spec)
    }

    fn tokens(&self, names: &[&str]) -> Option<Vec<Token>> {
        names
            .iter()
            .map(|name| {
                self.sessions.iter().enumerate().find_map(|(session, declared)| {
                    if declared.name == *name {
                        return Some(Token { session, step: None, name: (*name).to_owned() });
                    }
                    let step = declared.steps.iter().position(|step| step.name == *name)?;
                    Some(Token { session, step: Some(step), name: (*name).to_owned() })
                })
            })
            .collect()
    }
}

/// The lines up to one that is `}`.
fn block<'t>(lines: &mut impl Iterator<Item = (usize, &'t str)>) -> Option<String> {
    let mut body = Vec::new();
    for (_, line) in lines {
        if line.trim() == "}" {
            return Some(body.join("\n"));
        }
        body.push(line);
    }
    None
}
