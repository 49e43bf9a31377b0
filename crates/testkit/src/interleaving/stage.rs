//! A database with a spec's tables and one of its models, connections for its sessions, and one run of one order.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use headwater_compile::SourceFile;
use headwater_deploy::{Silent, apply};
use headwater_postgres::Client;
use tokio::task::JoinHandle;

use super::orders::{Isolation, Token};
use super::spec::Spec;
use crate::TestDatabase;
use crate::oracle::{Oracle, lines};

/// How often sessions are looked at.
const POLL: Duration = Duration::from_micros(500);

/// A run that takes longer hangs.
const LONGEST: Duration = Duration::from_secs(15);

/// The server looks for deadlocks after this long.
const DEADLOCK_TIMEOUT: &str = "15ms";

/// Everything that the runs of one model share.
#[derive(Debug)]
pub struct Stage {
    _database: TestDatabase,
    control: Client,
    clients: Vec<Arc<Client>>,
    pids: Vec<i32>,
    oracle: Arc<Oracle>,
    reset: String,
    sessions: Vec<super::spec::Session>,
}

/// What a run gave.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Transactions that ended as the spec says.
    pub finished: usize,
    /// Session and SQLSTATE of those that did not.
    pub aborts: Vec<(String, String)>,
    problems: Vec<String>,
    history: Vec<String>,
}

impl Outcome {
    /// How many transactions ended with this SQLSTATE.
    #[must_use]
    pub fn count(&self, code: &str) -> usize {
        self.aborts.iter().filter(|(_, found)| found == code).count()
    }

    /// What is wrong, if anything.
    #[must_use]
    pub fn problem(&self, spec: &Spec) -> Option<String> {
        let mut problems = self.problems.clone();
        if !spec.deadlocks_allowed && self.count("40P01") > 0 {
            problems.push("\n  a deadlock, and the spec says there is none".to_owned());
        }
        (!problems.is_empty()).then(|| problems.concat())
    }

    /// What happened, in order.
    #[must_use]
    pub fn history(&self) -> String {
        format!("    {}", self.history.join("\n    "))
    }
}

/// How one step ended.
struct Done {
    /// The application's or Headwater's error.
    error: Option<tokio_postgres::Error>,
    /// What the oracle said inside the transaction.
    inside: Option<String>,
}

/// A session in a run.
#[derive(Default)]
struct Actor {
    running: Option<(Token, JoinHandle<Done>)>,
    pending: VecDeque<Token>,
    begun: bool,
    over: bool,
    waited: bool,
}

impl Stage {
    /// Creates the database, its tables and the model.
    pub async fn set(spec: &Spec, model: &str) -> Result<Self, String> {
        let text = spec.models.iter().find(|(name, _)| name == model).map(|(_, text)| text.clone()).unwrap_or_default();
        let database = TestDatabase::create(&spec.name).await;
        let control = database.connect().await;
        let describe = |error: tokio_postgres::Error| headwater_postgres::describe(&error);
        control.batch_execute(&spec.schema).await.map_err(describe)?;
        let files = [SourceFile { path: format!("{}/{model}.sql", spec.name), text }];
        let applied = apply::apply(&database.config(), &files, &apply::Options::default(), &Silent).await;
        applied.map_err(|error| match &error {
            headwater_deploy::Error::Problems(problems) => {
                problems.diagnostics.iter().map(|one| format!("\n  {}", one.message)).collect()
            }
            other => other.to_string(),
        })?;
        let oracle = Oracle::load(&control, &[]).await.map_err(|error| error.to_string())?;
        let mut clients = Vec::new();
        let mut pids = Vec::new();
        for _ in &spec.sessions {
            let client = database.connect().await;
            client.batch_execute(&format!("SET deadlock_timeout = '{DEADLOCK_TIMEOUT}'")).await.map_err(describe)?;
            pids.push(client.query_one("SELECT pg_backend_pid()", &[]).await.map_err(describe)?.get(0));
            clients.push(Arc::new(client));
        }
        let reset = reset(&control, &spec.rows).await.map_err(describe)?;
        let sessions = spec.sessions.clone();
        Ok(Self { _database: database, control, clients, pids, oracle: Arc::new(oracle), reset, sessions })
    }

