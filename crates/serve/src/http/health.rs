//! `/healthz`: the process lives. `/readyz`: it can answer. `/metrics`: how it goes.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use metrics::gauge;

use crate::observe;
use crate::server::Server;

/// The process lives.
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// It is not about to end, and the database answers.
pub async fn readyz(State(server): State<Arc<Server>>) -> Response {
    if *server.stop.borrow() {
        return (StatusCode::SERVICE_UNAVAILABLE, "ending\n").into_response();
    }
    match server.database.primary().newest().await {
        Ok(position) => (StatusCode::OK, format!("ok {position}\n")).into_response(),
        Err(problem) => (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", problem.message)).into_response(),
    }
}

/// What was measured, as Prometheus reads it.
pub async fn metrics(State(server): State<Arc<Server>>) -> Response {
    let (open, idle) = server.database.primary().count();
    gauge!("headwater_pool_connections", "state" => "idle").set(idle as f64);
    gauge!("headwater_pool_connections", "state" => "used").set((open - idle) as f64);
    gauge!("headwater_cache_bytes").set(server.cache.size().1 as f64);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], observe::recorder().render()).into_response()
}
