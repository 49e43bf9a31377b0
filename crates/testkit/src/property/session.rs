//! Runs a script in one session, with the oracle after every statement.

use std::fmt;

use headwater_deploy::installed;
use headwater_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::oracle::{Difference, Oracle, lines};

/// What is wrong, and after which statements.
#[derive(Debug, Clone)]
pub struct Failure {
    /// What was run, in order, the failing statement last.
    pub history: Vec<String>,
    /// Rows that differ and models that are broken.
    pub differences: Vec<Difference>,
    /// An error that no application's statement should get.
    pub error: Option<String>,
}

impl Failure {
    /// The models that are wrong.
    #[must_use]
    pub fn models(&self) -> Vec<String> {
        let mut names: Vec<String> = self.differences.iter().map(|difference| difference.model.clone()).collect();
        names.sort();
        names.dedup();
        names
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for statement in &self.history {
            writeln!(f, "{statement};")?;
        }
        for line in lines(&self.differences).lines().chain(self.error.as_deref()).filter(|line| !line.is_empty()) {
            writeln!(f, "-- {}", line.trim())?;
        }
        Ok(())
    }
}

/// The oracle, for models that change as time passes too: what differs only because a moment has come does not differ
/// once the clock's work is done.
#[derive(Debug, Clone)]
pub struct Judge {
    oracle: Oracle,
    ticks: Option<String>,
}

impl Judge {
    /// For the serving models with these names; all of them, where there is none.
    ///
    /// # Panics
    /// Where the installed models cannot be read.
    pub async fn load(client: &Client, names: &[&str]) -> Self {
        let oracle = Oracle::load(client, names).await.unwrap_or_else(|error| panic!("{error}"));
        let installed = installed::load(client).await.unwrap_or_else(|error| panic!("{error}"));
        let ticks: Vec<String> = installed
            .iter()
            .filter(|model| model.serves())
            .filter_map(|model| Some(format!("SELECT {}(1000)", model.tick()?)))
            .collect();
        Self { oracle, ticks: (!ticks.is_empty()).then(|| ticks.join("; ")) }
    }

    /// What is wrong now, as this session sees it.
    pub async fn differences(&self, client: &Client) -> Result<Vec<Difference>, tokio_postgres::Error> {
        let mut found = self.oracle.differences(client).await?;
        for _ in 0..3 {
            let Some(ticks) = self.ticks.as_ref().filter(|_| !found.is_empty()) else { break };
            client.batch_execute(ticks).await?;
            found = self.oracle.differences(client).await?;
        }
        Ok(found)
    }
}

/// A session and what it has open.
#[derive(Debug)]
pub struct Session<'c> {
    client: &'c Client,
    open: bool,
    savepoints: Vec<String>,
    /// What was run.
    pub history: Vec<String>,
}

impl<'c> Session<'c> {
    /// A session with nothing open.
    #[must_use]
    pub fn new(client: &'c Client) -> Self {
        Self { client, open: false, savepoints: Vec::new(), history: Vec::new() }
    }

    /// Runs a script; stops at the first statement after which a model is wrong.
    pub async fn run(&mut self, script: &[String], judge: &Judge) -> Result<(), Failure> {
        for statement in script.iter().map(String::as_str).chain(std::iter::once("COMMIT")) {
            if statement == "COMMIT" && !self.open {
                continue;
            }
            self.step(statement).await?;
            if !is_control(statement) {
                self.check(judge).await?;
            }
        }
        Ok(())
    }

    /// Runs statements outside transactions and asks the oracle once, afterwards.
    pub async fn populate(&mut self, script: &[String], judge: &Judge) -> Result<(), Failure> {
        for statement in script {
            self.step(statement).await?;
        }
        self.check(judge).await
    }

    /// Runs one statement. An error that applications may get (a constraint, a conflict with another writer) undoes it, or
    /// its transaction.
    pub async fn step(&mut self, statement: &str) -> Result<(), Failure> {
        self.history.push(statement.to_owned());
        match self.client.batch_execute(statement).await {
            Ok(()) => self.note(statement),
            Err(error) => {
                let text = headwater_postgres::describe(&error);
                if !error.code().is_some_and(is_expected) {
                    return Err(self.failure(Vec::new(), Some(text)));
                }
                if let Some(last) = self.history.last_mut() {
                    *last = format!("{statement}; -- {}", text.lines().next().unwrap_or_default().trim());
                }
                self.undo(&error).await;
            }
        }
        Ok(())
    }

    /// The oracle, here and now.
    pub async fn check(&mut self, judge: &Judge) -> Result<(), Failure> {
        match judge.differences(self.client).await {
            Ok(found) if found.is_empty() => Ok(()),
            Ok(found) => Err(self.failure(found, None)),
            Err(error) if error.code().is_some_and(is_expected) => {
                self.undo(&error).await;
                Ok(())
            }
            Err(error) => {
                Err(self.failure(Vec::new(), Some(format!("oracle: {}", headwater_postgres::describe(&error)))))
            }
        }
    }

    fn failure(&self, differences: Vec<Difference>, error: Option<String>) -> Failure {
        Failure { history: self.history.clone(), differences, error }
    }

    fn note(&mut self, statement: &str) {
        if statement.starts_with("BEGIN") {
            self.open = true;
        } else if statement == "COMMIT" || statement == "ROLLBACK" {
            self.open = false;
            self.savepoints.clear();
        } else if let Some(name) = statement.strip_prefix("SAVEPOINT ") {
            self.savepoints.push(name.to_owned());
        } else if let Some(name) = statement.strip_prefix("ROLLBACK TO SAVEPOINT ") {
            let keep = self.savepoints.iter().rposition(|open| open == name).map_or(0, |place| place + 1);
            self.savepoints.truncate(keep);
        } else if let Some(name) = statement.strip_prefix("RELEASE SAVEPOINT ") {
            let keep = self.savepoints.iter().rposition(|open| open == name).unwrap_or(0);
            self.savepoints.truncate(keep);
        }
    }

    /// After an error: back to the last savepoint, or to the beginning. A conflict ends the whole transaction.
    async fn undo(&mut self, error: &tokio_postgres::Error) {
        if !self.open {
            return;
        }
        let conflict = error.code().is_some_and(|code| code.code().starts_with("40"));
        let undo = match self.savepoints.last() {
            Some(name) if !conflict => format!("ROLLBACK TO SAVEPOINT {name}"),
            _ => "ROLLBACK".to_owned(),
        };
        // A COMMIT that fails has ended the transaction already.
        let _ = self.client.batch_execute(&undo).await;
        self.note(&undo);
        self.history.push(undo);
    }
}

/// True for statements that change no rows.
fn is_control(statement: &str) -> bool {
    ["BEGIN", "SAVEPOINT", "RELEASE"].iter().any(|word| statement.starts_with(word))
}

/// Constraints; rows twice in one statement; conflicts; savepoints that are gone; values out of range.
fn is_expected(code: &SqlState) -> bool {
    let code = code.code();
    ["23", "40", "22"].iter().any(|class| code.starts_with(class))
        || ["21000", "27000", "3B001", "25P01", "25P02"].contains(&code)
}
