//! The demo's result: a table for people, one document for programs.

use headwater_deploy::counters::Counters;
use headwater_deploy::status::Status;
use headwater_deploy::verify::Verified;

use super::Run;
use super::freshness::Freshness;
use super::leader::Work;
use crate::arguments::Demo;
use crate::commands::table;

/// Everything the demo found.
#[derive(Debug, serde::Serialize)]
pub struct Report {
    example: String,
    scale: f64,
    writers: u32,
    seconds: f64,
    transactions: u64,
    repeated: u64,
    failures: Vec<Failure>,
    models: Vec<Row>,
    /// What the leader did for eventual models.
    batches: Work,
    /// How long after their commit changes were in the eventual models.
    freshness: Option<Freshness>,
}

/// An error that writers got and that is no conflict.
#[derive(Debug, serde::Serialize)]
struct Failure {
    error: String,
    times: u64,
}

#[derive(Debug, serde::Serialize)]
struct Row {
    name: String,
    mode: String,
    tier: String,
    rows: i64,
    backfill_ms: i64,
    changes: i64,
    us_per_change: Option<f64>,
    exact: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

impl Report {
    /// Puts together what was found, a row per model.
    pub fn new(
        options: &Demo,
        scale: f64,
        run: Run,
        installed: &Status,
        used: &Counters,
        verified: &[Verified],
    ) -> Self {
        let times = used.us_per_change(&installed.models);
        let row = |model: &headwater_deploy::status::ModelStatus| {
            let found = verified.iter().find(|found| found.name == model.name)?;
            Some(Row {
                name: model.name.clone(),
                mode: model.mode.clone(),
                tier: model.tier.clone(),
                rows: found.comparison.rows,
                backfill_ms: model.backfill_ms,
                changes: used.changes(&model.table),
                us_per_change: times.get(&model.table).copied().flatten().map(|us| (us * 10.0).round() / 10.0),
                exact: found.exact && found.broken.is_none(),
                problem: problem(found),
            })
        };
        let Run { traffic, seconds, work, freshness } = run;
        let failures = traffic.failures.iter().map(|(error, times)| Failure { error: error.clone(), times: *times });
        Self {
            example: options.example.clone(),
            scale,
            writers: options.writers,
            seconds: (seconds * 10.0).round() / 10.0,
            transactions: traffic.committed,
            repeated: traffic.repeated,
            failures: failures.collect(),
            models: installed.models.iter().filter_map(row).collect(),
            batches: work,
            freshness,
        }
    }

    /// True where every model is exact and no writer was failed by anything but a conflict.
    pub fn is_good(&self) -> bool {
        !self.models.is_empty() && self.failures.is_empty() && self.models.iter().all(|model| model.exact)
    }

    /// Prints it.
    pub fn print(&self, as_json: bool) {
        if as_json {
            outln!("{}", serde_json::to_string(self).expect("plain values"));
            return;
        }
        outln!("{}", self.table());
        for model in &self.models {
            if let Some(problem) = &model.problem {
                outln!("{}: {problem}", model.name);
            }
        }
        for failure in &self.failures {
            outln!("{} × {}", failure.times, failure.error);
        }
        outln!(
            "{} transactions by {} writers in {:.1} s, {} repeated after conflicts; scale {}",
            table::grouped(i64::try_from(self.transactions).unwrap_or(i64::MAX)),
            self.writers,
            self.seconds,
            self.repeated,
            self.scale
        );
        if let Some(freshness) = &self.freshness {
            outln!(
                "eventual models: {} batches took {} changes and recomputed {} keys; a commit was in the models after {:.1} ms (p50), {:.1} ms (p99)",
                table::grouped(i64::try_from(self.batches.batches).unwrap_or(i64::MAX)),
                table::grouped(self.batches.taken),
                table::grouped(self.batches.keys),
                freshness.p50_ms,
                freshness.p99_ms
            );
        }
        for trouble in &self.batches.troubles {
            outln!("leader: {trouble}");
        }
    }

    fn table(&self) -> comfy_table::Table {
        let mut rows = table::new(&["model", "mode", "tier", ">rows", ">backfill", ">changes", ">µs/change", "exact"]);
        for model in &self.models {
            rows.add_row([
                model.name.clone(),
                model.mode.clone(),
                model.tier.clone(),
                table::grouped(model.rows),
                table::milliseconds(model.backfill_ms),
                table::grouped(model.changes),
                model.us_per_change.map_or(String::new(), |us| format!("{us:.1}")),
                table::mark(model.exact).to_owned(),
            ]);
        }
        rows
    }
}

/// Why a model is not exact.
fn problem(found: &Verified) -> Option<String> {
    let comparison = &found.comparison;
    let mut parts = Vec::new();
    if !found.exact {
        parts.push(format!(
            "{} rows missing, {} extra, {} altered",
            comparison.missing, comparison.extra, comparison.altered
        ));
        parts.extend(comparison.sample.iter().take(3).map(|row| format!("{} {}", row.side, table::cut(&row.row))));
    }
    parts.extend(found.broken.as_ref().map(|reason| format!("marked broken: {reason}")));
    (!parts.is_empty()).then(|| parts.join("; "))
}
