//! A page as JSON.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use tokio::time::{Instant, timeout};

use super::problem::Problem;
use super::router::cache_control;
use crate::observe;
use crate::page::answer::{Page, read_all};
use crate::page::read::Way;
use crate::page::request::Asked;
use crate::position::Position;
use crate::server::{Served, Server};

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
    observe::cache(&served.route, kept.is_some());
    let (page, position) = match kept {
        Some(found) => found,
        None => {
            timeout(server.settings.timeout, read(server, served, asked)).await.map_err(|_| Problem::timeout())??
        }
    };
    observe::answered(&served.route, began, page.total);
    if served.route.single && page.total == 0 {
        return Err(Problem::no_row());
    }
    Ok(respond(served, page, position, headers))
}

async fn read(server: &Server, served: &Served, asked: &Asked) -> Result<(Page, Position), Problem> {
    let mut reading = served.open(server, asked, Way::Whole).await?;
    let (page, span) = read_all(&served.route, &asked.page, &mut reading).await?;
    let chosen = std::mem::take(&mut reading.chosen);
    drop(reading);
    served.keep(asked, &chosen, span, page.clone());
    let position = page.position;
    Ok((page, position))
}

fn respond(served: &Served, page: Page, position: Position, headers: &HeaderMap) -> Response {
    let head = [
        (header::ETAG, page.etag.clone()),
        (header::HeaderName::from_static(POSITION), position.to_string()),
        (header::VARY, "authorization, cookie".to_owned()),
    ];
    let control = [cache_control(served)];
    if has_it(headers, &page.etag) {
        return (StatusCode::NOT_MODIFIED, head, control).into_response();
    }
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (head, control, kind, Body::from(page.body)).into_response()
}

/// A proxy that compresses may have made the tag a weak one.
pub(super) fn has_it(headers: &HeaderMap, etag: &str) -> bool {
    let tags = headers.get_all(header::IF_NONE_MATCH);
    let tags = tags.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    tags.map(str::trim).any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag)
}
