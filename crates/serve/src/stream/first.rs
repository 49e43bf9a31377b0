//! The page of a stream: kept, or as the database finds its rows.

use bytes::Bytes;
use futures_util::{FutureExt as _, Stream};
use tokio::time::{Instant, sleep_until, timeout_at};
use tracing::{Instrument as _, Span};

use super::event;
use super::live::{Part, Stand, Wanted, chosen, keepalive};
use crate::http::problem::Problem;
use crate::page::answer::{Growing, Page};
use crate::page::read::{Reading, Way, Where, item};
use crate::page::request::Asked;
use crate::position::Position;
use crate::server::Served;

/// The page as events, and where the stream stands then. It ends without that where something went wrong, which it has said.
pub(super) fn page(wanted: &Wanted, traced: Span) -> impl Stream<Item = Part> + Send {
    async_stream::stream! {
        let (served, route, began) = (&wanted.served, &wanted.served.route, Instant::now());
        let deadline = began + wanted.server.settings.timeout;
        if let Some((page, position)) = served.kept(&wanted.asked) {
            served.meters.first_item(began);
            for bytes in whole(served, &wanted.asked, &page, position) {
                yield Part::Event(bytes);
            }
            served.meters.complete(began, page.total);
            traced.record("headwater.items", page.total);
            let told = if route.live { timeout_at(deadline, chosen(wanted, position)).await } else { return };
            yield match told.unwrap_or_else(|_| Err(Problem::timeout())) {
                Ok(stand) => Part::Told(stand),
                Err(problem) => Part::Event(event::error(route, &problem)),
            };
            return;
        }
        let mut keepalive = keepalive(wanted);
        let mut place = Where::Anywhere;
        let (mut reading, growing) = 'place: loop {
            let opening = served.open(&wanted.server, &wanted.asked, Way::FirstSoon, place);
            let opening = opening.instrument(traced.clone());
            tokio::pin!(opening);
            let opened = loop {
                tokio::select! {
                    opened = &mut opening => break opened,
                    _ = keepalive.tick() => yield Part::Event(Bytes::from_static(event::KEEPALIVE.as_bytes())),
                    () = sleep_until(deadline) => break Err(Problem::timeout()),
                }
            };
            let mut reading = match opened {
                Ok(reading) => reading,
                Err(problem) => {
                    yield Part::Event(event::error(route, &problem));
                    return;
                }
            };
            let mut growing = Growing::new(route, &wanted.asked.page);
            loop {
                tokio::select! {
                    more = gather(&mut reading, &mut growing, wanted) => {
                        if more.begins {
                            served.meters.first_item(began);
                        }
                        for bytes in more.events {
                            yield Part::Event(bytes);
                        }
                        match more.end {
                            None => {}
                            Some(Ok(())) => break 'place (reading, growing),
                            Some(Err(problem)) if reading.may_succeed_elsewhere(&problem) => {
                                if !growing.is_empty() {
                                    yield Part::Event(event::reset(route, reading.position, "the replica was lost"));
                                }
                                place = Where::Primary;
                                continue 'place;
                            }
                            Some(Err(problem)) => {
                                yield Part::Event(event::error(route, &problem));
                                return;
                            }
                        }
                    }
                    _ = keepalive.tick() => yield Part::Event(Bytes::from_static(event::KEEPALIVE.as_bytes())),
                    () = sleep_until(deadline) => {
                        yield Part::Event(event::error(route, &Problem::timeout()));
                        return;
                    }
                }
            }
        };
        let (position, chosen) = (reading.position, std::mem::take(&mut reading.chosen));
        drop(reading);
        let (page, span) = growing.finish(position);
        yield Part::Event(event::complete(route, page.next_cursor.as_deref(), page.total, position));
        served.meters.complete(began, page.total);
        traced.record("headwater.items", page.total);
        served.keep(&wanted.asked, &chosen, span, page);
        yield Part::Told(Stand { position, chosen });
    }
}

/// Some rows of a page.
struct More {
    events: Vec<Bytes>,
    /// They are the first ones.
    begins: bool,
    /// The page is at its end, in one way or the other.
    end: Option<Result<(), Problem>>,
}

/// Waits for a row; whatever else is there already goes with it. May be given up while it waits: nothing is lost.
async fn gather(reading: &mut Reading, growing: &mut Growing<'_>, wanted: &Wanted) -> More {
    let route = &wanted.served.route;
    let mut next = Some(reading.next().await);
    let (before, begins) = (growing.ends(), growing.is_empty());
    let (mut events, mut end) = (Vec::new(), None);
    while let Some(found) = next {
        match found {
            Ok(Some(row)) => {
                if growing.add(&row) && wanted.asked.singly {
                    events.push(event::item(route, item(&row)));
                }
            }
            Ok(None) => end = Some(Ok(())),
            Err(problem) => end = Some(Err(problem)),
        }
        next = if end.is_none() { reading.next().now_or_never() } else { None };
    }
    let grown = growing.ends() != before;
    if grown && !wanted.asked.singly {
        let (items, keys) = growing.since(before);
        events.push(event::items(route, items, keys, true));
    }
    More { events, begins: begins && grown, end }
}

/// A kept page as events.
fn whole(served: &Served, asked: &Asked, page: &Page, position: Position) -> Vec<Bytes> {
    let route = &served.route;
    let mut events = Vec::new();
    if asked.singly {
        let items: Vec<Box<serde_json::value::RawValue>> =
            serde_json::from_slice(&[b"[", page.items.as_ref(), b"]"].concat()).unwrap_or_default();
        events.extend(items.iter().map(|one| event::item(route, one.get())));
    } else if page.total > 0 {
        events.push(event::items(route, &page.items, &page.keys, false));
    }
    events.push(event::complete(route, page.next_cursor.as_deref(), page.total, position));
    events
}
