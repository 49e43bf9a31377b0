//! The clock of timed models: a tick each, several times a second, for as long as the writers write.

use std::time::Duration;

use headwater_deploy::Error;
use headwater_deploy::status::Status;
use headwater_deploy::verify::tick;
use headwater_postgres::{Config, connect};
use tokio::sync::watch;

/// Between two ticks.
const INTERVAL: Duration = Duration::from_millis(200);

/// The functions to call.
pub fn ticks(status: &Status) -> Vec<String> {
    status.models.iter().filter_map(|model| model.tick.clone()).collect()
}

/// Calls each of `ticks` again and again until `stop` says true.
pub async fn run(config: Config, ticks: Vec<String>, mut stop: watch::Receiver<bool>) -> Result<(), Error> {
    if ticks.is_empty() {
        return Ok(());
    }
    let client = connect(&config).await?;
    loop {
        for function in &ticks {
            tick(&client, function).await?;
        }
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => {}
            _ = stop.wait_for(|stop| *stop) => return Ok(()),
        }
    }
}
