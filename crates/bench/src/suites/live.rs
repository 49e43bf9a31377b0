//! **live**: 5,000 clients follow a feed of a million events while 20 events a second are written: from the writer's COMMIT to the event at each client.
//! Limits: half within 10 ms, 99 of 100 within 50 ms. Before that nothing is written for a while, and the server may take 2% of a core and 100 MB.
//! The physical limit in the same run: one write to each of as many sockets.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinSet;

use super::pages::{feed, settings};
use crate::Failure;
use crate::arena::Arena;
use crate::curves::percentile;
use crate::leader::Leader;
use crate::report::{Outcome, Verdict, figure};
use crate::site::{Asker, Site};

/// Clients that follow.
const CLIENTS: usize = 5_000;

/// The pause between two events.
const PAUSE: Duration = Duration::from_millis(50);

/// Ids of the events that are written.
const FIRST: usize = 1_000_000_000;

pub async fn run(arena: &Arena, scale: f64) -> Result<Outcome, Failure> {
    let config = feed(arena, "live", scale).await?;
    let leader = Leader::start(&config).await?;
    let site = Site::headwater(&arena.root, &arena.server, "live", &settings(64)).await?;
    let mut outcome = Outcome::default();
    outcome.table.push(
        ["clients", "idle CPU %", "MB", "p50 ms", "p99 ms", "longest ms", "server CPU ms an event"]
            .map(str::to_owned)
            .to_vec(),
    );
    let most = if arena.effort.quick { 100 } else { CLIENTS };
    let (_, empty) = site.used();
    for clients in [most / 50, most / 5, most] {
        eprintln!("  {clients} clients");
        measure(arena, &config, &site, clients, empty, clients == most, &mut outcome).await?;
    }
    leader.stop().await?;
    outcome.notes.push(
        "clients, server, leader and PostgreSQL share the machine's cores; memory is what the clients add".to_owned(),
    );
    Ok(outcome)
}

/// When each event was committed, by its number.
type Commits = Arc<Mutex<Vec<Instant>>>;

async fn measure(
    arena: &Arena,
    config: &headwater_postgres::Config,
    site: &Site,
    clients: usize,
    empty: u64,
    judged: bool,
    outcome: &mut Outcome,
) -> Result<(), Failure> {
    let events = if arena.effort.quick { 20 } else { 200 };
    let commits: Commits = Arc::default();
    let mut following = JoinSet::new();
    for _ in 0..clients {
        let mut asker = Asker::new(site.address).await?;
        asker.open("/api/feed/stream?limit=1").await?;
        asker.event("_complete").await?;
        following.spawn(follow(asker, Arc::clone(&commits), events));
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let idle = if arena.effort.quick { Duration::from_secs(2) } else { Duration::from_secs(10) };
    let (before, _) = site.used();
    tokio::time::sleep(idle).await;
    let (after, resident) = site.used();
    let percent = (after - before) as f64 / idle.as_nanos() as f64 * 100.0;

    let writer = headwater_postgres::connect(config).await?;
    writer.batch_execute(&format!("DELETE FROM events WHERE id >= {FIRST}")).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (before, _) = site.used();
    for number in 0..events {
        let sql = format!("INSERT INTO events VALUES ({}, 'live', now(), '{{\"number\": {number}}}')", FIRST + number);
        writer.batch_execute(&sql).await?;
        commits.lock().unwrap_or_else(PoisonError::into_inner).push(Instant::now());
        tokio::time::sleep(PAUSE).await;
    }
    let mut waits = Vec::new();
    while let Some(found) = following.join_next().await {
        waits.extend(found??);
    }
    let (after, _) = site.used();
    let (half, most) = (percentile(waits.clone(), 0.5), percentile(waits.clone(), 0.99));
    let longest = percentile(waits.clone(), 1.0);
    let megabytes = resident.saturating_sub(empty) as f64 / 1e6;
    let each = (after - before) as f64 / 1e6 / events as f64;
    outcome.table.push(vec![
        clients.to_string(),
        figure(percent),
        figure(megabytes),
        figure(half),
        figure(most),
        figure(longest),
        figure(each),
    ]);
    outcome.data.push(json!({ "clients": clients, "idle_percent": percent, "megabytes": megabytes, "p50_ms": half, "p99_ms": most, "longest_ms": longest, "server_cpu_ms_an_event": each }));
    if judged {
        outcome.verdicts.push(Verdict::at_most(format!("commit to event, {clients} clients, p50 ms"), half, 10.0));
        outcome.verdicts.push(Verdict::at_most(format!("commit to event, {clients} clients, p99 ms"), most, 50.0));
        outcome.verdicts.push(Verdict::at_most(format!("idle with {clients} clients, % of a core"), percent, 2.0));
        outcome.verdicts.push(Verdict::at_most(format!("memory of {clients} clients, MB"), megabytes, 100.0));
    }
    Ok(())
}

/// Reads until all events have come; gives the milliseconds from each commit to its event.
async fn follow(mut asker: Asker, commits: Commits, events: usize) -> Result<Vec<f64>, Failure> {
    let mut waits = Vec::with_capacity(events);
    while waits.len() < events {
        let text = asker.event("_put").await?;
        let came = Instant::now();
        let number = text
            .split_once("\"number\": ")
            .and_then(|(_, rest)| rest.split(['}', ',']).next()?.trim().parse::<usize>().ok());
        let Some(number) = number else { continue };
        // An event may be here before the writer knows that it has committed.
        let committed = commits.lock().unwrap_or_else(PoisonError::into_inner).get(number).copied();
        waits.push(committed.map_or(0.0, |committed| came.saturating_duration_since(committed).as_secs_f64() * 1000.0));
    }
    Ok(waits)
}
