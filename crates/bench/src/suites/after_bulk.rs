//! **after-bulk**: PL/pgSQL keeps a statement's plan for the session, and the plan that suits 1,000 changed rows (hash joins over
//! whole tables) is a bad one for a single row. So the same single-row statement is timed in a fresh session and in one whose first
//! statement changed 1,000 rows, with all models of the showcase. Limit: within 20%.

use std::time::Instant;

use headwater_postgres::Config;
use serde_json::json;

use super::votes::{Counted, poll};
use crate::Failure;
use crate::arena::Arena;
use crate::compare::Spread;
use crate::load::Uuid;
use crate::report::{Bar, Outcome, Verdict, figure, spread};

/// Single-row statements that are timed in a session, after as many that only warm it.
const TIMED: usize = 12;

/// What is written, as one row and as many.
const CASES: &[(&str, &str)] = &[
    (
        "vote",
        "INSERT INTO upvotes (user_id, project_id) SELECT (SELECT id FROM users WHERE username = 'fresh_1'), unnest($1::uuid[]) ON CONFLICT DO NOTHING",
    ),
    ("rename a project", "UPDATE projects SET title = title || '+' WHERE id = ANY ($1)"),
    (
        "soft-delete comments",
        "UPDATE comments SET is_deleted = NOT is_deleted WHERE id = ANY (SELECT (SELECT c.id FROM comments c WHERE c.project_id = p LIMIT 1) FROM unnest($1::uuid[]) AS p)",
    ),
    (
        "delete badges",
        "DELETE FROM validation_badges WHERE id = ANY (SELECT (SELECT b.id FROM validation_badges b WHERE b.project_id = p LIMIT 1) FROM unnest($1::uuid[]) AS p)",
    ),
];

pub async fn run(arena: &Arena, scale: f64) -> Result<Outcome, Failure> {
    let poll = poll(arena, scale, Counted::Showcase).await?;
    let projects = poll.voters.projects();
    let mut outcome = Outcome::default();
    outcome.table.push(
        ["statement of one row", "fresh session ms", "after 1,000 rows ms", "slow-down (min–max)", "limit"]
            .map(str::to_owned)
            .to_vec(),
    );
    for (name, sql) in CASES {
        let (mut fresh, mut after) = (Vec::new(), Vec::new());
        for _ in 0..arena.effort.rounds {
            fresh.push(session(arena, &poll.config, sql, projects, 1).await?);
            after.push(session(arena, &poll.config, sql, projects, 1_000).await?);
        }
        let ratio = Spread::of(after.iter().zip(&fresh).map(|(after, fresh)| after / fresh));
        let verdict = Verdict::at_most(format!("{name}, after a statement of 1,000 rows"), ratio.median, 1.2);
        let met = if verdict.met { "met" } else { "NOT met" };
        let (fresh, after) = (Spread::of(fresh).median, Spread::of(after).median);
        outcome.table.push(vec![
            (*name).to_owned(),
            figure(fresh),
            figure(after),
            spread(ratio),
            format!("1.20 {met}"),
        ]);
        outcome.data.push(json!({ "statement": name, "fresh_ms": fresh, "after_bulk_ms": after, "slowdown": ratio }));
        outcome.bars.push(Bar {
            group: "after 1,000 rows ÷ in a fresh session".into(),
            label: (*name).to_owned(),
            value: ratio,
            limit: Some(1.2),
        });
        outcome.verdicts.push(verdict);
    }
    Ok(outcome)
}

/// The median time of a single-row statement, in milliseconds, in a session whose first statement had `first` rows. Everything is
/// rolled back, so that every session finds the same.
async fn session(arena: &Arena, config: &Config, sql: &str, projects: &[Uuid], first: usize) -> Result<f64, Failure> {
    let client = arena.connect(config.get_dbname().unwrap_or_default()).await?;
    let statement = client.prepare(sql).await?;
    let bulk: Vec<Uuid> = projects.iter().take(first).copied().collect();
    client.batch_execute("BEGIN").await?;
    client.execute(&statement, &[&bulk]).await?;
    client.batch_execute("ROLLBACK").await?;
    let mut times = Vec::new();
    // The most popular projects come in no particular place, but in the same for both sessions.
    for project in projects.iter().rev().take(2 * TIMED) {
        client.batch_execute("BEGIN").await?;
        let started = Instant::now();
        client.execute(&statement, &[&vec![*project]]).await?;
        times.push(started.elapsed().as_secs_f64() * 1000.0);
        client.batch_execute("ROLLBACK").await?;
    }
    Ok(Spread::of(times.into_iter().skip(TIMED)).median)
}
