//! Drops statements from a script while it still fails, each time on a fresh copy of the database.

use std::time::{Duration, Instant};

use super::session::{Failure, Judge, Session};
use super::stage::Stage;

/// Runs a script on a copy of the stage.
pub async fn attempt(stage: &Stage, script: &[String], models: &[String]) -> Result<(), Failure> {
    let database = stage.copy().await;
    let client = database.connect().await;
    let names: Vec<&str> = models.iter().map(String::as_str).collect();
    let judge = Judge::load(&client, &names).await;
    client.batch_execute("SET statement_timeout = '30s'").await.expect("a setting");
    Session::new(&client).run(script, &judge).await
}

/// The shortest script found within the time, and how it fails. `script` fails with `failure` to begin with.
pub async fn shrink(stage: &Stage, script: Vec<String>, failure: Failure, time: Duration) -> (Vec<String>, Failure) {
    let until = Instant::now() + time;
    let models = failure.models();
    let mut best = (script, failure);
    let mut size = best.0.len().div_ceil(2);
    while size > 0 && Instant::now() < until {
        let before = best.0.len();
        let mut from = 0;
        while from < best.0.len() && Instant::now() < until {
            let mut shorter = best.0.clone();
            shorter.drain(from..(from + size).min(best.0.len()));
            match attempt(stage, &shorter, &models).await {
                Err(failure) if failure.error.is_some() == best.1.error.is_some() => best = (shorter, failure),
                _ => from += size,
            }
        }
        // What a statement needed may have gone after it was looked at, so the last pass is repeated.
        if size > 1 || best.0.len() == before {
            size /= 2;
        }
    }
    best
}
