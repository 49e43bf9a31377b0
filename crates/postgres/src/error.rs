//! What can go wrong between Headwater and a server: a stable code, a sentence, the cause, and what to do.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::error::SqlState;

/// A failure of this crate. Its codes are HW0501 to HW0549.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database's address is no address.
    #[error("the database address cannot be read: {}", describe(.0))]
    BadAddress(#[source] tokio_postgres::Error),
    /// Nothing answered there.
    #[error("no PostgreSQL server answers at {place}: {}", describe(.source))]
    Unreachable {
        /// Host and port, or the socket's folder.
        place: String,
        /// The failure.
        source: tokio_postgres::Error,
    },
    /// A server answered and refused the connection.
    #[error("the server at {place} refuses the connection: {}", describe(.source))]
    Refused {
        /// Host and port, or the socket's folder.
        place: String,
        /// The server's words.
        source: tokio_postgres::Error,
    },
    /// The server is older than Headwater's oldest.
    #[error("the server runs PostgreSQL {version}; Headwater needs {} or newer", crate::connect::OLDEST_MAJOR)]
    TooOld {
        /// The version as the server tells it.
        version: String,
    },
    /// A statement failed.
    #[error("{}", describe(.0))]
    Query(#[source] tokio_postgres::Error),
    /// The connection ended.
    #[error("the connection to the server ended: {}", describe(.0))]
    Lost(#[source] tokio_postgres::Error),
    /// A file of certificate authorities cannot be used.
    #[error("the certificate authorities in {} cannot be read: {reason}", file.display())]
    Authorities {
        /// The file.
        file: PathBuf,
        /// Why not.
        reason: String,
    },
    /// PostgreSQL's programs are nowhere on this machine.
    #[error("{}", describe_missing(*.wanted, .places))]
    NoBinaries {
        /// The major version asked for.
        wanted: Option<u32>,
        /// Every place looked at, and what was found there.
        places: Vec<String>,
    },
    /// PostgreSQL could not be downloaded.
    #[error("PostgreSQL could not be downloaded: {reason}")]
    Provision {
        /// What failed.
        reason: String,
    },
    /// The private server could not be created, started or stopped.
    #[error("the private PostgreSQL server could not be {verb}: {reason}")]
    PrivateServer {
        /// `created`, `started` or `stopped`.
        verb: &'static str,
        /// What its programs said.
        reason: String,
    },
    /// A file or folder could not be used.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The failure.
        source: std::io::Error,
    },
    /// Another session holds the schema lock.
    #[error("{}", describe_busy(*.pid, .holder, *.held_for))]
    Busy {
        /// Its server process, where it could be seen.
        pid: Option<i32>,
        /// Its `application_name`, or nothing.
        holder: String,
        /// How long its connection has been open.
        held_for: Option<Duration>,
    },
}

impl Error {
    /// The stable code, printed as `HW` and four digits.
    #[must_use]
    pub fn code(&self) -> u16 {
        match self {
            Self::BadAddress(_) => 501,
            Self::Unreachable { .. } => 502,
            Self::Refused { .. } => 503,
            Self::TooOld { .. } => 504,
            Self::Query(_) => 505,
            Self::Lost(_) => 506,
            Self::Authorities { .. } => 507,
            Self::NoBinaries { .. } => 510,
            Self::Provision { .. } => 511,
            Self::PrivateServer { .. } => 512,
            Self::Io { .. } => 513,
            Self::Busy { .. } => 520,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::BadAddress(_) => Some("write it as postgresql://user:password@host:5432/database"),
            Self::Unreachable { .. } => {
                Some("check that the server runs and that DATABASE_URL names its host and port")
            }
            Self::Refused { .. } => Some("check the user, the password and the database in DATABASE_URL"),
            Self::TooOld { .. } => {
                Some("upgrade the server: statement triggers and statistics that Headwater uses are missing")
            }
            Self::Query(_) => None,
            Self::Lost(_) => Some("run the command again; what was not committed was rolled back by the server"),
            Self::Authorities { .. } => Some("sslrootcert and PGSSLROOTCERT name a file with certificates in PEM form"),
            Self::NoBinaries { .. } => Some(
                "set DATABASE_URL to a server of yours, or install PostgreSQL's server package, or set HEADWATER_PG_BIN \
                 to the folder that holds initdb, pg_ctl and postgres",
            ),
            Self::Provision { .. } => Some(
                "set DATABASE_URL to a server of yours, or install PostgreSQL's server package (apt-get install postgresql)",
            ),
            Self::PrivateServer { .. } => Some("read the log named above, or set DATABASE_URL to a server of yours"),
            Self::Io { .. } => Some("check the folder's owner and the free space"),
            Self::Busy { .. } => Some("wait until it is done, or end it with pg_terminate_backend"),
        }
    }

    /// The server's SQLSTATE, where the failure is the server's.
    #[must_use]
    pub fn sqlstate(&self) -> Option<&SqlState> {
        match self {
            Self::Query(source) | Self::Lost(source) | Self::BadAddress(source) => source.code(),
            Self::Unreachable { source, .. } | Self::Refused { source, .. } => source.code(),
            _ => None,
        }
    }

    /// Names the file or folder that an I/O failure is about.
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}

impl From<tokio_postgres::Error> for Error {
    fn from(source: tokio_postgres::Error) -> Self {
        if source.is_closed() { Self::Lost(source) } else { Self::Query(source) }
    }
}

/// The failure in full: the server's message, detail, hint and SQLSTATE; the client's causes otherwise. The type's own
/// `Display` says little more than "db error".
#[must_use]
pub fn describe(error: &tokio_postgres::Error) -> String {
    if let Some(db) = error.as_db_error() {
        let mut text = format!("{} (SQLSTATE {})", db.message(), db.code().code());
        for (word, part) in [("detail", db.detail()), ("hint", db.hint()), ("where", db.where_())] {
            if let Some(part) = part {
                let _ = write!(text, "\n  {word}: {part}");
            }
        }
        return text;
    }
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let words = inner.to_string();
        if !text.contains(&words) {
            let _ = write!(text, ": {words}");
        }
        cause = inner.source();
    }
    text
}

fn describe_missing(wanted: Option<u32>, places: &[String]) -> String {
    let mut text = match wanted {
        Some(major) => format!("PostgreSQL {major} is not on this machine; looked at:"),
        None => "PostgreSQL's server programs are not on this machine; looked at:".to_owned(),
    };
    for place in places {
        let _ = write!(text, "\n  {place}");
    }
    text
}

fn describe_busy(pid: Option<i32>, holder: &str, held_for: Option<Duration>) -> String {
    let mut text = "another apply is running".to_owned();
    if let Some(pid) = pid {
        let _ = write!(text, " (pid {pid}");
        if !holder.is_empty() {
            let _ = write!(text, ", {holder}");
        }
        if let Some(held_for) = held_for {
            let _ = write!(text, ", connected for {} s", held_for.as_secs());
        }
        text.push(')');
    }
    text
}
