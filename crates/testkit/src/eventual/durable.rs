//! A server of a test's own, with everything that makes commits durable, to be stopped as a power cut would.
//!
//! It lives in `.headwater/crash/`, apart from the servers that tests share, and one test at a time has it.

use std::fs::File;
use std::time::{Duration, Instant};

use headwater_catalog::Ident;
use headwater_postgres::private::Options;
use headwater_postgres::{Config, Home, PrivateServer};

use super::process::signal;
use crate::server::default_major;

/// The server.
#[derive(Debug)]
pub struct DurableServer {
    server: PrivateServer,
    /// Nobody else has the server as long as this is open.
    _lock: File,
}

impl DurableServer {
    /// Starts it; waits until no other test has it.
    ///
    /// # Panics
    /// Where that fails.
    pub async fn start() -> Self {
        tokio::task::spawn_blocking(|| {
            let folder = home().path().join("crash");
            std::fs::create_dir_all(&folder).expect("a folder");
            let lock = File::create(folder.join("tests.lock")).expect("a lock");
            lock.lock().expect("the lock");
            Self { server: start(), _lock: lock }
        })
        .await
        .expect("the server starts")
    }

    /// An empty database in it.
    ///
    /// # Panics
    /// Where it cannot be created.
    pub async fn database(&self, name: &str) -> Config {
        let admin = headwater_postgres::connect(&self.server.config("postgres")).await.expect("a connection");
        let name = Ident::new(name).expect("a name");
        admin.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await.expect("it goes");
        admin.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE template0")).await.expect("it comes");
        self.server.config(name.as_str())
    }

    /// `pg_ctl stop -m immediate`: no checkpoint, nothing flushed that no commit has waited for. Then starts it again, which
    /// recovers what was flushed. Gives how long it was away.
    ///
    /// # Panics
    /// Where that fails.
    pub async fn stop_immediately_and_start(&self) -> Duration {
        let file = self.server.folder().join("data/postmaster.pid");
        let began = Instant::now();
        tokio::task::spawn_blocking(move || {
            let text = std::fs::read_to_string(&file).expect("the server runs");
            let process = text.lines().next().and_then(|line| line.parse().ok()).expect("its process");
            signal("QUIT", process);
            while file.exists() {
                std::thread::sleep(Duration::from_millis(5));
            }
            start();
        })
        .await
        .expect("the server starts again");
        began.elapsed()
    }
}

impl Drop for DurableServer {
    fn drop(&mut self) {
        if let Err(error) = self.server.stop() {
            eprintln!("{error}");
        }
    }
}

fn home() -> Home {
    let workspace = crate::behavior::root().canonicalize().expect("the workspace");
    Home::of(&workspace).unwrap_or_else(|error| panic!("{error}"))
}

fn start() -> PrivateServer {
    let mut options = Options::new(home());
    options.name = "crash/pg".to_owned();
    options.major = default_major();
    // What nobody waits for stays in memory for a long time.
    options.settings.push(("wal_writer_delay", "10s".to_owned()));
    options.settings.push(("shared_buffers", "32MB".to_owned()));
    PrivateServer::start(&options).unwrap_or_else(|error| panic!("{error}"))
}
