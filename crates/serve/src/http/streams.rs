//! A page and its tail as Server-Sent Events.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};

use super::problem::Problem;
use super::router::cache_control;
use crate::access::Viewer;
use crate::access::limits::Slot;
use crate::page::request::Asked;
use crate::position::Position;
use crate::server::{Served, Server};
use crate::stream::live::{Wanted, stream};
use crate::trace;

/// Answers with a stream. A browser that comes back to a stream that had its end is told to stay away: 204 ends an EventSource.
///
/// # Errors
/// HW0724 where the place to go on from is none.
pub fn answer(
    server: &Arc<Server>,
    served: &Arc<Served>,
    asked: Asked,
    viewer: Viewer,
    headers: &HeaderMap,
    slot: Slot,
) -> Result<Response, Problem> {
    let resume = resume(&asked, headers)?;
    if resume.is_some() && !served.route.live {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let wanted = Wanted { server: Arc::clone(server), served: Arc::clone(served), asked, resume, viewer };
    let events = stream(wanted, trace::page());
    let mut response = Body::from_stream(holding(slot, events)).into_response();
    let (name, control) = cache_control(served);
    let head = response.headers_mut();
    head.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    head.insert(name, HeaderValue::from_static(control));
    // Some proxies gather what they pass on, unless told otherwise.
    head.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// The same events; the slot is free again when they end, or when nobody wants them any more.
fn holding(
    slot: Slot,
    events: impl Stream<Item = Bytes> + Send,
) -> impl Stream<Item = Result<Bytes, Infallible>> + Send {
    async_stream::stream! {
        let _slot = slot;
        futures_util::pin_mut!(events);
        while let Some(bytes) = events.next().await {
            yield Ok(bytes);
        }
    }
}

fn resume(asked: &Asked, headers: &HeaderMap) -> Result<Option<Position>, Problem> {
    let header = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    match header.or(asked.last_event_id.as_deref()).map(str::trim).filter(|text| !text.is_empty()) {
        None => Ok(None),
        Some(text) => match text.parse() {
            Ok(position) => Ok(Some(position)),
            Err(_) => Err(Problem::bad(724, "Last-Event-ID is a position such as 1.4711")),
        },
    }
}
