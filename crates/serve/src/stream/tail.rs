//! The tail of a stream: what changes after its page.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::Stream;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio::time::Instant;

use super::event;
use super::live::{Stand, Wanted, keepalive};
use crate::access::Viewer;
use crate::http::problem::Problem;
use crate::position::Position;
use crate::server::{Served, Server};
use crate::tail::entry::Slice;
use crate::tail::hub::{Following, Joined};
use crate::tail::log;

/// What was read from the log itself.
struct CaughtUp {
    events: Vec<Bytes>,
    stands: Position,
    lost: bool,
}

/// Every change of the slice after the place where the stream stands, until somebody ends it: the client, the server, the token's time, or
/// a reset.
pub(super) fn changes(wanted: &Wanted, stand: Stand) -> impl Stream<Item = Bytes> + Send {
    async_stream::stream! {
        let (server, served, route) = (&wanted.server, &wanted.served, &wanted.served.route);
        let Stand { mut position, chosen } = stand;
        let slice = served.slice(&wanted.asked.page, &chosen);
        drop(chosen);
        let expiry = expiry(&wanted.viewer);
        let (mut keepalive, mut stop) = (keepalive(wanted), server.stop.clone());
        let _live = served.meters.live();
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
                    let found = Box::pin(catch_up(server, served, &slice, position, until)).await;
                    let found = found.unwrap_or_else(|problem| CaughtUp::failed(event::error(route, &problem)));
                    for bytes in found.events {
                        yield bytes;
                    }
                    if found.lost {
                        return;
                    }
                    position = found.stands;
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
                    _ = keepalive.tick() => {
                        // In this order: what was told up to here has been received, if nothing is waiting then.
                        let here = served.hub.position();
                        if told.is_empty() {
                            position = position.max(here);
                        }
                        yield event::still_here(position);
                    }
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

impl CaughtUp {
    /// Nothing can follow: the stream ends with this event.
    fn failed(event: Bytes) -> Self {
        Self { events: vec![event], stands: Position::default(), lost: true }
    }
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
        let reason = "the position is not in the log any more";
        return Ok(CaughtUp::failed(event::reset(&served.route, after, reason)));
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
