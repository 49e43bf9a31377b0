//! **pages**: a page of 20 of a million events, by 16 connections: kept in the cache, and read anew each time; against the same bytes from a
//! bare axum, and the same SELECT by pgbench with prepared statements. Limits: kept ≥ 80% of axum's answers a second, read ≥ 80% of
//! pgbench's transactions. Then streams one at a time, each of a page that nobody has asked for: the first event within 5 ms, the whole page within 10 ms.

use std::time::Instant;

use headwater_compile::SourceFile;
use headwater_postgres::Binaries;
use serde_json::json;
use tokio::process::Command;

use crate::Failure;
use crate::arena::Arena;
use crate::compare::Spread;
use crate::curves::percentile;
use crate::report::{Outcome, Verdict, figure, number, spread};
use crate::site::{Asker, Site, per_second};

/// Connections that ask.
const CONNECTIONS: usize = 16;

/// Streams of pages that nobody has asked for.
const COLD: usize = 300;

const MODEL: &str = "-- headwater: eventual
-- headwater: retain live
CREATE MATERIALIZED VIEW feed AS SELECT e.id, e.kind, e.at, e.payload FROM events e;
CREATE UNIQUE INDEX feed_id ON feed (id);
CREATE INDEX feed_newest ON feed (at DESC, id DESC);";

/// What is asked of the route; also of pgbench.
const ITEM: &str = "payload || pg_catalog.jsonb_build_object('type', kind, 'sort_date', at)";

pub fn settings(cache: u64) -> String {
    format!(
        "[serve]\ncache_megabytes = {cache}\n[[serve.route]]\npath = \"/api/feed\"\nmodel = \"feed\"\naccess = \"public\"\nlive = true\n\
         max_limit = 50\nsorts = [{{ name = \"newest\", by = \"at desc\" }}]\nitem = \"{ITEM}\"\n"
    )
}

/// A database with so many events and their model.
pub async fn feed(arena: &Arena, name: &str, scale: f64) -> Result<headwater_postgres::Config, Failure> {
    let events = if arena.effort.quick { 20_000 } else { (1_000_000.0 * scale) as i64 };
    let base = format!("events_{events}");
    arena.base(&base, &format!("{events} events, first form"), async |client| {
        let sql = format!(
            "CREATE TABLE events (id bigint PRIMARY KEY, kind text NOT NULL, at timestamptz NOT NULL, payload jsonb NOT NULL);
             INSERT INTO events SELECT g, 'kind_' || g % 15, '2026-01-01'::timestamptz + g / 3 * interval '1 s',
                jsonb_build_object('id', g, 'agent', jsonb_build_object('id', g % 500, 'name', 'Agent ' || g % 500, 'username', '@agent' || g % 500),
                    'world', jsonb_build_object('id', g % 50, 'name', 'World ' || g % 50, 'year_setting', 2100 + g % 50),
                    'action', jsonb_build_object('type', 'speak', 'content', repeat(md5(g::text), 8)))
             FROM generate_series(1, {events}) g"
        );
        Ok(client.batch_execute(&sql).await?)
    })
    .await?;
    let config = arena.copy(&base, name).await?;
    arena.apply(&config, &[SourceFile { path: "feed.sql".into(), text: MODEL.into() }]).await?;
    Ok(config)
}

