//! Spans, for whoever collects traces: one for each request that a route answers, below it one for what the database is asked.
//!
//! A request that comes with a `traceparent` (W3C Trace Context) is part of that trace.

use axum::http::{HeaderMap, Method};
use opentelemetry::trace::TraceContextExt as _;
use opentelemetry::{Context, global};
use opentelemetry_http::HeaderExtractor;
use tracing::field::Empty;
use tracing::{Span, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::http::problem::Problem;
use crate::route::Route;

/// A request that has come in. Costs next to nothing where nobody listens.
#[must_use]
pub fn request(method: &Method, headers: &HeaderMap) -> Span {
    let span = info_span!(
        "request",
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = method.as_str(),
        http.response.status_code = Empty,
        http.route = Empty,
        error.type = Empty,
        headwater.cache = Empty,
    );
    if !span.is_disabled() {
        let parent = global::get_text_map_propagator(|format| {
            format.extract_with_context(&Context::new(), &HeaderExtractor(headers))
        });
        let _ = span.set_parent(parent);
    }
    span
}

/// It was found which route answers.
pub fn route(span: &Span, method: &Method, route: &Route) {
    if !span.is_disabled() {
        // The layer takes no other name once the span is entered.
        span.context().span().update_name(format!("{method} {}", route.path));
        span.record("http.route", &*route.path);
    }
}

/// How it was answered.
pub fn answered(span: &Span, status: u16) {
    span.record("http.response.status_code", status);
}

/// Why it was not.
pub fn refused(span: &Span, problem: &Problem) {
    if !span.is_disabled() {
        span.record("error.type", format!("HW{:04}", problem.code));
        if problem.status.is_server_error() {
            span.record("otel.status_code", "ERROR");
        }
    }
}

/// Whether the page was kept.
pub fn cache(hit: bool) {
    Span::current().record("headwater.cache", if hit { "hit" } else { "miss" });
}

/// Reading a page from the database, within the span that is entered.
#[must_use]
pub fn reading() -> Span {
    info_span!("read page", otel.kind = "client", db.system.name = "postgresql")
}

/// A stream's page, from the request until all of it is told, within the span that is entered.
#[must_use]
pub fn page() -> Span {
    info_span!("stream page", headwater.items = Empty)
}
