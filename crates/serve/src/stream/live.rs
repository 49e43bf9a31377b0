//! One client's stream: the page as the database finds it, `…_complete`, and then, where the route is live, what changes.
//!
//! No gap and no overlap: the page names the position it is exact at, and the tail begins there, from what the hub remembers or from the log
//! itself. An event at or before the place where the stream stands is not sent.

use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use tokio::time::{Instant, Interval, interval_at};
use tracing::Span;

use super::{event, first, tail};
use crate::access::Viewer;
use crate::http::problem::Problem;
use crate::page::read::{Reading, Values, Way};
use crate::page::request::Asked;
use crate::page::sql;
use crate::position::Position;
use crate::server::{Served, Server};
use crate::tail::log;

/// A stream that one client has asked for.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The server that answers.
    pub server: Arc<Server>,
    /// The route.
    pub served: Arc<Served>,
    /// The page.
    pub asked: Asked,
    /// Where an earlier stream was left.
    pub resume: Option<Position>,
    /// Who asks.
    pub viewer: Viewer,
}

/// Where a stream stands after its page.
pub(super) struct Stand {
    /// All that happened up to here is told.
    pub(super) position: Position,
    /// The values by which rows are chosen, as the database writes them.
    pub(super) chosen: Values,
}

/// A part of a stream.
pub(super) enum Part {
    /// Bytes to send.
    Event(Bytes),
    /// The page is told; this is where it stands.
    Told(Stand),
}

/// The whole stream, as bytes. What reading needs is boxed: it is given back before the stream waits, maybe for hours and with thousands of
/// others. The span ends when the page is told.
pub fn stream(wanted: Wanted, span: Span) -> impl Stream<Item = Bytes> + Send {
    async_stream::stream! {
        let route = &wanted.served.route;
        yield Bytes::from_static(event::RETRY.as_bytes());
        let mut stand = None;
        if let (Some(position), true) = (wanted.resume, route.live) {
            match Box::pin(resumed(&wanted, position)).await {
                Ok(Some(found)) => stand = Some(found),
                Ok(None) => yield event::reset(route, position, "the position is not in the log any more"),
                Err(problem) => {
                    yield event::error(route, &problem);
                    return;
                }
            }
        }
        if stand.is_none() {
            let mut parts = Box::pin(first::page(&wanted, span));
            while let Some(part) = parts.next().await {
                match part {
                    Part::Event(bytes) => yield bytes,
                    Part::Told(found) => stand = Some(found),
                }
            }
        } else {
            drop(span);
        }
        if let (Some(stand), true) = (stand, route.live) {
            let mut changes = pin!(tail::changes(&wanted, stand));
            while let Some(bytes) = changes.next().await {
                yield bytes;
            }
        }
    }
}

/// When a silent stream says that it lives.
pub(super) fn keepalive(wanted: &Wanted) -> Interval {
    let pause = wanted.server.settings.keepalive;
    interval_at(Instant::now() + pause, pause)
}

/// Where a stream that is taken up again stands; `None` where the log does not reach back so far.
async fn resumed(wanted: &Wanted, position: Position) -> Result<Option<Stand>, Problem> {
    let connection = wanted.server.database.primary().connection().await?;
    let reach = log::reach(&connection).await?;
    drop(connection);
    if position.epoch != reach.newest.epoch || position < reach.oldest || position > reach.newest {
        return Ok(None);
    }
    chosen(wanted, position).await.map(Some)
}

/// The values by which rows are chosen, as the database writes them.
pub(super) async fn chosen(wanted: &Wanted, position: Position) -> Result<Stand, Problem> {
    if wanted.asked.page.chosen.is_empty() {
        return Ok(Stand { position, chosen: Values::default() });
    }
    let statement = sql::chosen(&wanted.served.route, &wanted.asked.page);
    let mut reading =
        Reading::begin(wanted.server.database.primary().connection().await?, statement, Way::Whole).await?;
    let chosen = std::mem::take(&mut reading.chosen);
    while reading.next().await?.is_some() {}
    Ok(Stand { position, chosen })
}
