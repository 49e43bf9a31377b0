//! Random statements on the showcase's models and those of `tests/property`, the oracle after every statement.
//!
//! `HEADWATER_SECONDS` (10) is the time for each test, `HEADWATER_SEED` the first round's seed (each round adds one),
//! `HEADWATER_MODEL=pt_` keeps the models whose name contains it. `HEADWATER_REPORT=FILE` collects failures there and
//! goes on, instead of stopping at the first. `HEADWATER_PRINT=1` prints every statement.

use std::io::Write as _;
use std::time::{Duration, Instant};

use headwater_compile::SourceFile;
use headwater_testkit::behavior::warm_up;
use headwater_testkit::property::session::{Judge, Session};
use headwater_testkit::property::statements::Writer;
use headwater_testkit::property::{Failure, Stage, chosen, crowd, models, schema, shrink};

/// How long a failure is shrunk.
const SHRINKING: Duration = Duration::from_secs(60);

/// Transactions of one round.
const TRANSACTIONS: usize = 30;

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn wanted_models() -> Vec<SourceFile> {
    let wanted = std::env::var("HEADWATER_MODEL").unwrap_or_default();
    models().into_iter().filter(|model| model.path.contains(&wanted)).collect()
}

/// Prints a failure, or collects it.
fn report(text: &str) {
    match std::env::var_os("HEADWATER_REPORT") {
        Some(path) => {
            let mut file = std::fs::File::options().create(true).append(true).open(path).expect("the report's file");
            file.write_all(text.as_bytes()).expect("the report is written");
        }
        None => panic!("{text}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_model_is_exact_after_every_statement() {
    warm_up().await;
    let (all, schema) = (wanted_models(), schema());
    let everything = Stage::set(&schema, &all).await.unwrap_or_else(|error| panic!("{error}"));
    let until = Instant::now() + Duration::from_secs(number("HEADWATER_SECONDS", 10));
    let mut seed = number("HEADWATER_SEED", 3);
    let (mut rounds, mut statements, mut refused) = (0, 0, 0);
    while Instant::now() < until {
        let chosen = chosen(&all, seed);
        let some = match chosen.len() == all.len() {
            true => None,
            false => Some(Stage::set(&schema, &chosen).await.unwrap_or_else(|error| panic!("{error}"))),
        };
        let history = round(some.as_ref().unwrap_or(&everything), &schema, seed, until).await;
        statements += history.len();
        refused += history.iter().filter(|statement| statement.contains("; -- ")).count();
        (seed, rounds) = (seed + 1, rounds + 1);
    }
    let models = all.len();
    eprintln!("{rounds} rounds, {statements} statements ({refused} refused), {models} models, last seed {}", seed - 1);
}

/// What is missed is found, and the statement that was missed is what is left of the script.
#[tokio::test(flavor = "multi_thread")]
async fn a_missed_change_is_found_and_shrunk() {
    warm_up().await;
    let models: Vec<SourceFile> = models().into_iter().filter(|model| model.path == "pt_bag.sql").collect();
    let stage = Stage::set(&schema(), &models).await.unwrap_or_else(|error| panic!("{error}"));
    let mut writer = Writer::new(&stage.tables, 1, stage.major());
    let mut script = writer.population();
    script.retain(|statement| {
        ["users", "projects", "upvotes"].iter().any(|table| statement.contains(&format!("INTO {table} ")))
    });
    script.extend(writer.transaction(false));
    assert!(shrink::attempt(&stage, &script, &[]).await.is_ok());
    script.insert(0, "ALTER TABLE upvotes DISABLE TRIGGER \"00_headwater_insert\"".to_owned());
    let failure = shrink::attempt(&stage, &script, &[]).await.expect_err("a trigger is off");
    assert_eq!(failure.models(), ["pt_bag"]);
    let (script, _) = shrink::shrink(&stage, script, failure, SHRINKING).await;
    assert!(script.len() <= 5, "{script:#?}");
    assert!(script.iter().any(|statement| statement.contains("INTO upvotes")), "{script:#?}");
}

/// One script on a copy of the stage. Returns what was run.
async fn round(stage: &Stage, schema: &str, seed: u64, until: Instant) -> Vec<String> {
    let mut writer = Writer::new(&stage.tables, seed, stage.major());
    let mut script = writer.population();
    let database = stage.copy().await;
    let client = database.connect().await;
    client.batch_execute("SET statement_timeout = '30s'").await.expect("a setting");
    let judge = Judge::load(&client, &[]).await;
    let mut session = Session::new(&client);
    let mut outcome = session.populate(&script, &judge).await;
    for _ in 0..TRANSACTIONS {
        if outcome.is_err() || Instant::now() > until {
            break;
        }
        let transaction = writer.transaction(false);
        outcome = session.run(&transaction, &judge).await;
        script.extend(transaction);
    }
    let history = session.history.clone();
    if std::env::var_os("HEADWATER_PRINT").is_some() {
        eprintln!("-- seed {seed}\n{};", history.join(";\n"));
    }
    if let Err(failure) = outcome {
        report(&shrunk(stage, schema, seed, script, failure).await);
    }
    history
}

/// The failure as a script: with the failing model alone where it fails alone.
async fn shrunk(stage: &Stage, schema: &str, seed: u64, script: Vec<String>, failure: Failure) -> String {
    let names = failure.models();
    let model = stage.models.iter().find(|file| names.first().is_some_and(|name| file.path == format!("{name}.sql")));
    let alone = match model {
        Some(model) => Stage::set(schema, std::slice::from_ref(model)).await.ok(),
        None => None,
    };
    let mut found = None;
    if let Some(alone) = &alone
        && let Err(failure) = shrink::attempt(alone, &script, &[]).await
    {
        found = Some(shrink::shrink(alone, script.clone(), failure, SHRINKING).await);
    }
    let is_alone = found.is_some();
    let (_, failure) = match found {
        Some(found) => found,
        None => shrink::shrink(stage, script, failure, SHRINKING).await,
    };
    let others = if is_alone { "fails alone" } else { "fails only among the other models" };
    let text = model.map_or("", |model| model.text.trim_end().trim_end_matches(';'));
    format!("-- seed {seed}, PostgreSQL {}: {} ({others})\n{text};\n\n{failure}\n", stage.major(), names.join(", "))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_model_is_exact_between_bursts_of_many_writers() {
    warm_up().await;
    let (all, schema) = (wanted_models(), schema());
    let until = Instant::now() + Duration::from_secs(number("HEADWATER_SECONDS", 10));
    let mut seed = number("HEADWATER_SEED", 3);
    let (mut statements, mut refused, mut conflicts) = (0, 0, 0);
    while Instant::now() < until {
        let stage = Stage::set(&schema, &chosen(&all, seed)).await.unwrap_or_else(|error| panic!("{error}"));
        let round = until.min(Instant::now() + Duration::from_secs(10));
        match crowd::run(&stage, seed, 3 + usize::try_from(seed % 2).unwrap_or(0), round).await {
            Ok(count) => {
                statements += count.statements;
                refused += count.refused;
                conflicts += count.conflicts;
            }
            Err(failure) => report(&format!(
                "-- several writers, seed {seed}, PostgreSQL {}: {}\n{failure}\n",
                stage.major(),
                failure.models().join(", ")
            )),
        }
        seed += 1;
    }
    let models = all.len();
    eprintln!(
        "{statements} statements ({refused} refused, {conflicts} conflicts), {models} models, last seed {}",
        seed - 1
    );
}
