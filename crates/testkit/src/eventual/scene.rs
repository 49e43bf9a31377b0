//! A small database with a model of every way in which a batch brings rows up to date, for scenes that are played step by step.
//!
//! | model | its rows change by |
//! | --- | --- |
//! | `tallies` | folding votes, recomputing after changes of projects |
//! | `extremes` | folding what can be taken back only while it is not the extreme |
//! | `latest`, `cards` | recomputing, through a join too |
//! | `total` | folding into one row |

use headwater_compile::SourceFile;
use headwater_deploy::batch::{How, Preparation};
use headwater_deploy::{Silent, apply};
use headwater_postgres::Client;
use tokio_postgres::SimpleQueryMessage;

use super::checked::{Checked, Verdict};
use super::truth::Truth;
use crate::TestDatabase;
use crate::interleaving::Mutant;
use crate::oracle::Difference;

/// The tables, and rows in them. `note` is read by no model.
pub const SCHEMA: &str = "
    CREATE TABLE projects (id int PRIMARY KEY, title text NOT NULL);
    CREATE TABLE votes (id int PRIMARY KEY, project_id int NOT NULL, points int NOT NULL, note text);
    INSERT INTO projects SELECT p, 'project ' || p FROM generate_series(1, 5) AS p;
    INSERT INTO votes SELECT v, 1 + v % 4, v % 7 FROM generate_series(1, 20) AS v;";

/// The models.
pub const MODELS: &str = "
-- headwater: eventual
CREATE MATERIALIZED VIEW tallies AS
SELECT p.id, p.title, (SELECT count(*) FROM votes v WHERE v.project_id = p.id) AS votes,
       (SELECT coalesce(sum(v.points), 0) FROM votes v WHERE v.project_id = p.id) AS points
FROM projects p;
CREATE UNIQUE INDEX ON tallies (id);

-- headwater: eventual
-- headwater: require delta
CREATE MATERIALIZED VIEW extremes AS
SELECT v.project_id, count(*) AS votes, min(v.points) AS least, max(v.points) AS most FROM votes v GROUP BY v.project_id;

-- headwater: eventual
CREATE MATERIALIZED VIEW latest AS
SELECT p.id, l.vote, l.points FROM projects p
LEFT JOIN LATERAL (SELECT v.id AS vote, v.points FROM votes v WHERE v.project_id = p.id ORDER BY v.id DESC LIMIT 1) l ON true;

-- headwater: eventual
CREATE MATERIALIZED VIEW cards AS SELECT v.id, v.points, p.title FROM votes v JOIN projects p ON p.id = v.project_id;

-- headwater: eventual
CREATE MATERIALIZED VIEW total AS SELECT count(*) AS votes, sum(points) AS points, max(points) AS most FROM votes;
";

/// The advisory lock at which a batch stops between two models ([`Scene::hook`]).
pub const HOOK: i64 = 7700;

/// A change of an installed function: a regex of its name, a regex, and what takes its place.
pub type Change = (&'static str, &'static str, &'static str);

/// The database, its models up to date.
#[derive(Debug)]
pub struct Scene {
    /// The database.
    pub database: TestDatabase,
    /// A session beside the batches.
    pub control: Client,
    checked: Checked,
}

impl Scene {
    /// Sets it.
    ///
    /// # Panics
    /// Where that fails.
    pub async fn set(hint: &str) -> Self {
        let database = TestDatabase::create(hint).await;
        let control = database.connect().await;
        control.batch_execute(SCHEMA).await.expect("the tables");
        let files = [SourceFile { path: "scene.sql".to_owned(), text: MODELS.to_owned() }];
        apply::apply(&database.config(), &files, &apply::Options::default(), &Silent)
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        let checked = Checked::load(&database).await;
        let mut scene = Self { database, control, checked };
        let found = scene.batch().await;
        assert!(found.is_empty(), "{found:?}");
        scene
    }

    /// [`mutate`].
    pub async fn mutate(&self, changes: &[Change]) {
        mutate(&self.control, changes).await;
    }

    /// Makes every batch stop before each model until nobody holds [`HOOK`].
    pub async fn hook(&self) {
        let stop = "\nBEGIN\n  PERFORM pg_advisory_xact_lock_shared(7700);\n";
        self.mutate(&[("^run_step$", r"\nBEGIN\n", stop)]).await;
    }

    /// Runs statements in the session beside the batches.
    ///
    /// # Panics
    /// Where they fail.
    pub async fn write(&self, sql: &str) {
        execute(&self.control, sql).await;
    }

    /// Another session.
    pub async fn session(&self) -> Client {
        self.database.connect().await
    }

    /// One batch; what differs from the truth at its snapshot.
    ///
    /// # Panics
    /// Where it fails.
    pub async fn batch(&mut self) -> Vec<Difference> {
        loop {
            match self.checked.batch().await.unwrap_or_else(|error| panic!("{error}")) {
                Verdict::Done(_, found) => return found,
                Verdict::GaveWay => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
            }
        }
    }

    /// The truth at another snapshot than a batch's own.
    pub async fn truth(&self) -> Truth {
        Truth::load(&self.database).await.unwrap_or_else(|error| panic!("{}", headwater_postgres::describe(&error)))
    }

    /// The statements of a batch up to its commit, as every runner of batches sends them: BEGIN, a setting, the locks, the batch.
    pub async fn statements(&self) -> Vec<String> {
        let preparation = Preparation::load(&self.control).await.unwrap_or_else(|error| panic!("{error}"));
        let how = How { careful: false, force: true };
        let sql = preparation.begin(how, std::time::Duration::from_secs(10));
        sql.split("; ").map(str::to_owned).collect()
    }

    /// Waits until another session waits for an advisory lock of this database.
    pub async fn until_hooked(&self) {
        self.until("EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))").await;
    }

    /// Waits until a condition holds.
    ///
    /// # Panics
    /// After ten seconds.
    pub async fn until(&self, condition: &str) {
        for _ in 0..2000 {
            let holds = self.control.query_one(&format!("SELECT {condition}"), &[]).await.expect("a condition").get(0);
            if holds {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        panic!("it never came to be: {condition}");
    }
}

/// Changes installed functions.
///
/// # Panics
/// Where nothing matches: the mutant would be none.
pub async fn mutate(client: &Client, changes: &[Change]) {
    for (function, pattern, replacement) in changes {
        let body = format!("{function}: /{pattern}/{replacement}/");
        let mutant = Mutant::parse(&["mutant", "caught"], Some(body)).unwrap_or_else(|error| panic!("{error}"));
        mutant.install(client).await.unwrap_or_else(|error| panic!("{function}: {error}"));
    }
}

/// The transactions in flight at the last batch's snapshot are forgotten: what commits late is lost.
pub const NO_LATE_ONES: Change = ("^run_batch$", r"also := ARRAY\(SELECT [^;]*;", "also := '{}';");

/// Runs statements; gives the first column of the rows of the last of them.
///
/// # Panics
/// Where they fail.
pub async fn execute(client: &Client, sql: &str) -> Vec<String> {
    let messages = client
        .simple_query(sql)
        .await
        .unwrap_or_else(|error| panic!("{sql}\n{}", headwater_postgres::describe(&error)));
    let first = |message: &SimpleQueryMessage| match message {
        SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default().to_owned()),
        _ => None,
    };
    messages.iter().filter_map(first).collect()
}
