//! The views under the models: their texts, and which relations and functions each of them uses.

use std::collections::{BTreeMap, BTreeSet};

use headwater_catalog::QualifiedName;
use tokio_postgres::Transaction;
use tokio_postgres::types::Type;

use super::node_tree::{NodeTree, Uses};
use super::oids;
use super::relations::{self, Relation, RelationKind};
use crate::error::Error;

pub(super) use super::node_tree::Oid;

/// A view's SELECT.
pub(super) struct Rule {
    /// `pg_get_viewdef(oid, false)` under `search_path = pg_catalog`.
    pub(super) definition: String,
    /// What it uses, itself left out.
    pub(super) uses: Uses,
}

/// All views that the models read, with all relations in them.
pub(super) struct Rules {
    relations: BTreeMap<Oid, Relation>,
    rules: BTreeMap<Oid, Rule>,
    /// Installed relations that bear a model's name, and the model's own view, which is followed instead: the
    /// installed one reads the model table, or is the materialized view that the model replaces.
    replaced: BTreeMap<Oid, Oid>,
}

impl Rules {
    /// Follows the models' views down to tables.
    pub(super) async fn read(
        transaction: &Transaction<'_>,
        models: &BTreeMap<QualifiedName, Oid>,
    ) -> Result<Self, Error> {
        let mut found = Self { relations: BTreeMap::new(), rules: BTreeMap::new(), replaced: BTreeMap::new() };
        let mut fresh: BTreeSet<Oid> = models.values().copied().collect();
        while !fresh.is_empty() {
            let mut views = BTreeSet::new();
            for (oid, relation) in relations::describe(transaction, &fresh).await? {
                match (models.get(&relation.name), relation.kind) {
                    (Some(model), kind) if *model != oid && kind.may_be_a_model() => {
                        found.replaced.insert(oid, *model);
                    }
                    (_, RelationKind::View) => {
                        views.insert(oid);
                    }
                    _ => {}
                }
                found.relations.insert(oid, relation);
            }
            let rules = read_rules(transaction, &views).await?;
            let used = rules.values().flat_map(|rule| rule.uses.relations.iter().copied());
            fresh = used.filter(|oid| !found.relations.contains_key(oid)).collect();
            found.rules.extend(rules);
        }
        Ok(found)
    }

    /// Every relation read, whichever way.
    pub(super) fn relations(&self) -> BTreeSet<Oid> {
        self.relations.keys().copied().collect()
    }

    /// One of them.
    pub(super) fn relation(&self, oid: Oid) -> &Relation {
        &self.relations[&oid]
    }

    /// The SELECT behind a view, or behind the model that an installed relation stands for.
    pub(super) fn rule(&self, oid: Oid) -> Option<&Rule> {
        self.rules.get(self.replaced.get(&oid).unwrap_or(&oid))
    }

    /// All rules.
    pub(super) fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.values()
    }

    /// The relations that `view` reads, directly or through others. It is among them itself if it reads itself.
    pub(super) fn reached_from(&self, view: Oid) -> BTreeSet<Oid> {
        let mut reached = BTreeSet::new();
        let mut waiting = vec![view];
        while let Some(oid) = waiting.pop() {
            for used in self.rule(oid).iter().flat_map(|rule| &rule.uses.relations) {
                if self.replaced.get(used) == Some(&view) {
                    reached.insert(view);
                }
                if reached.insert(*used) {
                    waiting.push(*used);
                }
            }
        }
        reached
    }
}

async fn read_rules(transaction: &Transaction<'_>, views: &BTreeSet<Oid>) -> Result<BTreeMap<Oid, Rule>, Error> {
    let sql = include_str!("../queries/rules.sql");
    let rows = transaction.query_typed(sql, &[(&oids(views), Type::OID_ARRAY)]).await?;
    let rules = rows.iter().map(|row| {
        let oid: Oid = row.get("view");
        let mut uses = NodeTree::parse(row.get("tree")).uses();
        // Before version 16 a view's query lists the view itself twice, as OLD and NEW.
        uses.relations.remove(&oid);
        (oid, Rule { definition: row.get("definition"), uses })
    });
    Ok(rules.collect())
}
