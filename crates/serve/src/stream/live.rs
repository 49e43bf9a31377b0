//! One client's stream: the page as the database finds it, `…_complete`, and then, where the route is live, what changes.
//!
//! No gap and no overlap: the page names the position it is exact at, and the tail begins there, from what the hub remembers or from the log
//! itself. An event at or before the place where the stream stands is not sent.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::{FutureExt as _, Stream};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio::time::Instant;

use super::event;
use crate::access::Viewer;
use crate::http::problem::Problem;
use crate::observe;
use crate::page::answer::{Growing, Page};
use crate::page::read::{Reading, Values, Way, item};
use crate::page::request::Asked;
use crate::page::sql;
use crate::position::Position;
use crate::server::{Served, Server};
use crate::tail::entry::Slice;
use crate::tail::hub::{Following, Joined};
use crate::tail::log;

/// How a stream was asked for.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The page.
    pub asked: Asked,
    /// Where an earlier stream was left.
    pub resume: Option<Position>,
    /// Who asks.
    pub viewer: Viewer,
}

/// What a stream goes on with after its page.
struct Stand {
    position: Position,
    chosen: Values,
}

/// What was read from the log itself.
struct CaughtUp {
    events: Vec<Bytes>,
    stands: Position,
    lost: bool,
}

/// The whole stream, as bytes.
pub fn stream(server: Arc<Server>, served: Arc<Served>, wanted: Wanted) -> impl Stream<Item = Bytes> + Send {
    async_stream::stream! {
        let route = &served.route;
        let began = Instant::now();
        let deadline = began + server.settings.timeout;
        let expiry = expiry(&wanted.viewer);
        let mut keepalive = tokio::time::interval_at(began + server.settings.keepalive, server.settings.keepalive);
        let mut stop = server.stop.clone();
        yield Bytes::from_static(event::RETRY.as_bytes());

        let mut stand = None;
        if let (Some(position), true) = (wanted.resume, route.live) {
            match resumed(&server, &served, &wanted, position).await {
                Ok(Some(found)) => stand = Some(found),
                Ok(None) => yield event::reset(route, position, "the position is not in the log any more"),
                Err(problem) => {
                    yield event::error(route, &problem);
                    return;
                }
            }
        }

        if stand.is_none() {
            if let Some((page, position)) = served.kept(&wanted.asked) {
                observe::first_item(route, began);
                for bytes in whole(&served, &wanted.asked, &page, position) {
                    yield bytes;
                }
                observe::complete(route, began, page.total);
                if !route.live {
                    return;
                }
                match tokio::time::timeout_at(deadline, chosen(&server, &served, &wanted, position)).await {
                    Ok(Ok(found)) => stand = Some(found),
                    Ok(Err(problem)) => yield event::error(route, &problem),
                    Err(_) => yield event::error(route, &Problem::timeout()),
                }
            } else {
                let opening = served.open(&server, &wanted.asked, Way::FirstSoon);
                tokio::pin!(opening);
                let opened = loop {
                    tokio::select! {
                        opened = &mut opening => break opened,
                        _ = keepalive.tick() => yield Bytes::from_static(event::KEEPALIVE.as_bytes()),
                        () = tokio::time::sleep_until(deadline) => break Err(Problem::timeout()),
                    }
                };
                let mut reading = match opened {
                    Ok(reading) => reading,
                    Err(problem) => {
                        yield event::error(route, &problem);
                        return;
                    }
                };
                let mut growing = Growing::new(route, &wanted.asked.page);
                let mut sent = growing.ends();
                loop {
                    let next = tokio::select! {
                        next = reading.next() => next,
                        _ = keepalive.tick() => {
                            yield Bytes::from_static(event::KEEPALIVE.as_bytes());
                            continue;
                        }
                        () = tokio::time::sleep_until(deadline) => Err(Problem::timeout()),
                    };
                    // Whatever else is there already goes into the same event.
                    let mut next = Some(next);
                    let mut singles = Vec::new();
                    let mut ended = None;
                    while let Some(found) = next {
                        match found {
                            Ok(Some(row)) => {
                                if growing.add(&row) && wanted.asked.singly {
                                    singles.push(event::item(route, item(&row)));
                                }
                            }
                            Ok(None) => { ended = Some(Ok(())); break; }
                            Err(problem) => { ended = Some(Err(problem)); break; }
                        }
                        next = reading.next().now_or_never();
                    }
                    if growing.ends() != sent {
                        if sent.0 == Growing::new(route, &wanted.asked.page).ends().0 {
                            observe::first_item(route, began);
                        }
                        if wanted.asked.singly {
                            for bytes in singles { yield bytes; }
                        } else {
                            let (items, keys) = growing.since(sent);
                            yield event::items(route, items, keys, true);
                        }
                        sent = growing.ends();
                    }
                    match ended {
                        None => {}
                        Some(Ok(())) => break,
                        Some(Err(problem)) => {
                            yield event::error(route, &problem);
                            return;
                        }
                    }
                }
                let (position, chosen) = (reading.position, std::mem::take(&mut reading.chosen));
                drop(reading);
                let (page, span) = growing.finish(position);
                yield event::complete(route, page.next_cursor.as_deref(), page.total, position);
                observe::complete(route, began, page.total);
                served.keep(&wanted.asked, &chosen, span, page);
                stand = Some(Stand { position, chosen });
            }
        }

        let Some(Stand { mut position, chosen }) = stand else { return };
        if !route.live {
            return;
        }
        let slice = served.slice(&wanted.asked.page, &chosen);
        drop(chosen);
        let _live = observe::live(route);
        let mut caught_up = false;
        loop {
            let Joined { missed, mut told } = match served.hub.follow(&slice, position) {
                Following::Joined(joined) => joined,
                Following::Lost => {
                    yield event::reset(route, position, "the log has begun anew");
                    return;
                }
                Following::Behind(_) if caught_up => {
                    yield event::reset(route, position, "events came faster than they were read");
                    return;
                }
                Following::Behind(until) => {
                    match catch_up(&server, &served, &slice, position, until).await {
                        Ok(found) => {
                            for bytes in found.events { yield bytes; }
                            if found.lost {
                                return;
                            }
                            position = found.stands;
                        }
                        Err(problem) => {
                            yield event::error(route, &problem);
                            return;
                        }
                    }
                    continue;
                }
            };
            caught_up = true;
            for told in missed {
                position = told.position;
                yield told.bytes;
                if told.reset {
                    return;
                }
            }
            loop {
                tokio::select! {
                    event = told.recv() => match event {
                        Ok(event) if event.position <= position && !event.reset => {}
                        Ok(event) => {
                            position = event.position;
                            yield event.bytes;
                            if event.reset {
                                return;
                            }
                        }
                        // It reads more slowly than things happen: the hub may still remember what it has missed.
                        Err(RecvError::Lagged(_)) => break,
                        Err(RecvError::Closed) => {
                            yield event::reset(route, position, "the model has changed");
                            return;
                        }
                    },
                    _ = keepalive.tick() => yield Bytes::from_static(event::KEEPALIVE.as_bytes()),
                    () = until(expiry) => {
                        yield event::error(route, &Problem::unauthorized());
                        return;
                    }
                    () = stopped(&mut stop) => {
                        yield Bytes::from_static(b":the server is closing\n\n");
                        return;
                    }
                }
            }
        }
    }
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

/// Where a stream that is taken up again stands; `None` where the log does not reach back so far.
async fn resumed(
    server: &Server,
    served: &Served,
    wanted: &Wanted,
    position: Position,
) -> Result<Option<Stand>, Problem> {
    let connection = server.database.primary().connection().await?;
    let reach = log::reach(&connection).await?;
    drop(connection);
    if position.epoch != reach.newest.epoch || position < reach.oldest || position > reach.newest {
        return Ok(None);
    }
    chosen(server, served, wanted, position).await.map(Some)
}

/// The values by which rows are chosen, as the database writes them.
async fn chosen(server: &Server, served: &Served, wanted: &Wanted, position: Position) -> Result<Stand, Problem> {
    if wanted.asked.page.chosen.is_empty() {
        return Ok(Stand { position, chosen: Values::default() });
    }
    let statement = sql::chosen(&served.route, &wanted.asked.page);
    let mut reading = Reading::begin(server.database.primary().connection().await?, &statement, Way::Whole).await?;
    let chosen = std::mem::take(&mut reading.chosen);
    while reading.next().await?.is_some() {}
    Ok(Stand { position, chosen })
}

/// What the log tells of a slice between two positions; gives where it ends.
async fn catch_up(
    server: &Server,
    served: &Served,
    slice: &Slice,
    after: Position,
    until: Position,
) -> Result<CaughtUp, Problem> {
    let connection = server.database.primary().connection().await?;
    let entries = log::read(&connection, &served.route, Some(slice), after, until).await?;
    // Entries may have been dropped while they were read.
    if log::reach(&connection).await?.oldest > after {
        let event = event::reset(&served.route, after, "the position is not in the log any more");
        return Ok(CaughtUp { events: vec![event], stands: until, lost: true });
    }
    let stands = if entries.len() < log::CHUNK { until } else { entries.last().map_or(until, |last| last.position) };
    let told = entries.iter().filter_map(|entry| Some(event::told(&served.route, entry, entry.told_to(slice)?)?.bytes));
    Ok(CaughtUp { events: told.collect(), stands, lost: false })
}

fn expiry(viewer: &Viewer) -> Option<Instant> {
    let left = viewer.expires?.duration_since(SystemTime::now()).unwrap_or(Duration::ZERO);
    Some(Instant::now() + left)
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