    /// The connection beside the sessions.
    #[must_use]
    pub fn control(&self) -> &Client {
        &self.control
    }

    /// Runs one order.
    pub async fn run(&self, order: &[Token], levels: &[Isolation]) -> Outcome {
        let mut outcome = Outcome::default();
        if let Err(error) = self.control.batch_execute(&self.reset).await {
            outcome.problems.push(format!("\n  putting the rows back: {}", headwater_postgres::describe(&error)));
            return outcome;
        }
        let mut actors: Vec<Actor> = self.sessions.iter().map(|_| Actor::default()).collect();
        let started = Instant::now();
        for token in order {
            let actor = &mut actors[token.session];
            if actor.running.is_some() || !actor.pending.is_empty() {
                actor.pending.push_back(token.clone());
            } else {
                self.start(actor, token, levels);
            }
            self.settle(&mut actors, levels, &mut outcome, false, started).await;
        }
        self.settle(&mut actors, levels, &mut outcome, true, started).await;
        self.again(levels, &mut outcome).await;
        match self.oracle.differences(&self.control).await {
            Ok(found) if found.is_empty() => {}
            Ok(found) => outcome.problems.push(format!("\n  at the end:{}", lines(&found))),
            Err(error) => outcome.problems.push(format!("\n  the oracle: {}", headwater_postgres::describe(&error))),
        }
        outcome
    }

    fn start(&self, actor: &mut Actor, token: &Token, levels: &[Isolation]) {
        if actor.over {
            return;
        }
        let level = levels[token.session];
        let mut sql = String::new();
        if !actor.begun {
            // The SELECT takes the snapshot.
            sql = format!("BEGIN ISOLATION LEVEL {}; SELECT 1;", level.sql());
            actor.begun = true;
        }
        let step = token.step.map(|step| self.sessions[token.session].steps[step].sql.clone());
        // At SERIALIZABLE the oracle's own reads would make nearly every pair of writers fail.
        let looks = level != Isolation::Serializable && token.step.is_some();
        let client = Arc::clone(&self.clients[token.session]);
        let oracle = Arc::clone(&self.oracle);
        let task = async move {
            if !sql.is_empty()
                && let Err(error) = client.batch_execute(&sql).await
            {
                return Done { error: Some(error), inside: None };
            }
            // Statement by statement, so that each has a statement timestamp of its own, as from a driver.
            if let Some(step) = step
                && let Err(error) = client.batch_execute(&step).await
            {
                return Done { error: Some(error), inside: None };
            }
            match oracle.differences(&client).await {
                _ if !looks => Done { error: None, inside: None },
                Ok(found) if found.is_empty() => Done { error: None, inside: None },
                Ok(found) => Done { error: None, inside: Some(lines(&found)) },
                Err(error) => Done { error: Some(error), inside: None },
            }
        };
        actor.waited = false;
        actor.running = Some((token.clone(), tokio::spawn(task)));
    }

