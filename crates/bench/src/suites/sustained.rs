//! **sustained**: votes as fast as 16 clients can cast them, for five turns on end: bare, and with the eight views of document 003
//! eventual and the leader at work on the same machine. On projects drawn from all, and all on one project. Limit: at least 60% of
//! bare, while freshness stays bounded: its p99 and what was left in the queue at the end are shown.
//!
//! Beside it the hand-written way: document 003's feed, refreshed by a trigger at every vote (one client and four, one turn each).
//! `missing` is how many of the upvotes that had committed the feed lacks when all is quiet.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use headwater_postgres::{Client, Config};
use serde_json::json;

use super::votes::{VOTE, Voters};
use crate::arena::{Arena, prepare};
use crate::compare::{Measured, Variant, compare, compare_with};
use crate::leader::{Leader, Work, backlog, catch_up};
use crate::load::{self, Feed, Found, Load, Uuid, Value};
use crate::models::{self, Mode, VIEWS};
use crate::probe::{Probe, until_visible};
use crate::report::{Outcome, Verdict, figure, number};
use crate::{Effort, Failure, curves};

const CLIENTS: usize = 16;

/// How long a commit is waited for.
const PATIENCE: Duration = Duration::from_secs(120);

/// The least share of bare's throughput.
const SHARE: f64 = 0.6;

/// Votes a second on one project that its voters must suffice for, the warm-up's included. After a turn they take them back.
const MOST: f64 = 15_000.0;

/// What the leader had to do in a turn, and how far behind it was.
struct Behind {
    work: Work,
    fresh_ms: Vec<f64>,
    left: i64,
    caught_up: Option<Duration>,
}

pub async fn run(arena: &Arena, scale: f64) -> Result<Outcome, Failure> {
    let base = arena.showcase(scale).await?;
    let effort = Effort { turn: 5 * arena.effort.turn, ..arena.effort };
    let arena = &arena.with(effort);
    // Nobody votes twice on a project, so one project's votes need as many users. They are not active: no model shows them.
    let users = (MOST * effort.turn.as_secs_f64()) as i64;
    let crowd = format!(
        "INSERT INTO users (id, username, email, is_active) SELECT md5('crowd' || n)::uuid, 'crowd_' || n, n || '@crowd.example', FALSE \
         FROM generate_series(1, {users}) AS n"
    );
    let bare = arena.copy(&base, "sustained_bare").await?;
    prepare(&bare, &crowd).await?;
    let eight = arena.copy(&base, "sustained_eight").await?;
    prepare(&eight, &crowd).await?;
    arena.apply(&eight, &models::showcase(arena, &VIEWS, Mode::Eventual)?).await?;
    let voters = [Voters::of(arena, &bare).await?, Voters::of(arena, &eight).await?];
    let client = arena.connect("sustained_eight").await?;

    let mut all = Vec::new();
    let mut behind: Vec<(&str, Behind)> = Vec::new();
    let crowds = [Crowd::of(&client, &voters[0]).await?, Crowd::of(&client, &voters[1]).await?];
    for case in ["random projects", "one project"] {
        let variants: Vec<Variant> = [("bare", &bare), ("eight views eventual", &eight)]
            .iter()
            .enumerate()
            .map(|(position, (name, config))| Variant {
                name: (*name).to_owned(),
                load: vote(
                    config,
                    CLIENTS,
                    if case == "one project" { crowds[position].feed() } else { voters[position].feed() },
                ),
                against: (position > 0).then_some(0),
                limit: (position > 0).then_some(1.0 / SHARE),
            })
            .collect();
        let measured = compare_with(arena, case, &variants, async |position, variant| {
            crowds[position].take_back(arena, &variant.load.config).await?;
            if position == 0 {
                return load::run(variant.load.clone(), effort.turn).await;
            }
            catch_up(&variant.load.config).await?;
            let (found, turn) = led(&variant.load, &voters[1].feed(), effort.turn, &client).await?;
            behind.push((case, turn));
            Ok(found)
        })
        .await?;
        all.extend(measured);
    }
    catch_up(&eight).await?;
    let missing = missing(&client).await?;
    let hand_written = by_refresh(arena, scale, &voters[0], &bare).await?;
    all.extend(hand_written.0);

    let mut outcome = Outcome::of(&all);
    shares(&all, &mut outcome);
    told(&behind, &mut outcome);
    outcome.notes.push(format!("missing: eight views eventual {missing}, 003's refresh triggers {}", hand_written.1));
    outcome.data.push(json!({ "missing": { "headwater": missing, "003": hand_written.1 } }));
    outcome.verdicts.push(Verdict::at_most("upvotes that the feed lacks", missing as f64, 0.0));
    Ok(outcome)
}

fn vote(config: &Config, clients: usize, feed: Feed) -> Load {
    Load { config: config.clone(), clients, setup: String::new(), sql: VOTE.to_owned(), feed }
}

/// A turn with a leader beside it.
async fn led(load: &Load, probes: &Feed, turn: Duration, client: &Client) -> Result<(Found, Behind), Failure> {
    let leader = Leader::start(&load.config).await?;
    let probe = Probe::start(&load.config, probes, PATIENCE);
    let mark = leader.mark();
    let found = load::run(load.clone(), turn).await?;
    let work = leader.since(&mark);
    let (left, _) = backlog(client).await?;
    let fresh_ms = probe.finish().await?.iter().map(|sight| sight.wait.as_secs_f64() * 1000.0).collect();
    let caught_up = until_visible(client, PATIENCE).await?;
    leader.stop().await?;
    Ok((found, Behind { work, fresh_ms, left, caught_up }))
}

/// Users who all vote on one project.
struct Crowd {
    users: Arc<[Uuid]>,
    next: Arc<AtomicUsize>,
    project: Uuid,
}

