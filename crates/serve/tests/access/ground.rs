//! What is attacked: notes that belong to users, words that belong to names, a log for administrators, a public board.

use std::net::SocketAddr;

use crate::keys::SECRET_ENV;
use crate::stage::{Site, Stage};
use crate::wire::{Answer, ask};

const SCHEMA: &str = "
    CREATE TABLE note (id int PRIMARY KEY, user_id int NOT NULL, title text NOT NULL, at timestamptz NOT NULL);
    CREATE INDEX ON note (user_id);
    INSERT INTO note SELECT 7000 + g, g % 3 + 1, 'TITLE-OF-' || g % 3 + 1 || '-' || g, '2026-01-01'::timestamptz + g * interval '1 s'
      FROM generate_series(1, 90) g;
    CREATE TABLE word (id int PRIMARY KEY, who varchar(5) NOT NULL, said text NOT NULL);
    INSERT INTO word VALUES (1, 'alice', 'SAID-BY-ALICE'), (2, 'bob', 'SAID-BY-BOB');
    CREATE TABLE entry (id int PRIMARY KEY, what text NOT NULL);
    INSERT INTO entry VALUES (1, 'FOR-ADMINISTRATORS');
    CREATE TABLE post (id int PRIMARY KEY, title text, hidden text);
    INSERT INTO post SELECT g, 'post ' || g, 'HIDDEN-COLUMN' FROM generate_series(1, 30) g;";

const MODELS: [&str; 5] = [
    "-- headwater: eventual\n-- headwater: retain live\n-- headwater: access owner(user_id)
CREATE MATERIALIZED VIEW notes AS SELECT n.id, n.user_id, n.title, n.at FROM note n;
CREATE UNIQUE INDEX ON notes (id);",
    "-- headwater: eventual\n-- headwater: retain live\n-- headwater: access owner(who)
CREATE MATERIALIZED VIEW words AS SELECT w.id, w.who, w.said FROM word w;
CREATE UNIQUE INDEX ON words (id);",
    "-- headwater: eventual\n-- headwater: retain live\n-- headwater: access admin
CREATE MATERIALIZED VIEW entries AS SELECT e.id, e.what FROM entry e;
CREATE UNIQUE INDEX ON entries (id);",
    "-- headwater: eventual\n-- headwater: retain live
CREATE MATERIALIZED VIEW board AS SELECT p.id, p.title, p.hidden FROM post p;
CREATE UNIQUE INDEX ON board (id);",
    "-- headwater: eventual
CREATE MATERIALIZED VIEW undeclared AS SELECT e.id, e.what FROM entry e;
CREATE UNIQUE INDEX ON undeclared (id);",
];

const ROUTES: &str = r#"
[[serve.route]]
path = "/api/notes"
model = "notes"
filters = ["user_id", "title"]
sorts = [{ name = "newest", by = "at desc" }]
max_limit = 50
max_offset = 50
live = true

[[serve.route]]
path = "/api/entries"
model = "entries"
live = true

[[serve.route]]
path = "/api/board"
model = "board"
access = "public"
filters = ["title"]
item = "json_build_object('id', item.id, 'title', item.title)"

[[serve.route]]
path = "/api/mine"
model = "board"
access = "public"
item = "json_build_object('id', item.id)"
viewer = { me = "viewer.subject" }
"#;

/// A secret, an issuer and an audience.
pub fn secret() -> String {
    format!("[serve.auth]\nsecret_env = \"{SECRET_ENV}\"\nissuer = \"https://id.example\"\naudience = \"feed\"\n")
}

/// The stage with a server on it.
pub struct Ground {
    pub stage: Stage,
    pub site: Site,
    pub address: SocketAddr,
}

impl Ground {
    /// `serve` are settings of `[serve]` itself, `sections` are sections below it.
    pub async fn new(hint: &str, serve: &str, sections: &str) -> Self {
        let stage = Self::stage(hint).await;
        let site = stage.serve(&settings(serve, sections)).await;
        let address = site.running.address;
        Self { stage, site, address }
    }

    pub async fn stage(hint: &str) -> Stage {
        Stage::new(hint, SCHEMA, &MODELS).await
    }

    pub async fn get(&self, target: &str, token: &str) -> Answer {
        let bearer = format!("Bearer {token}");
        let headers = [("Authorization", bearer.as_str())];
        ask(self.address, "GET", target, if token.is_empty() { &[] } else { &headers }).await
    }

    pub async fn end(self) {
        self.site.end().await;
        self.stage.end().await;
    }
}

/// The whole settings.
pub fn settings(serve: &str, sections: &str) -> String {
    format!("[serve]\nkeepalive = \"300ms\"\ngrace = \"2s\"\n{serve}\n{sections}\n{ROUTES}")
}
