//! An application whose rows come in pairs: two votes of one transaction, in two statements, whose points add up to nothing. Whoever
//! sees half a transaction, or one model ahead of another, sees a sum that is not nothing or two counts that differ.
//!
//! Its models are of every kind of which the log speaks: eventual and realtime ones that are live, one without a key, an event log.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use headwater_compile::SourceFile;
use headwater_deploy::{Silent, apply};
use headwater_postgres::{Client, Config, connect};
use tokio::task::JoinHandle;

use crate::property::{below, chance};
use crate::traffic::Random;

/// The tables and some rows.
const SCHEMA: &str = "
    CREATE TABLE projects (id int PRIMARY KEY, title text NOT NULL);
    CREATE TABLE votes (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        pair int NOT NULL, project_id int NOT NULL REFERENCES projects, user_id int NOT NULL, points int NOT NULL);
    CREATE INDEX ON votes (pair);
    CREATE INDEX ON votes (project_id);
    CREATE TABLE tags (project_id int NOT NULL, tag text NOT NULL);
    INSERT INTO projects SELECT p, 'project ' || p FROM generate_series(1, 12) AS p;
    INSERT INTO votes (pair, project_id, user_id, points)
    SELECT p / 2, 1 + p % 12, 1 + p % 7, CASE WHEN p % 2 = 0 THEN 3 ELSE -3 END FROM generate_series(0, 199) AS p;";

/// The models.
const MODELS: &str = "
-- headwater: eventual
-- headwater: retain live
CREATE MATERIALIZED VIEW by_project AS
SELECT p.id, p.title, (SELECT count(*) FROM votes v WHERE v.project_id = p.id) AS votes,
       (SELECT coalesce(sum(v.points), 0) FROM votes v WHERE v.project_id = p.id) AS points
FROM projects p;
CREATE UNIQUE INDEX ON by_project (id);

-- headwater: eventual
CREATE MATERIALIZED VIEW by_user AS
SELECT v.user_id, count(*) AS votes, sum(v.points) AS points, max(v.points) AS most FROM votes v GROUP BY v.user_id;

-- headwater: eventual
CREATE MATERIALIZED VIEW total AS SELECT count(*) AS votes, coalesce(sum(points), 0) AS points FROM votes;

-- headwater: eventual
-- headwater: retain live
CREATE MATERIALIZED VIEW cards AS
SELECT v.id, v.points, p.title FROM votes v JOIN projects p ON p.id = v.project_id;

-- headwater: eventual
-- headwater: retain live
CREATE MATERIALIZED VIEW tagged AS SELECT t.project_id, t.tag FROM tags t;

-- headwater: eventual
-- headwater: retain append
CREATE MATERIALIZED VIEW events AS SELECT v.id, v.user_id, v.points FROM votes v;

-- headwater: realtime
-- headwater: retain live
CREATE MATERIALIZED VIEW board AS
SELECT v.project_id, count(*) AS votes, max(v.points) AS most FROM votes v GROUP BY v.project_id;
";

/// One statement of a reader: the numbers that differ although every transaction keeps them equal; no row where all is well.
pub const BROKEN: &str = "
    SELECT row_to_json(s)::text
    FROM (SELECT (SELECT sum(votes) FROM by_project) AS by_project, (SELECT sum(votes) FROM by_user) AS by_user,
                 (SELECT votes FROM total) AS total, (SELECT count(*) FROM cards) AS cards,
                 (SELECT sum(points) FROM by_project) AS points_by_project, (SELECT coalesce(sum(points), 0) FROM by_user) AS points_by_user,
                 (SELECT points FROM total) AS points, (SELECT coalesce(sum(points), 0) FROM cards) AS points_of_cards) AS s
    WHERE (coalesce(by_user, 0), by_project, cards) IS DISTINCT FROM (total::numeric, total::numeric, total)
       OR (points_by_project, points_by_user, points, points_of_cards) IS DISTINCT FROM (0::numeric, 0::numeric, 0::bigint, 0::bigint)
       OR total % 2 <> 0";

/// Creates the tables and applies the models.
///
/// # Panics
/// Where that fails.
pub async fn set(config: &Config) {
    let client = connect(config).await.unwrap_or_else(|error| panic!("{error}"));
    client.batch_execute(SCHEMA).await.unwrap_or_else(|error| panic!("{}", headwater_postgres::describe(&error)));
    let files = [SourceFile { path: "pairs.sql".to_owned(), text: MODELS.to_owned() }];
    apply::apply(config, &files, &apply::Options::default(), &Silent).await.unwrap_or_else(|error| match &error {
        headwater_deploy::Error::Problems(problems) => panic!("{}", crate::golden::problems_text(problems)),
        other => panic!("{other}"),
    });
}

/// Writers at work. A connection that is lost is opened again.
#[derive(Debug)]
pub struct Traffic {
    stop: Arc<AtomicBool>,
    committed: Arc<AtomicUsize>,
    tasks: Vec<JoinHandle<Result<(), String>>>,
}

