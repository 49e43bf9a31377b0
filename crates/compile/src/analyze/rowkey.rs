//! Which columns identify a row of a block.
//!
//! A block without grouping has one row per combination of the rows of its FROM items, so the union of one key of each
//! item identifies it. An item whose whole key is equated to what the other items hold adds nothing:
//! `FROM projects p JOIN users u ON u.id = p.user_id` is identified by `p.id` alone.

use std::collections::BTreeSet;

use super::walk::Item;
use super::{Analysis, Output};
use crate::tree::Expr;

/// The key of a block with these FROM items; `None` where an item has none.
pub(super) fn of_items(items: &[Item], analysis: &Analysis) -> Option<Vec<Expr>> {
    let mut remaining: Vec<&Item> = items.iter().collect();
    for item in items.iter().rev() {
        let others: BTreeSet<&str> =
            remaining.iter().filter(|other| other.unique != item.unique).map(|other| other.unique.as_str()).collect();
        if item.keys.iter().any(|key| is_fixed(item, key, items, &others, analysis)) {
            remaining.retain(|other| other.unique != item.unique);
        }
    }
    let mut key = Vec::new();
    for item in remaining {
        let columns = item.keys.first()?;
        key.extend(columns.iter().map(|column| Expr::column(&item.unique, column)));
    }
    Some(key)
}

/// True where every column of `key` is equated to something that the `others`, the outside or a constant gives.
fn is_fixed(item: &Item, key: &[String], items: &[Item], others: &BTreeSet<&str>, analysis: &Analysis) -> bool {
    key.iter().all(|column| {
        let column = Expr::column(&item.unique, column);
        analysis.equalities.iter().any(|equality| {
            let other = if equality.left == column {
                &equality.right
            } else if equality.right == column {
                &equality.left
            } else {
                return false;
            };
            analysis.contains(equality.region, item.region)
                && other.relations().iter().all(|relation| {
                    others.contains(relation.as_str()) || !items.iter().any(|item| item.unique == *relation)
                })
        })
    })
}

/// The key of a UNION ALL: a constant that tells its branches apart, and what identifies a row within each of them.
pub(super) fn of_union_all(
    outputs: &[Output],
    left: &[BTreeSet<usize>],
    right: &[BTreeSet<usize>],
) -> Vec<BTreeSet<usize>> {
    let Some(discriminator) = outputs.iter().position(|output| {
        let constants: BTreeSet<&str> = output
            .origins
            .iter()
            .filter_map(|origin| origin.expr.as_ref())
            .filter(|expr| expr.relations().is_empty())
            .map(Expr::text)
            .collect();
        constants.len() == output.origins.len()
    }) else {
        return Vec::new();
    };
    left.iter()
        .flat_map(|one| right.iter().map(move |other| one | other))
        .map(|mut both| {
            both.insert(discriminator);
            both
        })
        .take(1)
        .collect()
}
