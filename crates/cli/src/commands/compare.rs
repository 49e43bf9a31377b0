//! `headwater compare`: the same requests to an old endpoint and to the new one, while both answer; what differs is told.

mod answer;
mod requests;

use std::time::{Duration, Instant};

use headwater_deploy::Progress as _;
use headwater_deploy::error::Error;
use serde_json::{Value, json};

use super::table;
use crate::arguments;
use crate::session::Session;
use crate::{FINE, FOUND, Outcome};
use answer::{Asker, Difference, Shape};

/// Between two looks at what differs.
const PAUSE: Duration = Duration::from_millis(200);

/// How many differences are told of one request.
const TOLD: usize = 5;

/// One request, and what the two answers do not have in common.
struct Compared {
    path: String,
    differences: Vec<Difference>,
    old_ms: f64,
    new_ms: f64,
}

pub async fn run(session: &Session, options: &arguments::Compare) -> Outcome {
    let text =
        requests::read(&options.requests).map_err(|source| Error::Read { path: options.requests.clone(), source })?;
    let paths = requests::paths(&text, options.limit as usize);
    let shape = Shape { items: options.items.clone(), key: options.key.clone(), ignore: options.ignore.clone() };
    let (old, new) = (Asker::new(&options.old, &options.header), Asker::new(&options.new, &options.header));
    session.bars.begin("comparing", paths.len() as u64);
    let mut compared = Vec::new();
    for path in paths {
        compared.push(compare(path, &old, &new, &shape, options.patience).await);
        session.bars.done(compared.len() as u64);
    }
    session.bars.end();
    let good = !compared.is_empty() && compared.iter().all(|one| one.differences.is_empty());
    if session.json {
        outln!("{}", document(&compared, good));
    } else {
        print(&compared);
    }
    Ok(if good { FINE } else { FOUND })
}

/// Asks both at the same time. What differs is asked for again for a while: rows come while one compares, and one of the two is ahead.
async fn compare(path: String, old: &Asker, new: &Asker, shape: &Shape, patience: Duration) -> Compared {
    let began = Instant::now();
    loop {
        let ((one, old_ms), (other, new_ms)) = tokio::join!(old.ask(&path), new.ask(&path));
        let differences = shape.differences(&one, &other);
        if differences.is_empty() || began.elapsed() >= patience {
            return Compared { path, differences, old_ms, new_ms };
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn document(compared: &[Compared], good: bool) -> Value {
    let told = |one: &Compared| {
        let differences: Vec<Value> = one.differences.iter().map(Difference::document).collect();
        json!({ "request": one.path, "same": one.differences.is_empty(), "differences": differences,
                "old_ms": one.old_ms, "new_ms": one.new_ms })
    };
    json!({ "good": good, "requests": compared.iter().map(told).collect::<Vec<_>>() })
}

fn print(compared: &[Compared]) {
    if compared.is_empty() {
        outln!("nothing to compare: there is no GET request in what was given");
        return;
    }
    let differing: Vec<&Compared> = compared.iter().filter(|one| !one.differences.is_empty()).collect();
    for one in &differing {
        outln!("{} {}", table::mark(false), one.path);
        for difference in one.differences.iter().take(TOLD) {
            outln!("    {difference}");
        }
        if one.differences.len() > TOLD {
            outln!("    and {} more", one.differences.len() - TOLD);
        }
    }
    let median = |time: fn(&Compared) -> f64| {
        let mut times: Vec<f64> = compared.iter().map(time).collect();
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    };
    outln!(
        "{} of {} requests have the same answer; half of them took no longer than {:.1} ms (old), {:.1} ms (new)",
        compared.len() - differing.len(),
        compared.len(),
        median(|one| one.old_ms),
        median(|one| one.new_ms)
    );
}
