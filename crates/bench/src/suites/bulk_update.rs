//! **bulk-update**: one UPDATE of all votes, a million at scale 1, in the middle of a steady load of single votes (open loop, 500 a
//! second), with the eight views of document 003 eventual and the leader at work; against the same with nobody keeping models. The
//! plot shows how long single votes take and how soon the models have them, before, during and after; the table, how long the
//! models took to have the UPDATE and when freshness was within 50 ms again. There is no limit but that it ends.

use std::time::{Duration, Instant};

use headwater_postgres::Config;
use serde_json::json;

use super::votes::{VOTE, Voters};
use crate::Failure;
use crate::arena::{Arena, prepare};
use crate::curves::{Curve, Panel, by_span, percentile};
use crate::leader::{Leader, Round, backlog};
use crate::models::{self, Mode, VIEWS};
use crate::paced::{self, Pace, Writes};
use crate::probe::{Probe, Sight, visible};
use crate::report::{Outcome, figure, number};

/// Rows of the UPDATE at scale 1.
const ROWS: f64 = 1_000_000.0;
/// Votes a second beside it.
const RATE: f64 = 500.0;
/// Connections that share them.
const CLIENTS: usize = 8;
/// How long the models may take to have the UPDATE.
const PATIENCE: Duration = Duration::from_secs(900);
/// Freshness is as before when it is within this again.
const FRESH_MS: f64 = 50.0;
/// Latencies are shown for each tenth of a second.
const SPAN: f64 = 0.1;

/// Both old and new image of a vote go to the queue: the feed reads `is_upvote`.
const UPDATE: &str = "UPDATE upvotes SET is_upvote = NOT is_upvote";

/// What was seen; times in seconds after the load's beginning.
struct Course {
    load: paced::Found,
    rows: u64,
    /// The UPDATE.
    from: f64,
    to: f64,
    /// From its commit until the models had it.
    drained: Option<Duration>,
    /// A commit that was followed, and its wait in milliseconds.
    sights: Vec<(f64, f64)>,
    /// The longest batch, in milliseconds.
    longest: f64,
    /// Bytes of the queues when all was taken.
    bytes: i64,
    /// From the UPDATE's commit until freshness was as before.
    fresh_again: Option<f64>,
    troubles: Vec<String>,
}

pub async fn run(arena: &Arena, scale: f64) -> Result<Outcome, Failure> {
    let base = arena.showcase(scale).await?;
    let bare = arena.copy(&base, "bulk_update_bare").await?;
    let eight = arena.copy(&base, "bulk_update_eight").await?;
    let rows = (ROWS * scale) as i64;
    // One user after the other votes on all projects until there are enough votes. Fresh ones are left to the load beside the UPDATE.
    let more = format!(
        "INSERT INTO upvotes (user_id, project_id) SELECT u.id, p.id \
         FROM (SELECT id FROM users WHERE username NOT LIKE 'fresh\\_%' ORDER BY id) AS u, projects AS p \
         WHERE NOT EXISTS (SELECT FROM upvotes AS v WHERE v.user_id = u.id AND v.project_id = p.id) \
         LIMIT greatest(0, {rows} - (SELECT count(*) FROM upvotes))"
    );
    for config in [&bare, &eight] {
        eprintln!("  adding votes");
        prepare(config, &more).await?;
    }
    arena.apply(&eight, &models::showcase(arena, &VIEWS, Mode::Eventual)?).await?;

    let courses =
        [("bare", course(arena, &bare, false).await?), ("eight views eventual", course(arena, &eight, true).await?)];
    let mut outcome = Outcome::default();
    outcome.table.push(
        [
            "models",
            "rows",
            "UPDATE s",
            "p50 ms before",
            "during",
            "after",
            "p99 ms before",
            "during ",
            "after ",
            "at most",
            "in the models after s",
            "fresh again after s",
            "longest batch s",
            "failed",
        ]
        .map(str::to_owned)
        .to_vec(),
    );
    for (name, course) in &courses {
        tell(name, course, &mut outcome);
    }
    outcome.curves = panels(&courses);
    Ok(outcome)
}

