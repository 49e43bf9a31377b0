//! The application behind the showcase's site: signs people in, and writes what they do into its own tables.
//!
//! It knows nothing of Headwater: no table, no function, no event of it. It stands for the backend that a team has already, and what it
//! writes is all that Headwater ever learns. Each answer holds the statement that was run, for the site to show.
//!
//! | module | does |
//! | --- | --- |
//! | [`people`] | who may be signed in as, and tokens |
//! | [`asked`] | what is asked, by whom, and from which page |
//! | [`writes`] | the statements |
//! | [`refusal`] | what is answered where something is wrong |
//!
//! For a demo only: whoever reaches it may sign in as anybody.

mod asked;
mod people;
mod refusal;
mod writes;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use deadpool_postgres::Pool;
use tokio::sync::OnceCell;

/// The example that it belongs to.
pub const OF: &str = "showcase";

/// The longest body of a request, in bytes.
const LONGEST: usize = 8192;

/// What all its answers share.
pub struct Backend {
    pool: Pool,
    /// What tokens are signed with.
    secret: String,
    /// The name of the cookie that a browser keeps its token in.
    cookie: String,
    /// Whom the site offers to be, chosen once.
    cast: OnceCell<Vec<String>>,
}

impl Backend {
    /// With its database, and with what tells people.
    pub fn new(pool: Pool, secret: String, cookie: String) -> Self {
        Self { pool, secret, cookie, cast: OnceCell::new() }
    }

    /// Its paths, all under `/app`.
    pub fn router(self) -> Router {
        Router::new()
            .route("/app/users", get(people::users))
            .route("/app/sign-in", post(people::sign_in))
            .route("/app/vote", get(writes::voted).post(writes::vote))
            .route("/app/comment", post(writes::comment))
            .route("/app/message", post(writes::message))
            .route("/app/follow", post(writes::follow))
            .route("/app/read", post(writes::read))
            .route("/app/answer", post(writes::answer))
            .layer(DefaultBodyLimit::max(LONGEST))
            .with_state(Arc::new(self))
    }
}
