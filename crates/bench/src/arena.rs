//! Where it is measured: a private server of its own, durable as in production, and databases with the same data.
//!
//! One database per scale is loaded once and kept; each variant works on a copy of it, made file by file.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use headwater_catalog::{Ident, ident::short_hash, quote_literal};
use headwater_compile::SourceFile;
use headwater_deploy::{Options as ApplyOptions, Project, Silent, apply};
use headwater_postgres::private::Options;
use headwater_postgres::{Client, Config, Home, PrivateServer, connect};

use crate::{Effort, Failure, models};

/// Users that have not voted yet: every vote that a benchmark casts is its user's first on that project.
pub const FRESH_USERS: i32 = 4_000;

/// The server, and how much to measure on it.
#[derive(Clone)]
pub struct Arena {
    /// The workspace.
    pub root: PathBuf,
    /// How long and how often to measure.
    pub effort: Effort,
    /// The server.
    pub server: PrivateServer,
    /// Held for the whole run: two would share databases, disturb each other's figures, and the first to end stops the server.
    _alone: Arc<File>,
}

impl Arena {
    /// Starts the server. It has settings of its own: a gigabyte of buffers, and checkpoints far apart, so that no variant's
    /// turn happens to hold one.
    pub async fn open(root: &Path, major: Option<u32>, effort: Effort) -> Result<Self, Failure> {
        let folder = root.join(".headwater/bench");
        std::fs::create_dir_all(&folder)?;
        let alone = File::create(folder.join("lock"))?;
        alone
            .try_lock()
            .map_err(|_| format!("another headwater-bench is at work: it holds {}/lock", folder.display()))?;
        let mut options = Options { name: "bench/pg".to_owned(), major, ..Options::new(Home::of(root)?) };
        for (name, value) in [
            ("shared_buffers", "1GB"),
            ("max_wal_size", "16GB"),
            ("checkpoint_timeout", "1h"),
            ("track_functions", "none"),
        ] {
            options.settings.push((name, value.to_owned()));
        }
        Ok(Self {
            root: root.to_owned(),
            effort,
            server: PrivateServer::start_async(options).await?,
            _alone: Arc::new(alone),
        })
    }

    /// Stops the server; its data stays for the next run.
    pub async fn close(self) -> Result<(), Failure> {
        tokio::task::spawn_blocking(move || self.server.stop()).await??;
        Ok(())
    }

    /// The same server with another effort.
    pub fn with(&self, effort: Effort) -> Self {
        Self { effort, ..self.clone() }
    }

    /// Connects to a database.
    pub async fn connect(&self, database: &str) -> Result<Client, Failure> {
        Ok(connect(&self.server.config(database)).await?)
    }

    /// The database with the showcase at `scale`, its indexes and some [`FRESH_USERS`], no models. Loaded where it is not
    /// there yet or its files have changed.
    pub async fn showcase(&self, scale: f64) -> Result<String, Failure> {
        let texts: Vec<String> = ["schema.sql", "data.sql", "indexes.sql"]
            .iter()
            .map(|name| self.example(name))
            .collect::<Result<_, _>>()?;
        let name = format!("showcase_{}", scale.to_string().replace('.', "_"));
        let parts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let wanted = format!("scale {scale}, {FRESH_USERS} fresh users, files {}", short_hash(&parts));
        self.base(&name, &wanted, async |client| {
            client.batch_execute(&format!("SET showcase.scale = {}", quote_literal(&scale.to_string()))).await?;
            for text in &texts {
                client.batch_execute(text).await?;
            }
            let fresh = format!(
                "INSERT INTO users (id, username, email) SELECT md5('fresh' || n)::uuid, 'fresh_' || n, n || '@fresh.example' \
                 FROM generate_series(1, {FRESH_USERS}) AS n"
            );
            Ok(client.batch_execute(&fresh).await?)
        })
        .await?;
        Ok(name)
    }

