//! Paths with parameters, single rows, declared shapes, pages by number.

use std::time::Duration;

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::stage::{Dice, FEED, SCHEMA, Stage};

const ROUTES: &str = r#"
[serve]
keepalive = "300ms"
grace = "2s"

[[serve.route]]
path = "/api/worlds/{world}/posts"
model = "feed"
filters = ["title"]
sorts = [{ name = "newest", by = "at desc" }, { name = "rank", by = "rank, title desc" }]
limit = 7
max_limit = 50
max_offset = 100
live = true

[[serve.route]]
path = "/api/worlds/first/posts"
model = "feed"
limit = 1

[[serve.route]]
path = "/api/worlds/{world}/titles/{title}"
model = "feed"

[[serve.route]]
path = "/api/posts/{id}"
model = "feed"
single = true
live = true

[[serve.route]]
path = "/api/posts"
model = "feed"
envelope = '{"status": "success", "message": "{message}", "data": "{data}", "page": "{page}", "of": "{limit}", "next": "{next_cursor}"}'
message = "All \"posts\""
max_offset = 100
live = true

[[serve.route]]
path = "/api/wrapped/{id}"
model = "feed"
single = true
envelope = '{"data":"{data}"}'
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_path_chooses_rows_as_a_filter_does() {
    let stage = Stage::new("paths", SCHEMA, &[FEED]).await;
    let site = stage.serve(ROUTES).await;
    for world in 0..3 {
        let found = site.client.get(&format!("/api/worlds/{world}/posts?limit=50")).await.items();
        let sql = format!("SELECT * FROM feed WHERE world = {world} ORDER BY at DESC, id DESC LIMIT 50");
        assert_eq!(found, stage.json(&sql).await);
    }
    // Percent-decoded, and chosen by two parts at once.
    let found = site.client.get("/api/worlds/1/titles/title%202?limit=100").await.items();
    assert_eq!(found, stage.json("SELECT * FROM feed WHERE world = 1 AND title = 'title 2' ORDER BY id").await);
    assert!(!found.is_empty());
    // Fixed text goes first, and a stream is not a row called stream.
    assert_eq!(site.client.get("/api/worlds/first/posts").await.items().len(), 1);
    assert!(site.client.stream("/api/posts/stream", &[]).await.next().await.unwrap().name == "posts_items");
    for (path, status, code) in [
        ("/api/worlds/one/posts", 400, "HW0726"),
        ("/api/worlds/99999999999/posts", 400, "HW0726"),
        ("/api/worlds/%00/posts", 400, "HW0722"),
        ("/api/worlds/%ff/posts", 400, "HW0722"),
        ("/api/worlds/1/posts?world=2", 400, "HW0725"),
        ("/api/worlds//posts", 404, "HW0727"),
        ("/api/worlds/1", 404, "HW0727"),
        ("/api/worlds/1/posts/2", 404, "HW0727"),
        ("/api/posts/1000", 404, "HW0729"),
        ("/api/posts/x", 400, "HW0726"),
        ("/api/posts/1?limit=1", 400, "HW0725"),
        ("/api/posts/1?cursor=1", 400, "HW0725"),
        ("/api/posts/1?page=1", 400, "HW0725"),
        ("/api/posts?page=0", 400, "HW0724"),
        ("/api/posts?page=7", 400, "HW0724"),
        ("/api/posts?page=2&offset=3", 400, "HW0721"),
        ("/api/posts?cursor=3&page=2", 400, "HW0721"),
        ("/api/worlds/first/posts?page=1", 400, "HW0725"),
    ] {
        let answer = site.client.get(path).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{path}: {:?}", answer.body);
    }
    // The route's path as it is declared, not what was asked for.
    let metrics = String::from_utf8(site.client.get("/metrics").await.body.to_vec()).unwrap();
    assert!(metrics.contains(r#"route="/api/worlds/{world}/posts""#) && !metrics.contains("/api/worlds/1/posts"));
    let document = site.client.get("/openapi.json").await.json();
    let operation = &document["paths"]["/api/worlds/{world}/titles/{title}"]["get"];
    let names: Vec<_> = operation["parameters"].as_array().unwrap().iter().map(|p| (&p["name"], &p["in"])).collect();
    assert_eq!(names[..2], [(&json!("world"), &json!("path")), (&json!("title"), &json!("path"))]);
    assert!(document["paths"]["/api/posts/{id}/stream"].is_object());
    site.end().await;
    stage.end().await;
}

/// A stream of one row: the row, its changes, its end, and that it comes back.
#[tokio::test(flavor = "multi_thread")]
async fn a_single_row_is_followed() {
    let stage = Stage::new("single", SCHEMA, &[FEED]).await;
    let site = stage.serve(ROUTES).await;
    let seven = || async { stage.json("SELECT * FROM feed WHERE id = 7").await.remove(0) };
    assert_eq!(site.client.get("/api/posts/7").await.json(), seven().await);
    assert_eq!(site.client.get("/api/wrapped/7").await.json(), json!({ "data": seven().await }));
    let mut stream = site.client.stream("/api/posts/7/stream", &[]).await;
    let mut next = async || stream.next_within(Duration::from_secs(20)).await.expect("an event");
    let first = next().await;
    assert_eq!((first.name.as_str(), first.data), ("posts_item", seven().await));
    assert_eq!(next().await.name, "posts_complete");
    // Others' changes are not told.
    stage.run("UPDATE posts SET title = 'other' WHERE id = 8").await;
    stage.run("UPDATE posts SET title = 'changed' WHERE id = 7").await;
    stage.wait().await;
    let changed = next().await;
    assert_eq!((changed.name.as_str(), &changed.data["item"]), ("posts_put", &seven().await));
    assert_eq!(site.client.get("/api/posts/7").await.json()["title"], "changed");
    stage.run("DELETE FROM posts WHERE id = 7").await;
    let gone = next().await;
    assert_eq!((gone.name.as_str(), gone.data), ("posts_gone", json!({ "key": { "id": 7 } })));
    stage.wait().await;
    assert_eq!(site.client.get("/api/posts/7").await.status, StatusCode::NOT_FOUND);
    stage.run("INSERT INTO posts VALUES (7, 1, 'back', 1, now(), '')").await;
    assert_eq!(next().await.data["item"]["title"], "back");
    stage.wait().await;
    assert_eq!(site.client.get("/api/posts/7").await.json()["title"], "back");
    site.end().await;
    stage.end().await;
}

/// Kept or read, through parameters and by number, a page is what the SELECT says, to the byte.
#[tokio::test(flavor = "multi_thread")]
async fn kept_pages_of_patterns_are_those_that_are_read() {
    let stage = Stage::new("patterns", SCHEMA, &[FEED]).await;
    let kept = stage.serve(ROUTES).await;
    let read = stage.serve(&ROUTES.replace("[serve]\n", "[serve]\ncache_megabytes = 0\n")).await;
    let mut dice = Dice(5);
    for round in 0..40 {
        let (id, world) = (dice.below(220), dice.below(4));
        match dice.below(3) {
            0 => stage.run(&format!("DELETE FROM posts WHERE id = {id}")).await,
            1 => stage.run(&format!("UPDATE posts SET world = {world}, rank = {round} WHERE id = {id}")).await,
            _ => {
                let sql = format!(
                    "INSERT INTO posts VALUES ({id}, {world}, 'new', {round}, now(), '') ON CONFLICT (id) DO UPDATE SET title = 'again'"
                );
                stage.run(&sql).await;
            }
        }
        stage.wait().await;
        let after = stage.column("SELECT epoch || '.' || pos FROM headwater.batch ORDER BY number DESC LIMIT 1").await;
        let after = &after[0];
        let (page, number) = (dice.below(5) + 1, dice.below(3));
        for path in [
            format!("/api/posts/{id}?after={after}"),
            format!("/api/worlds/{number}/posts?after={after}&page={page}"),
            format!("/api/worlds/{number}/posts?after={after}&sort=rank&limit=9"),
            format!("/api/posts?after={after}&page={page}&limit=20"),
        ] {
            for _ in 0..2 {
                let (kept, read) = (kept.client.get(&path).await, read.client.get(&path).await);
                assert_eq!((kept.status, &kept.body), (read.status, &read.body), "{path}");
            }
        }
        let answer = kept.client.get(&format!("/api/posts?after={after}&page={page}&limit=20")).await.json();
        let sql = format!("SELECT * FROM feed ORDER BY id LIMIT 20 OFFSET {}", (page - 1) * 20);
        assert_eq!(
            (&answer["status"], &answer["message"], &answer["page"], &answer["of"]),
            (&json!("success"), &json!("All \"posts\""), &json!(page), &json!(20))
        );
        assert_eq!(answer["data"], Value::from(stage.json(&sql).await));
        if let Some(next) = answer["next"].as_str() {
            let beyond = kept.client.get(&format!("/api/posts?after={after}&limit=20&cursor={next}")).await.json();
            let by_number =
                kept.client.get(&format!("/api/posts?after={after}&limit=20&page={}", page + 1)).await.json();
            assert_eq!(beyond["page"], Value::Null);
            assert_eq!(beyond["data"], by_number["data"]);
        }
    }
    let metrics = String::from_utf8(kept.client.get("/metrics").await.body.to_vec()).unwrap();
    let hits = |line: &&str| line.contains(r#"route="/api/posts/{id}""#) && line.contains("result=\"hit\"");
    assert!(metrics.lines().any(|line| hits(&line)), "{metrics}");
    kept.end().await;
    read.end().await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_told_apart_is_not_served() {
    let stage = Stage::new("ambiguous", SCHEMA, &[FEED]).await;
    let other = r#", { path = "/x/{id}/a", model = "feed" }"#;
    for (route, more, reason) in [
        (
            r#"path = "/x/{world}", model = "feed""#,
            r#", { path = "/x/{id}", model = "feed" }"#,
            "some paths are both its own and those of /x/{world}",
        ),
        (r#"path = "/x/b/{world}", model = "feed""#, other, "some paths are both its own and those of /x/b/{world}"),
        (r#"path = "/x/{nothing}", model = "feed""#, "", "has no column \"nothing\""),
        (r#"path = "/x/{world}/{world}", model = "feed""#, "", "names world twice"),
        (r#"path = "/x/{world}", model = "feed", filters = ["world"]"#, "", "cannot be a filter too"),
        (r#"path = "/x/{world", model = "feed""#, "", "a path is written as"),
        (r#"path = "/x", model = "feed", envelope = "{}""#, "", "the envelope has no \"{data}\""),
        (r#"path = "/x", model = "feed", envelope = "data""#, "", "the envelope is no JSON"),
    ] {
        let outcome = stage.try_serve(&format!("[serve]\nroute = [{{ {route} }}{more}]")).await;
        let error = outcome.err().unwrap_or_else(|| panic!("{route} is served"));
        assert!(error.code() == 701 && error.to_string().contains(reason), "{route}: {error}");
    }
    stage.end().await;
}
