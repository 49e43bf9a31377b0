//! A page as JSON.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use tokio::time::{Instant, timeout};
use tracing::Instrument as _;

use super::problem::Problem;
use super::router::cache_control;
use crate::page::answer::{Page, read_all};
use crate::page::read::{Way, Where};
use crate::page::request::Asked;
use crate::position::Position;
use crate::server::{Served, Server};
use crate::trace;

/// The header that names the position at which a page is exact.
pub const POSITION: &str = "headwater-position";

/// Answers with a page, kept or read; with 304 where the one who asks has it already.
///
/// # Errors
/// What keeps it from being read.
pub async fn answer(
    server: &Arc<Server>,
    served: &Served,
    asked: &Asked,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let began = Instant::now();
    let kept = served.kept(asked);
    served.meters.cache(kept.is_some());
    trace::cache(kept.is_some());
    let (page, position) = match kept {
        Some(found) => found,
        None => {
            // In a box: a kept page needs no room for it.
            let reading = Box::pin(read(server, served, asked).instrument(trace::reading()));
            timeout(server.settings.timeout, reading).await.map_err(|_| Problem::timeout())??
        }
    };
    served.meters.answered(began, page.total);
    if served.route.single && page.total == 0 {
        return Err(Problem::no_row());
    }
    Ok(respond(served, page, position, headers))
}

async fn read(server: &Server, served: &Served, asked: &Asked) -> Result<(Page, Position), Problem> {
    let mut reading = served.open(server, asked, Way::Whole, Where::Anywhere).await?;
    let (page, span) = match read_all(&served.route, &asked.page, &mut reading).await {
        Err(problem) if reading.may_succeed_elsewhere(&problem) => {
            reading = served.open(server, asked, Way::Whole, Where::Primary).await?;
            read_all(&served.route, &asked.page, &mut reading).await?
        }
        read => read?,
    };
    let chosen = std::mem::take(&mut reading.chosen);
    drop(reading);
    served.keep(asked, &chosen, span, page.clone());
    let position = page.position;
    Ok((page, position))
}

fn respond(served: &Served, page: Page, position: Position, headers: &HeaderMap) -> Response {
    let known = page.etag.to_str().is_ok_and(|etag| has_it(headers, etag));
    let mut response = Response::new(if known { Body::empty() } else { Body::from(page.body) });
    let head = response.headers_mut();
    head.reserve(8);
    if !known {
        head.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    head.insert(header::ETAG, page.etag);
    head.insert(
        HeaderName::from_static(POSITION),
        HeaderValue::try_from(position.to_string()).expect("digits and a dot"),
    );
    head.insert(header::VARY, HeaderValue::from_static("authorization, cookie"));
    let (name, control) = cache_control(served);
    head.insert(name, HeaderValue::from_static(control));
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    response
}

/// A proxy that compresses may have made the tag a weak one.
pub(super) fn has_it(headers: &HeaderMap, etag: &str) -> bool {
    let tags = headers.get_all(header::IF_NONE_MATCH);
    let tags = tags.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    tags.map(str::trim).any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag)
}
