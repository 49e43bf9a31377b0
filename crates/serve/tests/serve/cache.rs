//! Kept pages: the same bytes as pages that were read, at the position they name.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::stage::{Dice, FEED, ROUTES, SCHEMA, Stage};

const PATHS: [&str; 9] = [
    "/api/feed?limit=5",
    "/api/feed?limit=20",
    "/api/feed?limit=5&world=1",
    "/api/feed?limit=5&world=2&sort=rank",
    "/api/feed?limit=50&sort=top",
    "/api/feed?limit=5&sort=title&title=title%202",
    "/api/feed?limit=5&offset=10",
    "/api/feed?limit=5&cursor=2026-01-01T00:00:20Z",
    "/v1/models/feed?limit=3",
];

/// One statement that moves rows about.
fn write(dice: &mut Dice) -> String {
    let id = 1 + dice.below(220);
    match dice.below(6) {
        0 => format!("DELETE FROM posts WHERE id = {id}"),
        1 => format!("UPDATE posts SET world = {} WHERE id = {id}", dice.below(3)),
        2 => format!(
            "UPDATE posts SET rank = nullif({}, 3), title = 'title {}' WHERE id = {id}",
            dice.below(6),
            dice.below(4)
        ),
        3 => format!(
            "UPDATE posts SET at = '2026-01-01'::timestamptz + {} * interval '1 s' WHERE id = {id}",
            dice.below(60)
        ),
        4 => format!("UPDATE posts SET body = 'body {}' WHERE id = {id}", dice.below(1000)),
        _ => format!(
            "INSERT INTO posts VALUES ({id}, {}, 'title {}', {}, '2026-01-01'::timestamptz + {} * interval '1 s') ON CONFLICT (id) DO UPDATE SET at = excluded.at",
            dice.below(3),
            dice.below(4),
            dice.below(6),
            dice.below(60)
        ),
    }
}

/// The second pages, whose cursors were made by the server.
async fn paths(client: &crate::client::Client) -> Vec<String> {
    let mut paths: Vec<String> = PATHS.iter().map(|path| (*path).to_owned()).collect();
    for path in &PATHS[..6] {
        if let Some(cursor) = client.get(path).await.json()["next_cursor"].as_str() {
            paths.push(format!("{path}&cursor={cursor}"));
        }
    }
    paths
}

#[tokio::test(flavor = "multi_thread")]
async fn kept_pages_are_what_reading_them_would_give() {
    let stage = Stage::new("cache", SCHEMA, &[FEED]).await;
    let site = stage.serve(ROUTES).await;
    let plain = stage.serve(&ROUTES.replace("[serve]", "[serve]\ncache_megabytes = 0")).await;
    let mut dice = Dice(11);
    let paths = paths(&site.client).await;
    for round in 0..150 {
        for _ in 0..=dice.below(3) {
            stage.run(&write(&mut dice)).await;
        }
        stage.wait().await;
        let position = stage
            .column("SELECT epoch || '.' || pos FROM headwater.batch ORDER BY number DESC LIMIT 1")
            .await
            .remove(0);
        for path in &paths {
            // Twice: the second one may be kept.
            for _ in 0..2 {
                let path = format!("{path}&after={position}");
                let (kept, read) = (site.client.get(&path).await, plain.client.get(&path).await);
                assert_eq!(kept.body, read.body, "round {round}: {path}");
                assert_eq!(kept.header("etag"), read.header("etag"));
                assert_eq!(kept.header("headwater-position"), position, "{path}");
            }
        }
    }
    let metrics = String::from_utf8(site.client.get("/metrics").await.body.to_vec()).unwrap();
    let hits: f64 = metrics
        .lines()
        .filter(|line| line.starts_with("headwater_cache_total") && line.contains("\"hit\""))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum();
    assert!(hits > 1000.0, "{metrics}");
    site.end().await;
    plain.end().await;
    stage.end().await;
}

/// Readers and writers at once: what is answered at a position is what the SELECT was there, kept or not.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_answered_at_a_position_is_one_thing() {
    let stage = Stage::new("cache_race", SCHEMA, &[FEED]).await;
    let site = stage.serve(ROUTES).await;
    let plain = stage.serve(&ROUTES.replace("[serve]", "[serve]\ncache_megabytes = 0")).await;
    let mut readers = Vec::new();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let answers = Arc::new(AtomicUsize::new(0));
    for (number, client) in [&site.client, &site.client, &plain.client].into_iter().enumerate() {
        let (client, stopped) = (client.clone(), stopped.clone());
        let answers = Arc::clone(&answers);
        readers.push(tokio::spawn(async move {
            let mut seen = Vec::new();
            let mut dice = Dice(number as u64);
            while !*stopped.borrow() {
                let path = PATHS[dice.below(PATHS.len() as u64) as usize];
                let answer = client.get(path).await;
                seen.push((path, answer.header("headwater-position").to_owned(), answer.body));
                answers.fetch_add(1, Ordering::Relaxed);
            }
            seen
        }));
    }
    let mut dice = Dice(23);
    while answers.load(Ordering::Relaxed) < 3000 {
        stage.run(&write(&mut dice)).await;
    }
    stop.send(true).unwrap();
    let mut at = std::collections::HashMap::new();
    let mut met = 0;
    for reader in readers {
        for (path, position, body) in reader.await.unwrap() {
            let first = at.entry((path, position.clone())).or_insert_with(|| body.clone());
            assert_eq!(*first, body, "{path} at {position}");
            met += usize::from(*first == body);
        }
    }
    assert!(met > at.len() + 50, "nobody met: {met} answers at {} places", at.len());
    site.end().await;
    plain.end().await;
    stage.end().await;
}
