//! Refuses what is too much or too large, before anything is looked up.

use std::sync::Arc;

use axum::body::{Body, HttpBody as _};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::client::Client;
use crate::http::problem::Problem;
use crate::observe;
use crate::server::Server;

/// The longest path with its query, in bytes.
const TARGET: usize = 8192;

/// The longest body, in bytes. None is ever read: whoever sends one is answered, and the connection closed.
const BODY: u64 = 8192;

/// Lets a request pass, or answers it.
pub async fn admit(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    let mut response = match check(&server, &request) {
        Ok(()) => next.run(request).await,
        Err(problem) => {
            observe::problem(problem.code);
            problem.into_response()
        }
    };
    // What is served is never anything else than what it is said to be.
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn check(server: &Server, request: &Request<Body>) -> Result<(), Problem> {
    let uri = request.uri();
    if uri.path() != "/healthz" {
        let limits = &server.gate.limits;
        limits.request(Client::seen(request.extensions(), request.headers(), &limits.proxies))?;
    }
    if uri.path_and_query().is_some_and(|target| target.as_str().len() > TARGET) {
        return Err(Problem::new(StatusCode::URI_TOO_LONG, 744, format!("an address ends after {TARGET} bytes")));
    }
    if request.body().size_hint().lower() > BODY {
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, 745, "nothing here reads what a request carries"));
    }
    Ok(())
}
