//! The application's tables as the catalog has them, and values of their columns as SQL.

use tokio_postgres::Client;

use super::{below, chance, pick};
use crate::traffic::Random;

/// Ids a table. The last two are not there to begin with.
const IDS: usize = 9;

/// Values that the application's CHECKs ask for, by table and column, or by column alone.
const WORDS: &[(&str, &[&str])] = &[
    ("reports.status", &["'open'", "'resolved'", "'dismissed'"]),
    ("feedback.status", &["'open'", "'resolved'", "'dismissed'"]),
    ("status", &["'pending'", "'approved'", "'rejected'"]),
    ("badge_type", &["'bronze'", "'silver'", "'gold'", "'platinum'"]),
    ("points", &["1", "5", "20"]),
    ("proof_score", &["0", "1", "5", "5", "7"]),
    ("kind", &["'a'", "'b'", "'c'", "'d'"]),
    ("category", &["'web'", "'data'", "''"]),
];

/// Moments inside and outside the models' time windows, many of them equal; some leave a window while the test runs.
const MOMENTS: &[&str] = &[
    "now()",
    "now() - interval '1 hour'",
    "now() - interval '25 hours'",
    "now() - interval '6 days'",
    "now() - interval '8 days'",
    "now() - interval '7 days' + interval '300 ms'",
    "now() - interval '24 hours' + interval '200 ms'",
    "timestamptz '2026-01-01 00:00Z'",
    "timestamptz '2026-01-01 00:00Z'",
    "timestamptz '2025-03-30 01:30+01'",
];

/// A table.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its quoted name.
    pub name: String,
    /// Its place among the tables; ids carry it.
    pub number: usize,
    /// Its columns, in order.
    pub columns: Vec<Column>,
    /// True for a partitioned table.
    pub partitioned: bool,
}

/// A column.
#[derive(Debug, Clone)]
pub struct Column {
    /// Its quoted name.
    pub name: String,
    /// Its type.
    pub ty: String,
    /// True where NULL is allowed.
    pub nullable: bool,
    /// The table that it references, by number.
    pub references: Option<usize>,
    /// True for a column of the primary key.
    pub key: bool,
    /// True where a unique index covers this column alone.
    pub unique: bool,
}

impl Table {
    /// The primary key's columns; none where there is no key.
    pub fn key(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.key)
    }

    /// The values of one of the rows that are there to begin with.
    pub fn first_row(&self, number: usize, random: &mut Random) -> Vec<String> {
        let mut value = |column: &Column| match (column.ty.as_str(), column.references) {
            ("uuid", None) if column.key => id(self.number, number % (IDS - 2)),
            ("text", None) if column.unique => format!("'{}{number}'", column.name),
            _ => self.value(column, random),
        };
        self.columns.iter().map(&mut value).collect()
    }

    /// A value for a column, as SQL.
    pub fn value(&self, column: &Column, random: &mut Random) -> String {
        if column.nullable && chance(random, 30) {
            return "NULL".to_owned();
        }
        let qualified = format!("{}.{}", self.name, column.name);
        let words = WORDS.iter().find(|(name, _)| *name == qualified || *name == column.name);
        if let Some((_, words)) = words {
            return (*pick(random, words)).to_owned();
        }
        match (column.ty.as_str(), column.references) {
            ("uuid", Some(table)) => id(table, below(random, IDS - 2)),
            ("uuid", None) => id(self.number, below(random, IDS)),
            ("boolean", _) => (*pick(random, &["true", "false"])).to_owned(),
            ("timestamp with time zone", _) => (*pick(random, MOMENTS)).to_owned(),
            ("double precision", _) => {
                (*pick(random, &["0", "'-0'", "'NaN'", "1.5", "1e300", "0.1", "0.2"])).to_owned()
            }
            ("numeric", _) => (*pick(random, &["0", "1.1", "1.10", "'NaN'", "-5", "0.30"])).to_owned(),
            ("integer" | "bigint" | "smallint", _) => below(random, IDS).to_string(),
            _ if column.unique => format!("'{}{}'", column.name, below(random, IDS * 2)),
            _ => (*pick(random, &["'x'", "'y'", "''", "'Ä \"z\" ''q'''"])).to_owned(),
        }
    }
}

fn id(table: usize, number: usize) -> String {
    format!("'00000000-0000-0000-{table:04}-{number:012}'")
}

/// Reads the tables of the schema `public`; partitions belong to their parents.
pub async fn load(client: &Client) -> Result<Vec<Table>, tokio_postgres::Error> {
    let sql = "SELECT quote_ident(c.relname), quote_ident(a.attname), format_type(a.atttypid, NULL), NOT a.attnotnull,
            (SELECT quote_ident(f.relname) FROM pg_constraint k JOIN pg_class f ON f.oid = k.confrelid
             WHERE k.conrelid = c.oid AND k.contype = 'f' AND k.conkey = ARRAY[a.attnum]),
            EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND a.attnum = ANY (i.indkey)),
            EXISTS (SELECT FROM pg_index i
                    WHERE i.indrelid = c.oid AND i.indisunique AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum),
            c.relkind = 'p'
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
            AND a.attnum > 0 AND NOT a.attisdropped
        ORDER BY c.relname, a.attnum";
    let rows = client.query(sql, &[]).await?;
    let mut names: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    names.dedup();
    let number = |name: &str| names.iter().position(|known| known == name);
    let mut tables: Vec<Table> = Vec::new();
    for row in &rows {
        let name: String = row.get(0);
        let column = Column {
            name: row.get(1),
            ty: row.get(2),
            nullable: row.get(3),
            references: row.get::<_, Option<String>>(4).and_then(|name| number(&name)),
            key: row.get(5),
            unique: row.get(6),
        };
        match tables.last_mut().filter(|table| table.name == name) {
            Some(table) => table.columns.push(column),
            None => {
                let number = tables.len();
                tables.push(Table { name, number, columns: vec![column], partitioned: row.get(7) });
            }
        }
    }
    Ok(tables)
}
