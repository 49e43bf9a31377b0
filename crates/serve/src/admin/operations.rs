//! What is done to a model from the console: verify, repair, refresh. Each runs beside the server, on a connection of its own, and is what
//! the command of the same name does. What becomes of it is remembered by this process; what it changed is in the database.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::http::StatusCode;
use headwater_deploy::verify::{self, Verified};
use headwater_deploy::{Error, Options, Progress, refresh};
use headwater_postgres::{Config, connect};

use super::{Admin, watch};
use crate::http::problem::Problem;
use crate::server::Server;

/// How many run at the same time.
const AT_ONCE: usize = 4;

/// How many are remembered.
const REMEMBERED: usize = 50;

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Compare it with its SELECT.
    Verify,
    /// Put right what differs.
    Repair,
    /// Build it anew beside the one that serves.
    Refresh,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It is under way.
    Running,
    /// It came to its end, and all is well.
    Done,
    /// It came to its end, and the model is not exact.
    Differs,
    /// It could not be done.
    Failed,
}

/// One of them.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Operation {
    /// Its number in this process.
    pub number: u64,
    /// What is done.
    pub kind: Kind,
    /// To which model.
    pub model: String,
    /// Who asked for it.
    pub by: Option<String>,
    /// How far it is.
    pub state: State,
    /// When it began, in milliseconds since 1970.
    pub began: u64,
    /// When it ended.
    pub ended: Option<u64>,
    /// What it does at the moment, and how much of that is done.
    pub step: String,
    /// Units of the step that are done.
    pub done: u64,
    /// Units of the step.
    pub total: u64,
    /// What is worth knowing: what came of it, or what it waits for.
    pub message: Option<String>,
    /// What to do.
    pub hint: Option<String>,
}

/// Those that run, and those that ended of late.
#[derive(Debug, Default)]
pub struct Operations(Mutex<BTreeMap<u64, Operation>>);

impl Operations {
    fn known(&self) -> MutexGuard<'_, BTreeMap<u64, Operation>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All of them, the newest first.
    #[must_use]
    pub fn all(&self) -> Vec<Operation> {
        self.known().values().rev().cloned().collect()
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, number: u64) -> Option<Operation> {
        self.known().get(&number).cloned()
    }

    fn change(&self, number: u64, change: impl FnOnce(&mut Operation)) {
        if let Some(operation) = self.known().get_mut(&number) {
            change(operation);
        }
    }

    /// Takes its place among those that run: one for each model, and not too many.
    fn enter(&self, kind: Kind, model: &str, by: Option<&str>) -> Result<Operation, Problem> {
        let mut known = self.known();
        let running: Vec<_> = known.values().filter(|operation| operation.state == State::Running).collect();
        if running.iter().any(|operation| operation.model == model) {
            return Err(Problem::new(StatusCode::CONFLICT, 772, "something is being done to this model already")
                .hint("wait for it to end"));
        }
        if running.len() >= AT_ONCE {
            return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, 774, "too much is being done at the same time")
                .retry_after(5));
        }
        let number = known.keys().next_back().copied().unwrap_or_default() + 1;
        let operation = Operation {
            number,
            kind,
            model: model.to_owned(),
            by: by.map(ToOwned::to_owned),
            state: State::Running,
            began: milliseconds(),
            ended: None,
            step: String::new(),
            done: 0,
            total: 0,
            message: None,
            hint: None,
        };
        known.insert(number, operation.clone());
        while known.len() > REMEMBERED {
            let Some(oldest) = known.values().find(|operation| operation.state != State::Running) else { break };
            let number = oldest.number;
            known.remove(&number);
        }
        Ok(operation)
    }
}

/// There is no such model.
#[must_use]
pub fn no_model() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, 771, "there is no such model")
}

/// There is no such operation.
#[must_use]
pub fn unknown() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, 775, "this server knows no such operation")
        .hint("it remembers the last fifty, and none from before it started")
}

