//! **feed**: a page of 20 of the feed of documents 000 to 002 (`examples/scifi`), each from another place, by the endpoints that it replaces and by
//! Headwater. In Python ([benches/python/feed.py](../../../../benches/python/feed.py)): fifteen queries one after the other with more for each row,
//! as document 002 found it; the fifteen at once, as it planned; one query on the table, as document 000 planned. Their tables have indexes by
//! time, which the documents do not speak of. One client for the times, 16 for answers a second. Before it is measured, what Python answers is
//! compared with what Headwater answers, item by item.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Instant;

use headwater_catalog::quote_literal;
use headwater_deploy::Project;
use serde_json::{Value, json};

use crate::Failure;
use crate::arena::{Arena, prepare};
use crate::curves::percentile;
use crate::report::{Outcome, figure, number};
use crate::site::{Asker, Site, per_second};

/// Places where pages begin.
const PLACES: usize = 200;

/// Connections that ask at once.
const CONNECTIONS: usize = 16;

/// Streams that are opened in each round.
const STREAMS: usize = 40;

/// Pages that are compared.
const COMPARED: usize = 20;

/// The types of document 001, which the fifteen queries are about; the model has three more.
const BEYOND: [&str; 3] = ["aspect_revised", "dweller_claimed", "proposal_approved"];

/// One way to get a page.
struct Way {
    name: &'static str,
    address: SocketAddr,
    page: &'static str,
    stream: Option<&'static str>,
}

/// What was measured of it; times in milliseconds.
#[derive(Default)]
struct Found {
    page: Vec<f64>,
    rate: Vec<f64>,
    first: Vec<f64>,
    whole: Vec<f64>,
}

pub async fn run(arena: &Arena, scale: f64) -> Result<Outcome, Failure> {
    let example = arena.root.join("examples/scifi");
    load(arena, scale).await?;
    let toml = std::fs::read_to_string(example.join("headwater.toml"))?;
    let route = toml.split_once("[[serve.route]]").ok_or("the route of the feed")?.1;
    let settings =
        |cache: u32| format!("[serve]\ncache_megabytes = {cache}\n[[serve.route]]\naccess = \"public\"\n{route}");
    let kept = Site::headwater(&arena.root, &arena.server, "feed", &settings(64)).await?;
    let read = Site::headwater(&arena.root, &arena.server, "feed", &settings(0)).await?;
    let python = Site::python(&arena.root, &arena.server, "feed").await?;
    let ways = [
        Way { name: "Python, fifteen queries in turn", address: python.address, page: "/sequential", stream: None },
        Way {
            name: "Python, fifteen queries at once",
            address: python.address,
            page: "/concurrent",
            stream: Some("/concurrent/stream"),
        },
        Way { name: "Python, one query", address: python.address, page: "/single", stream: Some("/single/stream") },
        Way {
            name: "Headwater, read anew",
            address: read.address,
            page: "/api/feed",
            stream: Some("/api/feed/stream"),
        },
        Way { name: "Headwater, kept", address: kept.address, page: "/api/feed", stream: Some("/api/feed/stream") },
    ];
    let places = places(arena).await?;
    compare(&ways, &places).await?;
    let mut found: Vec<Found> = ways.iter().map(|_| Found::default()).collect();
    for round in 1..=arena.effort.rounds {
        eprintln!("  round {round}");
        for (way, found) in ways.iter().zip(&mut found) {
            measure(arena, way, &places, found).await?;
        }
    }
    Ok(told(&ways, &found))
}

/// The example's data and its feed, and the indexes by time that the fifteen queries need.
async fn load(arena: &Arena, scale: f64) -> Result<(), Failure> {
    let example = arena.root.join("examples/scifi");
    let texts: Vec<String> = ["schema.sql", "data.sql", "indexes.sql"]
        .iter()
        .map(|name| std::fs::read_to_string(example.join(name)))
        .collect::<Result<_, _>>()?;
    let base = format!("scifi_{}", scale.to_string().replace('.', "_"));
    arena
        .base(&base, &format!("scifi at {scale}, first form"), async |client| {
            client.batch_execute(&format!("SET scifi.scale = {}", quote_literal(&scale.to_string()))).await?;
            for text in &texts {
                client.batch_execute(text).await?;
            }
            Ok(())
        })
        .await?;
    let config = arena.copy(&base, "feed").await?;
    let feed = |path: &str| path.ends_with("feed.sql");
    let models: Vec<_> = Project::read(&example)?.files.into_iter().filter(|file| feed(&file.path)).collect();
    arena.apply(&config, &models).await?;
    prepare(&config, &arena.baseline("002_time_indexes.sql")?).await
}

