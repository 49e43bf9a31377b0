//! **live**: 5,000 clients follow a feed of a million events while 4 and 20 events a second are written: from the writer's COMMIT to the event at each client.
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

/// Events a second at which clients, server and PostgreSQL keep up on two processors, and at which they hardly do.
const RATES: [u32; 2] = [4, 20];

/// Ids of the events that are written.
const FIRST: usize = 1_000_000_000;

/// When each event was committed, by its number.
type Commits = Arc<Mutex<Vec<Instant>>>;

/// Waits in milliseconds, from each commit to its event at each client.
struct Waits(Vec<f64>);

pub async fn run(arena: &Arena, scale: f64) -> Result<Outcome, Failure> {
    let config = feed(arena, "live", scale).await?;
    let leader = Leader::start(&config).await?;
    let site = Site::headwater(&arena.root, &arena.server, "live", &settings(64)).await?;
    let sockets = Site::sockets().await?;
    let writer = headwater_postgres::connect(&config).await?;
    let mut outcome = Outcome::default();
    outcome.table.push(
        ["clients", "events/s", "idle CPU %", "MB", "p50 ms", "p99 ms", "longest ms", "server CPU ms an event"]
            .map(str::to_owned)
            .to_vec(),
    );
    let most = if arena.effort.quick { 100 } else { CLIENTS };
    let (_, empty) = site.used();
    for clients in [most / 50, most / 5, most] {
        for rate in RATES {
            eprintln!("  {clients} clients, {rate} events a second");
            let events = if arena.effort.quick { 20 } else { rate as usize * 10 };
            let commits = Commits::default();
            let following = followers(&site, "/api/feed/stream?limit=1", clients, &commits, events).await?;
            tokio::time::sleep(Duration::from_secs(2)).await;
            let idle = arena.effort.turn.max(Duration::from_secs(2));
            let (before, _) = site.used();
            tokio::time::sleep(idle).await;
            let (after, resident) = site.used();
            let percent = (after - before) as f64 / idle.as_nanos() as f64 * 100.0;
            let megabytes = resident.saturating_sub(empty) as f64 / 1e6;

            writer.batch_execute(&format!("DELETE FROM events WHERE id >= {FIRST}")).await?;
            tokio::time::sleep(Duration::from_secs(1)).await;
            let (before, _) = site.used();
            for number in 0..events {
                let sql = format!(
                    "INSERT INTO events VALUES ({}, 'live', now(), '{{\"number\": {number}}}')",
                    FIRST + number
                );
                writer.batch_execute(&sql).await?;
                committed(&commits);
                tokio::time::sleep(Duration::from_secs(1) / rate).await;
            }
            let waits = arrived(following).await?;
            let (after, _) = site.used();
            let cpu = (after - before) as f64 / 1e6 / events as f64;
            outcome.table.push(waits.row(clients.to_string(), rate, [figure(percent), figure(megabytes)], cpu));
            let (half, most_waits) = (waits.at(0.5), waits.at(0.99));
            outcome.data.push(json!({ "clients": clients, "events_per_second": rate, "idle_percent": percent, "megabytes": megabytes, "p50_ms": half, "p99_ms": most_waits, "server_cpu_ms_an_event": cpu }));
            if clients == most && rate == RATES[0] {
                let what = format!("commit to event, {clients} clients, {rate} a second");
                outcome.verdicts.push(Verdict::at_most(format!("{what}, p50 ms"), half, 10.0));
                outcome.verdicts.push(Verdict::at_most(format!("{what}, p99 ms"), most_waits, 50.0));
                outcome.verdicts.push(Verdict::at_most(
                    format!("idle with {clients} clients, % of a core"),
                    percent,
                    2.0,
                ));
                outcome.verdicts.push(Verdict::at_most(format!("memory of {clients} clients, MB"), megabytes, 100.0));
            }
        }
    }
    for rate in RATES {
        eprintln!("  {most} bare sockets, {rate} events a second");
        bare(&sockets, most, rate, if arena.effort.quick { 20 } else { rate as usize * 10 }, &mut outcome).await?;
    }
    leader.stop().await?;
    outcome.notes.push(
        "clients, server, leader and PostgreSQL share the machine's cores; memory is what the clients add; bare sockets: from the \
         order to write to the event at each client, without a database"
            .to_owned(),
    );
    Ok(outcome)
}

/// The physical limit: one write to each of as many sockets.
async fn bare(site: &Site, clients: usize, rate: u32, events: usize, outcome: &mut Outcome) -> Result<(), Failure> {
    let commits = Commits::default();
    let following = followers(site, "/", clients, &commits, events).await?;
    let mut shouting = Asker::new(site.address).await?;
    let (before, _) = site.used();
    for number in 0..events {
        committed(&commits);
        shouting.shout(&format!("{{\"number\": {number}}}")).await?;
        tokio::time::sleep(Duration::from_secs(1) / rate).await;
    }
    let waits = arrived(following).await?;
    let (after, _) = site.used();
    let cpu = (after - before) as f64 / 1e6 / events as f64;
    outcome.table.push(waits.row(format!("{clients} bare sockets"), rate, [String::new(), String::new()], cpu));
    outcome.data.push(json!({ "bare_sockets": clients, "events_per_second": rate, "p50_ms": waits.at(0.5), "p99_ms": waits.at(0.99), "server_cpu_ms_an_event": cpu }));
    Ok(())
}

/// Clients that follow, all of them past their page.
async fn followers(
    site: &Site,
    path: &str,
    clients: usize,
    commits: &Commits,
    events: usize,
) -> Result<JoinSet<Result<Vec<f64>, Failure>>, Failure> {
    let mut following = JoinSet::new();
    for _ in 0..clients {
        let mut asker = Asker::new(site.address).await?;
        asker.open(path).await?;
        asker.event("_complete").await?;
        following.spawn(follow(asker, Arc::clone(commits), events));
    }
    Ok(following)
}

fn committed(commits: &Commits) {
    commits.lock().unwrap_or_else(PoisonError::into_inner).push(Instant::now());
}

async fn arrived(mut following: JoinSet<Result<Vec<f64>, Failure>>) -> Result<Waits, Failure> {
    let mut waits = Vec::new();
    while let Some(found) = following.join_next().await {
        waits.extend(found??);
    }
    Ok(Waits(waits))
}

impl Waits {
    fn at(&self, share: f64) -> f64 {
        percentile(self.0.clone(), share)
    }

    fn row(&self, who: String, rate: u32, idle: [String; 2], cpu: f64) -> Vec<String> {
        let [percent, megabytes] = idle;
        let times = [0.5, 0.99, 1.0].map(|share| figure(self.at(share)));
        let mut row = vec![who, rate.to_string(), percent, megabytes];
        row.extend(times);
        row.push(figure(cpu));
        row
    }
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
