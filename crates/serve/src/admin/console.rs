//! The console's page: plain HTML, CSS and JavaScript that the program carries with it. It holds nothing worth hiding, so whoever asks for
//! it gets it; what it shows, it has to ask for.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};

use crate::http::files::Files;
use crate::http::problem::Problem;
use crate::server::Server;

/// What the page may do: only what comes from this server, and no text ever becomes markup.
const POLICY: &str = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; \
                      frame-ancestors 'none'; require-trusted-types-for 'script'";

const FILES: [(&str, &[u8]); 11] = [
    ("console/index.html", include_bytes!("../../console/index.html")),
    ("console/console.css", include_bytes!("../../console/console.css")),
    ("console/main.js", include_bytes!("../../console/main.js")),
    ("console/api.js", include_bytes!("../../console/api.js")),
    ("console/dom.js", include_bytes!("../../console/dom.js")),
    ("console/words.js", include_bytes!("../../console/words.js")),
    ("console/models.js", include_bytes!("../../console/models.js")),
    ("console/model.js", include_bytes!("../../console/model.js")),
    ("console/graph.js", include_bytes!("../../console/graph.js")),
    ("console/routes.js", include_bytes!("../../console/routes.js")),
    ("console/chart.js", include_bytes!("../../console/chart.js")),
];

/// The page's files.
pub fn files() -> Files {
    Files::embedded(FILES.map(|(name, body)| (name.to_owned(), body))).with_policy(POLICY)
}

/// `/console` without the slash that what it links to is relative to.
pub async fn enter() -> Response {
    (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, "console/")]).into_response()
}

/// One of the files.
pub async fn page(State(server): State<Arc<Server>>, uri: Uri, headers: HeaderMap) -> Response {
    let file = server.admin.as_ref().and_then(|admin| admin.page.answer(uri.path(), &headers));
    file.unwrap_or_else(|| Problem::not_found().into_response())
}
