//! A database for a test of this crate. `headwater-testkit` has a better one and depends on this crate.

#![allow(dead_code, reason = "each test program uses a part")]

use std::path::Path;
use std::sync::OnceLock;

use headwater_catalog::Ident;
use headwater_postgres::private::Options;
use headwater_postgres::{Client, Config, Home, PrivateServer, connect};

/// The shared test server.
pub fn server() -> &'static PrivateServer {
    static SERVER: OnceLock<PrivateServer> = OnceLock::new();
    SERVER.get_or_init(|| {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
        let major = std::env::var("HEADWATER_TEST_PG").ok().map(|text| text.parse().unwrap());
        PrivateServer::start(&Options::test(Home::of(&workspace).unwrap(), major)).unwrap_or_else(|e| panic!("{e}"))
    })
}

/// An empty database with `setup` run in it; dropped and created anew by each run.
pub async fn database(name: &str, setup: &str) -> (Client, Config) {
    let name = Ident::generated(&format!("postgres_crate_{name}"), "");
    let admin = connect(&server().config("postgres")).await.unwrap();
    admin.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await.unwrap();
    admin.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE template0")).await.unwrap();
    let config = server().config(name.as_str());
    let client = connect(&config).await.unwrap();
    client.batch_execute(setup).await.unwrap();
    (client, config)
}
