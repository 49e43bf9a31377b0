//! The example's pages, where it has some.

use std::path::Path;

use headwater_deploy::Error;
use headwater_deploy::error::During;
use headwater_deploy::project::serve::Secret;
use headwater_postgres::{Config, connect};
use headwater_serve::{Files, Running, Site, start};
use tokio::sync::watch;

use super::example::Example;
use crate::arguments::Demo;
use crate::commands::serve::announce;
use crate::failure::Failure;
use crate::session::Session;

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
    if settings.auth.secret_env.as_ref().is_some_and(|name| std::env::var_os(name).is_none()) {
        settings.auth.secret = Some(secret(config).await?);
    }
    let files = settings.files.as_ref().map(|folder| Files::embedded(example.files(folder))).unwrap_or_default();
    let (stop, stopped) = watch::channel(false);
    let running = start(config, settings, Site { root: Path::new("."), files }, stopped).await?;
    announce(session, &running);
    Ok(Some(Open { running, stop }))
}

/// A secret for this run alone: the demo's tokens are good for nothing else.
async fn secret(config: &Config) -> Result<Secret, Error> {
    let sql = "SELECT gen_random_uuid()::text || gen_random_uuid()::text";
    let row = connect(config).await?.query_one(sql, &[]).await.during("making a secret for the demo's tokens")?;
    Ok(Secret(row.get(0)))
}

impl Open {
    /// Takes leave of all clients.
    pub async fn close(self) {
        let _ = self.stop.send(true);
        self.running.ended().await;
    }
}
