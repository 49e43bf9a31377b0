//! The examples as tests use them: loaded at a small scale, written to from several connections, verified.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use headwater_compile::SourceFile;
use headwater_deploy::project::{Settings, parse_settings, script};
use headwater_deploy::{Project, Silent, verify};
use tokio_postgres::Client;

use crate::TestDatabase;
use crate::traffic::{self, Random, Transaction};

/// One folder under `examples/`.
#[derive(Debug, Clone, Copy)]
pub struct Example(pub &'static str);

impl Example {
    fn folder(self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(self.0)
    }

    /// The text of one of its files.
    ///
    /// # Panics
    /// Where there is none.
    #[must_use]
    pub fn read(self, file: &str) -> String {
        let path = self.folder().join(file);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Its headwater.toml.
    ///
    /// # Panics
    /// Where it cannot be read.
    #[must_use]
    pub fn settings(self) -> Settings {
        parse_settings("headwater.toml", self.read("headwater.toml")).expect("headwater.toml")
    }

    /// A database with its tables and indexes; with its data where a scale is given.
    ///
    /// # Panics
    /// Where one of its files fails.
    pub async fn load(self, scale: Option<&str>) -> TestDatabase {
        let database = TestDatabase::create(self.0).await;
        let client = database.connect().await;
        let demo = self.settings().demo;
        for file in &demo.schema {
            client.batch_execute(&self.read(file)).await.expect(file);
        }
        if let Some(scale) = scale {
            let data = format!("SET {}.scale = {scale};\n{}", self.0, self.read(&demo.data));
            client.batch_execute(&data).await.expect(&demo.data);
        }
        // One by one: CONCURRENTLY stands in no transaction, nor in a message with others.
        for statement in script::statements(&self.read(&demo.indexes)) {
            client.batch_execute(statement).await.expect(&demo.indexes);
        }
        database
    }

    /// Its model files, in alphabetical order.
    ///
    /// # Panics
    /// Where they cannot be read.
    #[must_use]
    pub fn models(self) -> Vec<SourceFile> {
        let entries = std::fs::read_dir(self.folder().join("models")).expect("models");
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
        paths.sort();
        Project::of_files(&paths).expect("the example's project").files
    }

    /// Lets six writers at mixed isolation levels write its application's transactions, picked by weight.
    ///
    /// `HEADWATER_SEED` and `HEADWATER_SECONDS` go before the seed and the six seconds.
    ///
    /// # Panics
    /// Where a transaction fails with anything but a conflict.
    pub async fn write(self, database: &TestDatabase) {
        let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
        let seed = number("HEADWATER_SEED").unwrap_or(20_261_121);
        let until = Instant::now() + Duration::from_secs(number("HEADWATER_SECONDS").unwrap_or(6));
        let transactions = traffic::parse(&self.read("traffic/writes.sql"));
        let mut writers = Vec::new();
        for number in 0..6_u64 {
            let client = database.connect().await;
            let level = ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"][(number % 3) as usize];
            writers.push(tokio::spawn(write(client, level, transactions.clone(), Random::new(seed + number), until)));
        }
        let mut totals = BTreeMap::<String, usize>::new();
        for writer in writers {
            for (word, count) in writer.await.expect("a writer") {
                *totals.entry(word).or_default() += count;
            }
        }
        eprintln!("seed {seed}: {totals:?}");
    }
}

async fn write(
    client: Client,
    level: &str,
    transactions: Vec<Transaction>,
    mut random: Random,
    until: Instant,
) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::<String, usize>::new();
    while Instant::now() < until {
        let transaction = traffic::pick(&transactions, random.number());
        let word = match run(&client, level, transaction).await {
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
}

async fn run(client: &Client, level: &str, transaction: &Transaction) -> Result<(), tokio_postgres::Error> {
    client.batch_execute(&format!("BEGIN ISOLATION LEVEL {level}")).await?;
    for statement in &transaction.statements {
        client.batch_execute(statement).await?;
    }
    client.batch_execute("COMMIT").await
}

/// Every model as `verify` finds it: exact and not broken.
///
/// # Panics
/// With the first differing rows of those that are not.
pub async fn verify_all(database: &TestDatabase) -> Vec<verify::Verified> {
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
    assert!(wrong.is_empty(), "not exact: {:?}", wrong.iter().map(|model| &model.name).collect::<Vec<_>>());
    verified
}
