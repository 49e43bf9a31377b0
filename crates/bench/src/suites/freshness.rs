//! **freshness**: from a writer's COMMIT to the batch that has it, while an open loop makes 1,000 commits a second: the transactions
//! of the showcase's `traffic/writes.sql` by their weights, without its statements of 1,000 rows, which `bulk-update` looks at. All
//! models of the showcase as they are declared, some realtime and some eventual; and all of them eventual. Limits: half within 10 ms,
//! 99 of 100 within 50 ms. Then nothing is written for 20 s, and the leader, its backend included, may take 1% of a core.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use super::votes::Voters;
use crate::Failure;
use crate::arena::Arena;
use crate::compare::Spread;
use crate::curves::{Curve, Panel, by_span, percentile};
use crate::leader::{Leader, Work, backlog, debounced};
use crate::models::{self, Mode};
use crate::paced::{self, Pace, Transaction, Writes, transactions};
use crate::probe::{Probe, until_visible};
use crate::report::{Bar, Outcome, Verdict, figure, number};

/// Commits a second.
const RATE: f64 = 1_000.0;

/// Connections that share them.
const CLIENTS: usize = 16;

/// How long a commit is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

const CASES: [(&str, &str, Mode); 2] =
    [("as declared", "freshness_declared", Mode::Declared), ("all eventual", "freshness_eventual", Mode::Eventual)];

/// What was measured under load.
struct Loaded {
    load: paced::Found,
    /// When a commit was followed, in seconds, and how many milliseconds it took.
    sights: Vec<(f64, f64)>,
    work: Work,
    left: i64,
    caught_up: Option<Duration>,
}

pub async fn run(arena: &Arena, scale: f64) -> Result<Outcome, Failure> {
    let base = arena.showcase(scale).await?;
    let writes: Vec<Transaction> = transactions(&arena.example("traffic/writes.sql")?)
        .into_iter()
        .filter(|transaction| !transaction.name.starts_with("bulk_"))
        .collect();
    let mut outcome = Outcome::default();
    outcome.table.push(
        [
            "models",
            "commits/s",
            "latency p50 ms",
            "latency p99 ms",
            "freshness p50 ms",
            "freshness p99 ms",
            "probes",
            "batches/s",
            "batch p50 ms",
            "batch p99 ms",
            "leader CPU %",
            "of it backend",
            "queued at the end",
            "idle CPU %",
            "failed",
        ]
        .map(str::to_owned)
        .to_vec(),
    );
    for (name, database, mode) in CASES {
        let config = arena.copy(&base, database).await?;
        arena.apply(&config, &models::showcase(arena, &[], mode)?).await?;
        let voters = Voters::of(arena, &config).await?;
        let client = arena.connect(database).await?;
        let leader = Leader::start(&config).await?;
        let time = 5 * arena.effort.turn;
        let pace = |writes| Pace {
            config: config.clone(),
            writes,
            clients: CLIENTS,
            per_second: RATE,
            patience: paced::PATIENCE,
        };

        eprintln!("  {name}: warming up");
        let warm = paced::start(pace(Writes::Mixed(writes.clone().into()))).await?;
        tokio::time::sleep(arena.effort.turn).await;
        warm.finish().await?;
        until_visible(&client, PATIENCE).await?;

        let mut rounds = Vec::new();
        for round in 1..=arena.effort.rounds {
            eprintln!("  {name}, round {round}");
            let mark = leader.mark();
            let load = paced::start(pace(Writes::Mixed(writes.clone().into()))).await?;
            let start = load.start;
            let probe = Probe::start(&config, &voters.feed(), PATIENCE);
            tokio::time::sleep(time).await;
            let work = leader.since(&mark);
            let load = load.finish().await?;
            let (left, _) = backlog(&client).await?;
            let sights = probe.finish().await?;
            let sights = sights
                .iter()
                .map(|sight| {
                    ((sight.at.saturating_duration_since(start)).as_secs_f64(), sight.wait.as_secs_f64() * 1000.0)
                })
                .collect();
            let caught_up = until_visible(&client, PATIENCE).await?;
            rounds.push(Loaded { load, sights, work, left, caught_up });
        }

        let idle = if arena.effort.quick { Duration::from_secs(3) } else { Duration::from_secs(20) };
        eprintln!("  {name}: idle for {} s", idle.as_secs());
        // What the load has left to autovacuum and to models that wait for their turn is not idleness.
        tokio::time::sleep(if arena.effort.quick { Duration::from_secs(6) } else { Duration::from_secs(15) }).await;
        let mark = leader.mark();
        tokio::time::sleep(idle).await;
        let at_rest = leader.since(&mark);
        leader.stop().await?;
        report(name, &rounds, &at_rest, &mut outcome);
        let waits = debounced(&client).await?;
        if !waits.is_empty() {
            outcome.notes.push(format!(
                "{name}: rebuilt after changes, at intervals, and not part of freshness: {}",
                waits.join(", ")
            ));
        }
    }
    outcome.notes.push(format!("{RATE} commits a second were asked for; latency counts from a transaction's moment"));
    Ok(outcome)
}

