//! A database with models, a leader that can be stopped, and a server with `[serve.admin]`.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use headwater_compile::SourceFile;
use headwater_deploy::project::{Serve, parse_settings};
use headwater_deploy::{Options, Silent, apply};
use headwater_maintain::{Settings, Unobserved, lead};
use headwater_postgres::{Client as Database, describe};
use headwater_serve::{Error, Files, Running, start};
use headwater_testkit::TestDatabase;
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::keys::{self, SECRET_ENV};
use crate::wire::{Answer, ask};

/// Document 003's path.
pub const HEALTH: &str = "/admin/denormalization-health";

/// How long a test waits for what must come.
pub const PATIENCE: Duration = Duration::from_secs(30);

const SCHEMA: &str = "
    CREATE TABLE author (id int PRIMARY KEY, name text NOT NULL);
    INSERT INTO author SELECT g, 'author ' || g FROM generate_series(1, 20) g;
    CREATE TABLE post (id int PRIMARY KEY, author_id int NOT NULL REFERENCES author, title text NOT NULL, weight int NOT NULL DEFAULT 1);
    CREATE INDEX ON post (author_id);
    INSERT INTO post SELECT g, g % 20 + 1, 'post ' || g FROM generate_series(1, 300) g;
    CREATE TABLE vote (id int PRIMARY KEY, post_id int NOT NULL);
    CREATE INDEX ON vote (post_id);
    INSERT INTO vote SELECT g, g % 300 + 1 FROM generate_series(1, 900) g;
    CREATE SCHEMA other;";

const MODELS: [&str; 5] = [
    "-- headwater: eventual max_lag 1s\n-- headwater: retain live\n-- headwater: access public
CREATE MATERIALIZED VIEW post_list AS
SELECT p.id, p.title, a.name AS author -- as pages show it
  FROM post p JOIN author a ON a.id = p.author_id;
CREATE UNIQUE INDEX ON post_list (id);",
    "-- headwater: realtime\n-- headwater: access admin
CREATE MATERIALIZED VIEW vote_counts AS
SELECT p.id, (SELECT count(*) FROM vote v WHERE v.post_id = p.id) AS votes FROM post p;
CREATE UNIQUE INDEX ON vote_counts (id);",
    "-- headwater: realtime
CREATE MATERIALIZED VIEW inverse AS SELECT p.id, 100 / p.weight AS inverse FROM post p;
CREATE UNIQUE INDEX ON inverse (id);",
    "-- headwater: eventual
CREATE MATERIALIZED VIEW above_average AS
SELECT p.id, p.weight FROM post p WHERE p.weight > (SELECT avg(weight) FROM post);
CREATE UNIQUE INDEX ON above_average (id);",
    "-- headwater: eventual
CREATE MATERIALIZED VIEW other.names AS SELECT a.id, a.name FROM author a;
CREATE UNIQUE INDEX ON other.names (id);",
];

/// The settings: `admin` are those of `[serve.admin]`.
pub fn settings(admin: &str) -> String {
    format!(
        "[serve]\ngrace = \"500ms\"\ncors = [\"https://app.example\"]\n[serve.admin]\n{admin}\n[serve.auth]\nsecret_env = \"{SECRET_ENV}\"\nissuer = \"https://id.example\"\naudience = \"feed\"\ncookie = \"hw\"\n"
    )
}

/// All of it.
pub struct Ground {
    pub database: TestDatabase,
    client: Database,
    leader: Option<(watch::Sender<bool>, JoinHandle<()>)>,
    running: Option<(Running, watch::Sender<bool>)>,
}

impl Ground {
    /// With a server that has these settings of `[serve.admin]`.
    pub async fn new(hint: &str, admin: &str) -> Self {
        let files: Vec<_> = MODELS
            .iter()
            .enumerate()
            .map(|(number, text)| SourceFile { path: format!("models/{number}.sql"), text: (*text).to_owned() })
            .collect();
        let database = TestDatabase::create(hint).await;
        let client = database.connect().await;
        client.batch_execute(SCHEMA).await.expect("the schema");
        Self::with(database, &files, admin).await
    }

    /// With a database that has its tables, and these models.
    pub async fn with(database: TestDatabase, models: &[SourceFile], admin: &str) -> Self {
        let applied = apply::apply(&database.config(), models, &Options::default(), &Silent).await;
        applied.unwrap_or_else(|error| panic!("{error:#?}"));
        let client = database.connect().await;
        let mut ground = Self { database, client, leader: None, running: None };
        ground.lead();
        ground.run("SELECT headwater.wait('20 seconds')").await;
        ground.serve(&settings(admin)).await.unwrap_or_else(|error| panic!("{error:#?}"));
        ground
    }

