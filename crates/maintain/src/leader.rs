//! Who leads. The lead is a session advisory lock: it goes with the connection, so a leader that dies gives it up, and one
//! that is cut off gives it up when the server ends the session that says nothing any more.

use std::time::Duration;

use headwater_deploy::Error;
use headwater_deploy::batch::{Batch, LEADER_KEY};
use headwater_deploy::error::During;
use headwater_postgres::{Client, Config, connect};
use tokio::sync::watch;

use crate::cycle;

/// How often one that stands by asks for the lead.
const STANDBY: Duration = Duration::from_millis(500);

/// The pause before a new connection after a failure; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What the session of a leader is set to. The server ends it when it is silent for longer than the leader ever is, so that a
/// leader that was cut off or stopped does not keep the lead.
const SESSION: &str = "SET synchronous_commit = off; SET idle_session_timeout = '10s'; \
                       SET idle_in_transaction_session_timeout = '10s'; SET tcp_keepalives_idle = 5; \
                       SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3; SET jit = off; \
                       SET statement_timeout = 0";

/// How a leader goes about it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long entries of the log are kept.
    pub log_keep: Duration,
    /// Within how long every model is compared with its SELECT once; never where it is zero.
    pub verify_every: Duration,
    /// The share of the leader's time that these comparisons may take.
    pub verify_budget: f64,
}

impl Default for Settings {
    fn default() -> Self {
        let day = Duration::from_secs(24 * 3600);
        Self { log_keep: day, verify_every: day, verify_budget: 0.01 }
    }
}

/// What happens to a leader.
#[derive(Debug)]
pub enum Event<'a> {
    /// Another leads; this one stands by.
    StandsBy,
    /// It leads from now on.
    Leads,
    /// A batch was done, and took so long.
    Batch(&'a Batch, Duration),
    /// The scheduled verify compared a model: its name, and what differs where something does.
    Verified(&'a str, Option<String>),
    /// Something is wrong; it goes on.
    Trouble(String),
}

/// Who wants to know.
pub trait Observer: Send + Sync {
    /// Called for every event, from the leader's own task.
    fn event(&self, event: &Event<'_>);
}

/// Nobody.
#[derive(Debug, Clone, Copy)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn event(&self, _: &Event<'_>) {}
}

/// Leads, or stands by until it can, until `stop` says true. Failures of the database are waited out; the first connection must
/// succeed, so that a wrong address is an error and not an endless wait.
pub async fn lead(
    config: &Config,
    settings: &Settings,
    mut stop: watch::Receiver<bool>,
    observer: &dyn Observer,
) -> Result<(), Error> {
    let mut config = config.clone();
    config.application_name("headwater maintain");
    config.tcp_user_timeout(Duration::from_secs(10));
    let mut client = Some(connect(&config).await?);
    let mut pause = FIRST_PAUSE;
    loop {
        let mut leads = false;
        let outcome = match client.take() {
            Some(client) => session(client, settings, &mut stop, observer, &mut leads).await,
            None => match connect(&config).await {
                Ok(client) => session(client, settings, &mut stop, observer, &mut leads).await,
                Err(error) => Err(error.into()),
            },
        };
        let Err(error) = outcome else { return Ok(()) };
        observer.event(&Event::Trouble(format!("{error}")));
        pause = if leads { FIRST_PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
        if rest(pause, &mut stop).await {
            return Ok(());
        }
    }
}

/// One connection's life as standby and leader.
async fn session(
    mut client: Client,
    settings: &Settings,
    stop: &mut watch::Receiver<bool>,
    observer: &dyn Observer,
    leads: &mut bool,
) -> Result<(), Error> {
    client.batch_execute(SESSION).await.during("setting up the leader's session")?;
    let mut told = false;
    while !take(&client).await? {
        if !told {
            observer.event(&Event::StandsBy);
            told = true;
        }
        if rest(STANDBY, stop).await {
            return Ok(());
        }
    }
    *leads = true;
    observer.event(&Event::Leads);
    cycle::run(&mut client, settings, stop, observer).await
}

async fn take(client: &Client) -> Result<bool, Error> {
    let row =
        client.query_one("SELECT pg_try_advisory_lock($1)", &[&LEADER_KEY]).await.during("asking for the lead")?;
    Ok(row.get(0))
}

/// Rests; true where it is to stop.
pub(crate) async fn rest(pause: Duration, stop: &mut watch::Receiver<bool>) -> bool {
    tokio::select! {
        () = tokio::time::sleep(pause) => false,
        // Where the channel is closed, whoever could stop it is gone.
        _ = stop.wait_for(|stop| *stop) => true,
    }
}
