//! What was measured: aligned tables on standard output, everything as JSON and bars as SVG in a folder.

use std::path::Path;

use serde_json::{Value, json};

use crate::arena::Arena;
use crate::compare::{Measured, Spread};
use crate::curves::{self, Panel};
use crate::suites::Suite;
use crate::{Effort, Failure, plot};

/// What a suite found.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The first row is the heading.
    pub table: Vec<Vec<String>>,
    /// Limits, and what was measured.
    pub verdicts: Vec<Verdict>,
    /// For the plot.
    pub bars: Vec<Bar>,
    /// For a plot over time, one below the other.
    pub curves: Vec<Panel>,
    /// Everything.
    pub data: Vec<Value>,
    /// Sentences below the table.
    pub notes: Vec<String>,
}

/// A limit and what was measured.
#[derive(Debug, serde::Serialize)]
pub struct Verdict {
    /// What it is about.
    pub what: String,
    /// What was measured.
    pub measured: f64,
    /// The limit, in the same unit.
    pub limit: f64,
    /// True where it is kept.
    pub met: bool,
}

impl Verdict {
    /// Of something that must not be more than `limit`.
    pub fn at_most(what: impl Into<String>, measured: f64, limit: f64) -> Self {
        Self { what: what.into(), measured, limit, met: measured <= limit }
    }

    /// Of something that must not be less than `limit`.
    pub fn at_least(what: impl Into<String>, measured: f64, limit: f64) -> Self {
        Self { what: what.into(), measured, limit, met: measured >= limit }
    }
}

/// One bar of the plot.
#[derive(Debug, Clone)]
pub struct Bar {
    /// Bars of a group stand together.
    pub group: String,
    /// What it is.
    pub label: String,
    /// How long it is, and how far it varied.
    pub value: Spread,
    /// A tick where the limit is.
    pub limit: Option<f64>,
}

const HEADINGS: [&str; 11] = [
    "case",
    "clients",
    "variant",
    "per s",
    "p50 µs",
    "p99 µs",
    "CPU µs",
    "slow-down (min–max)",
    "CPU ratio",
    "limit",
    "failed",
];

impl Outcome {
    /// A line per variant and case.
    pub fn of(measured: &[Measured]) -> Self {
        let mut outcome = Self { table: vec![HEADINGS.map(str::to_owned).to_vec()], ..Self::default() };
        let one_case = measured.iter().all(|row| row.case == measured[0].case);
        for row in measured {
            outcome.push(row, one_case);
        }
        if one_case {
            outcome.table.iter_mut().for_each(|row| drop(row.remove(0)));
        }
        outcome
    }

    fn push(&mut self, row: &Measured, one_case: bool) {
        let failed: Vec<String> = row.failed().iter().map(|(code, times)| format!("{times} × {code}")).collect();
        let slowdown = row.slowdown.map(spread).unwrap_or_default();
        let verdict = row.slowdown.zip(row.limit).map(|(slowdown, limit)| {
            let clients = format!("{} client{}", row.clients, if row.clients == 1 { "" } else { "s" });
            let case = if one_case { String::new() } else { format!("{}, ", row.case) };
            Verdict::at_most(format!("{case}{}, {clients}", row.variant), slowdown.median, limit)
        });
        self.table.push(vec![
            row.case.clone(),
            row.clients.to_string(),
            row.variant.clone(),
            number(row.median(crate::load::Found::per_second)),
            number(row.median(|turn| turn.latency(0.5))),
            number(row.median(|turn| turn.latency(0.99))),
            figure(row.median(crate::load::Found::cpu_each)),
            slowdown,
            row.cpu_ratio.map(|ratio| figure(ratio.median)).unwrap_or_default(),
            verdict.as_ref().map(limit).unwrap_or_default(),
            failed.join(", "),
        ]);
        if let Some(value) = row.slowdown {
            let group = if one_case {
                format!("{} clients", row.clients)
            } else {
                format!("{}, {} clients", row.case, row.clients)
            };
            self.bars.push(Bar { group, label: row.variant.clone(), value, limit: row.limit });
        }
        self.data.push(json!({
            "case": row.case,
            "variant": row.variant,
            "clients": row.clients,
            "per_second": row.median(crate::load::Found::per_second),
            "p50_us": row.median(|turn| turn.latency(0.5)),
            "p99_us": row.median(|turn| turn.latency(0.99)),
            "cpu_us": row.median(crate::load::Found::cpu_each),
            "per_second_by_round": row.turns.iter().map(crate::load::Found::per_second).collect::<Vec<_>>(),
            "cpu_us_by_round": row.turns.iter().map(crate::load::Found::cpu_each).collect::<Vec<_>>(),
            "slowdown": row.slowdown,
            "cpu_ratio": row.cpu_ratio,
            "failed": row.failed(),
        }));
        self.verdicts.extend(verdict);
    }
}

