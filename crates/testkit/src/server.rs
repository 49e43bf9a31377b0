//! The servers that tests run on: one for each PostgreSQL version, shared by all test processes, left running.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use headwater_postgres::private::Options;
use headwater_postgres::{Home, PrivateServer};

/// Names the major version that tests run on where they ask for none; unset, any that this machine has.
pub const VERSION_VARIABLE: &str = "HEADWATER_TEST_PG";

/// Access to the test servers.
pub struct TestServer;

impl TestServer {
    /// The server of version `major`, or of the default one: created, started and even downloaded where needed. Later
    /// calls of the same process get the same one at once. `./dev stop` stops it.
    ///
    /// # Panics
    /// Where it cannot be had; a test has no other way to go on.
    #[must_use]
    pub fn get(major: Option<u32>) -> PrivateServer {
        static STARTED: Mutex<BTreeMap<Option<u32>, PrivateServer>> = Mutex::new(BTreeMap::new());
        let major = major.or_else(default_major);
        let mut started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
        started.entry(major).or_insert_with(|| start(major)).clone()
    }
}

pub(crate) fn default_major() -> Option<u32> {
    let text = std::env::var(VERSION_VARIABLE).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{VERSION_VARIABLE} is no major version: {text:?}")))
}

fn start(major: Option<u32>) -> PrivateServer {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let workspace = workspace.canonicalize().expect("the workspace is where it was built");
    let home = Home::of(&workspace).unwrap_or_else(|error| panic!("{error}"));
    PrivateServer::start(&Options::test(home, major)).unwrap_or_else(|error| panic!("{error}"))
}
