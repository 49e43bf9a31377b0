//! **foodshare**: document 004. First its materialized view: the time after which a change is in it, by REFRESH … CONCURRENTLY as the
//! document has it, and by a batch. 5,000 users who share with communities × 20 groups × 2,000 posts, each with an exchange and a rating: every
//! group is joined with every user. Then what the document sets limits for, on the example's data at `scale`, by one client and by 16:
//! food posts 200 ms, a reputation 100 ms, groups 300 ms, the view 50 ms, on average.

use std::sync::Arc;
use std::time::Instant;

use headwater_catalog::{ident::short_hash, quote_literal};
use headwater_compile::SourceFile;
use headwater_deploy::Project;
use headwater_deploy::batch::{self, How};
use headwater_deploy::project::{parse_settings, script};
use headwater_postgres::{Config, connect};
use serde_json::json;

use crate::Failure;
use crate::arena::Arena;
use crate::compare::Spread;
use crate::load::{self, Feed, Load, Value};
use crate::report::{Bar, Outcome, Verdict, spread};

/// The sizes at which 004's refresh was first measured.
const FAN_OUT: &str = "
    INSERT INTO users (id, username, sharing_mode) SELECT md5('u' || n)::uuid, 'u' || n, 'community' FROM generate_series(1, 5000) AS n;
    INSERT INTO community_groups (id, name, group_type) SELECT md5('g' || n)::uuid, 'g' || n, 'community' FROM generate_series(1, 20) AS n;
    INSERT INTO food_posts (id, user_id, group_id, title, pickup_time, created_at)
    SELECT md5('p' || n)::uuid, md5('u' || n)::uuid, md5('g' || (1 + n % 20))::uuid, 'p', now(), now() - interval '1 day' FROM generate_series(1, 2000) AS n;
    INSERT INTO exchanges (id, food_id, claimer_id, status) SELECT md5('x' || n)::uuid, md5('p' || n)::uuid, md5('u' || n + 1)::uuid, 'completed' FROM generate_series(1, 2000) AS n;
    INSERT INTO ratings (exchange_id, rated_user_id, kind, stars) SELECT md5('x' || n)::uuid, md5('u' || n)::uuid, 'food', 1 + n % 5 FROM generate_series(1, 2000) AS n";

/// What is asked: who asks, the document's limit in milliseconds, and the statement; `$1` is a number.
const ASKED: [(&str, f64, &str); 5] = [
    (
        "food posts of a group",
        200.0,
        "SELECT * FROM food_posts WHERE status = 'available' AND pickup_time > now() AND group_id = md5('group' || (1 + $1::int % 100))::uuid",
    ),
    (
        "food that is available",
        200.0,
        "SELECT * FROM available_food WHERE pickup_time > now() + $1::int * interval '1 second' ORDER BY pickup_time, id LIMIT 20",
    ),
    ("a reputation", 100.0, "SELECT * FROM user_reputation WHERE user_id = md5('user' || (1 + $1::int))::uuid"),
    (
        "group discovery",
        300.0,
        "SELECT * FROM group_activity WHERE group_type = 'community' ORDER BY food_posts_30d DESC, group_id LIMIT 20 OFFSET $1::int % 50",
    ),
    (
        "the summary's view",
        50.0,
        "SELECT * FROM group_activity_summary ORDER BY group_id LIMIT 100 OFFSET $1::int % 50",
    ),
];

pub async fn run(arena: &Arena, scale: f64) -> Result<Outcome, Failure> {
    let mut outcome = Outcome::default();
    outcome.table.push(["what", "clients", "per s", "average ms (min–max)", "limit"].map(str::to_owned).to_vec());
    changes(arena, &mut outcome).await?;
    reads(arena, scale, &mut outcome).await?;
    Ok(outcome)
}

/// After which time a change is in the summary.
async fn changes(arena: &Arena, outcome: &mut Outcome) -> Result<(), Failure> {
    let base = load_example(arena, "foodshare_fanout", None).await?;
    let rounds = 2 * arena.effort.rounds + 1;

    let refreshed = arena.copy(&base, "foodshare_refreshed").await?;
    let client = connect(&refreshed).await?;
    let summary = model(arena, "group_activity_summary")?;
    client.batch_execute(&summary.text).await?;
    let mut times = Vec::new();
    for _ in 0..arena.effort.rounds {
        client.batch_execute(NEW_POST).await?;
        let started = Instant::now();
        client.batch_execute("REFRESH MATERIALIZED VIEW CONCURRENTLY group_activity_summary").await?;
        times.push(started.elapsed().as_secs_f64() * 1000.0);
    }
    let refresh = Spread::of(times);
    push(outcome, "004: REFRESH … CONCURRENTLY", 1, None, refresh, None);

    let kept = arena.copy(&base, "foodshare_kept").await?;
    arena.apply(&kept, std::slice::from_ref(&summary)).await?;
    for (what, sql) in
        [("a new post, in the summary", NEW_POST), ("a user joins the communities, in the summary", NEW_MEMBER)]
    {
        let mut times = Vec::new();
        let mut client = connect(&kept).await?;
        for _ in 0..rounds {
            client.batch_execute(sql).await?;
            let started = Instant::now();
            batch::run(&mut client, How { careful: false, force: false }).await?;
            times.push(started.elapsed().as_secs_f64() * 1000.0);
        }
        let found = Spread::of(times);
        outcome.notes.push(format!("{what}: {:.0} times faster than the refresh", refresh.median / found.median));
        push(outcome, what, 1, None, found, None);
    }
    Ok(())
}

