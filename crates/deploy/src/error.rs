//! What can go wrong while models are deployed: a stable code, a sentence, a hint, and the cause kept as source.

use std::error::Error as _;

use headwater_compile::{Code, Diagnostic, Severity, SourceFile};

/// Diagnostics with the files they point into, so that the place can be drawn.
#[derive(Debug, Default)]
pub struct Problems {
    /// Errors, warnings and notes.
    pub diagnostics: Vec<Diagnostic>,
    /// The files that they name.
    pub files: Vec<SourceFile>,
}

impl Problems {
    /// How many of them are errors.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count()
    }
}

/// Who holds a table lock that Headwater waited for.
#[derive(Debug, Clone)]
pub struct LockHolder {
    /// The table.
    pub relation: String,
    /// The backend's process id.
    pub pid: i32,
    /// The role it is connected as.
    pub user: String,
    /// Its state, such as `idle in transaction`.
    pub state: String,
    /// Seconds since its transaction began.
    pub age: f64,
    /// Its current or last query, cut to 200 characters.
    pub query: String,
}

impl std::fmt::Display for LockHolder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "pid {} (user {}, {}, transaction open for {:.1} s) holds {}: {}",
            self.pid, self.user, self.state, self.age, self.relation, self.query
        )
    }
}

/// Every failure of this crate. Its codes are HW0550 to HW0599; connections and servers have those below.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Problems in the user's files, or in what they ask of this database.
    #[error("{} in the models; the database is unchanged", count(.0.errors()))]
    Problems(Problems),
    /// A project file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file or folder.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The folder holds nothing to deploy.
    #[error("no models found: {path} has no .sql file")]
    NoModels {
        /// The folder that was searched.
        path: String,
    },
    /// The server went away.
    #[error("the database went away during: {doing}")]
    WentAway {
        /// What was being done.
        doing: String,
        /// The client's error.
        source: tokio_postgres::Error,
    },
    /// The server refused a statement.
    #[error("{doing} failed: {}", server_message(.source))]
    Statement {
        /// What was being done.
        doing: String,
        /// The server's error.
        source: tokio_postgres::Error,
    },
    /// Connecting, resolving or locking the schema failed.
    #[error(transparent)]
    Postgres(#[from] headwater_postgres::Error),
    /// The schema `headwater` exists and is not Headwater's.
    #[error("a schema \"headwater\" exists that Headwater did not create")]
    ForeignSchema,
    /// The schema was written by a newer Headwater.
    #[error("the installed schema has version {found}, this program knows up to {known}")]
    NewerSchema {
        /// The version found.
        found: i64,
        /// The latest version known.
        known: i64,
    },
    /// The schema was written by an older Headwater, and only `apply` brings it up to date.
    #[error("the installed schema has version {found}, this program needs {known}")]
    OlderSchema {
        /// The version found.
        found: i64,
        /// The version needed.
        known: i64,
    },
    /// Nothing is installed in this database.
    #[error("no models are installed in this database")]
    NotInstalled,
    /// A model named on the command line does not exist.
    #[error("there is no model \"{name}\"")]
    UnknownModel {
        /// The name given.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// An example named on the command line does not exist.
    #[error("there is no example \"{name}\"")]
    UnknownExample {
        /// The name given.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// A table lock was not granted in time.
    #[error("{doing} waits for a lock on {tables}{}", list_holders(.holders))]
    LockTimeout {
        /// What was being done.
        doing: String,
        /// The tables.
        tables: String,
        /// Who holds them.
        holders: Vec<LockHolder>,
        /// The server's error.
        source: tokio_postgres::Error,
    },
    /// A step conflicted with writers too often.
    #[error("{doing} conflicted with other transactions {attempts} times in a row")]
    Conflicts {
        /// What was being done.
        doing: String,
        /// How often it was tried.
        attempts: u32,
        /// The last conflict.
        source: tokio_postgres::Error,
    },
    /// A model differs from its SELECT right after it was filled.
    #[error(
        "{model} is not exact after its fill: {missing} rows missing, {extra} extra, {altered} altered; it is not served"
    )]
    NotExact {
        /// The model.
        model: String,
        /// Rows that the SELECT has and the model lacks.
        missing: i64,
        /// Rows that the model has and the SELECT lacks.
        extra: i64,
        /// Rows that differ.
        altered: i64,
    },
    /// A batch could not begin: models changed under it, or the server's clock stood behind, again and again.
    #[error(
        "no batch could begin: the installed models keep changing, or the server's clock stands behind the last batch"
    )]
    NoBatch,
    /// A model's maintenance failed while it was being built.
    #[error("{model} broke while it was being built: {reason}; it is not served")]
    BrokeWhileBuilding {
        /// The model.
        model: String,
        /// The SQLSTATE and message of the fault.
        reason: String,
    },
    /// A model's SELECT yields two rows with one key.
    #[error("{model} has two rows with the same key ({key}): {}; it is not served", duplicate(.source))]
    NotUnique {
        /// The model.
        model: String,
        /// The columns of its key.
        key: String,
        /// The server's error.
        source: tokio_postgres::Error,
    },
    /// What is installed was compiled differently from what this program compiles.
    #[error("{model} is installed in version {installed}, and this program compiles its definition to {compiled}")]
    OtherCompiler {
        /// The model.
        model: String,
        /// The installed version.
        installed: String,
        /// The version that its stored definition compiles to.
        compiled: String,
    },
}