    /// Waits until every step under way is done, or blocked by another session; to the end where `all` is to finish.
    async fn settle(
        &self,
        actors: &mut [Actor],
        levels: &[Isolation],
        outcome: &mut Outcome,
        all: bool,
        started: Instant,
    ) {
        loop {
            for (number, actor) in actors.iter_mut().enumerate() {
                if let Some((token, task)) = actor.running.take_if(|(_, task)| task.is_finished()) {
                    let done = task.await.expect("a step does not panic");
                    self.finish(number, actor, &token, done, outcome).await;
                }
                while actor.running.is_none()
                    && let Some(token) = actor.pending.pop_front()
                {
                    self.start(actor, &token, levels);
                }
            }
            if actors.iter().all(|actor| actor.running.is_none()) {
                return;
            }
            if started.elapsed() > LONGEST {
                outcome.problems.push("\n  hangs".to_owned());
                self.end_all(actors).await;
                return;
            }
            let blocked = self.blocked().await;
            let mut waiting = true;
            for (number, actor) in actors.iter_mut().enumerate() {
                if let Some((token, task)) = &actor.running {
                    let now = blocked.contains(&self.pids[number]);
                    if now && !actor.waited {
                        outcome.history.push(format!("{} waits", token.name));
                        actor.waited = true;
                    }
                    waiting &= now && !task.is_finished();
                }
            }
            if waiting && !all {
                return;
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn finish(&self, number: usize, actor: &mut Actor, token: &Token, done: Done, outcome: &mut Outcome) {
        let session = &self.sessions[number];
        if let Some(inside) = done.inside {
            outcome.problems.push(format!("\n  inside {} after {}:{inside}", session.name, token.name));
        }
        let Some(error) = done.error else {
            outcome.history.push(token.name.clone());
            if token.step == Some(session.steps.len() - 1) {
                actor.over = true;
                outcome.finished += 1;
            }
            return;
        };
        let code = error.code().map_or("", tokio_postgres::error::SqlState::code).to_owned();
        let text = headwater_postgres::describe(&error);
        outcome.history.push(format!("{}: {code} {text}", token.name));
        let ours = error.as_db_error().is_some_and(|error| error.schema() == Some("headwater"));
        if !["40001", "40P01"].contains(&code.as_str()) && (!code.starts_with("23") || ours) {
            outcome.problems.push(format!("\n  {} failed: {code} {text}", token.name));
        }
        outcome.aborts.push((session.name.clone(), code));
        actor.over = true;
        actor.pending.clear();
        let _ = self.clients[number].batch_execute("ROLLBACK").await;
    }

    /// A client would run a transaction again that ended with 40001 or 40P01; so do we, one after the other.
    async fn again(&self, levels: &[Isolation], outcome: &mut Outcome) {
        let failed: Vec<_> = outcome.aborts.iter().filter(|(_, code)| code.starts_with("40")).cloned().collect();
        for (name, _) in failed {
            let Some(number) = self.sessions.iter().position(|session| session.name == name) else { continue };
            let mut sql = vec![format!("BEGIN ISOLATION LEVEL {}", levels[number].sql())];
            sql.extend(self.sessions[number].steps.iter().map(|step| step.sql.clone()));
            for statement in sql {
                if let Err(error) = self.clients[number].batch_execute(&statement).await {
                    let code = error.code().map_or("", tokio_postgres::error::SqlState::code);
                    if !code.starts_with("23") {
                        let text = headwater_postgres::describe(&error);
                        outcome.problems.push(format!("\n  {name}, run again alone: {code} {text}"));
                    }
                    let _ = self.clients[number].batch_execute("ROLLBACK").await;
                    break;
                }
            }
            outcome.history.push(format!("{name} again"));
        }
    }

    /// The sessions that wait for one another.
    async fn blocked(&self) -> Vec<i32> {
        let sql =
            "SELECT pid FROM unnest($1::int[]) AS pid WHERE pg_catalog.pg_isolation_test_session_is_blocked(pid, $1)";
        let rows = self.control.query_typed(sql, &[(&self.pids, tokio_postgres::types::Type::INT4_ARRAY)]).await;
        rows.unwrap_or_default().iter().map(|row| row.get(0)).collect()
    }

    async fn end_all(&self, actors: &mut [Actor]) {
        for pid in &self.pids {
            let _ = self.control.query("SELECT pg_cancel_backend($1)", &[pid]).await;
        }
        for (number, actor) in actors.iter_mut().enumerate() {
            if let Some((_, task)) = actor.running.take() {
                let _ = task.await;
            }
            actor.pending.clear();
            let _ = self.clients[number].batch_execute("ROLLBACK").await;
        }
    }
}

/// Empties all tables, locks included, and puts the rows back through the triggers.
async fn reset(client: &Client, rows: &str) -> Result<String, tokio_postgres::Error> {
    let sql =
        "SELECT string_agg(c.oid::regclass::text, ', ') FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname NOT LIKE 'pg\\_%'
                 AND n.nspname NOT IN ('headwater', 'information_schema')";
    let tables: String = client.query_one(sql, &[]).await?.get(0);
    Ok(format!(
        "TRUNCATE {tables}; TRUNCATE headwater.lock; {rows};
         UPDATE headwater.model SET state = 'serving', reason = NULL WHERE state = 'broken'"
    ))
}