/// `1.15 yes`
fn limit(verdict: &Verdict) -> String {
    format!("{} {}", figure(verdict.limit), if verdict.met { "met" } else { "NOT met" })
}

/// `1.12 (1.08–1.20)`
pub fn spread(spread: Spread) -> String {
    format!("{} ({}–{})", figure(spread.median), figure(spread.min), figure(spread.max))
}

/// Three digits that mean something.
pub fn figure(value: f64) -> String {
    match value.abs() {
        _ if value.is_nan() => "–".to_owned(),
        size if size >= 100.0 => number(value),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// A whole number with its thousands apart.
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    if value < 0.0 { format!("-{text}") } else { text }
}

/// All suites of a run.
pub struct Report {
    name: String,
    document: Value,
    met: Vec<(String, Verdict)>,
    plots: Vec<(String, String)>,
    failures: Vec<String>,
}

impl Report {
    /// Names the run after the server's clock.
    pub async fn new(arena: &Arena, effort: Effort) -> Result<Self, Failure> {
        let client = arena.connect("postgres").await?;
        let row =
            client.query_one("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD-HH24MI'), version()", &[]).await?;
        let pg_ivm: Option<String> = client
            .query_opt("SELECT default_version::text FROM pg_available_extensions WHERE name = 'pg_ivm'", &[])
            .await?
            .and_then(|row| row.get(0));
        let (name, version): (String, String) = (row.get(0), row.get(1));
        let processors = std::thread::available_parallelism().map_or(0, usize::from);
        println!("{version}, fsync on, shared_buffers 1 GB; {processors} processors");
        println!("{} s a turn, {} rounds", effort.turn.as_secs_f64(), effort.rounds);
        if pg_ivm.is_none() {
            println!(
                "pg_ivm is not available on this server; the figures in benches/README.md were measured elsewhere"
            );
        }
        let document = json!({
            "date": name,
            "server": version,
            "processors": processors,
            "commit": commit(arena),
            "seconds": effort.turn.as_secs_f64(),
            "rounds": effort.rounds,
            "quick": effort.quick,
            "suites": [],
        });
        Ok(Self { name, document, met: Vec::new(), plots: Vec::new(), failures: Vec::new() })
    }

    /// Says what begins.
    pub fn begin(&self, suite: Suite, scale: f64) {
        println!("\n{}", title(suite, scale));
    }

    /// Prints and keeps what a suite found.
    pub fn add(&mut self, suite: Suite, scale: f64, outcome: Outcome) {
        print!("{}", aligned(&outcome.table));
        for note in &outcome.notes {
            println!("{note}");
        }
        for verdict in &outcome.verdicts {
            println!("{}", sentence(verdict));
        }
        if let Some(suites) = self.document["suites"].as_array_mut() {
            suites.push(json!({
                "suite": suite.name(),
                "scale": suite.depends_on_scale().then_some(scale),
                "rows": outcome.data,
                "verdicts": outcome.verdicts,
                "notes": outcome.notes,
            }));
        }
        if !outcome.bars.is_empty() {
            self.plots.push((file(suite, scale, ""), plot::bars(&title(suite, scale), &outcome.bars)));
        }
        if !outcome.curves.is_empty() {
            let svg = curves::stacked(&title(suite, scale), &outcome.curves);
            self.plots.push((file(suite, scale, "-over-time"), svg));
        }
        self.met.extend(outcome.verdicts.into_iter().map(|verdict| (title(suite, scale), verdict)));
    }

    /// A suite that broke down.
    pub fn failed(&mut self, suite: Suite, scale: f64, error: &Failure) {
        let mut text = format!("{}: {error}", title(suite, scale));
        let mut source = error.source();
        while let Some(cause) = source {
            text.push_str(&format!(": {cause}"));
            source = cause.source();
        }
        println!("FAILED {text}");
        self.failures.push(text);
    }

    /// Writes JSON and plots; after every suite, so that an interrupted run leaves something.
    pub fn write(&self, folder: &Path) -> Result<(), Failure> {
        std::fs::create_dir_all(folder)?;
        std::fs::write(
            folder.join(format!("{}.json", self.name)),
            serde_json::to_string_pretty(&self.document)? + "\n",
        )?;
        for (file, svg) in &self.plots {
            std::fs::write(folder.join(format!("{}-{file}.svg", self.name)), svg)?;
        }
        Ok(())
    }

    /// All limits once more. None of them makes the run fail: a shared machine proves nothing in one run.
    pub fn conclude(&self) {
        let row = |(title, verdict): &(String, Verdict)| {
            let met = if verdict.met { "yes" } else { "NO" };
            vec![title.clone(), verdict.what.clone(), figure(verdict.measured), figure(verdict.limit), met.to_owned()]
        };
        let heading = ["suite", "what", "measured", "limit", "met"].map(str::to_owned).to_vec();
        let rows: Vec<_> = std::iter::once(heading).chain(self.met.iter().map(row)).collect();
        println!("\nLimits\n{}", aligned(&rows));
        for failure in &self.failures {
            println!("FAILED {failure}");
        }
    }
}

fn title(suite: Suite, scale: f64) -> String {
    if suite.depends_on_scale() { format!("{}, scale {scale}", suite.name()) } else { suite.name() }
}

fn file(suite: Suite, scale: f64, what: &str) -> String {
    let of_scale = if suite.depends_on_scale() { format!("-scale{scale}") } else { String::new() };
    format!("{}{what}{of_scale}", suite.name())
}

fn sentence(verdict: &Verdict) -> String {
    let met = if verdict.met { "met" } else { "NOT met" };
    format!("  limit {} {met}: {} {}", figure(verdict.limit), verdict.what, figure(verdict.measured))
}

/// The commit that is measured, where git knows.
fn commit(arena: &Arena) -> Option<String> {
    let output = std::process::Command::new("git")
        .args(["describe", "--always", "--dirty"])
        .current_dir(&arena.root)
        .output()
        .ok()?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned()).filter(|text| !text.is_empty())
}

