//! **long-transaction**: thousands of batches while another session keeps a transaction open that has a snapshot and has written,
//! against the same without it. Such a transaction keeps vacuum from every row version that batches leave behind, in the queues, in
//! `headwater.batch` and in the models. Each batch follows one INSERT of ten votes, with the eight views of document 003 eventual.
//! Limit: the median of the last 500 batches is at most 1.5 times that of the first 500. When the transaction commits at last, the
//! next batch must take its vote.

use std::time::Instant;

use headwater_deploy::batch::{self, Batch, How, Outcome as Ran, Preparation};
use headwater_postgres::Client;
use serde_json::json;

use super::votes::{VOTE, Voters};
use crate::Failure;
use crate::arena::Arena;
use crate::curves::{Curve, Panel, percentile};
use crate::leader::{backlog, catch_up};
use crate::load::Uuid;
use crate::models::{self, Mode, VIEWS};
use crate::report::{Outcome, Verdict, figure, number};

/// Votes before each batch, on as many projects.
const VOTES: usize = 10;

/// Batches that only warm the session.
const WARM_UP: usize = 50;

const CAST: &str = "INSERT INTO upvotes (user_id, project_id) SELECT $1, unnest($2::uuid[])";

pub async fn run(arena: &Arena, scale: f64) -> Result<Outcome, Failure> {
    let (batches, group) = if arena.effort.quick { (500, 100) } else { (6_000, 500) };
    let base = arena.showcase(scale).await?;
    let mut outcome = Outcome::default();
    outcome.table.push(
        ["transactions", "batches", "first ms", "last ms", "last ÷ first", "limit", "queues and batch table kB"]
            .map(str::to_owned)
            .to_vec(),
    );
    let mut curves = Vec::new();
    for (name, database, held) in [("short ones only", "long_without", false), ("one stays open", "long_with", true)] {
        let config = arena.copy(&base, database).await?;
        arena.apply(&config, &models::showcase(arena, &VIEWS, Mode::Eventual)?).await?;
        let voters = Voters::of(arena, &config).await?;
        let holder = arena.connect(database).await?;
        if held {
            holder.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ").await?;
            holder.execute(VOTE, &[&voters.next_user(), &voters.projects()[0]]).await?;
        }
        eprintln!("  {name}");
        let took = batches_of(arena, database, &voters, batches).await?;
        let medians: Vec<f64> = took.chunks(group).map(|part| percentile(part.to_vec(), 0.5)).collect();
        let (first, last) = (medians[0], medians[medians.len() - 1]);
        let watcher = arena.connect(database).await?;
        let bytes = backlog(&watcher).await?.1 + size(&watcher, "headwater.batch").await?;
        if held {
            holder.batch_execute("COMMIT").await?;
            late(arena, database).await?;
            outcome.notes.push(format!("{name}: its vote was taken once it had committed"));
        }
        let verdict = Verdict::at_most(format!("{name}: last {group} batches ÷ first"), last / first, 1.5);
        outcome.table.push(vec![
            name.to_owned(),
            number(took.len() as f64),
            figure(first),
            figure(last),
            figure(last / first),
            format!("1.50 {}", if verdict.met { "met" } else { "NOT met" }),
            number(bytes as f64 / 1024.0),
        ]);
        outcome.data.push(json!({
            "transactions": name, "batches_a_group": group, "median_ms_by_group": medians,
            "p99_ms_by_group": took.chunks(group).map(|part| percentile(part.to_vec(), 0.99)).collect::<Vec<_>>(),
            "bytes": bytes,
        }));
        outcome.verdicts.push(verdict);
        let points = medians.iter().enumerate().map(|(n, ms)| (((n + 1) * group) as f64, *ms)).collect();
        curves.push(Curve { name: name.to_owned(), points });
    }
    outcome.curves.push(Panel {
        title: format!("a batch of {VOTES} votes in ms, medians of {group}"),
        below: "batches".into(),
        curves,
        ..Panel::default()
    });
    Ok(outcome)
}

/// How many milliseconds each batch took.
async fn batches_of(arena: &Arena, database: &str, voters: &Voters, count: usize) -> Result<Vec<f64>, Failure> {
    let writer = arena.connect(database).await?;
    let cast = writer.prepare(CAST).await?;
    let leader = arena.connect(database).await?;
    leader.batch_execute("SET synchronous_commit = off; SET jit = off").await?;
    let preparation = Preparation::load(&leader).await?;
    let (mut user, mut place) = (voters.next_user(), 0);
    let mut took = Vec::new();
    for number in 0..WARM_UP + count {
        if place + VOTES > voters.projects().len() {
            (user, place) = (voters.next_user(), 0);
        }
        let projects: Vec<Uuid> = voters.projects()[place..place + VOTES].to_vec();
        place += VOTES;
        writer.execute(&cast, &[&user, &projects]).await?;
        let begun = Instant::now();
        let batch = one(&leader, &preparation).await?;
        if number >= WARM_UP {
            took.push(begun.elapsed().as_secs_f64() * 1000.0);
        }
        if batch.taken < VOTES as i64 {
            return Err(format!("a batch took {} of {VOTES} votes", batch.taken).into());
        }
    }
    Ok(took)
}

/// A batch in one message, as the leader sends it.
async fn one(leader: &Client, preparation: &Preparation) -> Result<Batch, Failure> {
    let sql = format!("{}; COMMIT", preparation.begin(How::default(), std::time::Duration::from_secs(10)));
    loop {
        match batch::outcome(&leader.simple_query(&sql).await?) {
            Some(Ran::Ran(batch)) => return Ok(batch),
            Some(Ran::Early) => tokio::time::sleep(std::time::Duration::from_millis(1)).await,
            other => return Err(format!("a batch ended as {other:?}").into()),
        }
    }
}

/// The vote of the transaction that has committed at last is the only one that the next batch finds.
async fn late(arena: &Arena, database: &str) -> Result<(), Failure> {
    let leader = arena.connect(database).await?;
    let preparation = Preparation::load(&leader).await?;
    let taken = one(&leader, &preparation).await?.taken;
    catch_up(&arena.server.config(database)).await?;
    if taken == 1 { Ok(()) } else { Err(format!("{taken} rows were taken where one vote had committed late").into()) }
}

async fn size(client: &Client, table: &str) -> Result<i64, Failure> {
    Ok(client.query_one("SELECT pg_total_relation_size($1::text::regclass)", &[&table]).await?.get(0))
}
