//! Eventual models while several writers write: every batch compared with the truth at its snapshot; readers who look at several
//! models at once; followers of the log.
//!
//! `HEADWATER_SECONDS` is the time for each test, `HEADWATER_SEED` the first round's seed (each round adds one),
//! `HEADWATER_MODEL=pt_` keeps the models whose name contains it.

use std::time::{Duration, Instant};

use headwater_compile::{Mode, SourceFile};
use headwater_deploy::installed;
use headwater_postgres::Client;
use headwater_testkit::TestDatabase;
use headwater_testkit::behavior::{in_mode, warm_up};
use headwater_testkit::eventual::scene::{self, Change, NO_LATE_ONES, execute};
use headwater_testkit::eventual::{
    Checked, Follower, LeaderTask, Traffic, Verdict, Writers, assert_sound, follower, pairs,
};
use headwater_testkit::oracle::{Difference, lines};
use headwater_testkit::property::session::Judge;
use headwater_testkit::property::{Stage, chosen, models, schema};

/// How long writers write over the same models.
const ROUND: Duration = Duration::from_secs(5);

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn wanted_models() -> Vec<SourceFile> {
    let wanted = std::env::var("HEADWATER_MODEL").unwrap_or_default();
    models().into_iter().filter(|model| model.path.contains(&wanted)).collect()
}

/// The models as one round declares them. In every second round changes of all of them are kept; in every fourth one, half of the
/// models are realtime: both modes share the triggers of a table.
fn declared(models: &[SourceFile], seed: u64) -> Vec<SourceFile> {
    let (mixed, live) = (seed % 4 == 2, seed % 2 == 1);
    let declare = |(number, model): (usize, &SourceFile)| {
        let mode = if mixed && number % 2 == 1 { Mode::Realtime } else { Mode::Eventual };
        let declared = model.text.contains("-- headwater: retain");
        let retain = if (live || mixed) && !declared { "-- headwater: retain live\n" } else { "" };
        SourceFile { path: model.path.clone(), text: format!("{retain}{}", in_mode(&model.text, mode)) }
    };
    models.iter().enumerate().map(declare).collect()
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
    positions: i64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_model_is_exact_after_every_batch() {
    warm_up().await;
    let (all, schema) = (wanted_models(), schema());
    // Setting the stage does not count.
    let mut left = Duration::from_secs(number("HEADWATER_SECONDS", 5));
    let mut seed = number("HEADWATER_SEED", 3);
    let mut sum = Sum::default();
    while !left.is_zero() {
        let stage =
            Stage::set(&schema, &declared(&chosen(&all, seed), seed)).await.unwrap_or_else(|error| panic!("{error}"));
        let time = left.min(ROUND);
        round(&stage, seed, time, &[], &mut sum).await.unwrap_or_else(|problem| panic!("{problem}"));
        (seed, left) = (seed + 1, left - time);
    }
    eprintln!("{} models, last seed {}: {sum:?}", all.len(), seed - 1);
}

/// Random writers notice what the scenes of `eventual_mutants.rs` show: late commits are among what they do.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn lost_late_commits_are_noticed() {
    warm_up().await;
    let models: Vec<SourceFile> = wanted_models().into_iter().step_by(12).collect();
    let stage = Stage::set(&schema(), &declared(&models, 0)).await.unwrap_or_else(|error| panic!("{error}"));
    let mut sum = Sum::default();
    let outcome = round(&stage, 1, Duration::from_secs(60), &[NO_LATE_ONES], &mut sum).await;
    let problem = outcome.expect_err("late commits are lost");
    assert!(problem.contains(" missing ") || problem.contains(" extra "), "{problem}");
}

