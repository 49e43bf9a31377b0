//! A database of its own for every test, gone when the test ends.

use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use headwater_catalog::Ident;
use headwater_postgres::{Client, Config, PrivateServer, connect};

use crate::server::TestServer;

/// Set to anything, databases outlive their tests, to be looked at.
pub const KEEP_VARIABLE: &str = "HEADWATER_TEST_KEEP";

/// The beginning of every test database's name, before the id of the process that it belongs to.
const PREFIX: &str = "test_";

/// An empty database on a test server.
#[derive(Debug)]
pub struct TestDatabase {
    server: PrivateServer,
    name: Ident,
}

impl TestDatabase {
    /// Creates one on the default server. `hint` becomes part of its name.
    ///
    /// # Panics
    /// Where it cannot be created.
    pub async fn create(hint: &str) -> Self {
        Self::create_on(None, hint).await
    }

    /// Creates one on the server of version `major`.
    ///
    /// # Panics
    /// Where it cannot be created.
    pub async fn create_on(major: Option<u32>, hint: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let task = tokio::task::spawn_blocking(move || TestServer::get(major));
        let server = task.await.expect("the server starts");
        let admin = connect(&server.config("postgres")).await.unwrap_or_else(|error| panic!("{error}"));
        drop_orphans(&admin, server.major()).await;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let hint: String = hint.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        let stem = format!("{PREFIX}{}_{number}_{}", std::process::id(), hint.to_lowercase());
        let name = Ident::generated(&stem, "");
        admin
            .batch_execute(&format!("CREATE DATABASE {name} TEMPLATE template0"))
            .await
            .unwrap_or_else(|error| panic!("{}", headwater_postgres::describe(&error)));
        Self { server, name }
    }

    /// A copy of it as it is now. Nobody may be connected to it.
    ///
    /// # Panics
    /// Where it cannot be made.
    pub async fn copy(&self) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let admin = connect(&self.server.config("postgres")).await.unwrap_or_else(|error| panic!("{error}"));
        let name = Ident::generated(self.name.as_str(), &format!("_copy{}", NUMBER.fetch_add(1, Ordering::Relaxed)));
        admin
            .batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {}", self.name))
            .await
            .unwrap_or_else(|error| panic!("{}", headwater_postgres::describe(&error)));
        Self { server: self.server.clone(), name }
    }

    /// A new connection.
    ///
    /// # Panics
    /// Where it cannot be opened.
    pub async fn connect(&self) -> Client {
        connect(&self.config()).await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// How to connect.
    #[must_use]
    pub fn config(&self) -> Config {
        self.server.config(self.name.as_str())
    }

    /// The same as a URL, for programs and psql.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url(self.name.as_str())
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &Ident {
        &self.name
    }

    /// The server it is on.
    #[must_use]
    pub fn server(&self) -> &PrivateServer {
        &self.server
    }
}

impl Drop for TestDatabase {
    /// Drops the database whoever is connected. A failure only leaves it to the next run's [`drop_orphans`].
    fn drop(&mut self) {
        if std::env::var_os(KEEP_VARIABLE).is_some() {
            eprintln!("kept: psql '{}'", self.url());
            return;
        }
        let config = self.server.config("postgres");
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // The test's own runtime may be gone or blocked in this very drop, so another one does it.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                if let Ok(admin) = connect(&config).await {
                    let _ = admin.batch_execute(&sql).await;
                }
            });
            std::io::Result::Ok(())
        });
        let _ = dropping.join();
    }
}

/// Once in each process, drops the databases of test processes that were killed.
async fn drop_orphans(admin: &Client, major: u32) {
    static DONE: Mutex<Option<HashSet<u32>>> = Mutex::new(None);
    let first = DONE.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default().insert(major);
    if !first || std::env::var_os(KEEP_VARIABLE).is_some() || !Path::new("/proc/self").exists() {
        return;
    }
    let sql = format!("SELECT datname::text FROM pg_database WHERE datname LIKE '{PREFIX}%'");
    let rows = admin.query_typed(&sql, &[]).await.unwrap_or_default();
    for name in rows.iter().map(|row| row.get::<_, &str>(0)) {
        let owner = name[PREFIX.len()..].split('_').next().and_then(|digits| digits.parse::<u32>().ok());
        let orphaned = owner.is_some_and(|process| !Path::new("/proc").join(process.to_string()).exists());
        if let (true, Ok(name)) = (orphaned, Ident::new(name)) {
            let _ = admin.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
        }
    }
}
