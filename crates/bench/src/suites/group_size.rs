//! **group-size**: a vote must cost the same whether its project has 10 votes or 1,000,000, and whether there are 10⁴ projects
//! or 10⁶. Tables of its own, so that a group can be as large. Bare is measured in the same way, since an index over
//! more rows is deeper for it, too. Limit: within 20%.

use std::sync::Arc;

use headwater_postgres::Config;

use crate::Failure;
use crate::arena::{Arena, prepare};
use crate::compare::{Variant, compare};
use crate::load::{Feed, Load, Value};
use crate::report::Outcome;

const VOTE: &str = "INSERT INTO votes (project_id) VALUES ($1)";

pub async fn run(arena: &Arena) -> Result<Outcome, Failure> {
    let (large, few, many) = if arena.effort.quick { (10_000, 1_000, 10_000) } else { (1_000_000, 10_000, 1_000_000) };
    let small_sets = data(arena, "group_few", few, large).await?;
    let large_sets = data(arena, "group_many", many, 0).await?;

    // Project 0 has `large` votes, all others 10. One client, so that a single project is not contended.
    let one = |_: i32| -> Feed { Arc::new(move |_, _| Box::new(move || vec![Value::Int(0)])) };
    // As many other projects as one row's neighbours: the same row again and again, with 10 votes at first.
    let other = |number: i32| -> Feed { Arc::new(move |_, _| Box::new(move || vec![Value::Int(number)])) };
    let group = [
        variant("bare, 10 votes", &small_sets.0, other(7), None, None),
        variant(&format!("bare, {large} votes"), &small_sets.0, one(0), Some(0), None),
        variant("headwater, 10 votes", &small_sets.1, other(7), None, None),
        variant(&format!("headwater, {large} votes"), &small_sets.1, one(0), Some(2), Some(1.2)),
    ];
    let mut all = compare(arena, "votes of the project", &group).await?;
    let count = [
        variant(&format!("bare, {few} projects"), &small_sets.0, any(few), None, None),
        variant(&format!("bare, {many} projects"), &large_sets.0, any(many), Some(0), None),
        variant(&format!("headwater, {few} projects"), &small_sets.1, any(few), None, None),
        variant(&format!("headwater, {many} projects"), &large_sets.1, any(many), Some(2), Some(1.2)),
    ];
    all.extend(compare(arena, "projects", &count).await?);
    let mut outcome = Outcome::of(&all);
    outcome.notes.push("slow-down: against the same variant with the smaller group or the fewer projects".to_owned());
    Ok(outcome)
}

/// Projects in an order without a pattern, project 0 left out.
fn any(projects: i32) -> Feed {
    Arc::new(move |client, _| {
        let mut n = client as u64;
        Box::new(move || {
            n += 1;
            let mixed = n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33;
            vec![Value::Int(1 + i32::try_from(mixed % (projects as u64 - 1)).unwrap_or(0))]
        })
    })
}

fn variant(name: &str, config: &Config, feed: Feed, against: Option<usize>, limit: Option<f64>) -> Variant {
    let load = Load { config: config.clone(), clients: 1, setup: String::new(), sql: VOTE.to_owned(), feed };
    Variant { name: name.to_owned(), load, against, limit }
}

/// Two databases with `projects` of 10 votes each, and one of `large`: bare, and with the model.
async fn data(arena: &Arena, base: &str, projects: i32, large: i32) -> Result<(Config, Config), Failure> {
    let script = arena.baseline("group_size.sql")?;
    // Few votes where there are many projects: the votes are not what differs there.
    let each = if projects > 100_000 { 1 } else { 10 };
    arena
        .base(base, &format!("{projects} projects, {each} votes each, {large} of one"), async |client| {
            client.batch_execute(&script).await?;
            let fill = format!(
                "INSERT INTO projects SELECT n, 'project ' || n FROM generate_series(0, {projects} - 1) AS n; \
                 INSERT INTO votes (project_id) SELECT p FROM generate_series(1, {each}), generate_series(1, {projects} - 1) AS p; \
                 INSERT INTO votes (project_id) SELECT 0 FROM generate_series(1, {large})"
            );
            Ok(client.batch_execute(&fill).await?)
        })
        .await?;
    let bare = arena.copy(base, &format!("{base}_bare")).await?;
    prepare(&bare, "").await?;
    let headwater = arena.copy(base, &format!("{base}_headwater")).await?;
    arena.apply(&headwater, &[arena.baseline_model("group_counts.sql")?]).await?;
    Ok((bare, headwater))
}
