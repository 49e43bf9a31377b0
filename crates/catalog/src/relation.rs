//! Source tables and views: what the compiler has to know of them, and nothing else.

use std::collections::BTreeMap;

use crate::ident::{Ident, QualifiedName};

/// What one database looks like to the compiler: every relation that some model reads, directly or through views.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    /// `server_version_num`, such as 150018.
    pub server_version: u32,
    /// The tables that models read.
    pub tables: BTreeMap<QualifiedName, Table>,
    /// The plain views that models read through; their definitions are expanded.
    pub views: BTreeMap<QualifiedName, View>,
}

/// One source table.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its name.
    pub name: QualifiedName,
    /// What kind of relation it is.
    pub kind: TableKind,
    /// Its columns in order, dropped ones left out.
    pub columns: Vec<Column>,
    /// The column sets that are unique and NOT NULL throughout: the primary key first, then other valid, immediate,
    /// non-partial unique indexes over plain columns that are all NOT NULL.
    pub keys: Vec<Vec<Ident>>,
    /// Partitions and inheriting children of every level: statements may name them directly, so they carry the
    /// same triggers.
    pub members: Vec<QualifiedName>,
    /// The table of which it is itself a partition or an inheriting child: statements that name that one change it, and fire
    /// only that one's statement triggers.
    pub part_of: Option<QualifiedName>,
    /// `pg_class.reltuples`, zero where unknown. An estimate for `plan`, never for correctness.
    pub estimated_rows: f64,
}

/// What kind of relation a model reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableKind {
    /// An ordinary table.
    Ordinary,
    /// The root or an inner node of a partitioned table.
    Partitioned,
    /// A foreign table: changes made elsewhere fire no trigger here.
    Foreign,
    /// A materialized view: it changes by REFRESH, which fires no trigger.
    MaterializedView,
    /// A table of the system catalogs.
    System,
    /// A temporary table: gone with its session.
    Temporary,
}

/// One column of a table, a view or a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: Ident,
    /// Its type.
    pub ty: PgType,
    /// True where the column is declared NOT NULL (or is part of a primary key).
    pub not_null: bool,
}

/// A data type with the properties that decide how its values may be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PgType {
    /// `format_type(atttypid, atttypmod)` under `search_path = pg_catalog`: qualified where needed, ready for DDL.
    pub sql: String,
    /// `pg_type.typname`, such as `int4` or `uuid`; for a domain, of its base type.
    pub base: String,
    /// It has a default btree operator class, so `=`, ORDER BY, GROUP BY and EXCEPT work.
    pub comparable: bool,
    /// It has a default hash operator class with the extended hash function, so `hash_record_extended` works.
    pub hashable: bool,
    /// Two values that are `=` are always the same bytes: false for numeric (1.0 = 1.00), floats (-0 = 0), citext,
    /// jsonb, character(n), intervals and texts under a nondeterministic collation.
    pub equal_is_identical: bool,
}

/// A plain view that a model reads through.
#[derive(Debug, Clone)]
pub struct View {
    /// Its name.
    pub name: QualifiedName,
    /// `pg_get_viewdef(oid, false)` under `search_path = pg_catalog`.
    pub definition: String,
    /// Its columns.
    pub columns: Vec<Column>,
}

impl Table {
    /// The column called `name`.
    #[must_use]
    pub fn column(&self, name: &Ident) -> Option<&Column> {
        self.columns.iter().find(|column| &column.name == name)
    }
}
