//! The models that may be served: what the database says of them and of their public views.

use headwater_catalog::{Ident, QualifiedName};
use tokio_postgres::{Client, Row};

use crate::error::Error;

/// A column of a model's public view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: Ident,
    /// Its type as it is written in a cast.
    pub cast: String,
    /// How its values are compared here.
    pub order: Order,
    /// It never holds NULL.
    pub not_null: bool,
    /// Equal values have one text, so that rows can be chosen by it.
    pub filters: bool,
}

impl Column {
    /// True where its values can name whom a row belongs to.
    #[must_use]
    pub fn can_own(&self) -> bool {
        self.filters && !matches!(self.cast.as_str(), "boolean" | "date" | "timestamp with time zone")
    }

    /// The value that a subject names; `None` where it names none. PostgreSQL reads several texts as one value (`7`, `+7`, ` 07`; a name of
    /// more than 63 bytes), but two subjects are never the same person.
    #[must_use]
    pub fn named_by(&self, subject: &str) -> Option<String> {
        fn number<N: std::str::FromStr + ToString>(text: &str) -> bool {
            text.parse::<N>().is_ok_and(|number| number.to_string() == text)
        }
        let hyphens = |text: &str| {
            text.len() == 36
                && text.bytes().enumerate().all(|(at, byte)| match at {
                    8 | 13 | 18 | 23 => byte == b'-',
                    _ => byte.is_ascii_hexdigit(),
                })
        };
        let fits = match self.cast.as_str() {
            "smallint" => number::<i16>(subject),
            "integer" => number::<i32>(subject),
            "bigint" => number::<i64>(subject),
            "uuid" => hyphens(subject),
            "name" => subject.len() < 64,
            _ => true,
        };
        let value = || if self.cast == "uuid" { subject.to_ascii_lowercase() } else { subject.to_owned() };
        fits.then(value)
    }
}

/// How the texts of a column's values are compared without asking PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// As whole numbers.
    Number,
    /// As their bytes: uuid, bool, date, and times in UTC.
    Bytes,
    /// Only PostgreSQL can tell.
    Unknown,
}

/// A model that is installed and serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// Its public name.
    pub name: QualifiedName,
    /// The columns of its view.
    pub columns: Vec<Column>,
    /// The places of the key's columns among them; `None` where the view leaves one of them out, or where several rows may have one key.
    pub key: Option<Vec<usize>>,
    /// The words of its option `access`.
    pub access: Option<String>,
    /// Its changes are in the log.
    pub retained: bool,
    /// Its view shows stored columns as they are.
    pub plain: bool,
    /// It is maintained in batches.
    pub eventual: bool,
}

impl Model {
    /// The place of a column.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name.as_str() == name)
    }

    /// True where the log tells all that happens to what the view shows.
    #[must_use]
    pub fn can_be_followed(&self) -> bool {
        self.retained && self.plain
    }
}

/// Reads the models that serve.
///
/// # Errors
/// Where the database cannot be asked, or nothing is installed in it.
pub async fn load(client: &Client) -> Result<Vec<Model>, Error> {
    let rows = client.query_typed(MODELS, &[]).await.map_err(Error::Models)?;
    rows.iter().map(from_row).collect()
}

const MODELS: &str = include_str!("../sql/models.sql");

fn from_row(row: &Row) -> Result<Model, Error> {
    let (schema, name): (&str, &str) = (row.get("schema_name"), row.get("name"));
    let named = |_| Error::Name(format!("{schema}.{name}"));
    let (names, types): (Vec<&str>, Vec<String>) = (row.get("names"), row.get("types"));
    let (bases, not_null): (Vec<&str>, Vec<bool>) = (row.get("bases"), row.get("not_null"));
    let mut columns = Vec::with_capacity(names.len());
    for (((name, cast), base), not_null) in names.iter().zip(types).zip(bases).zip(not_null) {
        let name = Ident::new(*name).map_err(named)?;
        columns.push(Column { name, cast, order: order(base), not_null, filters: has_one_text(base) });
    }
    let keys: Vec<&str> = row.get("key_columns");
    let place = |key: &&str| columns.iter().position(|column| column.name.as_str() == *key);
    Ok(Model {
        name: QualifiedName::parse(schema, name).map_err(named)?,
        key: if row.get("unique_key") { keys.iter().map(place).collect() } else { None },
        columns,
        access: row.get("access"),
        retained: row.get::<_, Option<&str>>("retain").is_some(),
        plain: row.get("plain"),
        eventual: row.get::<_, &str>("mode") == "eventual",
    })
}

fn order(base: &str) -> Order {
    match base {
        "int2" | "int4" | "int8" | "oid" => Order::Number,
        "uuid" | "bool" | "date" | "timestamptz" | "timestamp" => Order::Bytes,
        _ => Order::Unknown,
    }
}

/// Of `numeric`, 1 and 1.0 are equal and two texts; of `citext` and of nondeterministic collations likewise.
fn has_one_text(base: &str) -> bool {
    matches!(
        base,
        "int2" | "int4" | "int8" | "uuid" | "bool" | "date" | "timestamptz" | "text" | "varchar" | "enum" | "name"
    )
}