fn report(name: &str, rounds: &[Loaded], at_rest: &Work, outcome: &mut Outcome) {
    let over = |figure: &dyn Fn(&Loaded) -> f64| Spread::of(rounds.iter().map(figure));
    let latency = |share| over(&|round| percentile(round.load.samples.iter().map(|(_, ms)| *ms).collect(), share));
    let fresh = |share| over(&|round| percentile(round.sights.iter().map(|(_, ms)| *ms).collect(), share));
    let batches = over(&|round| round.work.batches as f64 / round.load.seconds);
    let mut failed: BTreeMap<String, u64> = BTreeMap::new();
    for (code, times) in rounds.iter().flat_map(|round| &round.load.failed) {
        *failed.entry(code.clone()).or_default() += times;
    }
    let failures: Vec<String> = failed.iter().map(|(code, times)| format!("{times} × {code}")).collect();
    let (p50, p99) = (fresh(0.5), fresh(0.99));
    let achieved = over(&|round| round.load.per_second());
    outcome.table.push(vec![
        name.to_owned(),
        number(achieved.median),
        figure(latency(0.5).median),
        figure(latency(0.99).median),
        figure(p50.median),
        figure(p99.median),
        rounds.iter().map(|round| round.sights.len()).sum::<usize>().to_string(),
        figure(batches.median),
        figure(over(&|round| round.work.batch_p50_ms).median),
        figure(over(&|round| round.work.batch_p99_ms).median),
        figure(over(&|round| round.work.percent()).median),
        figure(over(&|round| round.work.backend_percent).median),
        number(over(&|round| round.left as f64).median),
        figure(at_rest.percent()),
        failures.join(", "),
    ]);
    for (what, value, limit) in [("p50", p50, 10.0), ("p99", p99, 50.0)] {
        outcome.verdicts.push(Verdict::at_most(format!("{name}: freshness {what}, ms"), value.median, limit));
        outcome.bars.push(Bar {
            group: "freshness, ms".into(),
            label: format!("{name}, {what}"),
            value,
            limit: Some(limit),
        });
    }
    outcome.verdicts.push(Verdict::at_least(format!("{name}: commits a second"), achieved.median, 0.95 * RATE));
    outcome.verdicts.push(Verdict::at_most(format!("{name}: the idle leader, % of a core"), at_rest.percent(), 1.0));
    let troubles: Vec<&String> = rounds.iter().flat_map(|round| &round.work.troubles).collect();
    if let Some(first) = troubles.first() {
        outcome.notes.push(format!("{name}: {} troubles of the leader, the first: {first}", troubles.len()));
    }
    if let Some(last) = rounds.last() {
        outcome.curves.push(Panel {
            title: format!("{name}: freshness in ms, by half seconds"),
            below: "s".into(),
            curves: [("p99", 0.99), ("p50", 0.5)]
                .map(|(name, share)| Curve { name: name.into(), points: by_span(&last.sights, 0.5, share) })
                .to_vec(),
            limit: Some(50.0),
            logarithmic: true,
            ..Panel::default()
        });
    }
    outcome.data.push(json!({
        "models": name,
        "commits_per_second": achieved,
        "latency_p50_ms": latency(0.5),
        "latency_p99_ms": latency(0.99),
        "freshness_p50_ms": p50,
        "freshness_p99_ms": p99,
        "freshness_max_ms": fresh(1.0),
        "leader": rounds.iter().map(|round| &round.work).collect::<Vec<_>>(),
        "queued_at_the_end": rounds.iter().map(|round| round.left).collect::<Vec<_>>(),
        "caught_up_after_ms": rounds.iter().map(|round| round.caught_up.map(|time| time.as_secs_f64() * 1000.0)).collect::<Vec<_>>(),
        "idle": at_rest,
        "failed": failed,
    }));
}
