//! The indexes as the catalog and the statistics have them; several rules look at the same list.

use headwater_catalog::{Ident, QualifiedName};
use headwater_deploy::Error;

use crate::look::{Look, ident, named};

/// Headwater's own schema: its indexes come and go with the versions of models.
const OWN: &str = "headwater";

/// One index.
#[derive(Debug, Clone)]
pub struct Index {
    /// Its table.
    pub table: QualifiedName,
    /// The table is partitioned.
    pub is_partitioned: bool,
    /// Its name.
    pub name: Ident,
    /// Queries may use it.
    pub is_valid: bool,
    /// It keeps its keys unique.
    pub is_unique: bool,
    /// Something else needs it: a key, a foreign key that leads to it, the replica identity, an index over partitions.
    pub is_needed: bool,
    /// Its access method.
    pub method: String,
    /// It carries columns beside its keys.
    pub has_more: bool,
    /// Its keys, each with operator class, collation and direction.
    pub keys: Vec<String>,
    /// The rows that it has, where not all.
    pub predicate: Option<String>,
    /// Its size.
    pub bytes: i64,
    /// How often it was read.
    pub scans: i64,
    /// For how many seconds that has been counted.
    pub counted_for: f64,
}

impl Index {
    /// Its name with the schema, which is its table's.
    #[must_use]
    pub fn qualified(&self) -> QualifiedName {
        QualifiedName::new(self.table.schema.clone(), self.name.clone())
    }

    /// It belongs to the application.
    #[must_use]
    pub fn is_applications(&self) -> bool {
        self.table.schema.as_str() != OWN
    }

    /// The statement that drops it without stopping writers.
    #[must_use]
    pub fn drop_statement(&self) -> String {
        let concurrently = if self.is_partitioned { "" } else { "CONCURRENTLY " };
        format!("DROP INDEX {concurrently}{}", self.qualified())
    }
}

/// Reads them.
///
/// # Errors
/// The server's.
pub async fn read(look: &Look) -> Result<Vec<Index>, Error> {
    let rows = look.query(include_str!("../../sql/indexes.sql"), "reading the indexes").await?;
    rows.iter()
        .map(|row| {
            let flag = |name: &str| row.get::<_, bool>(name);
            Ok(Index {
                table: named(row, "schema_name", "table_name")?,
                is_partitioned: flag("is_partitioned"),
                name: ident(row, 2)?,
                is_valid: flag("is_valid"),
                is_unique: flag("is_unique"),
                is_needed: flag("is_constraint") || flag("is_referenced") || flag("is_identity") || flag("is_part"),
                method: row.get("method"),
                has_more: flag("has_more"),
                keys: row.get("keys"),
                predicate: row.get("predicate"),
                bytes: row.get("bytes"),
                scans: row.get("scans"),
                counted_for: row.get("counted_for"),
            })
        })
        .collect()
}

#[cfg(test)]
pub(crate) fn sample(name: &str, keys: &[&str]) -> Index {
    Index {
        table: QualifiedName::parse("public", "posts").unwrap(),
        is_partitioned: false,
        name: Ident::new(name).unwrap(),
        is_valid: true,
        is_unique: false,
        is_needed: false,
        method: "btree".into(),
        has_more: false,
        keys: keys.iter().map(|key| (*key).to_owned()).collect(),
        predicate: None,
        bytes: 1 << 20,
        scans: 0,
        counted_for: 1e9,
    }
}