/// Begins one.
///
/// # Errors
/// HW0771 where there is no such model, HW0772 where something is done to it already, HW0773 where operations are not declared, HW0774
/// where too many run.
pub fn begin(
    server: &Arc<Server>,
    admin: &Arc<Admin>,
    model: &str,
    kind: &str,
    by: Option<&str>,
) -> Result<Operation, Problem> {
    let kind = match kind {
        "verify" => Kind::Verify,
        "repair" => Kind::Repair,
        "refresh" => Kind::Refresh,
        _ => return Err(Problem::not_found()),
    };
    if !admin.settings.operations {
        return Err(Problem::new(StatusCode::FORBIDDEN, 773, "nothing may be done to models from here")
            .hint("operations = true in [serve.admin]; or run the command of that name"));
    }
    let (look, _) = admin.watch.last();
    let serves = look.is_some_and(|look| look.models().get(model).is_some_and(|versions| versions.serving.is_some()));
    if !serves {
        return Err(no_model());
    }
    let operation = admin.operations.enter(kind, model, by)?;
    tracing::info!(kind = ?kind, model, by, "an operation begins");
    tokio::spawn(carry_out(Arc::clone(server), Arc::clone(admin), operation.clone()));
    Ok(operation)
}

/// Does it, and then looks, so that who sees that it has ended sees what came of it.
async fn carry_out(server: Arc<Server>, admin: Arc<Admin>, operation: Operation) {
    let told = Told { admin: Arc::clone(&admin), number: operation.number };
    let outcome = match operation.kind {
        Kind::Verify => verified(&admin.config, &operation.model, false, &told).await,
        Kind::Repair => verified(&admin.config, &operation.model, true, &told).await,
        Kind::Refresh => refreshed(&admin.config, &operation.model, &told).await,
    };
    let _ = watch::look(&server, &admin).await;
    admin.operations.change(operation.number, |operation| {
        operation.ended = Some(milliseconds());
        match outcome {
            Ok((state, message, hint)) => {
                (operation.state, operation.message, operation.hint) = (state, Some(message), hint);
            }
            Err(error) => {
                operation.state = State::Failed;
                operation.message = Some(format!("{}: {error}", error.code()));
                operation.hint = error.hint();
            }
        }
    });
}

type Outcome = Result<(State, String, Option<String>), Error>;

async fn verified(config: &Config, model: &str, repair: bool, told: &Told) -> Outcome {
    let mut client = connect(config).await?;
    let options = verify::Options { models: vec![model.to_owned()], repair };
    let found = verify::verify(&mut client, &options, told).await?;
    Ok(found.first().map_or_else(|| (State::Failed, "nothing was compared".to_owned(), None), said))
}

/// What a verify came to. Rows are counted, not shown: they may be for their owners only.
fn said(found: &Verified) -> (State, String, Option<String>) {
    let rows = found.comparison.rows;
    let repair = || Some(format!("repair it, or run headwater verify --repair {}", found.name));
    match (&found.broken, found.exact, found.repaired_keys) {
        (Some(reason), _, _) => (State::Differs, format!("it is marked broken: {reason}"), repair()),
        (None, true, Some(keys)) => {
            let before = found.found.as_deref().unwrap_or("it differed");
            (State::Done, format!("repaired: {before}; {keys} computed anew, and all {rows} rows are exact now"), None)
        }
        (None, true, None) => (State::Done, format!("exact: all {rows} rows equal the SELECT"), None),
        (None, false, _) => (State::Differs, format!("it differs: {}", found.comparison), repair()),
    }
}

async fn refreshed(config: &Config, model: &str, told: &Told) -> Outcome {
    let applied = refresh::refresh(config, model, &Options::default(), told).await?;
    let built = applied.built.iter().find(|built| built.name == model);
    let message = built.map_or_else(
        || "built anew".to_owned(),
        |built| {
            format!(
                "built anew: {} rows, filled in {} ms, compared with the SELECT and swapped in",
                built.rows, built.backfill_ms
            )
        },
    );
    Ok((State::Done, message, None))
}

/// Writes down how far an operation is.
struct Told {
    admin: Arc<Admin>,
    number: u64,
}

impl Progress for Told {
    fn say(&self, message: &str) {
        self.admin.operations.change(self.number, |operation| operation.message = Some(message.to_owned()));
    }

    fn begin(&self, step: &str, total: u64) {
        self.admin.operations.change(self.number, |operation| {
            (operation.step, operation.done, operation.total) = (step.to_owned(), 0, total);
        });
    }

    fn done(&self, units: u64) {
        self.admin.operations.change(self.number, |operation| operation.done = units);
    }

    fn end(&self) {
        self.admin.operations.change(self.number, |operation| operation.done = operation.total);
    }
}

fn milliseconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
