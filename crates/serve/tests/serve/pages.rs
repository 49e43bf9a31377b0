//! Pages: every order walked from end to end against the SELECT in that order.

use std::collections::BTreeMap;

use hyper::StatusCode;
use serde_json::Value;

use crate::client::Client;
use crate::stage::{Dice, FEED, ROUTES, SCHEMA, Stage};

/// Every page of a walk, put together.
async fn walk(client: &Client, path: &str) -> Vec<Value> {
    let mut items = Vec::new();
    let mut cursor = String::new();
    for _ in 0..10_000 {
        let answer = client.get(&format!("{path}&cursor={cursor}")).await;
        let page = answer.items();
        assert_eq!(answer.json()["total_items"], page.len());
        items.extend(page);
        match answer.json()["next_cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => return items,
        }
    }
    panic!("a walk without an end: {path}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_order_is_walked_as_the_select_has_it() {
    let stage = Stage::new("walks", SCHEMA, &[FEED]).await;
    let site = stage.serve(ROUTES).await;
    for (sort, order) in [
        ("newest", "at DESC, id DESC"),
        ("rank", "rank, title DESC, id DESC"),
        ("top", "rank DESC NULLS LAST, at, id"),
        ("title", "title DESC NULLS LAST, rank NULLS FIRST, id"),
    ] {
        for limit in [1, 7, 20, 49] {
            for (filter, condition) in [
                ("", "true"),
                ("&world=1", "world = 1"),
                ("&world=2&title=title%201", "world = 2 AND title = 'title 1'"),
            ] {
                let found = walk(&site.client, &format!("/api/feed?sort={sort}&limit={limit}{filter}")).await;
                let expected = stage.json(&format!("SELECT * FROM feed WHERE {condition} ORDER BY {order}")).await;
                assert_eq!(found, expected, "{sort} {limit} {filter}");
            }
        }
    }
    site.end().await;
    stage.end().await;
}

/// Rows that come and go are seen or not; those that stay are seen once, however many ties there are.
#[tokio::test(flavor = "multi_thread")]
async fn rows_that_stay_are_seen_once_while_others_come_and_go() {
    busy_walks("busy_walks", 5_000, &["newest", "rank", "top"], 37).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_thousand_rows_those_that_stay_are_seen_once() {
    busy_walks("long_walk", 100_000, &["newest"], 997).await;
}

/// Half of the rows stay; 500 have the same time.
async fn busy_walks(hint: &str, rows: u64, sorts: &[&str], limit: u32) {
    let stage = Stage::new(hint, SCHEMA, &[FEED]).await;
    let site = stage.serve(&ROUTES.replace("max_limit = 50", "max_limit = 1000")).await;
    stage
        .run(&format!("INSERT INTO posts SELECT g, 7, NULL, g % 2, '2026-02-01'::timestamptz + (g / 500) * interval '1 s', NULL FROM generate_series(1000, {}) g", 999 + rows))
        .await;
    stage.wait().await;
    let writer = stage.database.connect().await;
    let (stop, mut stopped) = tokio::sync::watch::channel(false);
    let writing = tokio::spawn(async move {
        let mut dice = Dice(7);
        while !*stopped.borrow_and_update() {
            // Odd ids stay; even ones come and go, and move.
            let id = 1000 + 2 * dice.below(rows / 2);
            let sql = match dice.below(3) {
                0 => format!("DELETE FROM posts WHERE id = {id}"),
                1 => format!(
                    "UPDATE posts SET at = '2026-02-01'::timestamptz + {} * interval '1 s' WHERE id = {id}",
                    dice.below(rows / 500 + 2)
                ),
                _ => format!(
                    "INSERT INTO posts VALUES ({id}, 7, NULL, 0, '2026-02-01'::timestamptz + {} * interval '1 s', NULL) ON CONFLICT DO NOTHING",
                    dice.below(rows / 500 + 2)
                ),
            };
            writer.batch_execute(&sql).await.unwrap();
        }
    });
    for sort in sorts {
        let mut seen: BTreeMap<i64, usize> = BTreeMap::new();
        for item in walk(&site.client, &format!("/api/feed?sort={sort}&limit={limit}&world=7")).await {
            *seen.entry(item["id"].as_i64().unwrap()).or_default() += 1;
        }
        for id in (1001..1000 + rows as i64).step_by(2) {
            assert_eq!(seen.get(&id), Some(&1), "{sort}: {id}");
        }
    }
    stop.send(true).unwrap();
    writing.await.unwrap();
    site.end().await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_is_what_the_route_says_and_times_keep_their_microseconds() {
    let stage = Stage::new("items", SCHEMA, &[FEED]).await;
    let settings = r#"
[[serve.route]]
path = "/api/short"
model = "feed"
item = "jsonb_build_object('id', id, 'kind', 'post', 'at', at)"
sorts = [{ name = "newest", by = "at desc" }]
viewer = { mine = "viewer.subject IS NOT DISTINCT FROM item.id::text", nobody = "viewer.subject IS NULL" }
"#;
    let site = stage.serve(settings).await;
    let found = site.client.get("/api/short?limit=3").await.items();
    let expected = stage
        .json(
            "SELECT id, 'post' AS kind, at, false AS mine, true AS nobody FROM feed ORDER BY at DESC, id DESC LIMIT 3",
        )
        .await;
    assert_eq!(found, expected);
    assert!(found[0]["at"].as_str().unwrap().contains(".00005+"), "{found:?}");
    // A bare time is a cursor too: everything before it.
    let found = site.client.get("/api/short?cursor=2026-01-01T00:00:10.00001Z").await.items();
    assert_eq!(found.len(), 20);
    assert_eq!(found[0]["id"], 39);
    site.end().await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_a_page_is_told_so_and_offsets_are_bounded() {
    let stage = Stage::new("etags", SCHEMA, &[FEED]).await;
    let site = stage.serve(ROUTES).await;
    let first = site.client.get("/api/feed").await;
    assert_eq!(first.header("cache-control"), "public, no-cache");
    let etag = first.header("etag").to_owned();
    let again = site.client.get_with("/api/feed", &[("if-none-match", &format!("\"x\", W/{etag}"))]).await;
    assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0));
    stage.run("UPDATE posts SET title = 'new' WHERE id = 200").await;
    stage.wait().await;
    let after =
        stage.column("SELECT epoch || '.' || pos FROM headwater.batch ORDER BY number DESC LIMIT 1").await.remove(0);
    let path = format!("/api/feed?after={after}");
    let mut changed = site.client.get_with(&path, &[("if-none-match", &etag)]).await;
    assert_eq!(changed.status, StatusCode::OK);
    assert_eq!(changed.items()[0]["title"], "new");
    changed = site.client.get("/api/feed?offset=100&limit=5&sort=rank").await;
    assert_eq!(
        changed.items(),
        stage.json("SELECT * FROM feed ORDER BY rank, title DESC, id DESC LIMIT 5 OFFSET 100").await
    );
    let compressed = site.client.get_with("/api/feed?limit=50", &[("accept-encoding", "gzip")]).await;
    assert_eq!(compressed.header("content-encoding"), "gzip");
    site.end().await;
    stage.end().await;
}
