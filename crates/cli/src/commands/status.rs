//! `headwater status`.

use std::time::Duration;

use headwater_deploy::status::{Batches, ModelStatus, Status, status};
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
            json!({
                "healthy": status.is_healthy(),
                "models": status.models,
                "missing_triggers": status.missing_triggers,
                "batches": status.batches,
            })
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
    if let Some(batches) = &status.batches {
        outln!("{}", behind(batches));
    }
    for model in status.models.iter().filter(|model| model.state == "broken") {
        let again = match model.retry_in {
            Some(seconds) => format!("tried again in {:.0} s, {} failures so far", seconds.max(0.0), model.failures),
            None => format!("headwater maintain repairs it, or headwater verify --repair {}", model.name),
        };
        outln!("{} broke: {}; {again}", model.name, model.reason.as_deref().unwrap_or("?"));
    }
    for model in status.models.iter().filter(|model| model.verified_exact == Some(false)) {
        let at = model.verified_at.as_deref().and_then(|at| at.get(..19)).unwrap_or_default();
        let found = model.verified_found.as_deref().unwrap_or("it differed");
        if model.healed {
            outln!("{} was not exact when it was verified at {at}: {found}; it was repaired since", model.name);
        } else {
            outln!("{0} is not exact: {found}, at {at}; headwater verify --repair {0}", model.name);
        }
    }
    for gap in &status.missing_triggers {
        let what = if gap.disabled { "disabled" } else { "missing" };
        outln!("{what}: the trigger {} on {}; headwater apply puts it right", gap.function, gap.relation);
    }
}

/// How far the batches are, in one line.
fn behind(batches: &Batches) -> String {
    let waiting = if batches.waiting { "changes wait for the next one" } else { "nothing waits" };
    let leader = match batches.leader {
        Some(pid) => format!("led by pid {pid}"),
        None => "nobody leads: start headwater maintain".to_owned(),
    };
    format!("batch {}, {:.1} s ago; {waiting}; {leader}; log at {}", batches.number, batches.age, batches.position)
}

fn state(model: &ModelStatus) -> String {
    if let Some(seconds) = model.dirty_for {
        return format!("{}, {seconds:.1} s behind", model.state);
    }
    match model.fill {
        Some((_, 0)) => format!("{}, not filled yet", model.state),
        Some((done, all)) => format!("{}, {done} of {all} parts filled", model.state),
        None => model.state.clone(),
    }
}
