//! What a SELECT reads, how its blocks nest, and which equalities tie a row of a source table to a row of the result.
//!
//! | module | does |
//! | --- | --- |
//! | [`walk`] | one pass over the normalised tree: occurrences, regions, equalities, what each block yields |
//! | [`nulls`] | which expressions are never NULL |
//! | [`rowkey`] | which columns identify a row of a block |
//! | [`provenance`] | the path of equalities from an occurrence of a source table to the key |
//! | [`time`] | which expressions read the clock, and when a window's condition flips |
//!
//! A *region* is a part of the query in which a condition is necessary: a row inside the region can change the result
//! only where the condition holds. `WHERE` and `ON` of inner joins belong to their whole block, `ON` of a left
//! join to its nullable side, a sub-select to itself. From an occurrence, exactly the equalities of the regions
//! around it may be followed; everything else a path leaves out, which makes it a superset and never a miss.

mod nulls;
pub mod provenance;
pub mod rowkey;
pub mod time;
pub mod walk;

use std::collections::{BTreeMap, BTreeSet};

use headwater_catalog::{Ident, QualifiedName};

use crate::tree::Expr;

/// The place of a region in [`Analysis::regions`].
pub type RegionId = usize;
/// The place of an occurrence in [`Analysis::occurrences`].
pub type OccurrenceId = usize;

/// A part of the query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// The region around it.
    pub parent: Option<RegionId>,
    /// True for the nullable side of an outer join: rows outside it also appear with NULLs in its place.
    pub nullable: bool,
}

/// One mention of a source table, views and CTEs expanded: the same table mentioned twice is two occurrences.
#[derive(Debug, Clone)]
pub struct Occurrence {
    /// Unique in the whole query.
    pub alias: String,
    /// The table.
    pub table: QualifiedName,
    /// Where it is mentioned.
    pub region: RegionId,
    /// The columns that the query uses of it.
    pub columns: BTreeSet<Ident>,
}

/// `left = right`, necessary in `region`. Sides name occurrences and derived tables by their unique aliases.
#[derive(Debug, Clone)]
pub struct Equality {
    /// One side.
    pub left: Expr,
    /// The other side.
    pub right: Expr,
    /// Where it is necessary.
    pub region: RegionId,
}

/// An output column of a block, seen from inside.
#[derive(Debug, Clone)]
pub struct Output {
    /// Its name.
    pub name: String,
    /// What it is, for each branch of a set operation (one where there is none).
    pub origins: Vec<Origin>,
}

/// What an output column is in one branch.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The branch's region.
    pub region: RegionId,
    /// The expression, where the column is *transparent*: a source row below affects only result rows in which this
    /// column has the value that the row gives it. `None` for aggregates, sub-selects, columns behind LIMIT, ….
    pub expr: Option<Expr>,
    /// True where it can never be NULL.
    pub not_null: bool,
}

/// A sub-select in FROM, or the right side of `IN (SELECT …)`.
#[derive(Debug, Clone)]
pub struct Derived {
    /// Its columns.
    pub outputs: Vec<Output>,
}

/// What one block yields.
#[derive(Debug, Clone, Default)]
pub struct Shape {
    /// Its columns.
    pub outputs: Vec<Output>,
    /// Sets of output positions that are unique in it; the empty set where it has at most one row.
    pub unique: Vec<BTreeSet<usize>>,
    /// The expressions that identify a row, over unique aliases, whether they are put out or not.
    pub key: Option<Vec<Expr>>,
    /// True where it groups, so that only grouped expressions can be added to its targets.
    pub grouped: bool,
    /// True for a set operation.
    pub set_operation: bool,
}

/// Everything the later stages ask about one SELECT.
#[derive(Debug, Clone, Default)]
pub struct Analysis {
    /// All regions; the first is the whole query.
    pub regions: Vec<Region>,
    /// All occurrences.
    pub occurrences: Vec<Occurrence>,
    /// All equalities.
    pub equalities: Vec<Equality>,
    /// Derived tables by unique alias.
    pub derived: BTreeMap<String, Derived>,
    /// The top block.
    pub shape: Shape,
    /// The items of the top block's FROM: visible alias → unique alias.
    pub top_aliases: BTreeMap<String, String>,
    /// The views that were expanded.
    pub views: BTreeSet<QualifiedName>,
    /// What cannot be maintained, and why.
    pub problems: Vec<Problem>,
}

/// A reason to refuse a SELECT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The diagnostic's code.
    pub code: u16,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: String,
    /// A word of the SELECT to underline.
    pub needle: String,
}

impl Analysis {
    /// True where `outer` is `inner` or around it.
    #[must_use]
    pub fn contains(&self, outer: RegionId, inner: RegionId) -> bool {
        let mut region = Some(inner);
        while let Some(id) = region {
            if id == outer {
                return true;
            }
            region = self.regions[id].parent;
        }
        false
    }

    /// The occurrence with a unique alias.
    #[must_use]
    pub fn occurrence(&self, alias: &str) -> Option<OccurrenceId> {
        self.occurrences.iter().position(|occurrence| occurrence.alias == alias)
    }

    /// The nullable regions around a region, innermost first.
    #[must_use]
    pub fn nullable_around(&self, region: RegionId) -> Vec<RegionId> {
        let mut found = Vec::new();
        let mut next = Some(region);
        while let Some(id) = next {
            if self.regions[id].nullable {
                found.push(id);
            }
            next = self.regions[id].parent;
        }
        found
    }
}
