//! Checked identifiers. Every identifier that reaches generated SQL passes through [`Ident`]'s `Display`.

use std::fmt;

use sha2::{Digest, Sha256};

/// The longest identifier PostgreSQL stores, in bytes (`NAMEDATALEN - 1`).
pub const MAX_BYTES: usize = 63;

/// Why a text is no identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentError {
    /// PostgreSQL has no zero-length identifiers.
    #[error("an identifier cannot be empty")]
    Empty,
    /// PostgreSQL would cut it silently; Headwater does not.
    #[error("the identifier \"{0}\" is longer than {MAX_BYTES} bytes")]
    TooLong(String),
    /// A NUL byte cannot be sent to a server.
    #[error("an identifier cannot contain a NUL byte")]
    Nul,
}

/// One identifier, unquoted as in the catalog: 1 to 63 bytes, no NUL. `Display` quotes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct Ident(String);

impl Ident {
    /// Checks `name` as the catalog holds it (no quotes, case as stored).
    pub fn new(name: impl Into<String>) -> Result<Self, IdentError> {
        let name = name.into();
        if name.is_empty() {
            return Err(IdentError::Empty);
        }
        if name.contains('\0') {
            return Err(IdentError::Nul);
        }
        if name.len() > MAX_BYTES {
            return Err(IdentError::TooLong(name));
        }
        Ok(Self(name))
    }

    /// An identifier that Headwater generates from `stem` and a `suffix`. Where both do not fit into 63 bytes the
    /// stem is cut and a hash of the whole keeps different stems apart.
    #[must_use]
    pub fn generated(stem: &str, suffix: &str) -> Self {
        let stem = stem.replace('\0', "");
        if !stem.is_empty() && stem.len() + suffix.len() <= MAX_BYTES {
            return Self(format!("{stem}{suffix}"));
        }
        let hash = short_hash(&[&stem, suffix]);
        let mut end = (MAX_BYTES - suffix.len().min(40) - hash.len() - 1).min(stem.len());
        while !stem.is_char_boundary(end) {
            end -= 1;
        }
        let mut name = format!("{}_{hash}{suffix}", &stem[..end]);
        while name.len() > MAX_BYTES {
            name.pop();
        }
        Self(name)
    }

    /// The name as the catalog holds it, unquoted.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Always quoted: a keyword, a capital or a hostile character can then never change the meaning.
impl fmt::Display for Ident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_plain(&self.0) {
            return f.write_str(&self.0);
        }
        write!(f, "\"{}\"", self.0.replace('"', "\"\""))
    }
}

/// True for names that read the same without quotes on every server version: lower-case letters, digits and
/// underscores, with at least one underscore followed by a letter or digit so that no keyword is among them.
fn is_plain(name: &str) -> bool {
    let mut bytes = name.bytes();
    let starts_well = bytes.next().is_some_and(|b| b.is_ascii_lowercase());
    starts_well
        && name.contains('_')
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && !KEYWORDS_WITH_UNDERSCORE.contains(&name)
}

/// PostgreSQL's key words that contain an underscore (its documentation, appendix C).
const KEYWORDS_WITH_UNDERSCORE: &[&str] = &[
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "session_user",
    "system_user",
    "json_array",
    "json_arrayagg",
    "json_exists",
    "json_object",
    "json_objectagg",
    "json_query",
    "json_scalar",
    "json_serialize",
    "json_table",
    "json_value",
    "merge_action",
];

/// A schema and a name in it. `Display` quotes both.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct QualifiedName {
    /// The schema.
    pub schema: Ident,
    /// The name of the table, view or model in it.
    pub name: Ident,
}

impl QualifiedName {
    /// Joins two checked identifiers.
    #[must_use]
    pub fn new(schema: Ident, name: Ident) -> Self {
        Self { schema, name }
    }

    /// Checks both parts.
    pub fn parse(schema: &str, name: &str) -> Result<Self, IdentError> {
        Ok(Self::new(Ident::new(schema)?, Ident::new(name)?))
    }

    /// For people: the bare name in `public`, `schema.name` elsewhere.
    #[must_use]
    pub fn short(&self) -> String {
        if self.schema.as_str() == "public" {
            self.name.as_str().to_owned()
        } else {
            format!("{}.{}", self.schema.as_str(), self.name.as_str())
        }
    }
}

impl fmt::Display for QualifiedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

/// Quotes a text as an SQL string literal, safe whatever `standard_conforming_strings` says.
#[must_use]
pub fn quote_literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') { format!("E'{}'", quoted.replace('\\', "\\\\")) } else { format!("'{quoted}'") }
}

/// Eight hexadecimal digits that tell `parts` apart.
#[must_use]
pub fn short_hash(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.len().to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_what_could_be_read_otherwise() {
        let quoted = |name: &str| Ident::new(name).unwrap().to_string();
        assert_eq!(quoted("user_id"), "user_id");
        assert_eq!(quoted("user"), "\"user\"");
        assert_eq!(quoted("current_user"), "\"current_user\"");
        assert_eq!(quoted("User Id"), "\"User Id\"");
        assert_eq!(quoted("a\"; DROP TABLE x; --"), "\"a\"\"; DROP TABLE x; --\"");
    }

    #[test]
    fn refuses_what_postgresql_cannot_store() {
        assert_eq!(Ident::new(""), Err(IdentError::Empty));
        assert_eq!(Ident::new("a\0b"), Err(IdentError::Nul));
        assert!(Ident::new("ü".repeat(31)).is_ok());
        assert!(matches!(Ident::new("ü".repeat(32)), Err(IdentError::TooLong(_))));
    }

    #[test]
    fn generated_names_fit_and_stay_apart() {
        let a = Ident::generated(&"x".repeat(63), "_recompute");
        let b = Ident::generated(&format!("{}y", "x".repeat(62)), "_recompute");
        assert!(a.as_str().len() <= MAX_BYTES && a.as_str().ends_with("_recompute"));
        assert_ne!(a, b);
    }

    #[test]
    fn literals_keep_their_backslashes() {
        assert_eq!(quote_literal("it's"), "'it''s'");
        assert_eq!(quote_literal("a\\'b"), "E'a\\\\''b'");
    }
}
