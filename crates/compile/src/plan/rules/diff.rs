//! **diff**: compute everything at the batch's snapshot, write only what differs.
//!
//! ```text
//! M' = SELECT at the snapshot;  written: M' ∖ M  and  M ∖ M'
//! ```
//!
//! For eventual models alone: inside a writer's transaction it would make every writer wait for the whole model. Two kinds of SELECT
//! need it. Where no equalities lead from a change of one table to the key, that table's changes are diff and the others are not.
//! Where the SELECT as a whole is of a form for which there is no rule (FULL JOIN, recursion, grouping sets, …), all are; then only the
//! tables that it reads have to be known.
//!
//! ```sql
//! SELECT p.id, p.price * r.rate AS price FROM products p CROSS JOIN rates r   -- a change of rates: everything
//! ```

use std::collections::{BTreeMap, BTreeSet};

use headwater_catalog::{Catalog, QualifiedName, Resolution, TableKind};
use pg_query::NodeEnum;
use pg_query::protobuf::{Node, RangeVar, SelectStmt};

use crate::analyze::{Analysis, Occurrence, Region, time};
use crate::parse::ParsedModel;
use crate::plan::finish::Split;
use crate::plan::key::{self, Key};
use crate::plan::{Refusal, Strategy};
use crate::tree::{self, visit};

/// The refusals that say only that there is no rule for a form.
const FORMS: [u16; 8] = [301, 302, 303, 305, 307, 310, 311, 312];

/// True where the reason does not keep a model from being computed anew.
#[must_use]
pub fn overcomes(refusal: &Refusal) -> bool {
    FORMS.contains(&refusal.code)
}

/// What is planned for a model that is computed anew whatever changes.
pub type Anew = (Key, Analysis, BTreeMap<QualifiedName, Strategy>);

/// `None` where it reads the clock below the finish, or something that triggers cannot watch.
#[must_use]
pub fn anew(model: &ParsedModel, resolution: &Resolution, catalog: &Catalog, split: &Split) -> Option<Anew> {
    let mut reads_clock = false;
    visit::select_children(&split.core, &mut |child| reads_clock = reads_clock || time::reads_clock(child));
    if reads_clock {
        return None;
    }
    let mut read = Read::default();
    read.select(&split.core, catalog);
    if read.unknown || read.tables.is_empty() {
        return None;
    }
    let occurrences = read.tables.iter().enumerate().map(|(number, table)| Occurrence {
        alias: format!("hw_t{number}"),
        table: table.clone(),
        region: 0,
        columns: catalog.tables[table].columns.iter().map(|column| column.name.clone()).collect(),
    });
    let analysis = Analysis {
        regions: vec![Region { parent: None, nullable: false }],
        occurrences: occurrences.collect(),
        views: read.views,
        ..Analysis::default()
    };
    let strategies = read.tables.iter().map(|table| (table.clone(), Strategy::Diff)).collect();
    let key = key::declared(model, resolution, split).or_else(|| key::whole_row(resolution, split))?;
    Some((key, analysis, strategies))
}

/// What a SELECT reads, views expanded.
#[derive(Default)]
struct Read {
    tables: BTreeSet<QualifiedName>,
    views: BTreeSet<QualifiedName>,
    /// Something that cannot be watched, or a node that hides what it reads.
    unknown: bool,
}

impl Read {
    fn select(&mut self, select: &SelectStmt, catalog: &Catalog) {
        visit::select_children(select, &mut |child| self.node(child, catalog));
    }

    fn node(&mut self, node: &Node, catalog: &Catalog) {
        match &node.node {
            Some(NodeEnum::RangeVar(range)) => self.relation(range, catalog),
            Some(NodeEnum::RangeTableSample(_) | NodeEnum::RangeTableFunc(_)) => self.unknown = true,
            _ => {}
        }
        if !visit::children(node, &mut |child| self.node(child, catalog)) {
            self.unknown = true;
        }
    }

    fn relation(&mut self, range: &RangeVar, catalog: &Catalog) {
        // The server has qualified every name but those of WITH queries.
        if range.schemaname.is_empty() {
            return;
        }
        let Ok(name) = QualifiedName::parse(&range.schemaname, &range.relname) else {
            self.unknown = true;
            return;
        };
        if let Some(view) = catalog.views.get(&name) {
            if self.views.insert(name) {
                match tree::parse_select(&view.definition) {
                    Ok(select) => self.select(&select, catalog),
                    Err(_) => self.unknown = true,
                }
            }
            return;
        }
        let watched = catalog.tables.get(&name).is_some_and(|table| {
            matches!(table.kind, TableKind::Ordinary | TableKind::Partitioned) && table.part_of.is_none()
        });
        if watched && name.schema.as_str() != crate::generate::names::SCHEMA {
            self.tables.insert(name);
        } else {
            self.unknown = true;
        }
    }
}
