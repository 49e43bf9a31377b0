//! Which path is answered by what. Routes come and go with the models, so they are looked up for each request; what is not found there is a
//! static file, where a folder is declared, or nothing.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get, post};
use tower_http::compression::CompressionLayer;
use tracing::{Instrument as _, Span};

use super::problem::Problem;
use super::{health, openapi, pages, streams};
use crate::access::client::Client;
use crate::access::{admit, session};
use crate::admin;
use crate::consume;
use crate::observe;
use crate::page::request;
use crate::server::{Form, Server};
use crate::trace;

/// The whole service, and what answers beside it.
pub fn router(server: &Arc<Server>, beside: Router) -> Router {
    observe::recorder();
    let router = Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(health::metrics))
        .route("/openapi.json", get(openapi::document))
        .route("/v1/consumers/{group}/{model}/{action}", any(consume::answer))
        .route("/session", post(session::begin).delete(session::end))
        .merge(admin::router(server))
        .merge(beside.with_state(()))
        .fallback(route)
        .layer(CompressionLayer::new())
        .layer(from_fn_with_state(Arc::clone(server), admit::admit));
    // The outermost one, so that pages of other origins can read what they are refused with.
    let router = match server.gate.cors() {
        Some(cors) => router.layer(cors),
        None => router,
    };
    router.with_state(Arc::clone(server))
}

async fn route(State(server): State<Arc<Server>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let span = trace::request(&parts.method, &parts.headers);
    let response = match answer(&server, &parts, &span).instrument(span.clone()).await {
        Ok(response) => response,
        Err(problem) => {
            observe::problem(problem.code);
            trace::refused(&span, &problem);
            problem.into_response()
        }
    };
    trace::answered(&span, response.status().as_u16());
    response
}

async fn answer(server: &Arc<Server>, request: &Parts, span: &Span) -> Result<Response, Problem> {
    let path = request.uri.path();
    let table = server.table();
    // Static files are fixed paths, too.
    let found = match table.fixed(path) {
        Some(found) => found,
        None => match (server.files.answer(path, &request.headers), table.with_parameters(path)) {
            (Some(file), _) => return Ok(file),
            (None, Some(found)) => found,
            (None, None) => return Err(Problem::not_found()),
        },
    };
    let served = found.served;
    trace::route(span, &request.method, &served.route);
    if !matches!(request.method, Method::GET | Method::HEAD) {
        return Err(Problem::new(StatusCode::METHOD_NOT_ALLOWED, 728, "rows are read with GET"));
    }
    let viewer = server.gate.viewer(&request.headers).await?;
    let asked = request::read(&served.route, &found.values, request.uri.query(), &viewer)?;
    if found.form == Form::Stream && served.route.search.is_some() {
        return Err(Problem::new(StatusCode::NOT_FOUND, 720, "a search is answered in pages, and has no stream"));
    }
    if found.form == Form::Stream {
        let slot = server.gate.limits.stream(Client::of(request, &server.gate.limits.proxies))?;
        streams::answer(server, served, asked, viewer, &request.headers, slot)
    } else {
        pages::answer(server, served, &asked, &request.headers).await
    }
}

/// How an answer may be kept by others: never without asking whether it is still so.
pub(super) fn cache_control(served: &crate::server::Served) -> (header::HeaderName, &'static str) {
    let public = served.route.access == crate::route::Access::Public && served.route.viewer.is_empty();
    (header::CACHE_CONTROL, if public { "public, no-cache" } else { "private, no-cache" })
}
