//! `headwater maintain`.

use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

use headwater_deploy::batch::{self, Batch};
use headwater_deploy::project::{self, read_settings};
use headwater_deploy::{error::Error, installed};
use headwater_maintain::{Event, Observer, Settings, lead};
use opentelemetry::trace::{Span as _, SpanBuilder, Tracer as _};
use opentelemetry::{KeyValue, global};
use serde_json::json;

use crate::arguments;
use crate::interrupt::interrupted;
use crate::session::Session;
use crate::{FINE, FOUND, Outcome, telemetry};

/// Between two lines about batches.
const INTERVAL: Duration = Duration::from_secs(10);

pub async fn run(session: &Session, options: &arguments::Maintain) -> Outcome {
    let target = session.target().await?;
    let mut client = target.connect().await?;
    if !installed::is_present(&client).await? {
        return Err(Error::NotInstalled.into());
    }
    if options.once {
        let batch = batch::run(&mut client, batch::How { careful: true, force: true }).await?;
        if session.json {
            outln!(
                "{}",
                json!({ "batch": batch.number, "taken": batch.taken, "keys": batch.keys, "failed": batch.failed })
            );
        } else if batch.done {
            outln!("batch {}: {} changes taken, {} keys recomputed", batch.number, batch.taken, batch.keys);
        } else {
            outln!("nothing to do since batch {}", batch.number);
        }
        return Ok(if batch.failed.is_empty() { FINE } else { FOUND });
    }
    drop(client);
    let settings = settings(&read_settings(&session.root)?.maintain);
    lead(&target.config, &settings, interrupted(), &Voice::new(session.json)).await?;
    Ok(FINE)
}

/// The leader's settings from the project's.
pub fn settings(maintain: &project::Maintain) -> Settings {
    Settings {
        log_keep: maintain.log_keep,
        verify_every: maintain.verify_every,
        verify_budget: maintain.verify_budget_percent / 100.0,
    }
}

/// Tells what the leader does, a line at a time on standard error; as JSON lines on standard output with `--json`.
pub struct Voice {
    json: bool,
    sum: Mutex<Sum>,
}

/// The batches since the last line.
struct Sum {
    since: Instant,
    batches: u64,
    taken: i64,
    keys: i64,
    longest: Duration,
}

impl Sum {
    fn new() -> Self {
        Self { since: Instant::now(), batches: 0, taken: 0, keys: 0, longest: Duration::ZERO }
    }
}

impl Voice {
    /// As text, or as JSON.
    pub fn new(json: bool) -> Self {
        Self { json, sum: Mutex::new(Sum::new()) }
    }

    fn say(&self, event: &str, text: &str) {
        if self.json {
            outln!("{}", json!({ "event": event, "text": text }));
        } else {
            eprintln!("{text}");
        }
    }
}

/// A batch that did something, as a span. Nothing where no collector is named.
fn trace(batch: &Batch, took: Duration) {
    let ended = SystemTime::now();
    let attributes = [
        KeyValue::new("headwater.batch", batch.number),
        KeyValue::new("headwater.changes", batch.taken),
        KeyValue::new("headwater.keys", batch.keys),
    ];
    let span = SpanBuilder::from_name("batch").with_start_time(ended - took).with_attributes(attributes);
    global::tracer(telemetry::NAME).build(span).end_with_timestamp(ended);
}

impl Observer for Voice {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::StandsBy => self.say("standby", "another process leads; standing by"),
            Event::Leads => self.say("leads", "leading"),
            Event::Trouble(text) => self.say("trouble", text),
            Event::Verified(name, None) => self.say("verified", &format!("verified {name}: exact")),
            Event::Verified(name, Some(found)) => self.say("verified", &format!("verified {name}: {found}; repaired")),
            Event::Batch(batch, took) => {
                trace(batch, *took);
                let Ok(mut sum) = self.sum.lock() else { return };
                sum.batches += 1;
                sum.taken += batch.taken;
                sum.keys += batch.keys;
                sum.longest = sum.longest.max(*took);
                if sum.since.elapsed() >= INTERVAL {
                    let text = format!(
                        "batch {}: {} batches in {:.0} s, {} changes, {} keys, longest {:.1} ms",
                        batch.number,
                        sum.batches,
                        sum.since.elapsed().as_secs_f64(),
                        sum.taken,
                        sum.keys,
                        sum.longest.as_secs_f64() * 1000.0
                    );
                    self.say("batches", &text);
                    *sum = Sum::new();
                }
            }
        }
    }
}
