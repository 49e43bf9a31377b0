//! The path of equalities from an occurrence of a source table to the key.
//!
//! For `votes v` in `FROM projects p … (SELECT count(*) FROM votes v WHERE v.project_id = p.id)` and the key `p.id`, the
//! equality gives the key at once: `v.project_id`. For `users u` in `FROM projects p JOIN users u ON u.id = p.user_id` it
//! takes one *hop*: read the rows of `projects` with `user_id = u.id`, whose `id` is the key.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{Analysis, OccurrenceId, RegionId};
use crate::tree::{Expr, build};

/// How changed rows of one occurrence lead to keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// Where it starts.
    pub from: OccurrenceId,
    /// Tables to read on the way, in order.
    pub hops: Vec<Hop>,
    /// The key's columns, over the start and the hops.
    pub key: Vec<Expr>,
    /// Sets of key positions that are NULL in further affected keys: a row on the nullable side of an outer join also
    /// takes away, or brings back, the row that has NULLs in its place.
    pub also_null: Vec<BTreeSet<usize>>,
}

impl Path {
    /// The names under which the way is printed: the start is `r`, the hops `h1`, `h2`, …, so that two mentions of a table
    /// that lead the same way print the same.
    #[must_use]
    pub fn alias(&self, analysis: &Analysis, alias: &str) -> String {
        if analysis.occurrences[self.from].alias == alias {
            return "r".to_owned();
        }
        let position = self.hops.iter().position(|hop| analysis.occurrences[hop.to].alias == alias);
        position.map_or_else(|| alias.to_owned(), |position| format!("h{}", position + 1))
    }

    /// An expression over the start and the hops, under those names.
    #[must_use]
    pub fn printed(&self, analysis: &Analysis, expr: &Expr) -> String {
        let renamed = expr.renamed(&|alias| self.alias(analysis, alias));
        crate::tree::print::qualified_expression(renamed.node())
    }
}

/// One table read on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// The occurrence that is read.
    pub to: OccurrenceId,
    /// `known = column of to`, all of which hold.
    pub on: Vec<(Expr, Expr)>,
    /// True where the start also affects rows that have no such row: an outer join seen from its preserved side.
    pub outer: bool,
}

/// The longest way searched: more than three tables read per changed row is no longer a cost that follows the change.
const MAX_HOPS: usize = 4;

/// The shortest path from an occurrence to the key, or `None` where no equalities lead there. `key` gives each key column
/// in each branch of a set operation.
#[must_use]
pub fn find(analysis: &Analysis, from: OccurrenceId, key: &[Vec<(RegionId, Expr)>]) -> Option<Path> {
    let start = &analysis.occurrences[from];
    let wanted: Option<Vec<Expr>> = key
        .iter()
        .map(|origins| {
            let in_branch = |region: &RegionId| origins.len() == 1 || analysis.contains(*region, start.region);
            let (_, expr) = origins.iter().find(|(region, _)| in_branch(region))?;
            substitute(analysis, expr, start.region)
        })
        .collect();
    let wanted = wanted?;
    [false, true].into_iter().find_map(|outer| search(analysis, from, &wanted, outer))
}

/// Replaces references to derived tables by what they stand for, as seen from `inside`.
#[must_use]
pub fn substitute(analysis: &Analysis, expr: &Expr, inside: RegionId) -> Option<Expr> {
    let mut possible = true;
    let mut again = false;
    let replaced = expr.rewritten(&mut |node| {
        let parts = build::column_parts(node)?;
        let [relation, column] = parts.as_slice() else { return None };
        let derived = analysis.derived.get(*relation)?;
        let output = derived.outputs.iter().find(|output| output.name == *column);
        let origin = output.and_then(|output| match output.origins.as_slice() {
            [only] => Some(only),
            several => several.iter().find(|origin| analysis.contains(origin.region, inside)),
        });
        match origin.and_then(|origin| origin.expr.as_ref()) {
            Some(inner) => {
                again = true;
                Some(inner.node().clone())
            }
            None => {
                possible = false;
                None
            }
        }
    });
    match (possible, again) {
        (false, _) => None,
        (true, true) => substitute(analysis, &replaced, inside),
        (true, false) => Some(replaced),
    }
}

struct Usable {
    left: Expr,
    right: Expr,
    /// The nullable region whose ON it is, where the start is outside of it.
    outer: Option<RegionId>,
}

