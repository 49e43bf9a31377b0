//! The example's pages, where it has some.

use std::path::Path;

use axum::Router;
use deadpool_postgres::{Manager, Pool};
use headwater_deploy::Error;
use headwater_deploy::error::During;
use headwater_deploy::project::serve::{Secret, Serve};
use headwater_postgres::{Config, connect};
use headwater_serve::{Files, Running, Site, start};
use tokio::sync::watch;

use super::backend::{self, Backend};
use super::example::Example;
use crate::arguments::Demo;
use crate::commands::serve::announce;
use crate::failure::Failure;
use crate::session::Session;

/// Connections of the application. Nobody clicks faster than these can write.
const CONNECTIONS: usize = 4;

/// True where the example declares routes.
pub fn is_served(example: &Example) -> bool {
    !example.settings.serve.route.is_empty()
}

/// A server for as long as the writers write.
pub struct Open {
    running: Running,
    stop: watch::Sender<bool>,
}

/// Serves the example, where it declares routes, and tells where.
pub async fn open(
    session: &Session,
    example: &Example,
    options: &Demo,
    config: &Config,
) -> Result<Option<Open>, Failure> {
    if !is_served(example) {
        return Ok(None);
    }
    let mut settings = example.settings.serve.clone();
    if let Some(listen) = options.listen {
        settings.listen = listen;
    }
    let beside = application(example, &mut settings, config).await?;
    let files = settings.files.as_ref().map(|folder| Files::embedded(example.files(folder))).unwrap_or_default();
    let (stop, stopped) = watch::channel(false);
    let running = start(config, settings, Site { root: Path::new("."), files, beside }, stopped).await?;
    announce(session, &running);
    if !session.json && !running.address.ip().is_loopback() && example.name == backend::OF {
        eprintln!("other machines reach this address, and whoever does may sign in as anybody");
    }
    Ok(Some(Open { running, stop }))
}

/// The application beside the routes, where the example has one; both know the secret of its tokens.
async fn application(example: &Example, settings: &mut Serve, config: &Config) -> Result<Router, Error> {
    let Some(variable) = &settings.auth.secret_env else { return Ok(Router::new()) };
    let secret = match std::env::var(variable) {
        Ok(secret) => secret,
        Err(_) => secret(config).await?,
    };
    settings.auth.secret = Some(Secret(secret.clone()));
    match &settings.auth.cookie {
        Some(cookie) if example.name == backend::OF => Ok(Backend::new(pool(config)?, secret, cookie.clone()).router()),
        _ => Ok(Router::new()),
    }
}

/// The application's connections to its database.
fn pool(config: &Config) -> Result<Pool, Error> {
    let mut database = config.clone();
    database.application_name("showcase backend").options("-c search_path=public");
    let manager = Manager::new(database, headwater_postgres::tls(config)?);
    Ok(Pool::builder(manager).max_size(CONNECTIONS).build().expect("no timeouts are set"))
}

/// A secret for this run alone: the demo's tokens are good for nothing else.
async fn secret(config: &Config) -> Result<String, Error> {
    let sql = "SELECT gen_random_uuid()::text || gen_random_uuid()::text";
    let row = connect(config).await?.query_one(sql, &[]).await.during("making a secret for the demo's tokens")?;
    Ok(row.get(0))
}

impl Open {
    /// Takes leave of all clients.
    pub async fn close(self) {
        let _ = self.stop.send(true);
        self.running.ended().await;
    }
}
