//! Tables and views: kinds, columns, keys, members.

use std::collections::{BTreeMap, BTreeSet};

use headwater_catalog::{Column, Ident, QualifiedName, Table, TableKind};
use tokio_postgres::types::Type;
use tokio_postgres::{Row, Transaction};

use super::rules::Oid;
use super::types::Types;
use super::{ident, name, oids};
use crate::error::Error;

/// A relation in somebody's FROM clause.
pub(super) struct Relation {
    pub(super) name: QualifiedName,
    pub(super) kind: RelationKind,
}

/// What it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RelationKind {
    /// A plain view: its SELECT is read in its place.
    View,
    /// Anything that holds rows, or is not looked into.
    Table(TableKind),
}

impl RelationKind {
    /// True for what a model of the same name leaves behind when installed, or replaces.
    pub(super) fn may_be_a_model(self) -> bool {
        matches!(self, Self::View | Self::Table(TableKind::MaterializedView))
    }
}

/// Names and kinds.
pub(super) async fn describe(
    transaction: &Transaction<'_>,
    relations: &BTreeSet<Oid>,
) -> Result<BTreeMap<Oid, Relation>, Error> {
    let sql = include_str!("../queries/relations.sql");
    let rows = transaction.query_typed(sql, &[(&oids(relations), Type::OID_ARRAY)]).await?;
    let relation = |row: &Row| {
        let kind = match row.get("kind") {
            "view" => RelationKind::View,
            "ordinary" => RelationKind::Table(TableKind::Ordinary),
            "partitioned" => RelationKind::Table(TableKind::Partitioned),
            "foreign" => RelationKind::Table(TableKind::Foreign),
            "materialized" => RelationKind::Table(TableKind::MaterializedView),
            "temporary" => RelationKind::Table(TableKind::Temporary),
            _ => RelationKind::Table(TableKind::System),
        };
        Relation { name: name(row.get("schema"), row.get("name")), kind }
    };
    Ok(rows.iter().map(|row| (row.get("relation"), relation(row))).collect())
}

/// The columns of each relation, in order.
pub(super) async fn columns(
    transaction: &Transaction<'_>,
    relations: &BTreeSet<Oid>,
) -> Result<BTreeMap<Oid, Vec<Column>>, Error> {
    let sql = include_str!("../queries/columns.sql");
    let rows = transaction.query_typed(sql, &[(&oids(relations), Type::OID_ARRAY)]).await?;
    let types = Types::read(transaction, rows.iter().map(|row| row.get("type"))).await?;
    let mut columns: BTreeMap<Oid, Vec<Column>> = BTreeMap::new();
    for row in &rows {
        let ty = types.describe(row.get("type"), row.get("type_sql"), row.get("deterministic"));
        let column = Column { name: ident(row.get("name")), ty, not_null: row.get("not_null") };
        columns.entry(row.get("relation")).or_default().push(column);
    }
    Ok(columns)
}

/// The tables in full.
pub(super) async fn tables(
    transaction: &Transaction<'_>,
    tables: Vec<(Oid, QualifiedName, TableKind)>,
    columns: &BTreeMap<Oid, Vec<Column>>,
) -> Result<BTreeMap<QualifiedName, Table>, Error> {
    let wanted: Vec<Oid> = tables.iter().map(|(oid, ..)| *oid).collect();
    let sql = include_str!("../queries/keys.sql");
    let mut keys: BTreeMap<Oid, Vec<Vec<Ident>>> = BTreeMap::new();
    for row in transaction.query_typed(sql, &[(&wanted, Type::OID_ARRAY)]).await? {
        let names: Vec<&str> = row.get("columns");
        keys.entry(row.get("relation")).or_default().push(names.into_iter().map(ident).collect());
    }
    let sql = include_str!("../queries/members.sql");
    let mut members: BTreeMap<Oid, Vec<QualifiedName>> = BTreeMap::new();
    for row in transaction.query_typed(sql, &[(&wanted, Type::OID_ARRAY)]).await? {
        members.entry(row.get("relation")).or_default().push(name(row.get("schema"), row.get("name")));
    }
    let sql = include_str!("../queries/parents.sql");
    let mut parents: BTreeMap<Oid, QualifiedName> = BTreeMap::new();
    for row in transaction.query_typed(sql, &[(&wanted, Type::OID_ARRAY)]).await? {
        parents.insert(row.get("relation"), name(row.get("schema"), row.get("name")));
    }
    let sql = include_str!("../queries/estimates.sql");
    let rows = transaction.query_typed(sql, &[(&wanted, Type::OID_ARRAY)]).await?;
    let estimates: BTreeMap<Oid, f64> = rows.iter().map(|row| (row.get("relation"), row.get("rows"))).collect();

    let table = |(oid, name, kind): (Oid, QualifiedName, TableKind)| Table {
        name,
        kind,
        columns: columns.get(&oid).cloned().unwrap_or_default(),
        keys: keys.remove(&oid).unwrap_or_default(),
        members: members.remove(&oid).unwrap_or_default(),
        part_of: parents.remove(&oid),
        estimated_rows: estimates.get(&oid).copied().unwrap_or_default(),
    };
    Ok(tables.into_iter().map(table).map(|table| (table.name.clone(), table)).collect())
}