impl Error {
    /// The stable code. Problems carry their own; this is the code of the whole.
    #[must_use]
    pub fn code(&self) -> Code {
        Code(match self {
            Self::Postgres(error) => error.code(),
            Self::Problems(_) => 550,
            Self::Read { .. } => 551,
            Self::NoModels { .. } => 553,
            Self::WentAway { .. } => 554,
            Self::Statement { .. } => 555,
            Self::ForeignSchema => 556,
            Self::NewerSchema { .. } => 557,
            Self::NotInstalled => 558,
            Self::OlderSchema { .. } => 577,
            Self::UnknownModel { .. } => 559,
            Self::UnknownExample { .. } => 569,
            Self::LockTimeout { .. } => 570,
            Self::Conflicts { .. } => 571,
            Self::NotExact { .. } => 572,
            Self::BrokeWhileBuilding { .. } => 573,
            Self::OtherCompiler { .. } => 574,
            Self::NotUnique { .. } => 575,
            Self::NoBatch => 576,
        })
    }

    /// What to do.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Problems(_) => return None,
            Self::Read { .. } => "name the project's folder with --project; it holds headwater.toml and models/*.sql".into(),
            Self::NoModels { .. } => "write a CREATE MATERIALIZED VIEW … AS SELECT … into models/<name>.sql; to drop the installed models use `headwater remove --all`".into(),
            Self::Postgres(error) => return error.hint().map(str::to_owned),
            Self::WentAway { .. } => "check that the server runs, then run the command again; it goes on where it stopped".into(),
            Self::Statement { source, .. } => return server_hint(source),
            Self::ForeignSchema => "rename it (ALTER SCHEMA headwater RENAME TO …); Headwater keeps its objects in a schema of that name".into(),
            Self::NewerSchema { .. } => "use the Headwater version that applied these models, or a later one".into(),
            Self::OlderSchema { .. } => "run `headwater apply` with this program; it brings the schema up to date".into(),
            Self::NotInstalled => "run `headwater apply` first".into(),
            Self::UnknownModel { known, .. } if known.is_empty() => "run `headwater apply` first".into(),
            Self::UnknownModel { known, .. } => format!("the models are: {}", known.join(", ")),
            Self::UnknownExample { known, .. } => format!("the examples are: {}", known.join(", ")),
            Self::LockTimeout { .. } => "wait for that transaction to end, or end it with SELECT pg_terminate_backend(<pid>), then run the command again; it goes on where it stopped".into(),
            Self::Conflicts { .. } => "run the command again when fewer writers touch these keys; it goes on where it stopped".into(),
            Self::NotExact { .. } => "this is a fault of Headwater: please report it with the model's definition. The version that served before still serves".into(),
            Self::NoBatch => "wait for the running apply to end; if none runs, compare the server's clock with SELECT max(at) FROM headwater.batch".into(),
            Self::BrokeWhileBuilding { .. } => "put right what the message names, then run `headwater apply` again; it fills the model anew".into(),
            Self::NotUnique { .. } => "put columns that tell the rows apart into its unique index".into(),
            Self::OtherCompiler { .. } => "run `headwater apply` with this program first".into(),
        })
    }

    /// True where the server could not be reached or went away.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        use headwater_postgres::Error as Postgres;
        matches!(
            self,
            Self::WentAway { .. }
                | Self::Postgres(
                    Postgres::BadAddress(_)
                        | Postgres::Unreachable { .. }
                        | Postgres::Refused { .. }
                        | Postgres::TooOld { .. }
                        | Postgres::Lost(_)
                        | Postgres::NoBinaries { .. }
                        | Postgres::Provision { .. }
                        | Postgres::PrivateServer { .. }
                )
        )
    }
}

