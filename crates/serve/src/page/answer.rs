//! A page as JSON, with its ETag.
//!
//! ```json
//! {"items":[…],"next_cursor":"~…","total_items":20,"keys":[…]}
//! ```
//!
//! `keys` are there where the route is live, as in the events of its streams: who reads pages where streams cannot be had knows the rows again.

use axum::http::HeaderValue;
use bytes::{BufMut as _, Bytes, BytesMut};

use super::cache::Span;
use super::cursor::Cursor;
use super::envelope::Contents;
use super::read::{Reading, Values, item, key, values};
use super::request::Request;
use crate::http::problem::Problem;
use crate::position::Position;
use crate::route::Route;
use crate::stream::event::push_json;

/// A page that was read.
#[derive(Debug, Clone)]
pub struct Page {
    /// The whole answer.
    pub body: Bytes,
    /// The items in it, joined by commas.
    pub items: Bytes,
    /// Their keys, joined by commas; empty where the route is not live.
    pub keys: Bytes,
    /// How many items.
    pub total: usize,
    /// Where the next page begins; `None` after the last one.
    pub next_cursor: Option<String>,
    /// Changes with every byte of the body.
    pub etag: HeaderValue,
    /// Where it was read.
    pub position: Position,
}

/// A page under way: rows are added as the database finds them.
#[derive(Debug)]
pub struct Growing<'r> {
    route: &'r Route,
    request: &'r Request,
    items: BytesMut,
    keys: BytesMut,
    total: usize,
    last: Values,
    beyond: Option<Values>,
}

impl<'r> Growing<'r> {
    /// An empty page.
    #[must_use]
    pub fn new(route: &'r Route, request: &'r Request) -> Self {
        Self {
            route,
            request,
            items: BytesMut::with_capacity(4096),
            keys: BytesMut::new(),
            total: 0,
            last: Values::default(),
            beyond: None,
        }
    }

    /// Adds a row; false where the page is full and the row is the one that comes after it.
    pub fn add(&mut self, row: &tokio_postgres::Row) -> bool {
        if self.total == self.request.limit as usize {
            self.beyond.get_or_insert_with(|| values(row));
            return false;
        }
        if self.total > 0 {
            self.items.put_u8(b',');
        }
        push_json(&mut self.items, item(row));
        if self.route.live {
            if self.total > 0 {
                self.keys.put_u8(b',');
            }
            push_json(&mut self.keys, key(row));
        }
        self.total += 1;
        if self.total == self.request.limit as usize {
            self.last = values(row);
        }
        true
    }

    /// The items and keys from these places on, and the places where they end now.
    #[must_use]
    pub fn since(&self, (items, keys): (usize, usize)) -> (&[u8], &[u8]) {
        let (items, keys) = (&self.items[items..], &self.keys[keys..]);
        (items.strip_prefix(b",").unwrap_or(items), keys.strip_prefix(b",").unwrap_or(keys))
    }

    /// True where it has no row yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// Where items and keys end.
    #[must_use]
    pub fn ends(&self) -> (usize, usize) {
        (self.items.len(), self.keys.len())
    }

    /// The whole page, and where it stands in its order.
    #[must_use]
    pub fn finish(self, position: Position) -> (Page, Span) {
        let Self { route, request, items, keys, total, last, beyond } = self;
        let sort = &route.sorts[request.sort];
        let place = || -> Vec<Option<String>> {
            let text = |value: &Option<Box<str>>| value.as_deref().map(Into::into);
            match route.search {
                Some(_) => last.iter().map(text).collect(),
                None => sort.columns.iter().map(|column| text(&last[route.tracked_at(column.column)])).collect(),
            }
        };
        let next_cursor = beyond.is_some().then(|| Cursor(place()).encode());
        let (body, place) = route.envelope.fill(&Contents {
            items: &items,
            keys: &keys,
            single: route.single,
            next_cursor: next_cursor.as_deref(),
            total,
            page: request.number(),
            limit: request.limit,
        });
        let from = if request.offset > 0 { None } else { request.cursor.as_ref().map(|cursor| cursor.0.clone()) };
        let span = Span { sort: request.sort, from, to: beyond };
        let page = Page {
            items: body.slice(place),
            keys: keys.freeze(),
            total,
            next_cursor,
            etag: HeaderValue::try_from(etag(&body)).expect("hexadecimal digits"),
            position,
            body,
        };
        (page, span)
    }
}

/// Reads a page to its end.
///
/// # Errors
/// What keeps it from being read.
pub async fn read_all(route: &Route, request: &Request, reading: &mut Reading) -> Result<(Page, Span), Problem> {
    let mut growing = Growing::new(route, request);
    while let Some(row) = reading.next().await? {
        growing.add(&row);
    }
    Ok(growing.finish(reading.position))
}

/// 128 bits of the body's hash, as `"…"`: the same bytes have the same tag, whoever serves them.
pub(crate) fn etag(body: &[u8]) -> String {
    use sha2::Digest as _;
    let hash = sha2::Sha256::digest(body);
    let mut text = String::with_capacity(34);
    text.push('"');
    for byte in &hash[..16] {
        text.push_str(&format!("{byte:02x}"));
    }
    text.push('"');
    text
}
