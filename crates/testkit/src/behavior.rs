//! Runs `tests/behavior/*.slt`: sqllogictest scripts, with the oracle after **every** statement, in the statement's own
//! connection and inside its open transaction.
//!
//! The files are plain sqllogictest (`statement ok`, `statement error`, `query`, `connection NAME`, `onlyif LABEL`), run
//! statement for statement on PostgreSQL. Three kinds of statement are read differently:
//!
//! | statement | is |
//! | --- | --- |
//! | `CREATE MATERIALIZED VIEW …` (and its indexes) | a model: applied with the models before it, just before the next other statement |
//! | `\i examples/showcase/schema.sql` | the file's statements; where it holds models, as above |
//! | `COPY … FROM STDIN` with lines below it | the lines are the data |
//!
//! Every script runs in both modes. As eventual models, the same models are brought up to date by a batch after every statement
//! that leaves no transaction open, and must then be exact; inside an open transaction they may be behind. `onlyif realtime`
//! and `onlyif eventual` select what holds in one mode only.
//!
//! `onlyif pg15` (16, 17, 18) and `skipif pg14` select by the server's major version or later; `onlyif citext` where that
//! extension is available.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use headwater_compile::{Mode, SourceFile};
use headwater_deploy::error::is_lock_timeout;
use headwater_deploy::{Silent, apply, batch, installed};
use headwater_postgres::Client;
use sqllogictest::{AsyncDB, DBOutput, DefaultColumnType, Record, Runner};
use tokio::sync::Mutex;
use tokio_postgres::SimpleQueryMessage;
use tokio_postgres::error::SqlState;

use crate::oracle::{Difference, Oracle, lines};
use crate::{TestDatabase, TestServer};

/// The workspace's root; paths in scripts start there.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Runs a script in a database of its own. Returns every record that failed, with its place; none is fine.
pub async fn run_file(path: &Path, mode: Mode) -> Vec<String> {
    let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or("script").to_owned();
    let name = format!("{name}_{}", mode.word());
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => return vec![format!("{}: {error}", path.display())],
    };
    let script = match sqllogictest::parse_with_name::<DefaultColumnType>(&text, format!("{name}.slt")) {
        Ok(script) => script,
        Err(error) => return vec![format!("{name}: {error}")],
    };
    let database = TestDatabase::create(&name).await;
    let admin = database.connect().await;
    let mut labels = labels(&admin, database.server().major()).await;
    labels.push(mode.word().to_owned());
    let shared = Arc::new(Mutex::new(Models { database, admin, mode, files: Vec::new(), applied: 0, oracle: None }));
    let mut runner = Runner::new(|| {
        let shared = Arc::clone(&shared);
        async move {
            let client = shared.lock().await.database.connect().await;
            // A script that waits for itself fails instead of hanging.
            client.batch_execute("SET statement_timeout = '20s'").await?;
            Ok::<_, Failure>(Session { client, shared, muted: Vec::new() })
        }
    });
    for label in labels {
        runner.add_label(&label);
    }
    let mut failures = Vec::new();
    for record in script {
        if matches!(record, Record::Halt { .. }) {
            break;
        }
        if let Err(error) = runner.run_async(record).await {
            failures.push(format!("{}: {}", error.location(), error.kind()));
        }
    }
    runner.shutdown_async().await;
    failures
}

async fn labels(admin: &Client, major: u32) -> Vec<String> {
    let mut labels: Vec<_> = (14..=major).map(|version| format!("pg{version}")).collect();
    let rows = admin.query("SELECT name::text FROM pg_available_extensions", &[]).await.unwrap_or_default();
    labels.extend(rows.iter().map(|row| row.get::<_, String>(0)));
    labels
}

/// The models of a script.
struct Models {
    database: TestDatabase,
    admin: Client,
    mode: Mode,
    files: Vec<SourceFile>,
    /// How many of `files` are applied.
    applied: usize,
    oracle: Option<Oracle>,
}