async fn course(arena: &Arena, config: &Config, kept: bool) -> Result<Course, Failure> {
    let database = config.get_dbname().unwrap_or_default();
    let quiet = if arena.effort.quick { Duration::from_secs(2) } else { Duration::from_secs(10) };
    let voters = Voters::of(arena, config).await?;
    let client = arena.connect(database).await?;
    let leader = if kept { Some(Leader::start(config).await?) } else { None };
    eprintln!("  {database}: votes");
    let writes = Writes::One(VOTE.to_owned(), voters.feed());
    let load = paced::start(Pace {
        config: config.clone(),
        writes,
        clients: CLIENTS,
        per_second: RATE,
        patience: paced::PATIENCE,
    })
    .await?;
    let start = load.start;
    let mark = leader.as_ref().map(Leader::mark);
    let probe = kept.then(|| Probe::start(config, &voters.feed(), PATIENCE));
    tokio::time::sleep(quiet).await;

    eprintln!("  {database}: UPDATE");
    let from = start.elapsed().as_secs_f64();
    client.batch_execute("BEGIN").await?;
    let rows = client.execute(UPDATE, &[]).await?;
    let xid: String = client.query_one("SELECT pg_current_xact_id()::text", &[]).await?.get(0);
    client.batch_execute("COMMIT").await?;
    let committed = Instant::now();
    let to = start.elapsed().as_secs_f64();
    let drained = if kept { visible(&client, &xid, committed, PATIENCE).await? } else { None };
    eprintln!("  {database}: afterwards");
    tokio::time::sleep(quiet).await;

    let load = load.finish().await?;
    let sights: Vec<Sight> = match probe {
        Some(probe) => probe.finish().await?,
        None => Vec::new(),
    };
    let mut course = Course {
        load,
        rows,
        from,
        to,
        drained,
        sights: sights
            .iter()
            .map(|sight| (sight.at.saturating_duration_since(start).as_secs_f64(), sight.wait.as_secs_f64() * 1000.0))
            .collect(),
        longest: 0.0,
        bytes: 0,
        fresh_again: None,
        troubles: Vec::new(),
    };
    if let Some((leader, mark)) = leader.zip(mark) {
        let rounds: Vec<Round> = leader.rounds(&mark);
        course.longest = rounds.iter().map(|round| round.took.as_secs_f64() * 1000.0).fold(0.0, f64::max);
        course.troubles = leader.since(&mark).troubles;
        course.fresh_again = fresh_again(&course);
        leader.stop().await?;
        course.bytes = backlog(&client).await?.1;
    }
    Ok(course)
}

/// From the UPDATE's commit to the first later commit that the models had in time. (A batch that has a later commit has the UPDATE.)
fn fresh_again(course: &Course) -> Option<f64> {
    course.sights.iter().find(|(at, wait)| *at > course.to && *wait <= FRESH_MS).map(|(at, _)| at - course.to)
}

impl Course {
    /// Latencies before, during and after the UPDATE, until the models have it included.
    fn phases(&self) -> [Vec<f64>; 3] {
        let until = self.to + self.drained.map_or(0.0, |drained| drained.as_secs_f64());
        let within = |from: f64, to: f64| {
            self.load.samples.iter().filter(|(at, _)| *at >= from && *at < to).map(|(_, ms)| *ms).collect()
        };
        [within(0.0, self.from), within(self.from, until), within(until, f64::INFINITY)]
    }
}