    /// A leader begins to lead.
    pub fn lead(&mut self) {
        let (stop, stopped) = watch::channel(false);
        let config = self.database.config();
        let leader = tokio::spawn(async move {
            let settings = Settings { verify_every: Duration::ZERO, ..Settings::default() };
            lead(&config, &settings, stopped, &Unobserved).await.expect("the leader leads");
        });
        self.leader = Some((stop, leader));
    }

    /// Nobody leads.
    pub async fn stop_leading(&mut self) {
        if let Some((stop, leader)) = self.leader.take() {
            let _ = stop.send(true);
            leader.await.expect("the leader ends");
        }
    }

    /// A server in the place of the one before.
    pub async fn serve(&mut self, text: &str) -> Result<(), Error> {
        self.stop_serving().await;
        let settings =
            parse_settings("headwater.toml", text.to_owned()).unwrap_or_else(|error| panic!("{error:#?}")).serve;
        let settings = Serve { listen: ([127, 0, 0, 1], 0).into(), ..settings };
        let (stop, stopped) = watch::channel(false);
        let site = headwater_serve::Site { root: Path::new("."), files: Files::default(), beside: axum::Router::new() };
        let running = start(&self.database.config(), settings, site, stopped).await?;
        self.running = Some((running, stop));
        Ok(())
    }

    pub async fn stop_serving(&mut self) {
        if let Some((running, stop)) = self.running.take() {
            let _ = stop.send(true);
            running.ended().await;
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.running.as_ref().expect("a server").0.address
    }

    /// Runs statements that must succeed.
    pub async fn run(&self, sql: &str) {
        self.client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {}", describe(&error)));
    }

    /// One text.
    pub async fn text(&self, sql: &str) -> String {
        let row = self.client.query_one(sql, &[]).await;
        row.unwrap_or_else(|error| panic!("{sql}: {}", describe(&error))).get(0)
    }

    /// The table of a model.
    pub async fn table(&self, model: &str) -> String {
        let sql = format!(
            "SELECT format('headwater.%I', table_name) FROM headwater.model WHERE name = '{model}' AND state <> 'retired'"
        );
        self.text(&sql).await
    }

    /// Asks with a token; without one where it is empty.
    pub async fn ask(&self, method: &str, target: &str, token: &str) -> Answer {
        let bearer = format!("Bearer {token}");
        let headers = [("Authorization", bearer.as_str())];
        ask(self.address(), method, target, if token.is_empty() { &[] } else { &headers }).await
    }

    /// What an administrator is told.
    pub async fn told(&self, target: &str) -> Value {
        let answer = self.ask("GET", target, &keys::of_admin()).await;
        assert_eq!(answer.status, 200, "{target}: {answer:?}");
        body(&answer)
    }

    /// A model's health.
    pub async fn health(&self, model: &str) -> Value {
        let all = self.told(HEALTH).await;
        let found = ["materialized_views", "denormalized_tables"].iter().find_map(|kind| all["data"][kind].get(model));
        found.unwrap_or_else(|| panic!("{model} in {all:#}")).clone()
    }

    /// Waits until a model's status is this word; gives its health then.
    pub async fn until(&self, model: &str, word: &str) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            let health = self.health(model).await;
            if health["status"] == word {
                return health;
            }
            assert!(Instant::now() < end, "{model} never is {word}: {health:#}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Begins an operation; gives its number.
    pub async fn begin(&self, model: &str, kind: &str) -> u64 {
        let answer = self.ask("POST", &format!("/v1/admin/models/{model}/{kind}"), &keys::of_admin()).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        body(&answer)["number"].as_u64().expect("a number")
    }

    /// Waits for its end; gives what came of it.
    pub async fn ended(&self, number: u64) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            let operation = self.told(&format!("/v1/admin/operations/{number}")).await;
            if operation["state"] != "running" {
                return operation;
            }
            assert!(Instant::now() < end, "it never ends: {operation:#}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Ends everything in order.
    pub async fn end(mut self) {
        self.stop_serving().await;
        self.stop_leading().await;
    }
}

/// An administrator's token that outlives a test in a browser.
pub fn lasting() -> String {
    let mut claims = keys::claims("root");
    claims["role"] = "admin".into();
    claims["exp"] = (keys::now() + 3600).into();
    keys::signed(keys::Signer::Secret, None, &claims)
}

/// The body as JSON.
pub fn body(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {answer:?}"))
}
