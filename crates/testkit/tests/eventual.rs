//! Eventual models while several writers write: every batch compared with the truth at its snapshot.
//!
//! `HEADWATER_SECONDS` (6) is the time for each random test, `HEADWATER_SEED` the first round's seed (each round adds one),
//! `HEADWATER_MODEL=pt_` keeps the models whose name contains it.

use std::time::{Duration, Instant};

use headwater_compile::{Mode, SourceFile};
use headwater_testkit::behavior::{in_mode, warm_up};
use headwater_testkit::eventual::{Checked, Verdict, Writers};
use headwater_testkit::oracle::lines;
use headwater_testkit::property::{Stage, chosen, models, schema};

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn eventual_models() -> Vec<SourceFile> {
    let wanted = std::env::var("HEADWATER_MODEL").unwrap_or_default();
    let mut models = models();
    models.retain(|model| model.path.contains(&wanted));
    models.into_iter().map(|model| SourceFile { text: in_mode(&model.text, Mode::Eventual), ..model }).collect()
}

/// What the rounds of a test add up to.
#[derive(Debug, Default)]
struct Sum {
    rounds: u32,
    batches: u32,
    gave_way: u32,
    taken: i64,
    keys: i64,
    statements: usize,
    refused: usize,
    conflicts: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_model_is_exact_after_every_batch() {
    warm_up().await;
    let (all, schema) = (eventual_models(), schema());
    let until = Instant::now() + Duration::from_secs(number("HEADWATER_SECONDS", 6));
    let mut seed = number("HEADWATER_SEED", 3);
    let mut sum = Sum::default();
    while Instant::now() < until {
        let stage = Stage::set(&schema, &chosen(&all, seed)).await.unwrap_or_else(|error| panic!("{error}"));
        let end = until.max(Instant::now() + Duration::from_secs(2)).min(Instant::now() + Duration::from_secs(10));
        round(&stage, seed, end, &mut sum).await;
        seed += 1;
    }
    eprintln!("{} models, last seed {}: {sum:?}", all.len(), seed - 1);
}

/// Writers on a copy of the stage, a batch after the other, each compared.
async fn round(stage: &Stage, seed: u64, end: Instant, sum: &mut Sum) {
    let database = stage.copy().await;
    let mut checked = Checked::load(&database).await;
    let sessions = 4 + seed % 3;
    let writers = Writers::start(&database, &stage.tables, seed, sessions).await;
    let mut pause = 0;
    while Instant::now() < end {
        // Short pauses and long ones, so that a batch takes a few statements or hundreds.
        pause = (pause + 7) % 60;
        tokio::time::sleep(Duration::from_millis(pause)).await;
        match checked.batch().await {
            Ok(Verdict::GaveWay) => sum.gave_way += 1,
            Ok(Verdict::Done(batch, found)) => {
                writers.note(&format!("-- batch {}: {} taken, {} keys", batch.number, batch.taken, batch.keys)).await;
                (sum.batches, sum.taken, sum.keys) = (sum.batches + 1, sum.taken + batch.taken, sum.keys + batch.keys);
                if !found.is_empty() {
                    fail(stage, seed, &writers.recent().await, &lines(&found));
                }
            }
            Err(error) => fail(stage, seed, &writers.recent().await, &error),
        }
    }
    let recent = writers.recent().await;
    match writers.stop().await {
        Ok(count) => {
            sum.rounds += 1;
            sum.statements += count.statements;
            sum.refused += count.refused;
            sum.conflicts += count.conflicts;
        }
        Err(failure) => fail(stage, seed, &recent, &format!("a writer's statement failed:\n{failure}")),
    }
}

fn fail(stage: &Stage, seed: u64, recent: &[String], problem: &str) {
    let history = recent.join("\n");
    let models = stage.models.len();
    panic!("-- batches, seed {seed}, PostgreSQL {}, {models} models\n{history}\n{problem}", stage.major());
}