/// The order of two values' texts, where it is known here. NULLs are for the caller.
#[must_use]
pub fn compare(order: Order, a: &str, b: &str) -> Option<std::cmp::Ordering> {
    match order {
        Order::Number => Some(a.parse::<i64>().ok()?.cmp(&b.parse().ok()?)),
        // Years of four digits after Christ, so that the text's order is the time's: a fraction's digits that are left out are zeros,
        // and both '+' and '.' stand before digits.
        Order::Bytes => (plain_text(a) && plain_text(b)).then(|| a.cmp(b)),
        Order::Unknown => None,
    }
}

/// Written as PostgreSQL writes it, in UTC: what comes with a request may be written in another way.
fn plain_text(text: &str) -> bool {
    match text.as_bytes() {
        b"true" | b"false" | b"t" | b"f" => true,
        bytes if bytes.len() == 36 && bytes[8] == b'-' => {
            bytes.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'-'))
        }
        bytes => is_date_or_time(bytes.strip_suffix(b"+00").unwrap_or(bytes)),
    }
}

/// `2026-02-16`, `2026-02-16 10:00:00`, and a fraction that does not end with a zero.
fn is_date_or_time(text: &[u8]) -> bool {
    let form = b"dddd-dd-dd dd:dd:dd.";
    let fits = |(at, byte): (usize, &u8)| match form.get(at) {
        Some(b'd') | None => byte.is_ascii_digit(),
        Some(expected) => byte == expected,
    };
    let length = matches!(text.len(), 10 | 19 | 21..=26);
    length && text.iter().enumerate().all(fits) && (text.len() < 20 || text.last() != Some(&b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cmp::Ordering::{Equal, Greater, Less};

    #[test]
    fn one_value_is_named_by_one_subject() {
        let named = |cast: &str, subject: &str| {
            let name = Ident::new("owner").unwrap();
            Column { name, cast: cast.to_owned(), order: Order::Unknown, not_null: true, filters: true }
                .named_by(subject)
        };
        let long = "x".repeat(64);
        for (cast, subject) in [
            ("integer", "7"),
            ("integer", "-7"),
            ("bigint", "9223372036854775807"),
            ("text", " 7"),
            ("character varying", &long),
            ("uuid", "0b0e3a3c-0000-0000-0000-000000000000"),
            ("name", &long[1..]),
        ] {
            assert_eq!(named(cast, subject).as_deref(), Some(subject), "{cast} {subject}");
        }
        let upper = "0B0E3A3C-0000-0000-0000-000000000000";
        assert_eq!(named("uuid", upper), Some(upper.to_lowercase()));
        for (cast, subject) in [
            ("integer", "07"),
            ("integer", "+7"),
            ("integer", " 7"),
            ("integer", "7 "),
            ("integer", "0x7"),
            ("integer", "1_0"),
            ("integer", "-0"),
            ("integer", "2147483648"),
            ("smallint", "32768"),
            ("integer", "seven"),
            ("uuid", "{0b0e3a3c-0000-0000-0000-000000000000}"),
            ("uuid", "0b0e3a3c000000000000000000000000"),
            ("name", &long),
        ] {
            assert_eq!(named(cast, subject), None, "{cast} {subject}");
        }
    }

    #[test]
    fn texts_are_compared_as_postgres_does() {
        for (order, a, b, expected) in [
            (Order::Number, "9", "10", Some(Less)),
            (Order::Number, "-9", "-10", Some(Greater)),
            (Order::Bytes, "2026-01-01 10:00:00+00", "2026-01-01 10:00:00.5+00", Some(Less)),
            (Order::Bytes, "2026-01-01 10:00:00.12+00", "2026-01-01 10:00:00.123+00", Some(Less)),
            (Order::Bytes, "2026-01-01 10:00:00.2+00", "2026-01-01 10:00:00.123+00", Some(Greater)),
            (Order::Bytes, "10000-01-01", "2026-01-01", None),
            (Order::Bytes, "0044-03-15 BC", "2026-01-01", None),
            (Order::Bytes, "infinity", "2026-01-01", None),
            (Order::Bytes, "2026-01-01T10:00:00Z", "2026-01-01 10:00:00+00", None),
            (Order::Bytes, "2026-01-01 10:00:00.50+00", "2026-01-01 10:00:00.5+00", None),
            (Order::Bytes, "0B0E3A3C-0000-0000-0000-000000000000", "0b0e3a3c-0000-0000-0000-000000000000", None),
            (Order::Bytes, "false", "true", Some(Less)),
            (Order::Bytes, "0b0e3a3c-0000-0000-0000-000000000000", "0b0e3a3c-0000-0000-0000-000000000000", Some(Equal)),
            (Order::Unknown, "a", "b", None),
        ] {
            assert_eq!(compare(order, a, b), expected, "{a} {b}");
        }
    }
}
