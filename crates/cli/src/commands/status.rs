//! `headwater status`.

use std::time::Duration;

use headwater_deploy::status::{ModelStatus, Status, status};
use serde_json::json;

use super::table;
use crate::arguments;
use crate::session::Session;
use crate::{FINE, FOUND, Outcome};

/// Between two looks of `--watch`.
const INTERVAL: Duration = Duration::from_secs(2);

pub async fn run(session: &Session, options: &arguments::Status) -> Outcome {
    let client = session.target().await?.connect().await?;
    loop {
        let status = status(&client).await?;
        if options.watch && !session.json {
            // Clears the screen and goes to its top.
            out!("\x1b[2J\x1b[H");
        }
        print(&status, session.json);
        if !options.watch {
            return Ok(if status.is_healthy() { FINE } else { FOUND });
        }
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => {}
            _ = tokio::signal::ctrl_c() => return Ok(if status.is_healthy() { FINE } else { FOUND }),
        }
    }
}

fn print(status: &Status, as_json: bool) {
    if as_json {
        outln!(
            "{}",
            json!({ "healthy": status.is_healthy(), "models": status.models, "missing_triggers": status.missing_triggers })
        );
        return;
    }
    if status.models.is_empty() {
        outln!("no models are installed");
        return;
    }
    let mut rows = table::new(&["model", "state", "mode", "tier", ">rows", ">size", ">backfill", "since"]);
    for model in &status.models {
        rows.add_row([
            model.name.clone(),
            state(model),
            model.mode.clone(),
            model.tier.clone(),
            format!("~{}", table::grouped(model.estimated_rows)),
            format!("{} kB", table::grouped(model.bytes / 1024)),
            table::milliseconds(model.backfill_ms),
            model.installed_at.as_deref().and_then(|at| at.get(..19)).unwrap_or_default().to_owned(),
        ]);
    }
    outln!("{rows}");
    for model in status.models.iter().filter(|model| model.state == "broken") {
        outln!(
            "{} broke: {}; headwater verify --repair {}",
            model.name,
            model.reason.as_deref().unwrap_or("?"),
            model.name
        );
    }
    for gap in &status.missing_triggers {
        let what = if gap.disabled { "disabled" } else { "missing" };
        outln!("{what}: the trigger {} on {}; headwater apply puts it right", gap.function, gap.relation);
    }
}

fn state(model: &ModelStatus) -> String {
    match model.fill {
        Some((_, 0)) => format!("{}, not filled yet", model.state),
        Some((done, all)) => format!("{}, {done} of {all} parts filled", model.state),
        None => model.state.clone(),
    }
}
