//! The showcase as a whole: load, apply, write from several connections, verify.

use std::path::{Path, PathBuf};

use headwater_compile::{Mode, SourceFile};
use headwater_deploy::{Project, Silent, apply, verify};
use headwater_maintain::leader::{Settings, Unobserved, lead};
use headwater_testkit::TestDatabase;
use headwater_testkit::behavior::in_mode;
use headwater_testkit::traffic::{self, Random, Transaction};

fn showcase() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/showcase")
}

fn read(name: &str) -> String {
    std::fs::read_to_string(showcase().join(name)).expect(name)
}

async fn loaded(scale: &str) -> TestDatabase {
    let database = TestDatabase::create("showcase").await;
    let client = database.connect().await;
    client.batch_execute(&read("schema.sql")).await.expect("schema");
    client.batch_execute(&format!("SET showcase.scale = {scale};\n{}", read("data.sql"))).await.expect("data");
    client.batch_execute(&read("indexes.sql")).await.expect("indexes");
    database
}

#[tokio::test(flavor = "multi_thread")]
async fn every_model_is_exact_after_it_is_applied() {
    let database = loaded("0.02").await;
    let applied = apply::apply(&database.config(), &models(), &apply::Options::default(), &Silent).await;
    let applied = match applied {
        Ok(applied) => applied,
        Err(error) => panic!("{error:#?}"),
    };
    for diagnostic in &applied.problems.diagnostics {
        eprintln!("{diagnostic:?}");
    }
    let mut client = database.connect().await;
    let verified = verify::verify(&mut client, &verify::Options::default(), &Silent).await.expect("verify");
    for model in &verified {
        eprintln!("{model:?}");
        assert!(model.exact, "{model:#?}");
    }
    assert_eq!(verified.len(), applied.built.len());
}

/// As the example declares them, with a leader beside the writers.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_model_is_exact_after_concurrent_writers() {
    let database = loaded("0.02").await;
    apply::apply(&database.config(), &models(), &apply::Options::default(), &Silent).await.expect("apply");
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let config = database.config();
    let leader = tokio::spawn(async move { lead(&config, &Settings::default(), stopped, &Unobserved).await });
    write_and_verify(&database).await;
    let _ = stop.send(true);
    leader.await.expect("the leader does not panic").expect("the leader ends well");
}

/// All of them realtime.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_realtime_model_is_exact_after_concurrent_writers() {
    let database = loaded("0.02").await;
    let mut files = models();
    for file in &mut files {
        file.text = in_mode(&file.text, Mode::Realtime);
    }
    apply::apply(&database.config(), &files, &apply::Options::default(), &Silent).await.expect("apply");
    write_and_verify(&database).await;
}

fn models() -> Vec<SourceFile> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(showcase().join("models"))
        .expect("models")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    Project::of_files(&paths).expect("the example's project").files
}

/// Several writers at mixed isolation levels, picking the application's transactions; every model exact afterwards.
async fn write_and_verify(database: &TestDatabase) {
    let transactions = traffic::parse(&read("traffic/writes.sql"));
    let seed = std::env::var("HEADWATER_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_121_u64);
    let seconds: u64 = std::env::var("HEADWATER_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(6);
    let until = std::time::Instant::now() + std::time::Duration::from_secs(seconds);
    let mut writers = Vec::new();
    for number in 0..6_u64 {
        let client = database.connect().await;
        let transactions = transactions.clone();
        writers.push(tokio::spawn(async move {
            let mut random = Random::new(seed + number);
            let mut counts = std::collections::BTreeMap::<String, usize>::new();
            let level = ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"][(number % 3) as usize];
            while std::time::Instant::now() < until {
                let transaction = traffic::pick(&transactions, random.number());
                let outcome = run(&client, level, transaction).await;
                let word = match outcome {
                    Ok(()) => "committed".to_owned(),
                    Err(error) => {
                        client.batch_execute("ROLLBACK").await.expect("rollback");
                        match error.code().map(|code| code.code().to_owned()) {
                            Some(code) if code == "40001" || code == "40P01" => format!("{level} {code}"),
                            other => panic!("{}: {other:?} {:?}", transaction.name, error.as_db_error()),
                        }
                    }
                };
                *counts.entry(word).or_default() += 1;
            }
            counts
        }));
    }
    let mut totals = std::collections::BTreeMap::<String, usize>::new();
    for writer in writers {
        for (word, count) in writer.await.expect("a writer") {
            *totals.entry(word).or_default() += count;
        }
    }
    eprintln!("seed {seed}: {totals:?}");
    let mut client = database.connect().await;
    let verified = verify::verify(&mut client, &verify::Options::default(), &Silent).await.expect("verify");
    let wrong: Vec<_> = verified.iter().filter(|model| !model.exact || model.broken.is_some()).collect();
    for model in &wrong {
        eprintln!(
            "{}: broken {:?}, missing {} extra {} altered {}",
            model.name, model.broken, model.comparison.missing, model.comparison.extra, model.comparison.altered
        );
        for row in model.comparison.sample.iter().take(4) {
            eprintln!("  {} {:.300}", row.side, row.row);
        }
    }
    assert!(wrong.is_empty(), "seed {seed}");
}

async fn run(
    client: &tokio_postgres::Client,
    level: &str,
    transaction: &Transaction,
) -> Result<(), tokio_postgres::Error> {
    client.batch_execute(&format!("BEGIN ISOLATION LEVEL {level}")).await?;
    for statement in &transaction.statements {
        client.batch_execute(statement).await?;
    }
    client.batch_execute("COMMIT").await
}