impl Models {
    fn add(&mut self, path: &str, text: &str) {
        let path = if path.is_empty() { format!("model{}.sql", self.files.len() + 1) } else { path.to_owned() };
        self.files.push(SourceFile { path, text: in_mode(text, self.mode) });
    }

    /// Brings eventual models up to date; a table that another transaction holds exclusively leaves them as they are.
    async fn batch(&mut self) -> Result<bool, Failure> {
        match batch::run(&mut self.admin, batch::How { careful: true, force: true }).await {
            Ok(_) => Ok(true),
            Err(headwater_deploy::Error::Statement { source, .. }) if is_lock_timeout(&source) => Ok(false),
            Err(error) => Err(Failure::new(format!("batch: {error}"))),
        }
    }

    /// Applies what has been added.
    async fn apply(&mut self) -> Result<(), Failure> {
        if self.applied == self.files.len() {
            return Ok(());
        }
        let options = apply::Options::default();
        let config = self.database.config();
        if let Err(error) = apply::apply(&config, &self.files, &options, &Silent).await {
            // One that is refused must not take the others along.
            let refused = self.files.split_off(self.applied);
            let names = refused.iter().map(|file| file.path.as_str()).collect::<Vec<_>>().join(", ");
            return Err(Failure::new(format!("apply of {names}: {error}{}", problems(&error))));
        }
        self.applied = self.files.len();
        self.oracle = Some(Oracle::load(&self.admin, &[]).await.map_err(|error| Failure::new(error.to_string()))?);
        Ok(())
    }

    /// Puts right what differs, so that one fault is reported once.
    async fn heal(&self) {
        for model in installed::load(&self.admin).await.unwrap_or_default() {
            let _ = self.admin.simple_query(&model.compare.repair).await;
            let sql = "UPDATE headwater.model SET state = 'serving', reason = NULL WHERE state = 'broken'";
            let _ = self.admin.batch_execute(sql).await;
        }
    }
}

fn problems(error: &headwater_deploy::Error) -> String {
    let headwater_deploy::Error::Problems(problems) = error else { return String::new() };
    problems.diagnostics.iter().map(|diagnostic| format!("\n  {} {}", diagnostic.file, diagnostic.message)).collect()
}

/// One connection of a script.
struct Session {
    client: Client,
    shared: Arc<Mutex<Models>>,
    /// Models found wrong inside a transaction that is still open: reported once.
    muted: Vec<String>,
}

/// Why a record failed.
#[derive(Debug)]
struct Failure {
    message: String,
    sqlstate: Option<String>,
}

impl Failure {
    fn new(message: String) -> Self {
        Self { message, sqlstate: None }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self {
            message: headwater_postgres::describe(&error),
            sqlstate: error.code().map(|code| code.code().to_owned()),
        }
    }
}

#[async_trait::async_trait]
impl AsyncDB for Session {
    type Error = Failure;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, Failure> {
        let (path, text) = match sql.trim().strip_prefix("\\i ") {
            Some(path) => (path.trim(), read(path.trim())?),
            None => ("", sql.to_owned()),
        };
        if is_model(&text) {
            self.shared.lock().await.add(path, &text);
            return Ok(DBOutput::StatementComplete(0));
        }
        self.shared.lock().await.apply().await?;
        let output = self.execute(&text).await?;
        self.check().await?;
        Ok(output)
    }

    async fn shutdown(&mut self) {}

    fn error_sql_state(error: &Failure) -> Option<String> {
        error.sqlstate.clone()
    }
}

impl Session {
    async fn execute(&self, sql: &str) -> Result<DBOutput<DefaultColumnType>, Failure> {
        if let Some((command, data)) = copied(sql) {
            return self.copy(command, data).await;
        }
        let messages = self.client.simple_query(sql).await?;
        let mut rows = Vec::new();
        let mut types = None;
        let mut count = 0;
        for message in messages {
            match message {
                SimpleQueryMessage::RowDescription(columns) => {
                    types = Some(vec![DefaultColumnType::Any; columns.len()]);
                    rows.clear();
                }
                SimpleQueryMessage::Row(row) => {
                    rows.push((0..row.len()).map(|column| shown(row.get(column))).collect())
                }
                SimpleQueryMessage::CommandComplete(affected) => count = affected,
                _ => {}
            }
        }
        Ok(match types {
            Some(types) => DBOutput::Rows { types, rows },
            None => DBOutput::StatementComplete(count),
        })
    }

