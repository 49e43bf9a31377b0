//! The example with its leader and a server.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use headwater_deploy::project::parse_settings;
use headwater_deploy::{Options, Silent, apply};
use headwater_maintain::{Settings, Unobserved, lead};
use headwater_postgres::{Client as Database, describe};
use headwater_serve::{Running, Site, start};
use headwater_testkit::TestDatabase;
use headwater_testkit::example::Example;
use tokio::sync::watch;

const SCIFI: Example = Example("scifi");

/// The database and its leader.
pub struct Stage {
    pub database: TestDatabase,
    client: Database,
    stop: watch::Sender<bool>,
    leader: tokio::task::JoinHandle<()>,
}

/// A server under way.
pub struct Server {
    running: Running,
    stop: watch::Sender<bool>,
}

impl Stage {
    /// With so many events, or a few more.
    pub async fn with_events(events: u32) -> Self {
        let scale = f64::from(events) / 200_000.0;
        let database = SCIFI.load(Some(&scale.to_string())).await;
        apply::apply(&database.config(), &SCIFI.models(), &Options::default(), &Silent)
            .await
            .unwrap_or_else(|error| panic!("{error:#?}"));
        let client = database.connect().await;
        let (stop, stopped) = watch::channel(false);
        let config = database.config();
        let leader = tokio::spawn(async move {
            let settings = Settings { verify_every: Duration::ZERO, ..Settings::default() };
            lead(&config, &settings, stopped, &Unobserved).await.expect("the leader leads");
        });
        let stage = Self { database, client, stop, leader };
        stage.wait().await;
        stage
    }

    /// Runs statements that must succeed.
    pub async fn run(&self, sql: &str) {
        self.client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {}", describe(&error)));
    }

    /// Everything that has committed is in the feed.
    pub async fn wait(&self) {
        self.run("SELECT headwater.wait('20 seconds')").await;
    }

    /// The ids of events in the order of the feed.
    pub async fn ids(&self, condition: &str) -> Vec<String> {
        let sql =
            format!("SELECT id::text FROM platform_feed_events WHERE {condition} ORDER BY created_at DESC, id DESC");
        self.column(&sql).await
    }

    /// The first column of every row, as text.
    pub async fn column(&self, sql: &str) -> Vec<String> {
        let rows = self.client.query(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {}", describe(&error)));
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// A new action of some dweller, now; gives its id.
    pub async fn act(&self, words: &str) -> String {
        let sql = format!(
            "INSERT INTO platform_dweller_actions (dweller_id, agent_id, action_type, content) \
             SELECT d.id, (SELECT id FROM platform_agents ORDER BY id LIMIT 1), 'speak', $words${words}$words$ \
             FROM platform_dwellers d ORDER BY d.id LIMIT 1 RETURNING id::text"
        );
        let id = self.column(&sql).await.remove(0);
        self.wait().await;
        id
    }

    /// A server on this port, or on any where it is 0, with the page as it is in the example.
    pub async fn serve(&self, port: u16) -> Server {
        self.serve_from(port, &public()).await
    }

    /// A server with the files of a folder.
    pub async fn serve_from(&self, port: u16, files: &Path) -> Server {
        let text = SCIFI.read("headwater.toml");
        let mut settings = parse_settings("headwater.toml", text).unwrap_or_else(|error| panic!("{error:#?}")).serve;
        settings.listen = SocketAddr::from(([127, 0, 0, 1], port));
        settings.grace = Duration::from_millis(500);
        settings.files = Some(files.display().to_string());
        let (stop, stopped) = watch::channel(false);
        let site = Site::of_folder(files, &settings).unwrap_or_else(|error| panic!("{error:#?}"));
        let running =
            start(&self.database.config(), settings, site, stopped).await.unwrap_or_else(|error| panic!("{error:#?}"));
        Server { running, stop }
    }

    /// Ends the leader in order.
    pub async fn end(self) {
        let _ = self.stop.send(true);
        self.leader.await.expect("the leader ends");
    }
}

impl Server {
    pub fn address(&self) -> SocketAddr {
        self.running.address
    }

    /// Ends it in order.
    pub async fn end(self) {
        let _ = self.stop.send(true);
        self.running.ended().await;
    }
}

/// The page's folder.
pub fn public() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/scifi/public")
}

/// A copy of it that asks for pages so often, where it cannot have streams.
pub fn polling_every(seconds: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("headwater-page-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for entry in std::fs::read_dir(public()).unwrap() {
        let entry = entry.unwrap();
        let text = std::fs::read_to_string(entry.path()).unwrap();
        let (from, to) = ("data-poll-seconds=\"30\"", format!("data-poll-seconds=\"{seconds}\""));
        std::fs::write(folder.join(entry.file_name()), text.replace(from, &to)).unwrap();
    }
    folder
}
