//! A database with models, a leader, and servers.

use std::path::Path;
use std::time::Duration;

use headwater_compile::SourceFile;
use headwater_deploy::project::{Serve, parse_settings};
use headwater_deploy::{Options, Silent, apply};
use headwater_maintain::{Settings, Unobserved, lead};
use headwater_postgres::{Client as Database, Config, describe};
use headwater_serve::{Error, Files, Running, start};
use headwater_testkit::TestDatabase;
use tokio::sync::watch;

use crate::client::Client;

/// Items of worlds; `rank` and `title` have ties and NULLs.
pub const SCHEMA: &str = "
    CREATE TABLE posts (id int PRIMARY KEY, world int NOT NULL, title text, rank int, at timestamptz NOT NULL, body text);
    CREATE INDEX ON posts (world);
    INSERT INTO posts SELECT g, g % 3, CASE WHEN g % 5 > 0 THEN 'title ' || g % 4 END, CASE WHEN g % 7 > 0 THEN g % 6 END,
        '2026-01-01'::timestamptz + (g / 4) * interval '1.000001 s', repeat('x', g % 20) FROM generate_series(1, 200) g;";

/// Every post, live.
pub const FEED: &str = "-- headwater: eventual
-- headwater: retain live
-- headwater: access public
CREATE MATERIALIZED VIEW feed AS SELECT p.id, p.world, p.title, p.rank, p.at, p.body FROM posts p;
CREATE UNIQUE INDEX ON feed (id);
CREATE INDEX ON feed (at DESC, id DESC);";

/// Routes over it.
pub const ROUTES: &str = r#"
[serve]
keepalive = "300ms"
grace = "2s"

[[serve.route]]
path = "/api/feed"
model = "feed"
filters = ["world", "title"]
sorts = [
    { name = "newest", by = "at desc" },
    { name = "rank", by = "rank, title desc" },
    { name = "top", by = "rank desc nulls last, at" },
    { name = "title", by = "title desc nulls last, rank nulls first" },
]
max_limit = 50
max_offset = 100
live = true
"#;

/// The database and its leader.
pub struct Stage {
    pub database: TestDatabase,
    client: Database,
    stop: watch::Sender<bool>,
    leader: tokio::task::JoinHandle<()>,
}

impl Stage {
    pub async fn new(hint: &str, schema: &str, models: &[&str]) -> Self {
        let database = TestDatabase::create(hint).await;
        let client = database.connect().await;
        let (stop, stopped) = watch::channel(false);
        let config = database.config();
        let leader = tokio::spawn(async move {
            let settings = Settings { verify_every: Duration::ZERO, ..Settings::default() };
            lead(&config, &settings, stopped, &Unobserved).await.expect("the leader leads");
        });
        let stage = Self { database, client, stop, leader };
        stage.run(schema).await;
        stage.apply(models).await;
        // Those who follow are told of the swap; that is not what the tests are about.
        stage.wait().await;
        stage
    }

    pub async fn apply(&self, models: &[&str]) {
        apply_on(&self.database.config(), models).await;
    }

    /// Runs statements that must succeed.
    pub async fn run(&self, sql: &str) {
        self.client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {}", describe(&error)));
    }

    /// The first column of every row, as text.
    pub async fn column(&self, sql: &str) -> Vec<String> {
        let messages =
            self.client.simple_query(sql).await.unwrap_or_else(|error| panic!("{sql}: {}", describe(&error)));
        let rows = messages.iter().filter_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or("NULL").to_owned()),
            _ => None,
        });
        rows.collect()
    }

    /// The rows of a SELECT as JSON, in its order.
    pub async fn json(&self, sql: &str) -> Vec<serde_json::Value> {
        let sql = format!("SET timezone = 'UTC'; SELECT to_json(x)::text FROM ({sql}) AS x");
        self.column(&sql).await.iter().map(|text| serde_json::from_str(text).unwrap()).collect()
    }

    /// Everything that has committed is in the models.
    pub async fn wait(&self) {
        self.run("SELECT headwater.wait('20 seconds')").await;
    }

    /// A server with these settings, on a port of its own.
    pub async fn serve(&self, settings: &str) -> Site {
        self.try_serve(settings).await.unwrap_or_else(|error| panic!("{error:#?}"))
    }

    pub async fn try_serve(&self, text: &str) -> Result<Site, Error> {
        self.try_serve_on(&self.database.config(), text).await
    }

    /// A server that reaches the database in its own way.
    pub async fn try_serve_on(&self, config: &Config, text: &str) -> Result<Site, Error> {
        Site::start(config, text).await
    }

    /// Ends the leader in order.
    pub async fn end(self) {
        let _ = self.stop.send(true);
        self.leader.await.expect("the leader ends");
    }
}

/// Installs models.
pub async fn apply_on(config: &Config, models: &[&str]) {
    let file =
        |(number, text): (usize, &&str)| SourceFile { path: format!("models/{number}.sql"), text: (*text).to_owned() };
    let files: Vec<_> = models.iter().enumerate().map(file).collect();
    apply::apply(config, &files, &Options::default(), &Silent).await.unwrap_or_else(|error| panic!("{error:#?}"));
}

impl Site {
    /// Starts it on a port of its own.
    pub async fn start(config: &Config, text: &str) -> Result<Self, Error> {
        let settings =
            parse_settings("headwater.toml", text.to_owned()).unwrap_or_else(|error| panic!("{error:#?}")).serve;
        let settings = Serve { listen: ([127, 0, 0, 1], 0).into(), ..settings };
        let (stop, stopped) = watch::channel(false);
        let running = start(
            config,
            settings,
            headwater_serve::Site { root: Path::new("."), files: Files::default(), beside: axum::Router::new() },
            stopped,
        )
        .await?;
        Ok(Self { client: Client::new(running.address), running, stop })
    }
}

/// A server, and one who asks it.
pub struct Site {
    pub client: Client,
    pub running: Running,
    stop: watch::Sender<bool>,
}

impl Site {
    /// Ends it in order.
    pub async fn end(self) {
        let _ = self.stop.send(true);
        self.running.ended().await;
    }
}

/// Numbers that look random and are the same in every run.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}