fn search(analysis: &Analysis, from: OccurrenceId, wanted: &[Expr], allow_outer: bool) -> Option<Path> {
    let start = &analysis.occurrences[from];
    let usable: Vec<Usable> = analysis
        .equalities
        .iter()
        .filter_map(|equality| {
            let around = analysis.contains(equality.region, start.region);
            let outer = allow_outer
                && !around
                && analysis.regions[equality.region].nullable
                && analysis.regions[equality.region]
                    .parent
                    .is_some_and(|parent| analysis.contains(parent, start.region));
            if !around && !outer {
                return None;
            }
            let inside = if around { start.region } else { equality.region };
            Some(Usable {
                left: substitute(analysis, &equality.left, inside)?,
                right: substitute(analysis, &equality.right, inside)?,
                outer: outer.then_some(equality.region),
            })
        })
        .collect();
    let classes = Classes::new(usable.iter().filter(|one| one.outer.is_none()).map(|one| (&one.left, &one.right)));
    let mut queue = VecDeque::from([(vec![start.alias.clone()], Vec::<Hop>::new())]);
    let mut seen = BTreeSet::new();
    while let Some((known, hops)) = queue.pop_front() {
        let key: Option<Vec<Expr>> = wanted.iter().map(|expr| available(expr, &known, &classes)).collect();
        if let Some(key) = key {
            let also_null = null_variants(analysis, from, wanted, &hops);
            return Some(Path { from, hops, key, also_null });
        }
        if hops.len() == MAX_HOPS {
            continue;
        }
        for (to, occurrence) in analysis.occurrences.iter().enumerate() {
            if known.contains(&occurrence.alias) {
                continue;
            }
            let mut on = classes.links(&known, &occurrence.alias);
            let mut outer = false;
            if on.is_empty() {
                on = outer_links(&usable, &known, &occurrence.alias, &classes);
                outer = !on.is_empty();
            }
            if on.is_empty() {
                continue;
            }
            let mut reached = known.clone();
            reached.push(occurrence.alias.clone());
            let mut state = reached.clone();
            state.sort();
            if seen.insert(state) {
                let mut hops = hops.clone();
                hops.push(Hop { to, on, outer });
                queue.push_back((reached, hops));
            }
        }
    }
    None
}

/// The expression, or one equal to it, over what is known.
fn available(expr: &Expr, known: &[String], classes: &Classes) -> Option<Expr> {
    let over_known = |expr: &Expr| expr.relations().iter().all(|relation| known.contains(relation));
    if expr.relations().iter().all(|relation| *relation == known[0]) {
        return Some(expr.clone());
    }
    // What the start itself holds comes first: it is known whatever has become of the other tables.
    let members = classes.members(expr);
    let over_start = members.iter().find(|member| member.relations().iter().all(|relation| *relation == known[0]));
    if over_start.is_none() && over_known(expr) {
        return Some(expr.clone());
    }
    over_start.or_else(|| members.iter().find(|member| over_known(member))).cloned()
}

fn outer_links(usable: &[Usable], known: &[String], alias: &str, classes: &Classes) -> Vec<(Expr, Expr)> {
    usable
        .iter()
        .filter(|one| one.outer.is_some())
        .flat_map(|one| [(&one.left, &one.right), (&one.right, &one.left)])
        .filter(|(_, to)| to.relations() == [alias])
        .filter_map(|(from, to)| Some((available(from, known, classes)?, to.clone())))
        .collect()
}

/// For each nullable region that holds key columns: the rows with NULLs in its place are affected too, where the start is
/// inside of it or the way enters it from outside.
fn null_variants(analysis: &Analysis, from: OccurrenceId, wanted: &[Expr], hops: &[Hop]) -> Vec<BTreeSet<usize>> {
    let mut sets: BTreeMap<RegionId, BTreeSet<usize>> = BTreeMap::new();
    for (position, expr) in wanted.iter().enumerate() {
        for relation in expr.relations() {
            let Some(id) = analysis.occurrence(&relation) else { continue };
            for region in analysis.nullable_around(analysis.occurrences[id].region) {
                sets.entry(region).or_default().insert(position);
            }
        }
    }
    let entered = |region: RegionId| {
        hops.iter().any(|hop| hop.outer && analysis.contains(region, analysis.occurrences[hop.to].region))
    };
    let single: Vec<BTreeSet<usize>> = sets
        .into_iter()
        .filter(|(region, _)| analysis.contains(*region, analysis.occurrences[from].region) || entered(*region))
        .map(|(_, set)| set)
        .collect();
    // Where one side is absent, another whose ON reads it may be absent with it: any of them together.
    let mut unions: BTreeSet<BTreeSet<usize>> = BTreeSet::new();
    for set in single {
        let with: Vec<BTreeSet<usize>> = unions.iter().map(|known| known | &set).collect();
        unions.extend(with);
        unions.insert(set);
    }
    unions.into_iter().collect()
}

/// Expressions that are equal to each other.
struct Classes(Vec<BTreeSet<Expr>>);

impl Classes {
    fn new<'e>(pairs: impl Iterator<Item = (&'e Expr, &'e Expr)>) -> Self {
        let mut classes: Vec<BTreeSet<Expr>> = Vec::new();
        for (left, right) in pairs {
            let mut merged = BTreeSet::from([left.clone(), right.clone()]);
            classes.retain(|class| {
                let touches = class.contains(left) || class.contains(right);
                if touches {
                    merged.extend(class.iter().cloned());
                }
                !touches
            });
            classes.push(merged);
        }
        Self(classes)
    }

    fn members(&self, expr: &Expr) -> Vec<Expr> {
        self.0
            .iter()
            .find(|class| class.contains(expr))
            .map(|class| class.iter().cloned().collect())
            .unwrap_or_default()
    }

    /// `known = column of alias`, one per class that holds both.
    fn links(&self, known: &[String], alias: &str) -> Vec<(Expr, Expr)> {
        self.0
            .iter()
            .filter_map(|class| {
                let from = class.iter().find(|expr| {
                    let relations = expr.relations();
                    !relations.is_empty() && relations.iter().all(|relation| known.contains(relation))
                })?;
                let to = class.iter().find(|expr| expr.relations() == [alias])?;
                Some((from.clone(), to.clone()))
            })
            .collect()
    }
}
