//! Data types: how their values may be compared.

use std::collections::{BTreeMap, BTreeSet};

use headwater_catalog::PgType;
use tokio_postgres::Transaction;
use tokio_postgres::types::Type;

use super::oids;
use super::rules::Oid;
use crate::error::Error;

/// The built-in types of which equal values are always the same bytes. Left out are numeric (1.0 = 1.00), floats
/// (-0 = 0), character(n) (trailing blanks), intervals (1 day = 24 hours), jsonb (its numbers), and everything made of
/// parts, since nobody needs it yet.
const IDENTICAL: [&str; 24] = [
    "bool",
    "char",
    "int2",
    "int4",
    "int8",
    "oid",
    "xid8",
    "pg_lsn",
    "money",
    "uuid",
    "name",
    "text",
    "varchar",
    "bytea",
    "bit",
    "varbit",
    "date",
    "time",
    "timetz",
    "timestamp",
    "timestamptz",
    "inet",
    "cidr",
    "macaddr",
];

/// Of those, the ones whose equality the collation decides.
const COLLATED: [&str; 3] = ["name", "text", "varchar"];

/// All types that some columns have, and the types in them.
pub(super) struct Types(BTreeMap<Oid, Described>);

struct Described {
    name: String,
    built_in: bool,
    kind: Kind,
    /// The element type of an array, the columns' types of a composite, the base type of a domain, …
    parts: Vec<Oid>,
    /// It, or a type that it is binary-coercible to, has a default btree operator class of its own.
    btree: bool,
    /// The same for hash, with the 64-bit hash function.
    hash: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Scalar,
    Enum,
    Domain,
    Composite,
    Range,
    Array,
}

impl Types {
    /// Reads the types and everything in them.
    pub(super) async fn read(transaction: &Transaction<'_>, types: impl Iterator<Item = Oid>) -> Result<Self, Error> {
        let wanted: BTreeSet<Oid> = types.collect();
        let sql = include_str!("../queries/types.sql");
        let rows = transaction.query_typed(sql, &[(&oids(&wanted), Type::OID_ARRAY)]).await?;
        let described = rows.iter().map(|row| {
            let kind = match row.get("kind") {
                "enum" => Kind::Enum,
                "domain" => Kind::Domain,
                "composite" => Kind::Composite,
                "range" => Kind::Range,
                "array" => Kind::Array,
                _ => Kind::Scalar,
            };
            let described = Described {
                name: row.get("name"),
                built_in: row.get("built_in"),
                kind,
                parts: row.get("parts"),
                btree: row.get("btree"),
                hash: row.get("hash"),
            };
            (row.get("type"), described)
        });
        Ok(Self(described.collect()))
    }

    /// The type of a column that is declared as `sql` and has a deterministic collation or not.
    pub(super) fn describe(&self, oid: Oid, sql: String, deterministic: bool) -> PgType {
        let base = self.base(oid);
        let name = base.map(|base| base.name.clone()).unwrap_or_default();
        PgType {
            sql,
            comparable: self.has(oid, false),
            hashable: self.has(oid, true),
            equal_is_identical: base.is_some_and(|base| {
                let listed = base.built_in && base.kind == Kind::Scalar && IDENTICAL.contains(&name.as_str());
                base.kind == Kind::Enum || (listed && (deterministic || !COLLATED.contains(&name.as_str())))
            }),
            base: name,
        }
    }

    /// The type itself, or what a domain is over.
    fn base(&self, oid: Oid) -> Option<&Described> {
        let described = self.0.get(&oid)?;
        match (described.kind, described.parts.first()) {
            (Kind::Domain, Some(base)) => self.base(*base),
            _ => Some(described),
        }
    }

    /// True where its values can be compared, or hashed. Arrays, composites and ranges have the operators always, but
    /// these fail when the parts lack theirs.
    fn has(&self, oid: Oid, hash: bool) -> bool {
        let Some(described) = self.0.get(&oid) else { return false };
        let own = if hash { described.hash } else { described.btree };
        match described.kind {
            Kind::Scalar => own,
            Kind::Enum => true,
            Kind::Domain | Kind::Composite | Kind::Range | Kind::Array => {
                own || described.parts.iter().all(|part| self.has(*part, hash))
            }
        }
    }
}
