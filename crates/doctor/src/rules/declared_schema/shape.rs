//! Tables with their columns, constraints and indexes, as the catalog writes them. The search path must begin with the schema that is read,
//! so that names in it are written without it.

use std::collections::BTreeMap;

use headwater_catalog::Ident;
use headwater_deploy::Error;
use headwater_deploy::error::During;
use headwater_postgres::Client;
use tokio_postgres::Row;

/// Tables by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shape(pub BTreeMap<String, Table>);

/// One table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// Its columns, in order.
    pub columns: Vec<Column>,
    /// Its keys, foreign keys and checks.
    pub constraints: Vec<Constraint>,
    /// Its other indexes.
    pub indexes: Vec<Index>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: Ident,
    /// Its type with length and scale.
    pub ty: String,
    /// NOT NULL.
    pub not_null: bool,
    /// `DEFAULT …` or `GENERATED …`.
    pub value: Option<String>,
}

/// A constraint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraint {
    /// Its name.
    pub name: Ident,
    /// What follows its name in ADD CONSTRAINT.
    pub definition: String,
    /// It may be added first and validated afterwards, without stopping writers in between.
    pub can_wait: bool,
}

/// An index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// Its name.
    pub name: Ident,
    /// UNIQUE.
    pub is_unique: bool,
    /// On a partitioned table.
    pub is_partitioned: bool,
    /// What follows its table's name in CREATE INDEX.
    pub definition: String,
}

/// Reads these tables of a schema; those that are not there are left out.
///
/// # Errors
/// The server's.
pub async fn read(client: &Client, schema: &str, tables: &[&str]) -> Result<Shape, Error> {
    let doing = "reading the shape of tables";
    let mut shape = Shape::default();
    for row in client.query(include_str!("../../../sql/shape_columns.sql"), &[&schema, &tables]).await.during(doing)? {
        let column =
            Column { name: name(&row)?, ty: row.get("type"), not_null: row.get("not_null"), value: row.get("value") };
        shape.0.entry(row.get("table_name")).or_default().columns.push(column);
    }
    for row in
        client.query(include_str!("../../../sql/shape_constraints.sql"), &[&schema, &tables]).await.during(doing)?
    {
        let constraint =
            Constraint { name: name(&row)?, definition: row.get("definition"), can_wait: row.get("can_wait") };
        shape.0.entry(row.get("table_name")).or_default().constraints.push(constraint);
    }
    for row in client.query(include_str!("../../../sql/shape_indexes.sql"), &[&schema, &tables]).await.during(doing)? {
        let index = Index {
            name: name(&row)?,
            is_unique: row.get("is_unique"),
            is_partitioned: row.get("is_partitioned"),
            definition: row.get("definition"),
        };
        shape.0.entry(row.get("table_name")).or_default().indexes.push(index);
    }
    Ok(shape)
}

fn name(row: &Row) -> Result<Ident, Error> {
    Ident::new(row.get::<_, String>("name")).map_err(|_| Error::ForeignSchema)
}
