//! `headwater bench`: how long the declared queries and routes take.

use headwater_deploy::project::read_settings;
use headwater_doctor::bench::{Measured, Options, Outcome as Found, bench};
use serde_json::json;

use super::table;
use crate::arguments;
use crate::session::Session;
use crate::{FINE, FOUND, Outcome};

/// The width of a bar.
const WIDTH: usize = 24;

pub async fn run(session: &Session, options: &arguments::Bench) -> Outcome {
    let target = session.target().await?;
    let settings = read_settings(&session.root)?;
    let asked = Options {
        queries: options.queries,
        concurrency: options.concurrency,
        max_time: options.max_time,
        by: options.by.number(),
        only: options.only.clone(),
    };
    let found = bench(&target.config, &settings, &asked, &session.bars).await?;
    let good = found.is_good();
    if session.json {
        outln!(
            "{}",
            json!({ "good": good, "by": asked.by.word(), "queries": asked.queries, "concurrency": asked.concurrency,
                    "measured": found.measured, "pool": found.pool })
        );
    } else {
        print(&found, &asked);
    }
    Ok(if good { FINE } else { FOUND })
}

fn print(found: &Found, asked: &Options) {
    if found.measured.is_empty() {
        outln!("nothing to measure: headwater.toml declares neither [[bench.query]] nor [[serve.route]]");
        return;
    }
    let longest = found.measured.iter().map(|one| one.numbers.p99_ms).fold(0.0, f64::max);
    let mut rows = table::new(&[
        "query",
        ">n",
        ">average",
        ">p50",
        ">p95",
        ">p99",
        ">max",
        ">limit",
        ">errors",
        "",
        "p50 █ p95 ▒ p99 ░",
    ]);
    for one in &found.measured {
        let numbers = &one.numbers;
        rows.add_row([
            one.name.clone(),
            numbers.n.to_string(),
            ms(numbers.average_ms),
            ms(numbers.p50_ms),
            ms(numbers.p95_ms),
            ms(numbers.p99_ms),
            ms(numbers.max_ms),
            one.limit_ms.map(ms).unwrap_or_default(),
            one.errors.to_string(),
            table::mark(!one.is_over).to_owned(),
            bar(one, longest),
        ]);
    }
    outln!("{rows}");
    outln!("milliseconds; the {} is held against the limit; {} at a time", asked.by.word(), asked.concurrency);
    let pool = &found.pool;
    outln!(
        "pool of {}: {:.1} % of the time with a connection in hand, {:.1} ms waited",
        pool.connections,
        pool.efficiency * 100.0,
        pool.waited_ms
    );
    for one in found.measured.iter().filter(|one| one.error.is_some()) {
        outln!("{} failed: {}", one.name, table::cut(one.error.as_deref().unwrap_or_default()));
    }
}

/// Milliseconds with three digits that count.
fn ms(value: f64) -> String {
    match value {
        v if v < 10.0 => format!("{v:.2}"),
        v if v < 100.0 => format!("{v:.1}"),
        v => format!("{v:.0}"),
    }
}

/// Dense up to the median, thin up to the 99th percentile.
fn bar(one: &Measured, longest: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a width")]
    let width = |value: f64| if longest > 0.0 { (value / longest * WIDTH as f64).ceil() as usize } else { 0 };
    let (p50, p95, p99) = (width(one.numbers.p50_ms), width(one.numbers.p95_ms), width(one.numbers.p99_ms));
    format!("{}{}{}", "█".repeat(p50), "▒".repeat(p95 - p50), "░".repeat(p99 - p95))
}
