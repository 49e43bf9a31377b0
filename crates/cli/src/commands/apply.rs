//! `headwater apply`.

use headwater_deploy::locks::Patience;
use headwater_deploy::{Action, Applied, Options, apply};
use serde_json::json;

use super::table;
use crate::arguments::Apply;
use crate::session::Session;
use crate::{FINE, FOUND, Outcome, draw};

pub async fn run(session: &Session, options: &Apply) -> Outcome {
    let project = session.project()?;
    let target = session.target().await?;
    let options = Options {
        patience: Patience { timeout: options.lock_timeout, attempts: options.lock_attempts },
        rows_per_range: options.rows_per_range,
        ..Options::default()
    };
    let applied = apply(&target.config, &project.files, &options, &session.bars).await?;
    report(&applied, session.json);
    Ok(if applied.broken.is_empty() { FINE } else { FOUND })
}

/// Prints what was done; `refresh` and `remove` do the same.
pub fn report(applied: &Applied, as_json: bool) {
    if as_json {
        let repaired: Vec<_> =
            applied.repaired.iter().map(|(name, keys)| json!({ "name": name, "keys": keys })).collect();
        outln!(
            "{}",
            json!({
                "changes": applied.changes, "built": applied.built, "access": applied.access, "repaired": repaired,
                "broken": applied.broken.iter().map(|(name, reason)| json!({ "name": name, "reason": reason })).collect::<Vec<_>>(),
                "diagnostics": draw::problems_json(&applied.problems),
            })
        );
        return;
    }
    draw::problems(&applied.problems);
    if !applied.built.is_empty() {
        outln!("{}", built(applied));
    }
    for change in applied.changes.iter().filter(|change| change.action == Action::Removed) {
        outln!("removed {}", change.name.short());
    }
    for change in &applied.access {
        outln!("{change}");
    }
    for (name, keys) in &applied.repaired {
        outln!("repaired {name}: {} keys, after triggers had been missing", table::grouped(*keys));
    }
    for (name, reason) in &applied.broken {
        outln!("{name} is marked broken: {reason}; headwater verify --repair {name}");
    }
    let unchanged = applied.changes.iter().filter(|change| change.action == Action::Unchanged).count();
    outln!("{unchanged} models unchanged");
}

fn built(applied: &Applied) -> comfy_table::Table {
    let mut rows = table::new(&["model", "change", ">rows", ">backfill"]);
    for model in &applied.built {
        let change = applied.changes.iter().find(|change| change.name.short() == model.name);
        rows.add_row([
            model.name.clone(),
            change.map_or(String::new(), |change| change.action.to_string()),
            table::grouped(model.rows),
            table::milliseconds(i64::try_from(model.backfill_ms).unwrap_or(i64::MAX)),
        ]);
    }
    rows
}