/// Says what was being done when the server refused or vanished.
pub trait During<T> {
    /// Turns the client's error into [`Error`], with what was being done.
    fn during(self, doing: impl Into<String>) -> Result<T, Error>;
}

impl<T> During<T> for Result<T, tokio_postgres::Error> {
    fn during(self, doing: impl Into<String>) -> Result<T, Error> {
        self.map_err(|source| {
            if went_away(&source) {
                Error::WentAway { doing: doing.into(), source }
            } else {
                Error::Statement { doing: doing.into(), source }
            }
        })
    }
}

/// True where the connection is gone: closed, broken, or ended by the server (class 57P: shutdown, crash).
#[must_use]
pub fn went_away(error: &tokio_postgres::Error) -> bool {
    if error.is_closed() {
        return true;
    }
    match error.as_db_error() {
        Some(db) => db.code().code().starts_with("57P"),
        None => error.source().is_some_and(|source| source.is::<std::io::Error>()),
    }
}

/// True for serialization failures and deadlocks: repeating the transaction is the cure.
#[must_use]
pub fn is_conflict(error: &tokio_postgres::Error) -> bool {
    error.code().is_some_and(|code| matches!(code.code(), "40001" | "40P01"))
}

/// True where a lock was not granted in time (`lock_timeout`) or by NOWAIT.
#[must_use]
pub fn is_lock_timeout(error: &tokio_postgres::Error) -> bool {
    error.code().is_some_and(|code| code.code() == "55P03")
}

impl headwater_postgres::retry::Transient for Error {
    fn is_transient(&self) -> bool {
        match self {
            Self::Postgres(error) => error.is_transient(),
            Self::Statement { source, .. } => is_conflict(source),
            Self::Conflicts { .. } => true,
            _ => false,
        }
    }
}

fn server_message(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(db) => match db.detail() {
            Some(detail) => format!("{} ({}: {detail})", db.message(), db.code().code()),
            None => format!("{} ({})", db.message(), db.code().code()),
        },
        None => error.to_string(),
    }
}

fn duplicate(error: &tokio_postgres::Error) -> String {
    error.as_db_error().and_then(|db| db.detail()).map_or_else(|| server_message(error), str::to_owned)
}

fn server_hint(error: &tokio_postgres::Error) -> Option<String> {
    let db = error.as_db_error()?;
    db.hint().map(str::to_owned).or_else(|| db.where_().map(|place| format!("where: {place}")))
}

fn list_holders(holders: &[LockHolder]) -> String {
    holders.iter().map(|holder| format!("; {holder}")).collect()
}

/// `1 error`, `2 errors`.
fn count(errors: usize) -> String {
    format!("{errors} error{}", if errors == 1 { "" } else { "s" })
}
