//! Mutants: the installed functions with a lock, or a guard, taken out. A spec that does not notice proves nothing about it.
//!
//! ```text
//! mutant join_lock caught                 -- in every model of the spec
//! mutant key_lock survives for chat       -- the spec says that nothing shows, for this model: the lock is superfluous there
//! mutant other caught { _recompute: /FOR NO KEY UPDATE OF m/FOR KEY SHARE OF m/ }
//! ```
//!
//! The last form is `FUNCTION-NAME-REGEX: /REGEX/REPLACEMENT/`.

use headwater_postgres::Client;
use regex::Regex;

/// The named ones: name, regex of the function's name, regex, replacement.
const NAMED: &[(&str, &str, &str, &str)] = &[
    ("join_lock", "^on_", r"(?s)INSERT INTO headwater\.lock AS l \(id\).*?ON CONFLICT \(id\) DO UPDATE SET [^;]*;", ""),
    (
        "key_lock",
        "_recompute$",
        r"(?s)INSERT INTO headwater\.lock AS l \(id\).*?ON CONFLICT \(id\) DO UPDATE SET [^;]*;",
        "",
    ),
    // The lock without its write: what SELECT … FOR UPDATE would be.
    (
        "key_lock_without_write",
        "_recompute$",
        r"ON CONFLICT \(id\) DO UPDATE SET v = l\.v OPERATOR\(pg_catalog\.\+\) 1",
        "ON CONFLICT (id) DO UPDATE SET v = l.v WHERE false",
    ),
    (
        "join_lock_without_write",
        "^on_",
        r"ON CONFLICT \(id\) DO UPDATE SET v = l\.v OPERATOR\(pg_catalog\.\+\) 1",
        "ON CONFLICT (id) DO UPDATE SET v = l.v WHERE false",
    ),
    ("row_lock", "_recompute$", r"(?s)PERFORM FROM [^;]*?FOR NO KEY UPDATE OF m;", ""),
    // Rows in any order, a different one each time.
    ("delta_row_order", "^on_", r"ORDER BY [^\n]*\n(\s*LOOP)", "ORDER BY pg_catalog.random()\n$1"),
    ("mark", "^on_", r"m\.hw_mark IS DISTINCT FROM pg_catalog\.statement_timestamp\(\)", "true"),
    ("no_row_recompute", "^on_", r"IF NOT FOUND THEN", "IF false THEN"),
];

/// What the spec says of a mutant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expectation {
    /// At least one order shows it.
    Caught,
    /// No order shows it.
    Survives,
}

/// One change of the installed functions.
#[derive(Debug, Clone)]
pub struct Mutant {
    /// Its name.
    pub name: String,
    /// What the spec says.
    pub expectation: Expectation,
    models: Vec<String>,
    function: Regex,
    pattern: Regex,
    replacement: String,
}

impl Mutant {
    /// Parses the words after `mutant`, and the block.
    pub fn parse(words: &[&str], body: Option<String>) -> Result<Self, String> {
        let (name, verdict, models) = match words {
            [name, verdict] => (name, verdict, Vec::new()),
            [name, verdict, "for", models @ ..] => {
                (name, verdict, models.iter().map(|one| (*one).to_owned()).collect())
            }
            _ => return Err("mutant NAME caught|survives [for MODELS]".to_owned()),
        };
        let expectation = match *verdict {
            "caught" => Expectation::Caught,
            "survives" => Expectation::Survives,
            _ => return Err("caught or survives".to_owned()),
        };
        let (function, pattern, replacement) = match body {
            Some(body) => custom(&body)?,
            None => NAMED
                .iter()
                .find(|named| named.0 == *name)
                .map(|named| (named.1.to_owned(), named.2.to_owned(), named.3.to_owned()))
                .ok_or("no mutant has this name")?,
        };
        let regex = |text: &str| Regex::new(text).map_err(|error| error.to_string());
        let (function, pattern) = (regex(&function)?, regex(&pattern)?);
        Ok(Self { name: (*name).to_owned(), expectation, models, function, pattern, replacement })
    }

    /// True where the spec has it for this model.
    #[must_use]
    pub fn is_for(&self, model: &str) -> bool {
        self.models.is_empty() || self.models.iter().any(|one| one == model)
    }

    /// Replaces the functions; returns their originals.
    pub async fn install(&self, client: &Client) -> Result<Vec<String>, String> {
        let sql = "SELECT p.proname::text, pg_get_functiondef(p.oid) FROM pg_proc p
                   WHERE p.pronamespace = 'headwater'::regnamespace AND p.prokind = 'f' ORDER BY 1";
        let rows = client.query(sql, &[]).await.map_err(|error| headwater_postgres::describe(&error))?;
        let mut originals = Vec::new();
        for row in rows {
            let (name, definition): (String, String) = (row.get(0), row.get(1));
            if !self.function.is_match(&name) {
                continue;
            }
            let changed = self.pattern.replace_all(&definition, self.replacement.as_str());
            if changed != definition {
                client
                    .batch_execute(&changed)
                    .await
                    .map_err(|error| format!("{name}: {}\n{changed}", headwater_postgres::describe(&error)))?;
                originals.push(definition);
            }
        }
        if originals.is_empty() {
            return Err(format!("nothing matches {}", self.pattern));
        }
        Ok(originals)
    }
}

/// Puts the originals back.
pub async fn restore(client: &Client, originals: &[String]) -> Result<(), String> {
    for original in originals {
        client.batch_execute(original).await.map_err(|error| headwater_postgres::describe(&error))?;
    }
    Ok(())
}

fn custom(body: &str) -> Result<(String, String, String), String> {
    let wrong = || "{ FUNCTION: /REGEX/REPLACEMENT/ }".to_owned();
    let (function, rest) = body.trim().split_once(": ").ok_or_else(wrong)?;
    let rest = rest.trim().strip_prefix('/').and_then(|rest| rest.strip_suffix('/')).ok_or_else(wrong)?;
    let (pattern, replacement) = rest.rsplit_once('/').ok_or_else(wrong)?;
    Ok((function.to_owned(), pattern.to_owned(), replacement.to_owned()))
}
