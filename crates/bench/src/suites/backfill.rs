//! **backfill**: how long `apply` took to fill each model of the showcase, while writers could have gone on, against `INSERT INTO t
//! SELECT …` of the same SELECT into a like table with the same indexes, alone and in one transaction. Limit: half the speed.
//! The proof afterwards, which compares every row with the SELECT, is not part of it.

use std::time::Instant;

use headwater_catalog::Ident;
use serde_json::json;

use crate::Failure;
use crate::arena::{Arena, prepare};
use crate::compare::Spread;
use crate::report::{Bar, Outcome, Verdict, number, spread};

/// Shorter fills are overhead only.
const WORTH_JUDGING_MS: f64 = 100.0;

pub async fn run(arena: &Arena, scale: f64) -> Result<Outcome, Failure> {
    let base = arena.showcase(scale).await?;
    let mut rounds: Vec<Vec<Filled>> = Vec::new();
    for round in 1..=arena.effort.rounds {
        eprintln!("  round {round}");
        rounds.push(once(arena, &base).await?);
    }
    let mut outcome = Outcome::default();
    outcome.table.push(
        ["model", "rows", "backfill ms", "INSERT … SELECT ms", "slow-down (min–max)", "limit"]
            .map(str::to_owned)
            .to_vec(),
    );
    for position in 0..rounds[0].len() {
        let of = |figure: fn(&Filled) -> f64| Spread::of(rounds.iter().map(|round| figure(&round[position])));
        let filled = &rounds[0][position];
        let (backfill, plain, ratio) = (of(|f| f.backfill_ms), of(|f| f.plain_ms), of(|f| f.backfill_ms / f.plain_ms));
        let verdict =
            (plain.median >= WORTH_JUDGING_MS).then(|| Verdict::at_most(filled.model.clone(), ratio.median, 2.0));
        let limit =
            verdict.as_ref().map(|verdict| if verdict.met { "2.00 met" } else { "2.00 NOT met" }).unwrap_or_default();
        outcome.table.push(vec![
            filled.model.clone(),
            number(filled.rows),
            number(backfill.median),
            number(plain.median),
            spread(ratio),
            limit.to_owned(),
        ]);
        outcome.data.push(json!({ "model": filled.model, "rows": filled.rows, "backfill_ms": backfill, "insert_select_ms": plain, "slowdown": ratio }));
        let limit = verdict.is_some().then_some(2.0);
        outcome.bars.push(Bar {
            group: "time ÷ time of INSERT … SELECT".into(),
            label: filled.model.clone(),
            value: ratio,
            limit,
        });
        outcome.verdicts.extend(verdict);
    }
    outcome.notes.push(format!("models whose INSERT … SELECT takes less than {WORTH_JUDGING_MS} ms are not judged"));
    Ok(outcome)
}

struct Filled {
    model: String,
    rows: f64,
    backfill_ms: f64,
    plain_ms: f64,
}

async fn once(arena: &Arena, base: &str) -> Result<Vec<Filled>, Failure> {
    let models = arena.showcase_models(&[])?;
    let config = arena.copy(base, "backfill_headwater").await?;
    arena.apply(&config, &models).await?;
    let sql = "SELECT name, backfill_ms::float8 FROM headwater.model WHERE state = 'serving' ORDER BY name";
    let installed = arena.connect("backfill_headwater").await?.query(sql, &[]).await?;

    let plain = arena.copy(base, "backfill_plain").await?;
    // The files are plain SQL: as materialized views they show what the tables must look like, and warm the cache.
    let script: Vec<String> = models.iter().map(|file| file.text.clone()).collect();
    eprintln!("  creating the materialized views");
    prepare(&plain, &script.join("\n")).await?;
    let client = arena.connect("backfill_plain").await?;
    let mut all = Vec::new();
    for row in installed {
        let (model, backfill_ms): (String, f64) = (row.get(0), row.get(1));
        let (view, table) = (Ident::new(&model)?, Ident::generated("plain_", &model));
        client.batch_execute(&format!("CREATE TABLE {table} (LIKE {view} INCLUDING ALL)")).await?;
        let select: String =
            client.query_one("SELECT pg_get_viewdef($1::text::regclass)", &[&view.to_string()]).await?.get(0);
        let started = Instant::now();
        let rows = client.execute(&format!("INSERT INTO {table} {}", select.trim_end_matches(';')), &[]).await?;
        all.push(Filled { model, rows: rows as f64, backfill_ms, plain_ms: started.elapsed().as_secs_f64() * 1000.0 });
    }
    Ok(all)
}
