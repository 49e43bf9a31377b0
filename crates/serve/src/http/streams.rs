//! A page and its tail as Server-Sent Events.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::StreamExt as _;

use super::problem::Problem;
use super::router::cache_control;
use crate::access::Viewer;
use crate::page::request::Asked;
use crate::position::Position;
use crate::server::{Served, Server};
use crate::stream::live::{Wanted, stream};

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
) -> Result<Response, Problem> {
    let resume = resume(&asked, headers)?;
    if resume.is_some() && !served.route.live {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let wanted = Wanted { asked, resume, viewer };
    let bytes = stream(Arc::clone(server), Arc::clone(served), wanted).map(Ok::<_, Infallible>);
    let mut response = Body::from_stream(bytes).into_response();
    let (name, control) = cache_control(served);
    let head = response.headers_mut();
    head.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    head.insert(name, HeaderValue::from_static(control));
    // Some proxies gather what they pass on, unless told otherwise.
    head.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
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