    /// A database that is filled once: its comment says with what.
    pub async fn base(
        &self,
        name: &str,
        wanted: &str,
        fill: impl AsyncFnOnce(&Client) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let admin = self.connect("postgres").await?;
        let sql = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = $1";
        let found = admin.query_opt(sql, &[&name]).await?.and_then(|row| row.get::<_, Option<String>>(0));
        if found.as_deref() == Some(wanted) {
            return Ok(());
        }
        eprintln!("  loading {name}");
        let ident = Ident::new(name)?;
        admin.batch_execute(&format!("DROP DATABASE IF EXISTS {ident} WITH (FORCE)")).await?;
        self.server.create_database(&ident).await?;
        let client = self.connect(name).await?;
        fill(&client).await?;
        client.batch_execute("VACUUM (FREEZE, ANALYZE)").await?;
        drop(client);
        Ok(admin.batch_execute(&format!("COMMENT ON DATABASE {ident} IS {}", quote_literal(wanted))).await?)
    }

    /// A copy of the database `base` under another name; what was there before is dropped.
    pub async fn copy(&self, base: &str, name: &str) -> Result<Config, Failure> {
        eprintln!("  copying {base} to {name}");
        let (from, to) = (Ident::new(base)?, Ident::new(name)?);
        let admin = self.connect("postgres").await?;
        self.drop(name).await?;
        // The loading connection may still be on its way out, and a template must have none.
        let gone = format!(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = {}",
            quote_literal(base)
        );
        admin.batch_execute(&gone).await?;
        let strategy = if self.server.major() >= 15 { " STRATEGY file_copy" } else { "" };
        admin.batch_execute(&format!("CREATE DATABASE {to} TEMPLATE {from}{strategy}")).await?;
        Ok(self.server.config(name))
    }

    /// Drops a database.
    pub async fn drop(&self, name: &str) -> Result<(), Failure> {
        let admin = self.connect("postgres").await?;
        Ok(admin.batch_execute(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", Ident::new(name)?)).await?)
    }

    /// Applies models, then vacuums and analyses as autovacuum would after a while.
    pub async fn apply(&self, config: &Config, models: &[SourceFile]) -> Result<(), Failure> {
        eprintln!("  applying models to {}", config.get_dbname().unwrap_or_default());
        apply(config, models, &ApplyOptions::default(), &Silent).await?;
        settle(config).await
    }

    /// All models of the showcase, or those in the files named.
    pub fn showcase_models(&self, files: &[&str]) -> Result<Vec<SourceFile>, Failure> {
        let project = Project::read(&self.root.join("examples/showcase"))?;
        let chosen = |file: &SourceFile| files.is_empty() || files.iter().any(|name| file.path.ends_with(name));
        Ok(project.files.into_iter().filter(chosen).collect())
    }

    /// A file of the showcase.
    pub fn example(&self, name: &str) -> Result<String, Failure> {
        self.read(&format!("examples/showcase/{name}"))
    }

    /// A copy of the showcase with document 003's own design: its tables, its triggers, its views; pages for which it has none read ordinary views.
    pub async fn by_document(&self, base: &str, name: &str) -> Result<Config, Failure> {
        let config = self.copy(base, name).await?;
        eprintln!("  creating 003's design in {name}");
        let client = self.connect(name).await?;
        for file in ["003_messages.sql", "003_refresh.sql", "003_design.sql"] {
            client.batch_execute(&self.baseline(file)?).await?;
        }
        models::as_views(self, &client).await?;
        settle(&config).await?;
        Ok(config)
    }

    /// A file in `benches/baselines/`.
    pub fn baseline(&self, name: &str) -> Result<String, Failure> {
        self.read(&format!("benches/baselines/{name}"))
    }

    /// A file in `benches/baselines/`, as a model.
    pub fn baseline_model(&self, name: &str) -> Result<SourceFile, Failure> {
        Ok(SourceFile { path: format!("benches/baselines/{name}"), text: self.baseline(name)? })
    }

    fn read(&self, path: &str) -> Result<String, Failure> {
        std::fs::read_to_string(self.root.join(path)).map_err(|error| format!("{path}: {error}").into())
    }
}

/// Runs a script, then vacuums and analyses.
pub async fn prepare(config: &Config, script: &str) -> Result<(), Failure> {
    connect(config).await?.batch_execute(script).await?;
    settle(config).await
}

async fn settle(config: &Config) -> Result<(), Failure> {
    Ok(connect(config).await?.batch_execute("VACUUM (ANALYZE)").await?)
}
