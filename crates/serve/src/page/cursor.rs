//! A cursor: the place of a row in an order, given as the texts of the order's columns.
//!
//! It is written as `~` and base64 of JSON. Nothing in it is secret or trusted: it names a place, and what may be seen from there is
//! decided by the route, whoever made it. Times are in it as PostgreSQL prints them, so microseconds are kept. What does not begin with `~`
//! is taken as a value of the order's first column: a page from `2026-02-16T10:00:00Z` on.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The values of an order's columns at one row; `None` is NULL. Fewer of them than the order has columns: the place before or after all rows with these.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Cursor(pub Vec<Option<String>>);

/// The longest text that is looked at.
const LONGEST: usize = 8192;

impl Cursor {
    /// As text.
    #[must_use]
    pub fn encode(&self) -> String {
        let json = serde_json::to_vec(&self.0).expect("texts are JSON");
        format!("~{}", URL_SAFE_NO_PAD.encode(json))
    }

    /// Reads a cursor of an order with so many columns; `None` where it is none.
    #[must_use]
    pub fn decode(text: &str, columns: usize) -> Option<Self> {
        if text.is_empty() || text.len() > LONGEST || text.contains('\0') {
            return None;
        }
        let Some(encoded) = text.strip_prefix('~') else {
            return Some(Self(vec![Some(text.to_owned())]));
        };
        let json = URL_SAFE_NO_PAD.decode(encoded).ok()?;
        let values: Vec<Option<String>> = serde_json::from_slice(&json).ok()?;
        let fits = values.len() == columns && values.iter().flatten().all(|value| !value.contains('\0'));
        fits.then_some(Self(values))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_read_as_they_are_written() {
        let cursor = Cursor(vec![Some("2026-02-16 10:00:00.123456+00".into()), None, Some("ü\"'\\".into())]);
        assert_eq!(Cursor::decode(&cursor.encode(), 3), Some(cursor.clone()));
        assert_eq!(Cursor::decode(&cursor.encode(), 2), None);
        assert_eq!(Cursor::decode("2026-02-16T10:00:00Z", 2), Some(Cursor(vec![Some("2026-02-16T10:00:00Z".into())])));
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        let nul = URL_SAFE_NO_PAD.encode(r#"["a\u0000b"]"#);
        let number = URL_SAFE_NO_PAD.encode("[1]");
        for wrong in ["", "~", "~%%%", "~e30", &format!("~{nul}"), &format!("~{number}"), "a\0b", &"x".repeat(9000)] {
            assert_eq!(Cursor::decode(wrong, 1), None, "{wrong}");
        }
    }
}
