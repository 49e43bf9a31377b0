//! Events as they go over the wire. Names begin with the route's word, here `feed`:
//!
//! | event | data | when |
//! | --- | --- | --- |
//! | `feed_items` | `{"items":[…],"keys":[…],"partial":true}` | some rows of the page; `keys` only where the route is live |
//! | `feed_item` | the item | one row of the page, with `?format=item` |
//! | `feed_complete` | `{"next_cursor":…,"total_items":20,"position":"1.4711"}` | the page is whole; its `id` is the position |
//! | `feed_put` | `{"key":{…},"item":{…}}` | the row with this key is now so |
//! | `feed_gone` | `{"key":{…}}` | the row is no more, or not in what was asked for any more |
//! | `feed_reset` | `{"reason":"…"}` | what was read is to be read anew; the stream ends |
//! | `feed_error` | code, message, hint | the stream ends |

use std::fmt::Write as _;

use bytes::{BufMut as _, Bytes, BytesMut};
use serde_json::json;

use crate::http::problem::Problem;
use crate::position::Position;
use crate::route::Route;
use crate::tail::entry::{Entry, Event, Op};

/// What a silent stream sends now and then.
pub const KEEPALIVE: &str = ":keepalive\n\n";

/// A keepalive that says where the stream stands, so that one who follows what seldom changes does not come back to a place that the log
/// has left behind.
#[must_use]
pub fn still_here(position: Position) -> Bytes {
    Bytes::from(format!("id: {position}\n{KEEPALIVE}"))
}

/// Tells the browser how long to wait before it comes back, in milliseconds.
pub const RETRY: &str = "retry: 1000\n\n";

/// Appends JSON to an event's data. In JSON a line break between tokens is a space, and inside of texts it is never bare.
pub fn push_json(buffer: &mut BytesMut, json: &str) {
    let mut rest = json.as_bytes();
    while let Some(at) = memchr::memchr2(b'\n', b'\r', rest) {
        buffer.put_slice(&rest[..at]);
        buffer.put_u8(b' ');
        rest = &rest[at + 1..];
    }
    buffer.put_slice(rest);
}

/// What an entry is to those who are told `op` of it.
#[must_use]
pub fn told(route: &Route, entry: &Entry, op: Op) -> Option<Event> {
    let position = entry.position;
    let mut data = BytesMut::new();
    match op {
        Op::Reset => {
            return Some(Event { position, reset: true, bytes: reset(route, position, "the model was read anew") });
        }
        Op::Put => {
            data.put_slice(b"{\"key\":");
            push_json(&mut data, &entry.key);
            data.put_slice(b",\"item\":");
            push_json(&mut data, entry.item.as_deref()?);
        }
        Op::Gone => {
            data.put_slice(b"{\"key\":");
            push_json(&mut data, &entry.key);
        }
    }
    data.put_u8(b'}');
    let name = if op == Op::Put { "put" } else { "gone" };
    Some(Event { position, reset: false, bytes: named(route, name, Some(position), &data) })
}

/// Some rows of a page: `items` and `keys` are JSON values joined by commas.
#[must_use]
pub fn items(route: &Route, items: &[u8], keys: &[u8], partial: bool) -> Bytes {
    let mut data = BytesMut::with_capacity(items.len() + keys.len() + 64);
    data.put_slice(b"{\"items\":[");
    data.put_slice(items);
    data.put_u8(b']');
    if route.live {
        data.put_slice(b",\"keys\":[");
        data.put_slice(keys);
        data.put_u8(b']');
    }
    data.put_slice(if partial { b",\"partial\":true}".as_slice() } else { b",\"partial\":false}" });
    named(route, "items", None, &data)
}

/// One row of a page.
#[must_use]
pub fn item(route: &Route, item: &str) -> Bytes {
    let mut data = BytesMut::with_capacity(item.len());
    push_json(&mut data, item);
    named(route, "item", None, &data)
}

/// The end of a page.
#[must_use]
pub fn complete(route: &Route, next_cursor: Option<&str>, total: usize, position: Position) -> Bytes {
    let data = json!({ "next_cursor": next_cursor, "total_items": total, "position": position.to_string() });
    named(route, "complete", Some(position), data.to_string().as_bytes())
}

/// What was read is to be read anew.
#[must_use]
pub fn reset(route: &Route, position: Position, reason: &str) -> Bytes {
    let data = json!({ "reason": reason, "position": position.to_string() });
    // An empty id makes the browser forget where it was: it comes back to a new page.
    let mut bytes = BytesMut::from("id\n");
    bytes.put_slice(&named(route, "reset", None, data.to_string().as_bytes()));
    bytes.freeze()
}

/// Something went wrong.
#[must_use]
pub fn error(route: &Route, problem: &Problem) -> Bytes {
    named(route, "error", None, problem.json().as_bytes())
}

fn named(route: &Route, name: &str, id: Option<Position>, data: &[u8]) -> Bytes {
    let mut head = String::with_capacity(64);
    if let Some(position) = id {
        let _ = writeln!(head, "id: {position}");
    }
    let _ = write!(head, "event: {}_{name}\ndata: ", route.events);
    let mut bytes = BytesMut::with_capacity(head.len() + data.len() + 2);
    bytes.put_slice(head.as_bytes());
    bytes.put_slice(data);
    bytes.put_slice(b"\n\n");
    bytes.freeze()
}