fn tell(name: &str, course: &Course, outcome: &mut Outcome) {
    let phases = course.phases();
    let at = |share: f64| phases.clone().map(|values| percentile(values, share));
    let seconds = |time: Option<f64>| time.map(figure).unwrap_or_default();
    let failed: Vec<String> = course.load.failed.iter().map(|(code, times)| format!("{times} × {code}")).collect();
    let mut row = vec![name.to_owned(), number(course.rows as f64), figure(course.to - course.from)];
    row.extend(at(0.5).map(figure));
    row.extend(at(0.99).map(figure));
    let most = course.load.samples.iter().map(|(_, ms)| *ms).fold(0.0, f64::max);
    let drained = course.drained.map(|time| time.as_secs_f64());
    row.extend([figure(most), seconds(drained), seconds(course.fresh_again)]);
    row.push(seconds((course.longest > 0.0).then_some(course.longest / 1000.0)));
    row.push(failed.join(", "));
    outcome.table.push(row);
    if !course.sights.is_empty() {
        let before = course.sights.iter().filter(|(at, wait)| at + wait / 1000.0 < course.from).map(|(_, wait)| *wait);
        let before: Vec<f64> = before.collect();
        outcome.notes.push(format!(
            "{name}: freshness before p50 {} ms, p99 {} ms; at most {} s; the queues keep {} MB when all is taken",
            figure(percentile(before.clone(), 0.5)),
            figure(percentile(before, 0.99)),
            figure(course.sights.iter().map(|(_, wait)| wait / 1000.0).fold(0.0, f64::max)),
            figure(course.bytes as f64 / 1_048_576.0),
        ));
        if course.drained.is_none() {
            outcome.notes.push(format!("{name}: the models did not have the UPDATE after {} s", PATIENCE.as_secs()));
        }
    }
    for trouble in course.troubles.iter().take(3) {
        outcome.notes.push(format!("{name}, trouble: {trouble}"));
    }
    outcome.data.push(json!({
        "models": name, "rows": course.rows, "update_s": course.to - course.from,
        "votes_per_second": course.load.per_second(),
        "p50_ms": at(0.5), "p99_ms": at(0.99), "max_ms": most,
        "in_the_models_after_s": drained, "fresh_again_after_s": course.fresh_again, "longest_batch_ms": course.longest,
        "queue_bytes": course.bytes, "failed": course.load.failed, "troubles": course.troubles,
    }));
}

fn panels(courses: &[(&str, Course)]) -> Vec<Panel> {
    let panel = |title: &str, share: f64| Panel {
        title: title.to_owned(),
        below: "s after the UPDATE began".into(),
        curves: courses
            .iter()
            .map(|(name, course)| {
                let samples: Vec<_> = course.load.samples.iter().map(|(at, ms)| (at - course.from, *ms)).collect();
                Curve { name: (*name).to_owned(), points: by_span(&samples, SPAN, share) }
            })
            .collect(),
        marks: marks(courses),
        limit: None,
        logarithmic: true,
    };
    let fresh = Panel {
        title: "freshness in ms, by the moment of the commit".into(),
        curves: courses
            .iter()
            .filter(|(_, course)| !course.sights.is_empty())
            .map(|(name, course)| Curve {
                name: (*name).to_owned(),
                points: course.sights.iter().map(|(at, wait)| (at - course.from, *wait)).collect(),
            })
            .collect(),
        limit: Some(FRESH_MS),
        ..panel("", 0.5)
    };
    vec![panel("a single vote: latency in ms, p99 of each 100 ms", 0.99), panel("the same, p50", 0.5), fresh]
}

/// The ends of the UPDATEs, and of the batch that took the one in the queue.
fn marks(courses: &[(&str, Course)]) -> Vec<(f64, String)> {
    let mut marks = vec![(0.0, "UPDATE".to_owned())];
    for (name, course) in courses {
        let committed = course.to - course.from;
        marks.push((committed, format!("committed ({name})")));
        if let Some(drained) = course.drained {
            marks.push((committed + drained.as_secs_f64(), "in the models".to_owned()));
        }
    }
    marks
}
