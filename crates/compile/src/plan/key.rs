//! Which columns identify a model row.
//!
//! The columns of a declared unique index come first, where each of them is transparent (a source row affects only rows
//! with the value it gives). Else the key is inferred: primary keys of the row-determining tables, grouping columns, all
//! columns of a DISTINCT. Without either, transparent columns partition the model into *bags* that are replaced as a whole.

use std::collections::{BTreeMap, BTreeSet};

use headwater_catalog::{Catalog, Ident, PgType, Resolution};
use pg_query::protobuf::Node;

use super::Refusal;
use super::finish::{Split, Stored};
use crate::analyze::{Analysis, RegionId};
use crate::parse::ParsedModel;
use crate::tree::{Expr, build};

/// What identifies a row of the model table.
#[derive(Debug, Clone)]
pub struct Key {
    /// Its columns; none where the model is a single row.
    pub columns: Vec<KeyColumn>,
    /// False where several rows may share it: they are then replaced together.
    pub unique: bool,
    /// The SELECT itself says so. Otherwise only a declared index does.
    pub proven: bool,
    /// Where it comes from, in words.
    pub reason: String,
}

impl Key {
    /// True where no column of a table is in it: the whole model has one key.
    #[must_use]
    pub fn is_constant(&self) -> bool {
        self.columns.iter().all(|column| column.origins.iter().all(|(_, expr)| expr.relations().is_empty()))
    }
}

/// One column of the key.
#[derive(Debug, Clone)]
pub struct KeyColumn {
    /// Its name in the model table.
    pub name: String,
    /// Its type.
    pub ty: PgType,
    /// True where it can never be NULL.
    pub not_null: bool,
    /// What it is in each branch of a set operation, over unique aliases.
    pub origins: Vec<(RegionId, Expr)>,
    /// Its expression in the terms of the top block, where that is one block.
    pub visible: Option<Expr>,
}

/// A key to try, with the core that it needs: hidden columns are added where the SELECT leaves key columns out.
pub type Candidate = (Key, Split);

/// The keys to try, the best first. The last is a bag over those columns to which every mention of every table leads.
#[must_use]
pub fn candidates(
    model: &ParsedModel,
    resolution: &Resolution,
    catalog: &Catalog,
    analysis: &Analysis,
    split: &Split,
) -> Vec<Candidate> {
    let outputs = Outputs { resolution, analysis, split };
    let mut found: Vec<Candidate> = Vec::new();
    for index in model.indexes.iter().filter(|index| index.unique && !index.has_predicate) {
        let columns: Option<Vec<KeyColumn>> =
            index.columns.iter().map(|name| outputs.column(name.as_ref()?.as_str())).collect();
        if let Some(columns) = columns {
            let reason = format!("the unique index {}", index.name.as_ref().map_or("", Ident::as_str));
            let proven = outputs.identify(&columns);
            found.push((Key { columns, unique: true, proven, reason: reason.trim_end().to_owned() }, split.clone()));
        }
    }
    if let Some(set) = analysis.shape.unique.iter().min_by_key(|set| set.len()) {
        if set.is_empty() {
            let mut split = split.clone();
            return vec![(single_row(&mut split), split)];
        }
        let columns: Option<Vec<KeyColumn>> = set.iter().map(|position| outputs.at(*position)).collect();
        if let Some(columns) = columns {
            found.push((
                Key { columns, unique: true, proven: true, reason: reason(analysis).to_owned() },
                split.clone(),
            ));
        }
    }
    if let Some(key) = &analysis.shape.key {
        let mut split = split.clone();
        if let Some(columns) = hidden_columns(key, catalog, analysis, &mut split) {
            let reason = format!("{}, kept hidden", reason(analysis));
            found.push((Key { columns, unique: true, proven: true, reason }, split));
        }
    }
    found.extend(bag(&outputs).map(|key| (key, split.clone())));
    found
}

/// A model of one row still has a key, a constant, so that everything else need not know.
fn single_row(split: &mut Split) -> Key {
    let zero = build::parsed("0");
    let name = split.store(&zero, "hw_k");
    let ty = PgType {
        sql: "integer".to_owned(),
        base: "int4".to_owned(),
        comparable: true,
        hashable: true,
        equal_is_identical: true,
    };
    let origins = vec![(0, Expr::new(zero.clone()))];
    let column = KeyColumn { name, ty, not_null: true, origins, visible: Some(Expr::new(zero)) };
    Key { columns: vec![column], unique: true, proven: true, reason: "the whole model is one row".to_owned() }
}

fn reason(analysis: &Analysis) -> &'static str {
    if analysis.shape.set_operation {
        "the branches' keys and the constant that tells the branches apart"
    } else if analysis.shape.grouped {
        "the grouping columns"
    } else {
        "the primary keys of the tables that determine a row"
    }
}

/// The stored outputs of the core, with what is known of them.
struct Outputs<'a> {
    resolution: &'a Resolution,
    analysis: &'a Analysis,
    split: &'a Split,
}

