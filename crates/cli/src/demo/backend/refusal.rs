//! What is answered where something is wrong.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio_postgres::error::SqlState;

/// A status and a sentence for the one who clicked.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal(pub StatusCode, pub String);

impl Refusal {
    /// Nobody is signed in.
    pub fn nobody() -> Self {
        Self(StatusCode::UNAUTHORIZED, "choose who you are first".to_owned())
    }

    /// What the database has against a statement, without its words.
    pub fn of_database(error: &tokio_postgres::Error) -> Self {
        match error.code() {
            Some(&SqlState::FOREIGN_KEY_VIOLATION) => {
                Self(StatusCode::CONFLICT, "this, or you, has just been deleted by somebody".to_owned())
            }
            Some(code) => Self(StatusCode::INTERNAL_SERVER_ERROR, format!("the database refused it ({})", code.code())),
            None => Self::unreachable(),
        }
    }

    /// There is no database.
    pub fn unreachable() -> Self {
        Self(StatusCode::SERVICE_UNAVAILABLE, "the database cannot be reached".to_owned())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, [(header::CACHE_CONTROL, "no-store")], Json(json!({ "message": self.1 }))).into_response()
    }
}