/// Writers on a copy of the stage, a batch after the other, each compared. What is wrong, after what.
async fn round(stage: &Stage, seed: u64, time: Duration, changes: &[Change], sum: &mut Sum) -> Result<(), String> {
    let database = stage.copy().await;
    let mut checked = Checked::load(&database).await;
    let control = database.connect().await;
    scene::mutate(&control, changes).await;
    let mut follower = Follower::begin(&control).await.expect("the log");
    let writers = Writers::start(&database, &stage.tables, seed, 4 + seed % 3).await;
    let realtime = realtime(&control).await;
    let beside = (&control, realtime.as_ref());
    let wrong = batches(&mut checked, beside, &mut follower, &writers, time, sum).await.err();
    let recent = writers.recent().await.join("\n");
    let stopped = writers.stop().await;
    let mut problems: Vec<String> = wrong.into_iter().collect();
    match stopped {
        Ok(count) => {
            sum.rounds += 1;
            sum.statements += count.statements;
            sum.refused += count.refused;
            sum.conflicts += count.conflicts;
        }
        Err(failure) => problems.push(format!("a writer's statement failed:\n{failure}")),
    }
    if problems.is_empty() {
        problems = at_rest(beside, &mut checked, &mut follower).await;
        sum.positions += follower.position();
    }
    if problems.is_empty() {
        return Ok(());
    }
    let (major, models, problems) = (stage.major(), stage.models.len(), problems.join("\n"));
    Err(format!("-- batches, seed {seed}, PostgreSQL {major}, {models} models\n{recent}\n{problems}"))
}

/// Batches while writers write, at least one.
async fn batches(
    checked: &mut Checked,
    (control, realtime): (&Client, Option<&Judge>),
    follower: &mut Follower,
    writers: &Writers,
    time: Duration,
    sum: &mut Sum,
) -> Result<(), String> {
    let (mut pause, mut batches) = (0, 0);
    let end = Instant::now() + time;
    while Instant::now() < end || batches == 0 {
        // Short pauses and long ones, so that a batch takes a few statements or hundreds.
        pause = (pause + 7) % 60;
        tokio::time::sleep(Duration::from_millis(pause)).await;
        match checked.batch().await? {
            Verdict::GaveWay => sum.gave_way += 1,
            Verdict::Done(batch, found) => {
                writers.note(&format!("-- batch {}: {} taken, {} keys", batch.number, batch.taken, batch.keys)).await;
                batches += 1;
                (sum.taken, sum.keys) = (sum.taken + batch.taken, sum.keys + batch.keys);
                if !found.is_empty() {
                    return Err(lines(&found));
                }
                follower.poll(control).await.expect("the log")?;
                let found = realtime_differences(control, realtime).await;
                if !found.is_empty() {
                    return Err(lines(&found));
                }
            }
        }
    }
    sum.batches += batches;
    Ok(())
}

/// The oracle for the realtime models, where there are any.
async fn realtime(control: &Client) -> Option<Judge> {
    let installed = installed::load(control).await.expect("the models");
    let realtime = installed.iter().filter(|model| !model.eventual);
    let names: Vec<&str> = realtime.map(|model| model.name.name.as_str()).collect();
    if names.is_empty() { None } else { Some(Judge::load(control, &names).await) }
}

/// They are exact at every moment, whatever writers are doing.
async fn realtime_differences(control: &Client, realtime: Option<&Judge>) -> Vec<Difference> {
    match realtime {
        Some(judge) => match judge.differences(control).await {
            // What the clock has to do met a writer; the next look does it.
            Err(error) if headwater_deploy::error::is_conflict(&error) => Vec::new(),
            found => found.expect("a comparison"),
        },
        None => Vec::new(),
    }
}

/// What is wrong once writers have ended: realtime models compared, and the log replayed.
async fn at_rest(
    (control, realtime): (&Client, Option<&Judge>),
    checked: &mut Checked,
    follower: &mut Follower,
) -> Vec<String> {
    let mut found = realtime_differences(control, realtime).await;
    match checked.batch().await {
        Ok(Verdict::Done(_, differences)) => found.extend(differences),
        other => return vec![format!("nobody writes, and a batch ends with {other:?}")],
    }
    let mut problems: Vec<String> = found.iter().map(Difference::to_string).collect();
    problems.extend(follower::gaps(control).await.expect("the log"));
    problems.extend(follower.problems(control).await.expect("the log"));
    problems
}

