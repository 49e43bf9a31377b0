//! The task that follows the log: it hears of new entries, reads them once for each route that somebody asks of, and tells the hubs.
//!
//! A batch that writes to the log says so by NOTIFY, with the position, in the batch's own transaction. Where nobody can listen (a replica, a pooler), the log is
//! asked again and again.

use std::sync::Arc;
use std::time::Duration;

use headwater_postgres::Config;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_postgres::{AsyncMessage, Client};

use super::log;
use super::relay::Relay;
use crate::http::problem::Problem;
use crate::model;
use crate::position::Position;
use crate::server::{Served, Server};

/// How long a listener sleeps at most: a notification may be lost with a connection.
const LISTENING: Duration = Duration::from_secs(1);

/// How long one sleeps who cannot listen.
const ASKING: Duration = Duration::from_millis(5);

/// The pause after a failure; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Follows the log until the server stops. What cannot be read is tried again.
pub async fn follow(server: Arc<Server>, config: Config, mut position: Position, mut relay: Option<Relay>) {
    let mut stop = server.stop.clone();
    let mut pause = FIRST_PAUSE;
    while !*stop.borrow() {
        let ended = tokio::select! {
            ended = listen(&server, &config, &mut position, &mut relay, &mut pause) => ended,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        if let Err(problem) = ended {
            tracing::warn!(message = problem.message, "following the log was interrupted");
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Hears and reads until something fails.
async fn listen(
    server: &Server,
    config: &Config,
    position: &mut Position,
    relay: &mut Option<Relay>,
    pause: &mut Duration,
) -> Result<(), Problem> {
    let mut ear = ear(server, config).await;
    let mut looked = Instant::now();
    look_for_models(server, *position).await?;
    let mut heard = None;
    loop {
        // A server that is there and says nothing is not waited for any longer than by those who ask for pages.
        let advanced =
            tokio::time::timeout(server.settings.timeout, advance(server, position, heard.take(), relay)).await;
        advanced.map_err(|_| Problem::timeout())??;
        *pause = FIRST_PAUSE;
        if looked.elapsed() >= LISTENING {
            look_for_models(server, *position).await?;
            // A replica that has become the primary can be listened to now.
            if ear.is_none() {
                ear = self::ear(server, config).await;
            }
            looked = Instant::now();
        }
        match &mut ear {
            Some(ear) => match tokio::time::timeout(LISTENING, ear.heard.changed()).await {
                Ok(Err(_)) => return Err(Problem::unavailable("the connection that listens was lost")),
                Ok(Ok(())) => heard = *ear.heard.borrow_and_update(),
                Err(_) => {}
            },
            None => tokio::time::sleep(ASKING).await,
        }
    }
}

/// A connection that listens.
struct Ear {
    /// It ends with the client.
    _client: Client,
    /// The newest position that was told.
    heard: watch::Receiver<Option<Position>>,
}

/// Listens; `None` where that is not possible.
async fn ear(server: &Server, config: &Config) -> Option<Ear> {
    if server.settings.pool.pooler {
        return None;
    }
    let mut config = config.clone();
    headwater_postgres::watch_the_line(&mut config);
    let (client, mut connection) = config.connect(headwater_postgres::tls(&config).ok()?).await.ok()?;
    let (sender, heard) = watch::channel(None);
    tokio::spawn(async move {
        while let Some(Ok(message)) = std::future::poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notification(told) = message {
                sender.send_replace(told.payload().parse().ok());
            }
        }
    });
    client.batch_execute("LISTEN headwater_log").await.ok()?;
    Some(Ear { _client: client, heard })
}

/// Tells the hubs what is new; `heard` is the newest position, where it was told.
async fn advance(
    server: &Server,
    position: &mut Position,
    heard: Option<Position>,
    relay: &mut Option<Relay>,
) -> Result<(), Problem> {
    let newest = match heard.filter(|heard| heard.epoch == position.epoch && heard > position) {
        Some(heard) => heard,
        None => server.database.primary().newest().await?,
    };
    if newest == *position {
        return Ok(());
    }
    let table = server.table();
    if newest.epoch != position.epoch || newest < *position {
        table.served.values().for_each(|served| served.hub.begin_anew(newest));
    }
    if let Some(relay) = relay {
        relay.bring(&table, newest).await;
    }
    for served in table.served.values() {
        tell(server, served, newest, relay.as_ref()).await?;
    }
    *position = newest;
    server.news.send_replace(newest);
    Ok(())
}

/// Reads what is new for one route, from where its hub stands.
async fn tell(server: &Server, served: &Served, newest: Position, relay: Option<&Relay>) -> Result<(), Problem> {
    loop {
        let from = served.hub.position();
        if from >= newest {
            return Ok(());
        }
        if served.hub.pass_over(newest) {
            return Ok(());
        }
        let connection = server.database.primary().connection().await?;
        let entries = log::read(&connection, &served.route, None, from, newest).await?;
        let until = match entries.last() {
            Some(last) if entries.len() == log::CHUNK => last.position,
            _ => newest,
        };
        served.hub.tell(entries.clone(), until);
        if let Some(relay) = relay {
            relay.pass_on(served, from, until, &entries).await;
        }
    }
}

async fn look_for_models(server: &Server, position: Position) -> Result<(), Problem> {
    let connection = server.database.primary().connection().await?;
    match model::load(connection.client()).await {
        Ok(models) => {
            if let Err(error) = server.remake(models, position) {
                tracing::error!(%error, "what does not fit the models any more is not served");
            }
            Ok(())
        }
        Err(error) => Err(Problem::unavailable(error.to_string())),
    }
}
