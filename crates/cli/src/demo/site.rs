//! The example's pages, where it has some.

use std::path::Path;

use headwater_postgres::Config;
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
    let files = settings.files.as_ref().map(|folder| Files::embedded(example.files(folder))).unwrap_or_default();
    let (stop, stopped) = watch::channel(false);
    let running = start(config, settings, Site { root: Path::new("."), files }, stopped).await?;
    announce(session, &running);
    Ok(Some(Open { running, stop }))
}

impl Open {
    /// Takes leave of all clients.
    pub async fn close(self) {
        let _ = self.stop.send(true);
        self.running.ended().await;
    }
}
