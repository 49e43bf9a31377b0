//! What keeps the server from starting: the codes HW0701 to HW0719. What those who ask are told is in [`crate::http::problem`].

use headwater_postgres::describe;

/// Why nothing can be served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `[serve]` declares what cannot be.
    #[error("[serve] in headwater.toml: {}", .0.join("; "))]
    Settings(Vec<String>),
    /// The models cannot be read.
    #[error("reading the models failed: {}", describe(.0))]
    Models(#[source] tokio_postgres::Error),
    /// A name in the database is none that Headwater makes.
    #[error("the model {0} has a name that cannot be")]
    Name(String),
    /// The server's sessions do not speak UTC, and nothing can be set for a session.
    #[error("sessions of this role have the time zone {0}, and a pooler keeps Headwater from setting it")]
    TimeZone(String),
    /// The address is taken.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The folder of static files cannot be read.
    #[error("cannot read the static files in {path}")]
    Files {
        /// The folder.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The database cannot be reached.
    #[error(transparent)]
    Postgres(#[from] headwater_postgres::Error),
}

impl Error {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> u16 {
        match self {
            Self::Settings(_) => 701,
            Self::Models(_) => 702,
            Self::Name(_) => 703,
            Self::TimeZone(_) => 704,
            Self::Listen { .. } => 705,
            Self::Files { .. } => 706,
            Self::Postgres(error) => error.code(),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Settings(_) => Some("docs/guides/serving.md shows every key of [serve]"),
            Self::Models(_) => Some("run headwater apply first; the role needs what docs/guides/serving.md lists"),
            Self::Name(_) => None,
            Self::TimeZone(_) => Some("ALTER ROLE … SET timezone = 'UTC' for the role that serves"),
            Self::Listen { .. } => Some("choose another address with --listen, or end what listens there"),
            Self::Files { .. } => Some("files in [serve] names a folder relative to headwater.toml"),
            Self::Postgres(error) => error.hint(),
        }
    }
}