impl Crowd {
    async fn of(client: &Client, voters: &Voters) -> Result<Self, Failure> {
        let sql = "SELECT id FROM users WHERE username LIKE 'crowd\\_%' ORDER BY id";
        let users = client.query(sql, &[]).await?.iter().map(|row| row.get(0)).collect();
        Ok(Self { users, next: Arc::default(), project: voters.projects()[0] })
    }

    /// Their votes go, and what is left of them.
    async fn take_back(&self, arena: &Arena, config: &Config) -> Result<(), Failure> {
        let client = arena.connect(config.get_dbname().unwrap_or_default()).await?;
        let sql = "DELETE FROM upvotes WHERE project_id = $1 AND user_id IN (SELECT id FROM users WHERE username LIKE 'crowd\\_%')";
        client.execute(sql, &[&self.project]).await?;
        Ok(client.batch_execute("VACUUM upvotes").await?)
    }

    fn feed(&self) -> Feed {
        let (users, next, project) = (Arc::clone(&self.users), Arc::clone(&self.next), self.project);
        Arc::new(move |_, _| {
            let (users, next) = (Arc::clone(&users), Arc::clone(&next));
            Box::new(move || {
                let user = users[next.fetch_add(1, Ordering::Relaxed) % users.len()];
                vec![Value::Uuid(user), Value::Uuid(project)]
            })
        })
    }
}

/// Document 003's own way, and how many upvotes its feed lacks afterwards.
async fn by_refresh(
    arena: &Arena,
    scale: f64,
    voters: &Voters,
    bare: &Config,
) -> Result<(Vec<Measured>, i64), Failure> {
    let base = arena.showcase(scale).await?;
    let config = arena.copy(&base, "sustained_refresh").await?;
    eprintln!("  creating 003's feed");
    prepare(&config, &arena.baseline("003_refresh.sql")?).await?;
    let once = arena.with(Effort { rounds: 1, ..arena.effort });
    let others = Voters::of(arena, &config).await?;
    let mut all = Vec::new();
    for clients in [1, 4] {
        let variant = |name: &str, config, feed, against| Variant {
            name: name.to_owned(),
            load: vote(config, clients, feed),
            against,
            limit: None,
        };
        let variants = [
            variant("bare", bare, voters.feed(), None),
            variant("003's refresh triggers, feed only", &config, others.feed(), Some(0)),
        ];
        all.extend(compare(&once, "random projects, one turn", &variants).await?);
    }
    let client = arena.connect("sustained_refresh").await?;
    Ok((all, missing(&client).await?))
}

/// Upvotes that the feed lacks.
async fn missing(client: &Client) -> Result<i64, Failure> {
    let sql = "SELECT (SELECT count(*) FROM upvotes v JOIN projects p ON p.id = v.project_id WHERE v.is_upvote AND NOT p.is_deleted) \
               - (SELECT sum(upvote_count) FROM mv_feed_projects)::bigint";
    Ok(client.query_one(sql, &[]).await?.get(0))
}

/// Throughput as a share of bare's.
fn shares(all: &[Measured], outcome: &mut Outcome) {
    for row in all.iter().filter(|row| row.limit.is_some()) {
        if let Some(slowdown) = row.slowdown {
            let what = format!("{}: votes a second ÷ bare's", row.case);
            outcome.verdicts.push(Verdict::at_least(what, 1.0 / slowdown.median, SHARE));
        }
    }
    // The same limit as a slow-down is in the table; once is enough.
    outcome.verdicts.retain(|verdict| verdict.limit <= SHARE);
}

/// What the leader did.
fn told(behind: &[(&str, Behind)], outcome: &mut Outcome) {
    for case in ["random projects", "one project"] {
        let turns: Vec<&Behind> = behind.iter().filter(|(of, _)| *of == case).map(|(_, turn)| turn).collect();
        let waits: Vec<f64> = turns.iter().flat_map(|turn| turn.fresh_ms.clone()).collect();
        let median = |figure: &dyn Fn(&Behind) -> f64| {
            curves::percentile(turns.iter().map(|turn| figure(turn)).filter(|value| value.is_finite()).collect(), 0.5)
        };
        outcome.notes.push(format!(
            "{case}: freshness p50 {} ms, p99 {} ms, at most {} ms; left in the queue {} rows, taken {} ms later; \
             a batch {} ms (p99 {}); the leader took {}% of a core",
            figure(curves::percentile(waits.clone(), 0.5)),
            figure(curves::percentile(waits.clone(), 0.99)),
            figure(curves::percentile(waits.clone(), 1.0)),
            number(median(&|turn| turn.left as f64)),
            figure(median(&|turn| turn.caught_up.map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0))),
            figure(median(&|turn| turn.work.batch_p50_ms)),
            figure(median(&|turn| turn.work.batch_p99_ms)),
            figure(median(&|turn| turn.work.percent())),
        ));
        for trouble in turns.iter().flat_map(|turn| &turn.work.troubles).take(3) {
            outcome.notes.push(format!("{case}, trouble: {trouble}"));
        }
        outcome.data.push(json!({
            "case": case,
            "freshness_p50_ms": curves::percentile(waits.clone(), 0.5),
            "freshness_p99_ms": curves::percentile(waits.clone(), 0.99),
            "freshness_max_ms": curves::percentile(waits, 1.0),
            "left": turns.iter().map(|turn| turn.left).collect::<Vec<_>>(),
            "caught_up_ms": turns.iter().map(|turn| turn.caught_up.map(|time| time.as_secs_f64() * 1000.0)).collect::<Vec<_>>(),
            "leader": turns.iter().map(|turn| &turn.work).collect::<Vec<_>>(),
        }));
    }
}
