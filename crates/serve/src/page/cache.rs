//! Pages that are kept: until the log tells of a row that stands in them, stood in them or comes to stand in them. No clock is involved.
//!
//! A page is the rows of a slice between two places of an order. An entry touches it where the row, as it is now or as it was, is in
//! the slice and stands between them. The row after the last one counts as part of the page, for it decides whether there is a next one.

use std::cmp::Ordering;
use std::sync::Arc;

use quick_cache::sync::Cache as Store;
use quick_cache::{Equivalent, Weighter};

use super::answer::Page;
use super::read::Values;
use super::request::Request;
use crate::model::compare;
use crate::route::{Route, Sort};
use crate::tail::entry::{Entry, Slice};

/// The pages, the least used of which go when there is no room.
#[derive(Debug)]
pub struct Cache {
    store: Option<Store<(Arc<str>, Request), Page, Weight>>,
}

/// A key that is looked for, without a copy of it. Its hash is the key's.
#[derive(Hash)]
struct Key<'a>(&'a str, &'a Request);

impl Equivalent<(Arc<str>, Request)> for Key<'_> {
    fn equivalent(&self, (path, request): &(Arc<str>, Request)) -> bool {
        self.0 == &**path && self.1 == request
    }
}

#[derive(Debug, Clone)]
struct Weight;

impl Weighter<(Arc<str>, Request), Page> for Weight {
    fn weight(&self, _: &(Arc<str>, Request), page: &Page) -> u64 {
        page.body.len() as u64 + 512
    }
}

impl Cache {
    /// With so much room for pages; none for 0.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        let pages = usize::try_from(bytes / 8192).unwrap_or(usize::MAX).max(16);
        Self { store: (bytes > 0).then(|| Store::with_weighter(pages, bytes, Weight)) }
    }

    /// The page, where it is kept.
    #[must_use]
    pub fn get(&self, route: &Route, request: &Request) -> Option<Page> {
        self.store.as_ref()?.get(&Key(&route.path, request))
    }

    pub(crate) fn insert(&self, route: &Route, request: &Request, page: Page) {
        if let Some(store) = &self.store {
            store.insert((Arc::clone(&route.path), request.clone()), page);
        }
    }

    pub(crate) fn remove(&self, route: &Route, request: &Request) {
        if let Some(store) = &self.store {
            store.remove(&Key(&route.path, request));
        }
    }

    /// True where pages are kept at all.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.store.is_some()
    }

    /// How many pages are kept, and how many bytes they take.
    #[must_use]
    pub fn size(&self) -> (usize, u64) {
        self.store.as_ref().map_or((0, 0), |store| (store.len(), store.weight()))
    }
}

/// Where a page stands in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Which order.
    pub sort: usize,
    /// It begins after this place; at the first row where `None`. As many values as the cursor has.
    pub from: Option<Vec<Option<String>>>,
    /// The tracked values of its last row, or of the one that comes next; `None` where no row follows.
    pub to: Option<Values>,
}

impl Span {
    /// True where the entry's row stands, or stood, in the page. Where only PostgreSQL could tell, it is.
    #[must_use]
    pub fn is_touched(&self, route: &Route, slice: &Slice, entry: &Entry) -> bool {
        let mut rows = entry.new.iter().chain(&entry.old);
        rows.any(|row| slice.holds(row) && self.covers(route, row))
    }

    fn covers(&self, route: &Route, row: &Values) -> bool {
        let sort = &route.sorts[self.sort];
        let value = |values: &Values, at: usize| values[route.tracked_at(sort.columns[at].column)].clone();
        let after_begin = self.from.as_ref().is_none_or(|from| {
            let found = order(route, sort, from.len(), |at| value(row, at), |at| from[at].as_deref().map(Into::into));
            found != Some(Ordering::Less) && (found != Some(Ordering::Equal) || from.len() < sort.columns.len())
        });
        let before_end = self.to.as_ref().is_none_or(|to| {
            order(route, sort, sort.columns.len(), |at| value(row, at), |at| value(to, at)) != Some(Ordering::Greater)
        });
        after_begin && before_end
    }
}

/// How one row stands to another in the first `columns` of an order; `None` where only PostgreSQL can tell.
fn order(
    route: &Route,
    sort: &Sort,
    columns: usize,
    one: impl Fn(usize) -> Option<Box<str>>,
    other: impl Fn(usize) -> Option<Box<str>>,
) -> Option<Ordering> {
    for (at, column) in sort.columns[..columns].iter().enumerate() {
        let ordering = match (one(at), other(at)) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) if column.nulls_first => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) if column.nulls_first => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(one), Some(other)) if one == other => Ordering::Equal,
            (Some(one), Some(other)) => {
                let found = compare(route.model.columns[column.column].order, &one, &other)?;
                if column.descending { found.reverse() } else { found }
            }
        };
        if ordering != Ordering::Equal {
            return Some(ordering);
        }
    }
    Some(Ordering::Equal)
}