    async fn copy(&self, command: &str, data: &str) -> Result<DBOutput<DefaultColumnType>, Failure> {
        use futures::SinkExt;
        let sink = self.client.copy_in(command).await?;
        futures::pin_mut!(sink);
        sink.send(std::io::Cursor::new(format!("{data}\n").into_bytes())).await?;
        Ok(DBOutput::StatementComplete(sink.finish().await?))
    }

    /// True inside a transaction, be it failed or not.
    async fn is_in_transaction(&self) -> bool {
        match self.client.batch_execute("SAVEPOINT hw_open; RELEASE SAVEPOINT hw_open").await {
            Ok(()) => true,
            Err(error) => error.code() == Some(&SqlState::IN_FAILED_SQL_TRANSACTION),
        }
    }

    /// The oracle, here and now.
    async fn check(&mut self) -> Result<(), Failure> {
        let mut shared = self.shared.lock().await;
        if shared.oracle.is_none() {
            return Ok(());
        }
        let open = self.is_in_transaction().await;
        if shared.mode == Mode::Eventual && (open || !shared.batch().await?) {
            return Ok(());
        }
        let Some(oracle) = &shared.oracle else { return Ok(()) };
        let found = oracle.differences(&self.client).await?;
        let new: Vec<Difference> = found.iter().filter(|one| !self.muted.contains(&one.model)).cloned().collect();
        if open {
            self.muted.extend(new.iter().map(|difference| difference.model.clone()));
        } else {
            self.muted.clear();
            if !found.is_empty() {
                shared.heal().await;
            }
        }
        let place = if open { " inside the open transaction" } else { "" };
        if new.is_empty() { Ok(()) } else { Err(Failure::new(format!("not exact{place}:{}", lines(&new)))) }
    }
}

fn read(path: &str) -> Result<String, Failure> {
    std::fs::read_to_string(root().join(path)).map_err(|error| Failure::new(format!("{path}: {error}")))
}

/// The same models, all declared in one mode, whatever the file says.
#[must_use]
pub fn in_mode(text: &str, mode: Mode) -> String {
    let says_mode = |line: &str| {
        ["-- headwater: realtime", "-- headwater: eventual"].iter().any(|option| line.trim().starts_with(option))
    };
    let mut lines = Vec::new();
    for line in text.lines().filter(|line| !says_mode(line)) {
        if mode == Mode::Eventual && line.trim_start().to_ascii_uppercase().starts_with("CREATE MATERIALIZED VIEW") {
            lines.push("-- headwater: eventual");
        }
        lines.push(line);
    }
    lines.join("\n")
}

/// A statement that declares models.
fn is_model(sql: &str) -> bool {
    sql.lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with("--"))
        .is_some_and(|line| line.to_ascii_uppercase().starts_with("CREATE MATERIALIZED VIEW"))
}

/// `COPY … FROM STDIN …;` on the first line, its data on the others.
fn copied(sql: &str) -> Option<(&str, &str)> {
    let (command, data) = sql.split_once('\n')?;
    let upper = command.to_ascii_uppercase();
    (upper.starts_with("COPY ") && upper.contains("FROM STDIN")).then_some((command, data))
}

fn shown(value: Option<&str>) -> String {
    match value {
        None => "NULL".to_owned(),
        Some("") => "(empty)".to_owned(),
        Some(text) => text.to_owned(),
    }
}

/// Makes sure that a server runs, before scripts are run at the same time.
pub async fn warm_up() {
    let _ = tokio::task::spawn_blocking(|| TestServer::get(None)).await;
}
