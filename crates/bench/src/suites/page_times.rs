//! **page-times**: the pages whose times document 003 names, asked for by one user after the other over HTTP: from Headwater, from 003's own views read plainly, and as they were
//! before, each page's query on the plain tables. The users and what they ask for differ from request to request. Nothing is written meanwhile. Limit: Headwater's
//! slowest in a hundred against 003's "after".

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::Failure;
use crate::arena::{Arena, prepare};
use crate::compare::Spread;
use crate::crowd::pages::{Dice, Kind, PAGES, Page, SECRET, World};
use crate::crowd::visitor::Visitor;
use crate::curves::percentile;
use crate::models::{self, Mode};
use crate::report::{Bar, Outcome, Verdict, figure, spread};
use crate::site::Site;

/// A page of 003's tables: its milliseconds "before" and "after", and the requests that it takes here.
struct Promise {
    name: &'static str,
    before: f64,
    after: f64,
    pages: &'static [&'static str],
}

const PROMISES: [Promise; 7] = [
    Promise { name: "feed", before: 800.0, after: 120.0, pages: &["feed"] },
    Promise { name: "leaderboard of projects", before: 1200.0, after: 80.0, pages: &["leaderboard-projects"] },
    Promise { name: "leaderboard of builders", before: 1200.0, after: 80.0, pages: &["leaderboard-builders"] },
    Promise { name: "dashboard", before: 600.0, after: 50.0, pages: &["dashboard"] },
    Promise { name: "chains", before: 500.0, after: 90.0, pages: &["chains"] },
    Promise { name: "search", before: 1500.0, after: 150.0, pages: &["search"] },
    Promise { name: "project and its comments", before: 700.0, after: 100.0, pages: &["project", "comments"] },
];

/// A page is asked for so often in a round, or for the length of a turn where that is less; but for the least that says something.
const TIMES: std::ops::Range<usize> = 5..300;

/// Before they count: a prepared statement is planned anew for the first five.
const WARM: usize = 6;

/// Who answers.
struct Variant {
    name: &'static str,
    kind: Kind,
    site: Site,
}

/// The variants by their place.
const BEFORE: usize = 0;
const VIEWS: usize = 1;
const HEADWATER: usize = 2;

/// A median and a slow one, in milliseconds, one for each round.
#[derive(Default, Clone)]
struct Times {
    half: Vec<f64>,
    most: Vec<f64>,
}

pub async fn run(arena: &Arena, scale: f64) -> Result<Outcome, Failure> {
    let base = arena.showcase(scale).await?;
    let plain = arena.copy(&base, "page_times_before").await?;
    let client = arena.connect("page_times_before").await?;
    models::as_views(arena, &client).await?;
    prepare(&plain, "").await?;
    let world = World::of(&client).await?;
    arena.by_document(&base, "page_times_003").await?;
    let kept = arena.copy(&base, "page_times").await?;
    arena.apply(&kept, &models::showcase(arena, &[], Mode::Declared)?).await?;
    let site = async |database| Site::plain(&arena.root, &arena.server, database).await;
    let variants = [
        Variant { name: "before: the plain tables", kind: Kind::Plain, site: site("page_times_before").await? },
        Variant { name: "003's views, read plainly", kind: Kind::Plain, site: site("page_times_003").await? },
        Variant {
            name: "Headwater",
            kind: Kind::Headwater,
            site: Site::showcase(&arena.root, &arena.server, "page_times", SECRET).await?,
        },
    ];
    let mut outcome = Outcome::default();
    outcome.table.push(
        [
            "page",
            "003: before → after, ms",
            "before, p50 ms",
            "003's views, p50 ms",
            "Headwater, p50 ms",
            "p99 ms (min–max)",
            "before ÷ Headwater",
        ]
        .map(str::to_owned)
        .to_vec(),
    );
    for promise in &PROMISES {
        let mut times = vec![Times::default(); variants.len()];
        for round in 1..=arena.effort.rounds {
            eprintln!("  {}, round {round}", promise.name);
            for (variant, times) in variants.iter().zip(&mut times) {
                let found = measure(promise, variant, &world, round, arena.effort.turn).await?;
                times.half.push(percentile(found.clone(), 0.5));
                times.most.push(percentile(found, 0.99));
            }
        }
        told(promise, &variants, &times, &mut outcome);
    }
    outcome.notes.push(
        "one client, over HTTP; the plain server looks at no token and keeps nothing; of a query that takes long, the p50 is of few requests"
            .to_owned(),
    );
    Ok(outcome)
}

/// Milliseconds of a promise's requests together, each time by another user.
async fn measure(
    promise: &Promise,
    variant: &Variant,
    world: &Arc<World>,
    round: u32,
    turn: Duration,
) -> Result<Vec<f64>, Failure> {
    let pages: Vec<&Page> = PAGES.iter().filter(|page| promise.pages.contains(&page.name)).collect();
    let mut visitor = Visitor::new(variant.site.address);
    let (mut found, mut dice) = (Vec::new(), Dice(u64::from(round)));
    let mut began = Instant::now();
    for time in 0..WARM + TIMES.end {
        if time == WARM {
            began = Instant::now();
        }
        if time >= WARM + TIMES.start && began.elapsed() > turn {
            break;
        }
        let user = &world.users[time * 7919 % world.users.len()];
        let first = pages.first().and_then(|page| world.of_page(page, user, &mut dice)).ok_or("nothing to look at")?;
        let paths: Vec<String> = pages.iter().map(|page| variant.kind.path(page, user, first)).collect();
        let asked = Instant::now();
        for path in &paths {
            let answer = visitor.ask(path, &user.bearer).await?;
            if answer.status != 200 {
                return Err(format!("{}: {path} is answered with {}", variant.name, answer.status).into());
            }
        }
        if time >= WARM {
            found.push(asked.elapsed().as_secs_f64() * 1000.0);
        }
    }
    Ok(found)
}

fn told(promise: &Promise, variants: &[Variant], times: &[Times], outcome: &mut Outcome) {
    let half = |place: usize| Spread::of(times[place].half.iter().copied());
    let most = Spread::of(times[HEADWATER].most.iter().copied());
    let faster = Spread::of(times[BEFORE].half.iter().zip(&times[HEADWATER].half).map(|(one, other)| one / other));
    outcome.table.push(vec![
        promise.name.to_owned(),
        format!("{} → {}", promise.before, promise.after),
        figure(half(BEFORE).median),
        figure(half(VIEWS).median),
        figure(half(HEADWATER).median),
        spread(most),
        spread(faster),
    ]);
    for (place, variant) in variants.iter().enumerate() {
        let limit = (place == HEADWATER).then_some(promise.after);
        let label = format!("{}, p50 ms", variant.name);
        outcome.bars.push(Bar { group: promise.name.to_owned(), label, value: half(place), limit });
        outcome.data.push(json!({ "page": promise.name, "variant": variant.name, "p50_ms_by_round": times[place].half, "p99_ms_by_round": times[place].most }));
    }
    outcome.verdicts.push(Verdict::at_most(format!("{}, p99 ms", promise.name), most.median, promise.after));
}