pub async fn run(arena: &Arena, scale: f64) -> Result<Outcome, Failure> {
    feed(arena, "pages", scale).await?;
    let kept = Site::headwater(&arena.root, &arena.server, "pages", &settings(64)).await?;
    let read = Site::headwater(&arena.root, &arena.server, "pages", &settings(0)).await?;
    let page = "/api/feed?limit=20".to_owned();
    let mut asker = Asker::new(kept.address).await?;
    let body = asker.ask(&page).await?.to_vec();
    let bare = Site::fixed(&arena.root, &body).await?;

    let mut rates: [Vec<f64>; 4] = Default::default();
    for round in 1..=arena.effort.rounds {
        eprintln!("  round {round}");
        for (place, site) in [&bare, &kept, &read].into_iter().enumerate() {
            let rate = per_second(site.address, std::slice::from_ref(&page), CONNECTIONS, arena.effort.turn).await?;
            rates[place].push(rate);
        }
        rates[3].push(pgbench(arena, "pages").await?);
    }
    let mut outcome = Outcome::default();
    outcome.table.push(["variant", "answers/s", "of", "share (min–max)"].map(str::to_owned).to_vec());
    for (name, place, against) in [
        ("bare axum, the same bytes", 0, None),
        ("kept page", 1, Some(0)),
        ("pgbench, the same SELECT", 3, None),
        ("page read anew", 2, Some(3)),
    ] {
        let share = against
            .map(|against: usize| Spread::of(rates[place].iter().zip(&rates[against]).map(|(own, other)| own / other)));
        outcome.table.push(vec![
            name.to_owned(),
            number(Spread::of(rates[place].iter().copied()).median),
            against.map_or_else(
                String::new,
                |against| if against == 0 { "axum".to_owned() } else { "pgbench".to_owned() },
            ),
            share.map_or_else(String::new, spread),
        ]);
        if let Some(share) = share {
            outcome.verdicts.push(Verdict::at_least(name, share.median, 0.8));
        }
        outcome.data.push(json!({ "variant": name, "answers_per_second": rates[place] }));
    }
    cold(arena, &read, &mut outcome).await?;
    outcome.notes.push(format!(
        "a page is {} bytes; {CONNECTIONS} connections; load, server and PostgreSQL share the machine's cores",
        body.len()
    ));
    Ok(outcome)
}

/// Streams one after the other, each from another place.
async fn cold(arena: &Arena, site: &Site, outcome: &mut Outcome) -> Result<(), Failure> {
    let number = if arena.effort.quick { 20 } else { COLD };
    let (mut first, mut whole) = (Vec::new(), Vec::new());
    for turn in 0..number {
        // Within the second hour of the events, of which there are two at least.
        let path = format!("/api/feed/stream?limit=20&cursor=2026-01-01T01:{:02}:{:02}Z", turn % 60, turn / 60 * 7);
        let mut asker = Asker::new(site.address).await?;
        let began = Instant::now();
        asker.open(&path).await?;
        asker.event("_items").await?;
        first.push(began.elapsed().as_secs_f64() * 1000.0);
        asker.event("_complete").await?;
        whole.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    for (what, limit, times) in
        [("first event of a cold stream, ms", 5.0, first), ("whole page of a cold stream, ms", 10.0, whole)]
    {
        let (half, most) = (percentile(times.clone(), 0.5), percentile(times.clone(), 0.99));
        outcome.table.push(vec![
            what.to_owned(),
            format!("p50 {}", figure(half)),
            String::new(),
            format!("p99 {}", figure(most)),
        ]);
        outcome.verdicts.push(Verdict::at_most(format!("{what}, p99"), most, limit));
        outcome.data.push(json!({ "what": what, "ms": times }));
    }
    Ok(())
}

/// pgbench's transactions a second, with the statement that the server sends.
async fn pgbench(arena: &Arena, database: &str) -> Result<f64, Failure> {
    let script = arena.root.join(".headwater/bench/page.sql");
    let sql = format!(
        "SELECT NULL::text, ({ITEM})::text, pg_catalog.jsonb_build_object('id', id)::text, id::text, at::text FROM feed AS f ORDER BY f.at DESC, f.id DESC LIMIT 21;\n"
    );
    std::fs::write(&script, sql)?;
    let binaries = Binaries::find(&headwater_postgres::Home::of(&arena.root)?, Some(arena.server.major()))?;
    let time = arena.effort.turn.as_secs().max(1).to_string();
    let connections = CONNECTIONS.to_string();
    let output = Command::new(binaries.program("pgbench"))
        .args(["-n", "-M", "prepared", "-c", &connections, "-j", "2", "-T", &time, "-f"])
        .arg(&script)
        .arg(arena.server.url(database))
        .output()
        .await?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let rate = text.lines().find_map(|line| line.strip_prefix("tps = ")?.split_whitespace().next()?.parse().ok());
    rate.ok_or_else(|| format!("pgbench: {text}{}", String::from_utf8_lossy(&output.stderr)).into())
}
