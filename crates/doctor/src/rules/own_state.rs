//! Headwater's own state, from what `status` reads: HW0871 a broken model, HW0872 one that was not exact, HW0873 missing triggers, HW0874 nobody
//! leads, HW0875 batches lag, HW0877 another Headwater's schema, HW0878 a build that was left.

use headwater_deploy::Error;
use headwater_deploy::status::{Batches, ModelStatus, Status, status};
use headwater_deploy::triggers::Gap;

use crate::finding::Finding;
use crate::look::Look;

/// Looks at all of it.
///
/// # Errors
/// The server's.
pub async fn find(look: &Look) -> Result<Vec<Finding>, Error> {
    if !look.installed {
        return Ok(Vec::new());
    }
    let status = match status(&look.client).await {
        Ok(status) => status,
        Err(error @ (Error::OlderSchema { .. } | Error::NewerSchema { .. })) => return Ok(vec![other_version(&error)]),
        Err(error) => return Err(error),
    };
    Ok(all(&status, look.settings.doctor.max_lag.as_secs_f64()))
}

fn all(status: &Status, max_lag: f64) -> Vec<Finding> {
    let mut found: Vec<Finding> = status.models.iter().filter_map(model).collect();
    found.extend(status.missing_triggers.iter().map(gap));
    found.extend(status.batches.iter().flat_map(|batches| behind(batches, max_lag)));
    found
}

fn other_version(error: &Error) -> Finding {
    let finding =
        Finding::error(877, "headwater", error.to_string()).why("this program can neither tell what is so nor keep it");
    match error {
        Error::OlderSchema { .. } => finding.command("headwater apply"),
        _ => finding.advice("use the Headwater that applied these models, or a later one"),
    }
}

fn model(model: &ModelStatus) -> Option<Finding> {
    let name = &model.name;
    if model.state == "broken" {
        let reason = model.reason.as_deref().unwrap_or("?");
        return Some(
            Finding::error(871, name, format!("{name} is broken: {reason}"))
                .why("a change is missing in it, or it stays as it was at its last exact batch")
                .command(format!("headwater verify --repair {name}")),
        );
    }
    if model.state == "building" {
        return Some(
            Finding::note(878, name, format!("a version of {name} is being built"))
                .why("where no apply runs any more, writers keep a version that nobody reads")
                .command("headwater apply"),
        );
    }
    (model.verified_exact == Some(false)).then(|| {
        let at = model.verified_at.as_deref().and_then(|at| at.get(..19)).unwrap_or_default();
        Finding::warning(872, name, format!("{name} was not exact when it was verified at {at}, and was repaired then"))
            .why("something changes the tables past their triggers, or Headwater has a fault")
            .command(format!("headwater verify --repair {name}"))
            .advice("the finding goes with the leader's next comparison; docs/guides/operating.md lists what no trigger sees")
    })
}

fn gap(gap: &Gap) -> Finding {
    let what = if gap.disabled { "is disabled" } else { "is missing" };
    Finding::error(873, &gap.relation, format!("the trigger {} on {} {what}", gap.function, gap.relation))
        .why("models do not notice what is written to this table")
        .command("headwater apply")
}

fn behind(batches: &Batches, max_lag: f64) -> Vec<Finding> {
    let mut found = Vec::new();
    if batches.leader.is_none() {
        let message = "nobody leads: no headwater maintain or run works on this database".to_owned();
        let finding = match batches.waiting {
            true => Finding::error(874, "maintain", format!("{message}, and changes wait")),
            false => Finding::warning(874, "maintain", message),
        };
        found.push(
            finding
                .why("eventual models stay as they are, the log gets no entries, and the queues grow")
                .command("headwater maintain"),
        );
    } else if batches.waiting && batches.age > max_lag {
        let message = format!("changes wait, and the last batch is {:.0} s old", batches.age);
        found.push(
            Finding::warning(875, "maintain", message)
                .why("eventual models are that far behind: a batch is long, fails, or the leader does not work")
                .advice(
                    "headwater status names broken models; RUST_LOG=info headwater maintain tells what the leader does",
                ),
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_that_lags_is_told_apart_from_nobody_at_work() {
        let batches = |leader, waiting, age| Batches {
            number: 1,
            at: String::new(),
            age,
            snapshot: String::new(),
            position: String::new(),
            leader,
            waiting,
        };
        let codes = |batches: &Batches| behind(batches, 60.0).iter().map(|finding| finding.code.0).collect::<Vec<_>>();
        assert_eq!(codes(&batches(Some(1), true, 61.0)), [875]);
        assert_eq!(codes(&batches(Some(1), false, 6100.0)), [0_u16; 0]);
        assert_eq!(codes(&batches(None, true, 1.0)), [874]);
    }
}
