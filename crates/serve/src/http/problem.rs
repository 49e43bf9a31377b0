//! What is told when something is wrong: a status, a stable code, a sentence, what to do. Never SQL, and never a value of somebody's row.
//!
//! | codes | are about |
//! | --- | --- |
//! | HW0720–HW0729 | what is asked for |
//! | HW0731–HW0739 | who asks |
//! | HW0741–HW0749 | how much is asked for |
//! | HW0751–HW0759 | the database |

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio_postgres::error::SqlState;

/// Something that is wrong with a request, or with answering it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The HTTP status.
    pub status: StatusCode,
    /// The stable code.
    pub code: u16,
    /// A sentence.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// Seconds after which it is worth trying again.
    pub retry_after: Option<u64>,
}

impl Problem {
    /// With a status.
    #[must_use]
    pub fn new(status: StatusCode, code: u16, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), hint: None, retry_after: None }
    }

    /// Something in the request is wrong.
    #[must_use]
    pub fn bad(code: u16, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// With what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With a time to try again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Nobody says who asks.
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, 731, "this needs a token")
            .hint("send Authorization: Bearer with a JSON Web Token")
    }

    /// Whoever asks may not.
    #[must_use]
    pub fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, 733, "this is not for you")
    }

    /// Nothing is there.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, 727, "nothing is served under this path")
    }

    /// The row that is asked for is not there.
    #[must_use]
    pub fn no_row() -> Self {
        Self::new(StatusCode::NOT_FOUND, 729, "there is no such row")
    }

    /// It took too long.
    #[must_use]
    pub fn timeout() -> Self {
        Self::new(StatusCode::GATEWAY_TIMEOUT, 751, "the database took too long").retry_after(5)
    }

    /// The database cannot answer now.
    #[must_use]
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, 752, message).retry_after(1)
    }

    /// What the database said of a page. Values that do not fit their column's type came from the request; everything else is ours, and
    /// is told to the log and not to the client.
    #[must_use]
    pub fn of_database(error: &tokio_postgres::Error) -> Self {
        let Some(refused) = error.as_db_error() else {
            return Self::unavailable("the database went away");
        };
        let code = refused.code();
        let class = &code.code()[..2];
        if *code == SqlState::QUERY_CANCELED {
            return Self::timeout();
        }
        if class == "22" {
            return Self::bad(
                726,
                "a filter, a part of the path or the cursor has a value that its column cannot have",
            );
        }
        tracing::error!(error = %headwater_postgres::describe(error), "reading a page failed");
        if matches!(class, "57" | "53" | "08" | "25") {
            return Self::unavailable("the database does not answer just now");
        }
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, 753, "the page could not be read")
            .hint("the server's log says why")
    }

    /// As JSON.
    #[must_use]
    pub fn json(&self) -> String {
        let code = format!("HW{:04}", self.code);
        json!({ "code": code, "message": self.message, "hint": self.hint }).to_string()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let json = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
        let mut response = (self.status, json, self.json()).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