const NEW_POST: &str = "INSERT INTO food_posts (user_id, group_id, title, pickup_time) VALUES (md5('u1')::uuid, md5('g1')::uuid, 'new', now())";
const NEW_MEMBER: &str = "INSERT INTO users (username, sharing_mode) VALUES ('new', 'community')";

/// What 004 sets limits for.
async fn reads(arena: &Arena, scale: f64, outcome: &mut Outcome) -> Result<(), Failure> {
    let base = load_example(arena, &format!("foodshare_{}", scale.to_string().replace('.', "_")), Some(scale)).await?;
    let config = arena.copy(&base, "foodshare_read").await?;
    let models = Project::read(&arena.root.join("examples/foodshare"))?.files;
    arena.apply(&config, &models).await?;
    for (what, limit, sql) in ASKED {
        for clients in [1, 16] {
            let mut averages = Vec::new();
            let mut rates = Vec::new();
            for round in 1..=arena.effort.rounds {
                eprintln!("  {what}, {clients} clients, round {round}");
                let found = load::run(asking(&config, clients, sql), arena.effort.turn).await?;
                rates.push(found.per_second());
                averages.push(
                    found.latencies.iter().map(|us| f64::from(*us)).sum::<f64>()
                        / found.latencies.len().max(1) as f64
                        / 1000.0,
                );
            }
            push(outcome, what, clients, Some(Spread::of(rates)), Spread::of(averages), Some(limit));
        }
    }
    Ok(())
}

fn asking(config: &Config, clients: usize, sql: &str) -> Load {
    let feed: Feed = Arc::new(|client, _| {
        let mut n = client as u64;
        Box::new(move || {
            n += 1;
            let mixed = n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
            vec![Value::Int(i32::try_from(mixed % 2_000).unwrap_or(0))]
        })
    });
    let setup = "SET timezone = 'UTC'".to_owned();
    Load { config: config.clone(), clients, setup, sql: sql.to_owned(), feed }
}

fn push(outcome: &mut Outcome, what: &str, clients: usize, rate: Option<Spread>, ms: Spread, limit: Option<f64>) {
    let verdict =
        limit.map(|limit| Verdict::at_most(format!("{what}, {clients} clients, average ms"), ms.median, limit));
    let said = verdict.as_ref().map_or_else(String::new, |verdict| {
        format!("{} {}", verdict.limit, if verdict.met { "met" } else { "NOT met" })
    });
    let per_second = rate.map_or_else(String::new, |rate| format!("{:.0}", rate.median));
    outcome.table.push(vec![what.to_owned(), clients.to_string(), per_second, spread(ms), said]);
    outcome.data.push(json!({ "what": what, "clients": clients, "per_second": rate, "ms": ms, "limit": limit }));
    outcome.bars.push(Bar { group: format!("{clients} clients, ms"), label: what.to_owned(), value: ms, limit });
    outcome.verdicts.extend(verdict);
}

/// One model of the example, with its indexes.
fn model(arena: &Arena, name: &str) -> Result<SourceFile, Failure> {
    let files = Project::read(&arena.root.join("examples/foodshare"))?.files;
    let (models, _) = headwater_compile::parse::parse(&files);
    let found = models.into_iter().find(|model| model.name.name.as_str() == name).ok_or("no such model")?;
    Ok(SourceFile { path: format!("{name}.sql"), text: found.text })
}

/// The example's tables and indexes, with its own data at a scale, or with [`FAN_OUT`].
async fn load_example(arena: &Arena, name: &str, scale: Option<f64>) -> Result<String, Failure> {
    let folder = arena.root.join("examples/foodshare");
    let read = |file: &str| std::fs::read_to_string(folder.join(file)).map_err(|error| format!("{file}: {error}"));
    let demo = parse_settings("headwater.toml", read("headwater.toml")?)?.demo;
    let schema = demo.schema.iter().map(|file| read(file)).collect::<Result<Vec<String>, _>>()?;
    let data = match scale {
        Some(scale) => format!("SET foodshare.scale = {};\n{}", quote_literal(&scale.to_string()), read(&demo.data)?),
        None => format!("SET timezone = 'UTC';{FAN_OUT}"),
    };
    let indexes = read(&demo.indexes)?;
    let parts: Vec<&str> = schema.iter().map(String::as_str).chain([data.as_str(), indexes.as_str()]).collect();
    let wanted = format!("files {}", short_hash(&parts));
    arena
        .base(name, &wanted, async |client| {
            for text in schema.iter().chain([&data]) {
                client.batch_execute(text).await?;
            }
            for statement in script::statements(&indexes) {
                client.batch_execute(statement).await?;
            }
            Ok(())
        })
        .await?;
    Ok(name.to_owned())
}
