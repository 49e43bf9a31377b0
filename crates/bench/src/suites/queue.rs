//! **queue**: the bare INSERT of one vote against the same where a trigger appends it to the change queue: read by one eventual
//! model, and by the eight views of document 003, all eventual; each without a leader and with one at work. 1, 4, 16 clients.
//! Limit: 1.25 × bare, however many models read the table.
//!
//! Without a leader it is the writer's cost alone. A leader on another processor would change nothing; where there are as few
//! processors as clients want, its CPU time is taken from them, and both are shown. What a turn leaves in the queue is taken away
//! before the next turn begins.

use std::collections::BTreeMap;

use headwater_postgres::Config;
use serde_json::json;

use super::votes::{VOTE, Voters};
use crate::Failure;
use crate::arena::{Arena, prepare};
use crate::compare::{Measured, Spread, Variant, compare_with};
use crate::leader::{Leader, Work, catch_up};
use crate::load::{self, Load};
use crate::models::{self, Mode, VIEWS};
use crate::report::{Outcome, figure};

/// One way of keeping models.
struct Kept {
    name: &'static str,
    place: usize,
    leader: bool,
}

const KEPT: [Kept; 5] = [
    Kept { name: "bare", place: 0, leader: false },
    Kept { name: "one eventual model", place: 1, leader: false },
    Kept { name: "one, leader at work", place: 1, leader: true },
    Kept { name: "eight views eventual", place: 2, leader: false },
    Kept { name: "eight, leader at work", place: 2, leader: true },
];

pub async fn run(arena: &Arena, scale: f64) -> Result<Outcome, Failure> {
    let base = arena.showcase(scale).await?;
    let bare = arena.copy(&base, "queue_bare").await?;
    prepare(&bare, "").await?;
    let one = arena.copy(&base, "queue_one").await?;
    arena.apply(&one, &[models::eventual(&arena.baseline_model("vote_counts.sql")?)]).await?;
    let eight = arena.copy(&base, "queue_eight").await?;
    arena.apply(&eight, &models::showcase(arena, &VIEWS, Mode::Eventual)?).await?;
    let mut places: Vec<(Config, Voters)> = Vec::new();
    for config in [bare, one, eight] {
        let voters = Voters::of(arena, &config).await?;
        places.push((config, voters));
    }

    let mut all: Vec<Measured> = Vec::new();
    let mut work: BTreeMap<(usize, usize), Vec<Work>> = BTreeMap::new();
    for clients in [1, 4, 16] {
        let variants: Vec<Variant> = KEPT
            .iter()
            .enumerate()
            .map(|(position, kept)| {
                let (config, voters) = &places[kept.place];
                let (config, sql, feed) = (config.clone(), VOTE.to_owned(), voters.feed());
                let load = Load { config, clients, setup: String::new(), sql, feed };
                let against = (position > 0).then_some(0);
                Variant { name: kept.name.to_owned(), load, against, limit: against.map(|_| 1.25) }
            })
            .collect();
        let measured = compare_with(arena, "one vote", &variants, async |position, variant| {
            let leader = if KEPT[position].leader { Some(Leader::start(&variant.load.config).await?) } else { None };
            let mark = leader.as_ref().map(Leader::mark);
            let found = load::run(variant.load.clone(), arena.effort.turn).await?;
            if let Some((leader, mark)) = leader.zip(mark) {
                work.entry((clients, position)).or_default().push(leader.since(&mark));
                leader.stop().await?;
            }
            if position > 0 {
                catch_up(&variant.load.config).await?;
            }
            Ok(found)
        })
        .await?;
        all.extend(measured);
    }
    let mut outcome = Outcome::of(&all);
    outcome
        .notes
        .push("slow-down without a leader is the writer's own cost; CPU µs are the clients' backends alone".into());
    for ((clients, position), work) in work {
        let median = |figure: fn(&Work) -> f64| Spread::of(work.iter().map(figure)).median;
        outcome.notes.push(format!(
            "{}, {clients} clients: the leader took {}% of a core (backend {}, itself {}); a batch {} ms (p99 {})",
            KEPT[position].name,
            figure(median(Work::percent)),
            figure(median(|work| work.backend_percent)),
            figure(median(|work| work.process_percent)),
            figure(median(|work| work.batch_p50_ms)),
            figure(median(|work| work.batch_p99_ms)),
        ));
        outcome.data.push(json!({ "leader_of": KEPT[position].name, "clients": clients, "work": work }));
    }
    Ok(outcome)
}