/// Columns side by side: what begins with a letter to the left, numbers to the right.
fn aligned(rows: &[Vec<String>]) -> String {
    let Some(heading) = rows.first() else { return String::new() };
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let numeric = |column: usize| {
        let cells = rows[1..].iter().map(|row| row[column].as_str()).filter(|cell| !cell.is_empty());
        cells.clone().next().is_some()
            && cells.clone().all(|cell| cell.starts_with(|c: char| c.is_ascii_digit() || c == '–'))
    };
    let mut text = String::new();
    for row in rows {
        let cells = (0..heading.len()).filter(|column| width(*column) > 0).map(|column| {
            let pad = " ".repeat(width(column) - row[column].chars().count());
            if numeric(column) { format!("{pad}{}", row[column]) } else { format!("{}{pad}", row[column]) }
        });
        text.push_str(format!("  {}", cells.collect::<Vec<_>>().join("  ")).trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures() {
        assert_eq!([1.234, 12.34, 123.4, 12_345.6].map(figure), ["1.23", "12.3", "123", "12,346"]);
        assert_eq!([999.0, 1_000.0, 1_234_567.0].map(number), ["999", "1,000", "1,234,567"]);
        assert_eq!(figure(f64::NAN), "–");
    }

    #[test]
    fn columns_are_aligned() {
        let rows = [["name", "n"], ["bare", "7"], ["headwater", "10"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(aligned(&rows), "  name        n\n  bare        7\n  headwater  10\n");
    }
}