/// Times all over the feed, as cursors.
async fn places(arena: &Arena) -> Result<Vec<String>, Failure> {
    let sql = format!(
        "SELECT to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') FROM (
             SELECT created_at FROM platform_feed_events ORDER BY md5(id::text) LIMIT {PLACES}
         ) AS chosen"
    );
    Ok(arena.connect("feed").await?.query(&sql, &[]).await?.iter().map(|row| row.get(0)).collect())
}

/// Each way must give the same items, but for how times are written and for the types that the fifteen queries do not have.
async fn compare(ways: &[Way], places: &[String]) -> Result<(), Failure> {
    for place in &places[..COMPARED] {
        let headwater = items(&ways[3], &format!("limit=50&cursor={place}")).await?;
        for way in ways {
            let all = matches!(way.page, "/single" | "/api/feed");
            let wanted = |item: &&Value| all || !BEYOND.contains(&item["type"].as_str().unwrap_or_default());
            let expected: HashMap<String, Value> =
                headwater.iter().filter(wanted).map(|item| (name_of(item), bare(item))).collect();
            let limit = expected.len().min(20);
            let mut same = 0;
            for item in items(way, &format!("limit={limit}&cursor={place}")).await?.iter().take(limit) {
                // Of rows of the same moment, others may stand at the end of a page.
                match expected.get(&name_of(item)) {
                    Some(found) if *found == bare(item) => same += 1,
                    Some(found) => return Err(format!("{} after {place}: {item}, not {found}", way.name).into()),
                    None => {}
                }
            }
            if same + 3 < limit {
                return Err(format!("{} after {place}: {same} of {limit} items", way.name).into());
            }
        }
    }
    Ok(())
}

async fn items(way: &Way, query: &str) -> Result<Vec<Value>, Failure> {
    let mut asker = Asker::new(way.address).await?;
    let page: Value = serde_json::from_slice(asker.ask(&format!("{}?{query}", way.page)).await?)?;
    page["items"].as_array().cloned().ok_or_else(|| format!("{} has no items", way.name).into())
}

/// All revisions of a story have the same id, as the old endpoint gave it to them.
fn name_of(item: &Value) -> String {
    format!("{} {} {}", item["type"], item["id"], item["story"]["revision_count"])
}

fn bare(item: &Value) -> Value {
    let mut item = item.clone();
    if let Some(fields) = item.as_object_mut() {
        fields.remove("sort_date");
        fields.remove("created_at");
    }
    item
}

async fn measure(arena: &Arena, way: &Way, places: &[String], found: &mut Found) -> Result<(), Failure> {
    let paths: Vec<String> = places.iter().map(|place| format!("{}?limit=20&cursor={place}", way.page)).collect();
    let mut asker = Asker::new(way.address).await?;
    // Statements are prepared, and pages kept where they are.
    for path in &paths {
        asker.ask(path).await?;
    }
    for path in &paths {
        let began = Instant::now();
        asker.ask(path).await?;
        found.page.push(milliseconds(began));
    }
    found.rate.push(per_second(way.address, &paths, CONNECTIONS, arena.effort.turn).await?);
    let Some(stream) = way.stream else { return Ok(()) };
    for place in &places[..STREAMS] {
        let mut asker = Asker::new(way.address).await?;
        let began = Instant::now();
        asker.open(&format!("{stream}?limit=20&cursor={place}")).await?;
        asker.event("_items").await?;
        found.first.push(milliseconds(began));
        asker.event("_complete").await?;
        found.whole.push(milliseconds(began));
    }
    Ok(())
}

fn milliseconds(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1000.0
}

fn told(ways: &[Way], found: &[Found]) -> Outcome {
    let mut outcome = Outcome::default();
    let head = [
        "way",
        "page p50 ms",
        "p99 ms",
        "answers/s",
        "× Headwater's time",
        "first event p50 ms",
        "whole stream p50 ms",
    ];
    outcome.table.push(head.map(str::to_owned).to_vec());
    let at = |times: &Vec<f64>, share: f64| {
        if times.is_empty() { String::new() } else { figure(percentile(times.clone(), share)) }
    };
    let own = percentile(found[3].page.clone(), 0.5);
    for (way, found) in ways.iter().zip(found) {
        outcome.table.push(vec![
            way.name.to_owned(),
            at(&found.page, 0.5),
            at(&found.page, 0.99),
            number(percentile(found.rate.clone(), 0.5)),
            figure(percentile(found.page.clone(), 0.5) / own),
            at(&found.first, 0.5),
            at(&found.whole, 0.5),
        ]);
        outcome.data.push(json!({
            "way": way.name, "page_ms": found.page, "answers_per_second": found.rate,
            "first_event_ms": found.first, "whole_stream_ms": found.whole,
        }));
    }
    outcome.notes.push(format!(
        "{PLACES} places of the feed in turn; times: one client; answers: {CONNECTIONS} clients; Python: 2 processes of uvicorn with uvloop, 20 to 25 connections each"
    ));
    outcome
}
