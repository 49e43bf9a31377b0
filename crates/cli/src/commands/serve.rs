//! `headwater serve`, and `headwater run`, which leads as well.

use headwater_deploy::error::Error;
use headwater_deploy::installed;
use headwater_deploy::project::{Settings, read_settings};
use headwater_maintain::lead;
use headwater_postgres::Config;
use headwater_serve::{Running, Site, start};
use serde_json::json;
use tokio::sync::watch;

use crate::arguments;
use crate::commands::maintain::{self, Voice};
use crate::interrupt::interrupted;
use crate::session::Session;
use crate::{FINE, Outcome};

/// Serves until interrupted.
pub async fn run(session: &Session, options: &arguments::Serve) -> Outcome {
    let (config, settings, stopped) = prepare(session, options).await?;
    begin(session, &config, settings, stopped).await?.ended().await;
    Ok(FINE)
}

/// Leads and serves until interrupted.
pub async fn run_all(session: &Session, options: &arguments::Serve) -> Outcome {
    let (config, settings, stopped) = prepare(session, options).await?;
    let keeping = maintain::settings(&settings.maintain);
    let running = begin(session, &config, settings, stopped.clone()).await?;
    lead(&config, &keeping, stopped, &Voice::new(session.json)).await?;
    running.ended().await;
    Ok(FINE)
}

async fn prepare(
    session: &Session,
    options: &arguments::Serve,
) -> Result<(Config, Settings, watch::Receiver<bool>), crate::failure::Failure> {
    let target = session.target().await?;
    if !installed::is_present(&target.connect().await?).await? {
        return Err(Error::NotInstalled.into());
    }
    let mut settings = read_settings(&session.root)?;
    if let Some(listen) = options.listen {
        settings.serve.listen = listen;
    }
    Ok((target.config, settings, interrupted()))
}

async fn begin(
    session: &Session,
    config: &Config,
    settings: Settings,
    stopped: watch::Receiver<bool>,
) -> Result<Running, crate::failure::Failure> {
    let site = Site::of_folder(&session.root, &settings.serve)?;
    let running = start(config, settings.serve, site, stopped).await?;
    announce(session, &running);
    Ok(running)
}

/// Tells where the server listens and what it serves.
pub fn announce(session: &Session, running: &Running) {
    let table = running.server.table();
    let mut paths: Vec<_> = table.served.keys().map(|path| path.to_string()).collect();
    paths.sort();
    if session.json {
        outln!("{}", json!({ "event": "listening", "address": running.address.to_string(), "routes": paths }));
        return;
    }
    eprintln!("listening on http://{}", running.address);
    for path in paths {
        eprintln!("  {path}");
    }
}