/// A reader's statement sees all models at one snapshot of the sources: the sums that every transaction keeps are kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reader_never_sees_one_model_ahead_of_another() {
    warm_up().await;
    let database = TestDatabase::create("reader").await;
    pairs::set(&database.config()).await;
    let (client, same) = (database.connect().await, database.connect().await);
    let leader = LeaderTask::start(&database.config());
    let traffic = Traffic::start(&database.config(), number("HEADWATER_SEED", 1), 5, Duration::from_millis(3));
    let until = Instant::now() + Duration::from_secs(number("HEADWATER_SECONDS", 4));
    let (mut looks, mut batches) = (0, std::collections::BTreeSet::new());
    while Instant::now() < until {
        assert_eq!(execute(&client, pairs::BROKEN).await, [""; 0]);
        batches.extend(execute(&client, "SELECT max(number) FROM headwater.batch").await);
        // Several statements of one snapshot are one look, too.
        execute(&same, "BEGIN ISOLATION LEVEL REPEATABLE READ").await;
        let total = execute(&same, "SELECT votes FROM total").await;
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert_eq!(execute(&same, "SELECT count(*) FROM cards").await, total);
        assert_eq!(execute(&same, pairs::BROKEN).await, [""; 0]);
        execute(&same, "COMMIT").await;
        looks += 2;
    }
    let transactions = traffic.stop().await;
    leader.end().await;
    assert!(batches.len() > 2, "only {batches:?}");
    eprintln!("{looks} looks, {} batches, {transactions} transactions", batches.len());
    // The statement would have said so.
    let ahead = "BEGIN; DO $$ BEGIN EXECUTE (SELECT format('UPDATE headwater.%I SET votes = votes + 2', table_name) FROM headwater.model WHERE name = 'total'); END $$";
    execute(&client, ahead).await;
    assert_eq!(execute(&client, pairs::BROKEN).await.len(), 1);
}

/// Two followers, one from the start and one who comes later, read the log while writers write; replayed, it gives the models' rows.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_log_has_every_position_once_and_gives_the_rows() {
    warm_up().await;
    let database = TestDatabase::create("log").await;
    pairs::set(&database.config()).await;
    let client = database.connect().await;
    let mut first = Follower::begin(&client).await.expect("the log");
    let mut second = None;
    let leader = LeaderTask::start(&database.config());
    let traffic = Traffic::start(&database.config(), number("HEADWATER_SEED", 1), 5, Duration::from_millis(3));
    let began = Instant::now();
    let time = Duration::from_secs(number("HEADWATER_SECONDS", 4));
    let mut polls = 0;
    while began.elapsed() < time {
        for follower in std::iter::once(&mut first).chain(&mut second) {
            follower.poll(&client).await.expect("the log").unwrap_or_else(|problem| panic!("{problem}"));
            polls += 1;
        }
        if second.is_none() && began.elapsed() > time / 3 {
            execute(&client, "TRUNCATE tags").await;
            second = Some(Follower::begin(&client).await.expect("the log"));
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let transactions = traffic.stop().await;
    assert_sound(&database.config(), &mut first).await;
    assert_sound(&database.config(), second.as_mut().expect("it came")).await;
    leader.end().await;
    for model in ["by_project", "cards", "tagged", "events", "board"] {
        let entries = first.entries.iter().filter(|entry| entry.model == model).count();
        assert!(entries > 10, "{model}: {entries} entries");
    }
    // Of an event log, a key is heard of once, and stays.
    let mut events: Vec<_> =
        first.entries.iter().filter(|entry| entry.model == "events" && entry.op != "reset").collect();
    assert!(events.iter().all(|entry| entry.op == "put"));
    let heard = events.len();
    events.sort_by_key(|entry| &entry.key);
    events.dedup_by_key(|entry| &entry.key);
    assert_eq!(events.len(), heard);
    let stayed = "SELECT count(*) FROM events AS e WHERE NOT EXISTS (SELECT FROM votes AS v WHERE v.id = e.id)";
    assert_ne!(execute(&client, stayed).await, ["0"]);
    eprintln!("{polls} polls, {} positions, {transactions} transactions", first.position());
}
