//! Random statements on the showcase's models and those of `tests/property`, the oracle after every statement.
//!
//! `HEADWATER_SECONDS` (10) is the time for each test, `HEADWATER_SEED` the first round's seed (each round adds one),
//! `HEADWATER_MODEL=pt_` keeps the models whose name contains it. `HEADWATER_REPORT=FILE` collects failures there and
//! goes on, instead of stopping at the first.

use std::io::Write as _;
use std::time::{Duration, Instant};

use headwater_compile::SourceFile;
use headwater_testkit::Oracle;
use headwater_testkit::behavior::warm_up;
use headwater_testkit::property::session::Session;
use headwater_testkit::property::statements::Writer;
use headwater_testkit::property::{Failure, Stage, crowd, models, schema, shrink};

/// How long a failure is shrunk.
const SHRINKING: Duration = Duration::from_secs(60);

/// Transactions of one round.
const TRANSACTIONS: usize = 30;

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Every third round has all models, the others a few or one: models that share keys and locks hide each other's faults.
fn chosen(all: &[SourceFile], seed: u64) -> Vec<SourceFile> {
    let every = match seed % 3 {
        0 => return all.to_vec(),
        1 => 5,
        _ => all.len() as u64,
    };
    let start = usize::try_from(seed / 3 % every).unwrap_or(0);
    all.iter().skip(start).step_by(usize::try_from(every).unwrap_or(1)).cloned().collect()
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
    let (mut rounds, mut statements) = (0, 0);
    while Instant::now() < until {
        let chosen = chosen(&all, seed);
        let some = match chosen.len() == all.len() {
            true => None,
            false => Some(Stage::set(&schema, &chosen).await.unwrap_or_else(|error| panic!("{error}"))),
        };
        statements += round(some.as_ref().unwrap_or(&everything), &schema, seed, until).await;
        (seed, rounds) = (seed + 1, rounds + 1);
    }
    eprintln!("{rounds} rounds, {statements} statements, {} models, last seed {}", all.len(), seed - 1);
}

/// One script on a copy of the stage. Returns how many statements were run.
async fn round(stage: &Stage, schema: &str, seed: u64, until: Instant) -> usize {
    let mut writer = Writer::new(&stage.tables, seed, stage.major());
    let mut script = writer.population();
    let database = stage.copy().await;
    let client = database.connect().await;
    client.batch_execute("SET statement_timeout = '30s'").await.expect("a setting");
    let oracle = Oracle::load(&client, &[]).await.expect("the installed models");
    let mut session = Session::new(&client);
    let mut outcome = session.run(&script, &oracle).await;
    for _ in 0..TRANSACTIONS {
        if outcome.is_err() || Instant::now() > until {
            break;
        }
        let transaction = writer.transaction(false);
        outcome = session.run(&transaction, &oracle).await;
        script.extend(transaction);
    }
    let count = session.history.len();
    if let Err(failure) = outcome {
        report(&shrunk(stage, schema, seed, script, failure).await);
    }
    count
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
    let text = model.map_or("", |model| model.text.as_str());
    format!("-- seed {seed}, PostgreSQL {}: {} ({others})\n{text};\n\n{failure}\n", stage.major(), names.join(", "))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_model_is_exact_between_bursts_of_many_writers() {
    warm_up().await;
    let (all, schema) = (wanted_models(), schema());
    let until = Instant::now() + Duration::from_secs(number("HEADWATER_SECONDS", 10));
    let mut seed = number("HEADWATER_SEED", 3);
    let mut statements = 0;
    while Instant::now() < until {
        let stage = Stage::set(&schema, &chosen(&all, seed)).await.unwrap_or_else(|error| panic!("{error}"));
        let round = until.min(Instant::now() + Duration::from_secs(10));
        match crowd::run(&stage, seed, 3 + usize::try_from(seed % 2).unwrap_or(0), round).await {
            Ok(count) => statements += count,
            Err(failure) => report(&format!("-- several writers, seed {seed}, PostgreSQL {}: {}\n{failure}\n", stage.major(), failure.models().join(", "))),
        }
        seed += 1;
    }
    eprintln!("{statements} statements, {} models, last seed {}", all.len(), seed - 1);
}