impl Traffic {
    /// Starts so many writers, each with a pause of up to so long between its transactions.
    #[must_use]
    pub fn start(config: &Config, seed: u64, sessions: u64, pause: Duration) -> Self {
        let (stop, committed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let tasks = (0..sessions).map(|number| {
            let (stop, committed) = (Arc::clone(&stop), Arc::clone(&committed));
            let random = Random::new(seed * 97 + number + 1);
            tokio::spawn(write(config.clone(), random, pause, stop, committed))
        });
        Self { tasks: tasks.collect(), stop, committed }
    }

    /// How many transactions have committed so far.
    #[must_use]
    pub fn committed(&self) -> usize {
        self.committed.load(Ordering::Relaxed)
    }

    /// Lets them end; gives how many transactions they committed.
    ///
    /// # Panics
    /// Where a writer met an error that no application should get.
    pub async fn stop(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.expect("a writer").unwrap_or_else(|error| panic!("a writer: {error}"));
        }
        self.committed.load(Ordering::Relaxed)
    }
}

async fn write(
    config: Config,
    mut random: Random,
    pause: Duration,
    stop: Arc<AtomicBool>,
    committed: Arc<AtomicUsize>,
) -> Result<(), String> {
    let mut client = None;
    while !stop.load(Ordering::Relaxed) {
        let Some(open) = &client else {
            client = open_session(&config).await;
            continue;
        };
        match transaction(open, &mut random).await {
            Ok(()) => drop(committed.fetch_add(1, Ordering::Relaxed)),
            Err(error) if headwater_deploy::error::went_away(&error) || open.is_closed() => client = None,
            Err(error) if headwater_deploy::error::is_conflict(&error) => {
                let _ = open.batch_execute("ROLLBACK").await;
            }
            Err(error) => return Err(headwater_postgres::describe(&error)),
        }
        let longest = usize::try_from(pause.as_micros()).unwrap_or(0);
        tokio::time::sleep(Duration::from_micros(below(&mut random, longest) as u64)).await;
    }
    Ok(())
}

async fn open_session(config: &Config) -> Option<Client> {
    match connect(config).await {
        Ok(client) => {
            let settings = "SET deadlock_timeout = '50ms'; SET statement_timeout = '60s'; SET synchronous_commit = on";
            client.batch_execute(settings).await.ok().map(|()| client)
        }
        Err(_) => {
            tokio::time::sleep(Duration::from_millis(20)).await;
            None
        }
    }
}

/// One transaction: it changes a pair as a whole, though often in several statements and not at once.
async fn transaction(client: &Client, random: &mut Random) -> Result<(), tokio_postgres::Error> {
    let level = ["READ COMMITTED", "READ COMMITTED", "REPEATABLE READ"][below(random, 3)];
    let (pair, project, other, user) =
        (below(random, 300), 1 + below(random, 12), 1 + below(random, 12), 1 + below(random, 7));
    let points = 1 + below(random, 9);
    let vote = |points: String| {
        format!("INSERT INTO votes (pair, project_id, user_id, points) VALUES ({pair}, {project}, {user}, {points})")
    };
    let statements: Vec<String> = match below(random, 100) {
        0..=39 => vec![vote(points.to_string()), vote(format!("-{points}"))],
        40..=57 => vec![
            format!("DELETE FROM votes WHERE pair = {pair} AND points > 0"),
            format!("DELETE FROM votes WHERE pair = {pair}"),
        ],
        58..=69 => vec![format!("UPDATE votes SET project_id = {project} WHERE pair = {pair}")],
        70..=75 => vec![format!("UPDATE votes SET points = -points, user_id = {user} WHERE pair = {pair}")],
        76..=83 => vec![
            format!("UPDATE projects SET title = 'project {project} of {user}' WHERE id = {project}"),
            format!("UPDATE projects SET title = 'project {other}' WHERE id = {other}"),
        ],
        84..=87 => vec![
            vote(points.to_string()),
            "SAVEPOINT s".to_owned(),
            vote("1000".to_owned()),
            "ROLLBACK TO SAVEPOINT s".to_owned(),
            vote(format!("-{points}")),
        ],
        88..=93 => vec![
            format!("INSERT INTO tags VALUES ({project}, 'tag {user}'), ({project}, 'tag {user}')"),
            format!("DELETE FROM tags WHERE project_id = {other} AND tag = 'tag {user}'"),
        ],
        94..=97 => vec![format!("UPDATE votes SET project_id = 1 + project_id % 12 WHERE pair % 10 = {}", pair % 10)],
        _ => vec![vote("1000".to_owned()), "ROLLBACK".to_owned()],
    };
    client.batch_execute(&format!("BEGIN ISOLATION LEVEL {level}")).await?;
    for statement in &statements {
        if chance(random, 15) {
            tokio::time::sleep(Duration::from_millis(below(random, 25) as u64)).await;
        }
        client.batch_execute(statement).await?;
    }
    if chance(random, 4) {
        tokio::time::sleep(Duration::from_millis(below(random, 200) as u64)).await;
    }
    client.batch_execute("COMMIT").await
}
