//! The session that looks: read-only, no statement longer than the limit, never waiting long for a lock.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use headwater_catalog::{Ident, QualifiedName};
use headwater_deploy::error::{During, Error};
use headwater_deploy::installed::{self, InstalledModel};
use headwater_deploy::project::Settings;
use headwater_postgres::{Client, Config, connect};
use tokio_postgres::Row;

/// Catalog locks are weak; whoever holds a table exclusively for longer is worth a word, not a wait.
const LOCK_TIMEOUT: Duration = Duration::from_secs(1);

/// One look at one database.
pub struct Look {
    /// The session.
    pub client: Client,
    /// How to open another one.
    pub config: Config,
    /// The project's folder.
    pub root: PathBuf,
    /// What the project declares.
    pub settings: Settings,
    /// The role that looks.
    pub role: Ident,
    /// The database.
    pub database: Ident,
    /// A schema of Headwater's name is there.
    pub installed: bool,
    /// The versions of models in the database.
    pub models: Vec<InstalledModel>,
    /// About how many rows each table has, by schema and name.
    pub rows: BTreeMap<(String, String), i64>,
}

impl Look {
    /// Connects.
    ///
    /// # Errors
    /// Where the database cannot be reached or its catalog cannot be read.
    pub async fn begin(config: &Config, root: &Path, settings: Settings) -> Result<Self, Error> {
        let client = connect(config).await?;
        let timeout = settings.doctor.timeout;
        prepare(&client, timeout, true).await?;
        let who = client
            .query_one(
                "SELECT current_user::text, current_database()::text, to_regnamespace('headwater') IS NOT NULL",
                &[],
            )
            .await;
        let who = who.during("asking who looks")?;
        let rows = client.query(include_str!("../sql/rows.sql"), &[]).await.during("reading how large tables are")?;
        Ok(Self {
            config: config.clone(),
            root: root.to_owned(),
            settings,
            role: ident(&who, 0)?,
            database: ident(&who, 1)?,
            installed: who.get(2),
            models: Vec::new(),
            rows: rows.iter().map(|row| ((row.get(0), row.get(1)), row.get(2))).collect(),
            client,
        })
    }

    /// Reads the installed models.
    ///
    /// # Errors
    /// Where the role may not.
    pub async fn read_models(&mut self) -> Result<(), Error> {
        self.models = installed::load(&self.client).await?;
        Ok(())
    }

    /// Another session, which may write what it rolls back.
    ///
    /// # Errors
    /// Where none can be opened.
    pub async fn scratch(&self) -> Result<Client, Error> {
        let client = connect(&self.config).await?;
        prepare(&client, self.settings.doctor.timeout, false).await?;
        Ok(client)
    }

    /// Runs a query without parameters that looks for something.
    ///
    /// # Errors
    /// The server's.
    pub async fn query(&self, sql: &str, doing: &str) -> Result<Vec<Row>, Error> {
        self.client.query(sql, &[]).await.during(doing)
    }

    /// About how many rows a table has.
    #[must_use]
    pub fn rows_of(&self, schema: &str, table: &str) -> i64 {
        self.rows.get(&(schema.to_owned(), table.to_owned())).copied().unwrap_or_default()
    }
}

async fn prepare(client: &Client, timeout: Duration, read_only: bool) -> Result<(), Error> {
    let sql = format!(
        "SET statement_timeout = {}; SET lock_timeout = {}; SET default_transaction_read_only = {read_only}; SET search_path = public; \
         SET timezone = 'UTC'; SET datestyle = 'ISO'; SET jit = off; SET plan_cache_mode = force_custom_plan",
        timeout.as_millis(),
        LOCK_TIMEOUT.as_millis(),
    );
    client.batch_execute(&sql).await.during("preparing the session")
}

/// A name in a row.
///
/// # Errors
/// Where it is none, which the server does not let happen.
pub fn ident(row: &Row, column: usize) -> Result<Ident, Error> {
    Ident::new(row.get::<_, String>(column)).map_err(|_| Error::ForeignSchema)
}

/// A schema and a name in a row, in columns of these names.
///
/// # Errors
/// Where they are none, which the server does not let happen.
pub fn named(row: &Row, schema: &str, name: &str) -> Result<QualifiedName, Error> {
    QualifiedName::parse(row.get(schema), row.get(name)).map_err(|_| Error::ForeignSchema)
}