impl Outputs<'_> {
    /// True where the SELECT itself says that these columns, or some of them, identify a row.
    fn identify(&self, columns: &[KeyColumn]) -> bool {
        let position = |column: &KeyColumn| self.split.columns.iter().position(|stored| stored.name == column.name);
        let positions: BTreeSet<usize> = columns.iter().filter_map(position).collect();
        self.analysis.shape.unique.iter().any(|set| set.is_subset(&positions))
    }

    fn column(&self, name: &str) -> Option<KeyColumn> {
        let position = self.split.columns.iter().position(|column| column.name == name)?;
        self.at(position)
    }

    /// The stored column at a position of the core, where it can be part of a key.
    fn at(&self, position: usize) -> Option<KeyColumn> {
        let output = self.analysis.shape.outputs.get(position)?;
        let stored = self.split.columns.get(position)?;
        let declared = self.resolution.columns.iter().find(|column| column.name.as_str() == stored.name)?;
        let origins: Option<Vec<(RegionId, Expr)>> =
            output.origins.iter().map(|origin| Some((origin.region, origin.expr.clone()?))).collect();
        declared.ty.comparable.then_some(KeyColumn {
            name: stored.name.clone(),
            ty: declared.ty.clone(),
            not_null: output.origins.iter().all(|origin| origin.not_null),
            origins: origins?,
            visible: stored.expr.clone(),
        })
    }
}

/// The key's expressions as stored columns, hidden ones added. Only plain columns can be hidden: their type is known.
fn hidden_columns(key: &[Expr], catalog: &Catalog, analysis: &Analysis, split: &mut Split) -> Option<Vec<KeyColumn>> {
    let visible: BTreeMap<&String, &String> =
        analysis.top_aliases.iter().map(|(visible, unique)| (unique, visible)).collect();
    let mut columns = Vec::new();
    for expr in key {
        let (relation, column) = expr.as_column()?;
        let source = crate::analyze::provenance::substitute(analysis, expr, 0)?;
        let (base, base_column) = source.as_column()?;
        let occurrence = &analysis.occurrences[analysis.occurrence(base)?];
        let declared = catalog.tables.get(&occurrence.table)?.column(&Ident::new(base_column).ok()?)?;
        let shown: Node = build::column(&[visible.get(&relation.to_owned())?, column]);
        let not_null = declared.not_null && analysis.nullable_around(occurrence.region).is_empty();
        let name = split.store(&shown, "hw_k");
        columns.push(KeyColumn {
            name,
            ty: declared.ty.clone(),
            not_null,
            origins: vec![(0, expr.clone())],
            visible: Some(Expr::new(shown)),
        });
    }
    Some(columns)
}

/// Transparent columns as a partition of the model: those to which every mention of every table leads.
fn bag(outputs: &Outputs<'_>) -> Option<Key> {
    let mentions: Vec<usize> = (0..outputs.analysis.occurrences.len()).collect();
    let reached = |column: &KeyColumn| {
        let key = Key { columns: vec![column.clone()], unique: false, proven: true, reason: String::new() };
        super::rules::keyed::paths(outputs.analysis, &key, &mentions).is_ok()
    };
    let columns: Vec<KeyColumn> = (0..outputs.split.columns.len())
        .filter_map(|position| outputs.at(position))
        .filter(|column| column.origins.iter().any(|(_, expr)| !expr.relations().is_empty()))
        .filter(reached)
        .collect();
    let names: BTreeSet<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let reason = format!(
        "no unique key: rows that share ({}) are replaced together",
        names.into_iter().collect::<Vec<_>>().join(", ")
    );
    (!columns.is_empty()).then_some(Key { columns, unique: false, proven: true, reason })
}

/// The first declared unique index over stored columns, taken at its word: for models that are computed anew, where nothing else
/// is known of their columns.
#[must_use]
pub fn declared(model: &ParsedModel, resolution: &Resolution, split: &Split) -> Option<Key> {
    let column = |name: &Ident| {
        let stored = split.columns.iter().find(|stored| stored.name == name.as_str())?;
        given(resolution, stored)
    };
    model.indexes.iter().filter(|index| index.unique && !index.has_predicate).find_map(|index| {
        let columns: Option<Vec<KeyColumn>> = index.columns.iter().map(|name| column(name.as_ref()?)).collect();
        let reason = format!("the unique index {}", index.name.as_ref().map_or("", Ident::as_str));
        Some(Key { columns: columns?, unique: true, proven: false, reason: reason.trim_end().to_owned() })
    })
}

/// A stored column as the server describes it, where it can be compared.
fn given(resolution: &Resolution, stored: &Stored) -> Option<KeyColumn> {
    let declared = resolution.columns.iter().find(|column| column.name.as_str() == stored.name)?;
    declared.ty.comparable.then(|| KeyColumn {
        name: stored.name.clone(),
        ty: declared.ty.clone(),
        not_null: false,
        origins: Vec::new(),
        visible: stored.expr.clone(),
    })
}

/// Where nothing is known to identify a row, its columns do, all of them; equal rows are then kept as often as they come.
#[must_use]
pub fn whole_row(resolution: &Resolution, split: &Split) -> Option<Key> {
    let columns: Vec<KeyColumn> = split.columns.iter().filter_map(|stored| given(resolution, stored)).collect();
    let reason = "nothing identifies a row: all columns together".to_owned();
    (!columns.is_empty()).then_some(Key { columns, unique: false, proven: true, reason })
}

/// What is said where there is no key at all.
#[must_use]
pub fn none() -> Refusal {
    Refusal::new(
        403,
        "no column of the result leads from a changed source row to the rows it affects",
        "put a key of a source table into the SELECT list, declare a UNIQUE INDEX over columns that come straight from a table, or declare the model eventual: it is then computed anew after changes",
        "",
    )
}
