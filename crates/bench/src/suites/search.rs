//! **search**: pages of 20 of `/api/search` over the showcase, one at a time, over HTTP and by the bare statement that the server sends. Limit: 10 ms,
//! for 99 of 100, of whatever is looked for: names, words, beginnings, typos, and what costs most.

use std::time::Instant;

use headwater_deploy::project::parse_settings;
use headwater_postgres::Client;
use headwater_serve::page::request::Request;
use headwater_serve::page::sql;
use headwater_serve::route::{Route, routes};
use serde_json::json;
use tokio_postgres::types::{ToSql, Type};

use crate::Failure;
use crate::arena::Arena;
use crate::curves::percentile;
use crate::report::{Outcome, Verdict, figure};
use crate::site::{Asker, Site, encoded};

/// How often each kind is asked for.
const TURNS: usize = 300;

/// Before they count: a prepared statement is planned anew for the first five.
const WARM: usize = 8;

/// What is looked for, where the data does not say it.
const KINDS: [(&str, &[&str]); 6] = [
    ("words", &["open consensus", "distributed garden", "climate tech", "proofs of work", "builders of postgres"]),
    ("a word in many", &["consensus", "ledger", "gardens", "privacy", "research"]),
    ("the commonest words", &["distributed", "system", "marketplace", "distributed system", "building"]),
    ("a letter or two", &["o", "a", "1", "di", "12"]),
    ("nothing there", &["xqzjk", "wvwvwv qqq", "%_%", "🚀", "the of and"]),
    (
        "beginnings of many, none together",
        &["dis con ope led", "ver tin gar rad", "sol hum atl con", "fed loc not mar", "ledhr cxnsensus"],
    ),
];

pub async fn run(arena: &Arena, scale: f64) -> Result<Outcome, Failure> {
    let base = arena.showcase(scale).await?;
    let config = arena.copy(&base, "search").await?;
    arena.apply(&config, &arena.showcase_models(&["search.sql"])?).await?;
    let settings = settings(arena)?;
    let site = Site::headwater(&arena.root, &arena.server, "search", &settings).await?;
    let client = arena.connect("search").await?;
    // As the server's sessions are.
    client.batch_execute("SET jit = off; SET pg_trgm.word_similarity_threshold = 0.5").await?;
    let serve = parse_settings("headwater.toml", settings).map_err(|error| format!("{error:?}"))?.serve;
    let models = headwater_serve::model::load(&client).await?.into_iter().map(Into::into).collect::<Vec<_>>();
    let (routes, problems) = routes(&serve, &models);
    let route = routes.iter().find(|route| route.search.is_some()).ok_or_else(|| problems.join("; "))?;
    let mut outcome = Outcome::default();
    outcome.table.push(
        ["looked for", "found", "HTTP p50 ms", "HTTP p99 ms", "bare p50 ms", "bare p99 ms"].map(str::to_owned).to_vec(),
    );
    for (kind, queries) in kinds(&client).await? {
        measure(arena, &site, &client, route, &kind, &queries, &mut outcome).await?;
    }
    let rows: i64 = client.query_one("SELECT count(*) FROM mv_search_index", &[]).await?.get(0);
    outcome.notes.push(format!("{rows} rows; one client, so that PostgreSQL and the server have a core each; found: items of a first page, on average"));
    Ok(outcome)
}

/// The example's route alone.
fn settings(arena: &Arena) -> Result<String, Failure> {
    let text = arena.example("headwater.toml")?;
    let route = text
        .split("[[serve.route]]")
        .find(|route| route.contains("\"/api/search\""))
        .ok_or("the route of the search")?;
    Ok(format!("[[serve.route]]{route}"))
}

async fn kinds(client: &Client) -> Result<Vec<(String, Vec<String>)>, Failure> {
    let names = "SELECT name FROM mv_search_index ORDER BY md5(id::text || name) LIMIT 50";
    let names: Vec<String> = client.query(names, &[]).await?.iter().map(|row| row.get(0)).collect();
    let cut = |name: &String| name.chars().take(6).collect();
    let typo = |name: &String| {
        let letters: Vec<char> = name.chars().collect();
        let doubled = letters.get(3).into_iter().chain(&letters[letters.len().min(3)..]);
        letters.iter().take(3).chain(doubled).collect()
    };
    let mut kinds = vec![
        ("a beginning".to_owned(), names.iter().map(cut).collect()),
        ("a typo".to_owned(), names.iter().map(typo).collect()),
        ("a name".to_owned(), names),
    ];
    let own =
        |(kind, queries): &(&str, &[&str])| ((*kind).to_owned(), queries.iter().map(|q| (*q).to_owned()).collect());
    kinds.extend(KINDS.iter().map(own));
    Ok(kinds)
}

async fn measure(
    arena: &Arena,
    site: &Site,
    client: &Client,
    route: &Route,
    kind: &str,
    queries: &[String],
    outcome: &mut Outcome,
) -> Result<(), Failure> {
    eprintln!("  {kind}");
    let turns = if arena.effort.quick { 20 } else { TURNS };
    let mut asker = Asker::new(site.address).await?;
    let (mut served, mut bare, mut found) = (Vec::new(), Vec::new(), 0);
    let mut statement: Option<(String, tokio_postgres::Statement)> = None;
    for turn in 0..WARM + turns {
        let q = &queries[turn % queries.len()];
        let began = Instant::now();
        let body = asker.ask(&format!("/api/search?q={}", encoded(q))).await?;
        let time = began.elapsed();
        let page: serde_json::Value = serde_json::from_slice(body)?;
        let wanted = sql::page(route, &Request { limit: route.limit, q: Some(q.clone()), ..Request::default() });
        if statement.as_ref().is_none_or(|(sql, _)| *sql != wanted.sql) {
            let types = vec![Type::TEXT; wanted.parameters.len()];
            statement = Some((wanted.sql.clone(), client.prepare_typed(&wanted.sql, &types).await?));
        }
        let Some((_, prepared)) = &statement else { continue };
        let parameters: Vec<&(dyn ToSql + Sync)> = wanted.parameters.iter().map(|value| value as _).collect();
        let began = Instant::now();
        client.query(prepared, &parameters).await?;
        if turn >= WARM {
            served.push(time.as_secs_f64() * 1000.0);
            bare.push(began.elapsed().as_secs_f64() * 1000.0);
            found += page["items"].as_array().map_or(0, Vec::len);
        }
    }
    let times = [&served, &bare].map(|times| [0.5, 0.99].map(|share| percentile(times.clone(), share)));
    let mut row = vec![kind.to_owned(), figure(found as f64 / turns as f64)];
    row.extend(times.iter().flatten().map(|time| figure(*time)));
    outcome.table.push(row);
    outcome.verdicts.push(Verdict::at_most(format!("{kind}, ms at p99"), times[0][1], 10.0));
    outcome.data.push(json!({ "kind": kind, "queries": queries, "http_ms": served, "bare_ms": bare }));
    Ok(())
}
