//! Streams: what a client has put together is the SELECT, however often it was cut off.

use std::time::Duration;

use crate::client::{Client, Merged};
use crate::stage::{Dice, FEED, ROUTES, SCHEMA, Stage};

/// Reads until the client has what the SELECT has, and nothing comes any more.
async fn settle(stage: &Stage, client: &Client, path: &str, merged: &mut Merged, condition: &str) {
    stage.wait().await;
    let select = format!("SELECT * FROM feed WHERE {condition}");
    let mut expected: Vec<_> = stage.json(&select).await.iter().map(ToString::to_string).collect();
    expected.sort();
    let last = merged.last.clone().unwrap_or_default();
    let headers = [("last-event-id", last.as_str())];
    let mut stream = client.stream(path, if last.is_empty() { &[] } else { &headers }).await;
    while merged.items() != expected || !merged.whole {
        match stream.next_within(Duration::from_secs(5)).await {
            Some(event) => merged.take(&event),
            None => {
                let missing: Vec<_> = expected.iter().filter(|row| !merged.items().contains(row)).collect();
                let extra: Vec<_> = merged.items().into_iter().filter(|row| !expected.contains(row)).collect();
                panic!("{path}: missing {missing:#?}, extra {extra:#?}, at {:?}", merged.last);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_its_end_and_what_changes() {
    let stage = Stage::new("stream", SCHEMA, &[FEED]).await;
    let site = stage.serve(ROUTES).await;
    let mut stream = site.client.stream("/api/feed/stream?limit=3&world=1", &[]).await;
    let items = stream.next().await.unwrap();
    assert_eq!((items.name.as_str(), &items.data["partial"]), ("feed_items", &true.into()));
    let expected = stage.json("SELECT * FROM feed WHERE world = 1 ORDER BY at DESC, id DESC LIMIT 3").await;
    let mut found = items.data["items"].as_array().unwrap().clone();
    let mut complete = stream.next().await.unwrap();
    while complete.name == "feed_items" {
        found.extend(complete.data["items"].as_array().unwrap().clone());
        complete = stream.next().await.unwrap();
    }
    assert_eq!(found, expected);
    assert_eq!((complete.name.as_str(), &complete.data["total_items"]), ("feed_complete", &3.into()));
    assert_eq!(complete.id.as_deref(), complete.data["position"].as_str());
    assert!(complete.data["next_cursor"].is_string());

    // A row that comes, one that changes, one that leaves the slice, one that goes, and others that are none of it.
    for (sql, name, data) in [
        ("INSERT INTO posts VALUES (900, 1, 'n', 1, '2026-03-01')", "feed_put", "900"),
        ("UPDATE posts SET title = 'm', body = E'two\\nlines' WHERE id = 900", "feed_put", "two\\nlines"),
        ("UPDATE posts SET world = 2 WHERE id = 900", "feed_gone", "{\"key\":{\"id\":900}}"),
        ("UPDATE posts SET world = 1 WHERE id = 900", "feed_put", "900"),
        ("DELETE FROM posts WHERE id = 900", "feed_gone", "{\"key\":{\"id\":900}}"),
    ] {
        stage.run("INSERT INTO posts VALUES (901, 2, 'x', 1, '2026-03-01'); DELETE FROM posts WHERE id = 901").await;
        stage.run(sql).await;
        let event = stream.next().await.unwrap();
        assert_eq!(event.name, name, "{sql}: {event:?}");
        assert!(event.data.to_string().contains(data), "{sql}: {event:?}");
    }
    site.end().await;
    stage.end().await;
}

/// An item may name columns that the log has, too.
#[tokio::test(flavor = "multi_thread")]
async fn an_item_is_the_same_on_the_page_and_after_it() {
    let stage = Stage::new("live_item", SCHEMA, &[FEED]).await;
    let item = "item = \"jsonb_build_object('id', id, 'at', at, 'whole', to_jsonb(item))\"\nlive = true";
    let site = stage.serve(&ROUTES.replace("live = true", item)).await;
    let mut stream = site.client.stream("/api/feed/stream?limit=1", &[]).await;
    while stream.next().await.unwrap().name != "feed_complete" {}
    stage.run("UPDATE posts SET title = 'other' WHERE id = 200").await;
    let put = stage.json(
        "SELECT jsonb_build_object('id', id, 'at', at, 'whole', to_jsonb(feed)) AS shown FROM feed WHERE id = 200",
    );
    let event = stream.next().await.unwrap();
    stage.wait().await;
    assert_eq!(event.data["item"]["whole"]["title"], "other");
    assert_eq!(event.data["item"]["at"], put.await[0]["shown"]["at"]);
    site.end().await;
    stage.end().await;
}

/// One whose rows seldom change stands where everybody stands.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_told_nothing_is_told_where_he_stands() {
    let stage = Stage::new("standing", SCHEMA, &[FEED]).await;
    let site = stage.serve(ROUTES).await;
    let mut stream = site.client.stream("/api/feed/stream?limit=1&world=1", &[]).await;
    while stream.next().await.unwrap().name != "feed_complete" {}
    for number in 0..20 {
        stage.run(&format!("UPDATE posts SET title = 'n{number}' WHERE id = 2")).await;
        stage.wait().await;
    }
    let newest = "SELECT epoch || '.' || pos FROM headwater.batch ORDER BY number DESC LIMIT 1";
    let standing = format!("id: {}\n:keepalive", stage.column(newest).await[0]);
    while !stream.text_seen.contains(&standing) {
        assert_eq!(stream.next_within(Duration::from_millis(100)).await, None);
    }
    stage.run("UPDATE posts SET title = 'mine' WHERE id = 1").await;
    assert_eq!(stream.next().await.unwrap().data["item"]["title"], "mine");
    site.end().await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_not_live_ends_and_the_browser_stays_away() {
    let stage = Stage::new("not_live", SCHEMA, &[FEED]).await;
    let site = stage.serve(&ROUTES.replace("live = true", "events = \"row\"")).await;
    for format in ["items", "item"] {
        // The second time it is kept.
        for _ in 0..2 {
            let mut stream = site.client.stream(&format!("/api/feed/stream?limit=4&format={format}"), &[]).await;
            let mut found = Vec::new();
            let mut names = Vec::new();
            while let Some(event) = stream.next().await {
                match event.name.as_str() {
                    "row_items" => found.extend(event.data["items"].as_array().unwrap().clone()),
                    "row_item" => found.push(event.data.clone()),
                    _ => {}
                }
                names.push(event.name);
            }
            assert_eq!(found, stage.json("SELECT * FROM feed ORDER BY at DESC, id DESC LIMIT 4").await);
            assert_eq!(names.last().map(String::as_str), Some("row_complete"));
            assert!(format == "items" || names.len() == 5, "{names:?}");
        }
    }
    let again = site.client.get_with("/api/feed/stream", &[("last-event-id", "1.1")]).await;
    assert_eq!(again.status.as_u16(), 204);
    site.end().await;
    stage.end().await;
}

/// Several clients, cut off and coming back, while rows come, change, move between slices and go, some of them late. For a minute or
/// an hour where `HEADWATER_SOAK` is a number of seconds.
#[tokio::test(flavor = "multi_thread")]
async fn what_clients_have_put_together_is_the_select() {
    let stage = Stage::new("merged", SCHEMA, &[FEED]).await;
    let settings = ROUTES.replace("max_limit = 50", "max_limit = 1000");
    let mut site = stage.serve(&settings).await;
    let slices = [
        ("", "true"),
        ("&world=0", "world = 0"),
        ("&world=1", "world = 1"),
        ("&title=title%201", "title = 'title 1'"),
        ("&world=9", "world = 9"),
    ];
    let mut merged = vec![Merged::default(); slices.len()];
    let mut dice = Dice(5);
    let (began, soak) = (std::time::Instant::now(), soak());
    for round in 0.. {
        if round >= 12 && began.elapsed() >= soak {
            break;
        }
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let writer = tokio::spawn(write(stage.database.connect().await, Dice(100 + round), stopped.clone()));
        let late = tokio::spawn(write_late(stage.database.connect().await, Dice(200 + round), stopped));
        let reading = slices.iter().zip(&mut merged).enumerate().map(|(number, ((filter, _), merged))| {
            let (client, mut dice) = (site.client.clone(), Dice(dice.below(1000) + number as u64));
            async move {
                for _ in 0..3 {
                    let last = merged.last.clone().unwrap_or_default();
                    let headers = [("last-event-id", last.as_str())];
                    let path = format!("/api/feed/stream?limit=1000{filter}");
                    let mut stream = client.stream(&path, if last.is_empty() { &[] } else { &headers }).await;
                    let end = tokio::time::Instant::now() + Duration::from_millis(30 + dice.below(200));
                    // Cut off at any moment, in the middle of the first page, too.
                    while let Ok(Some(event)) = tokio::time::timeout_at(end, stream.next()).await {
                        merged.take(&event);
                    }
                    if !merged.whole {
                        *merged = Merged::default();
                    }
                }
            }
        });
        futures_util::future::join_all(reading).await;
        stop.send(true).unwrap();
        writer.await.unwrap();
        late.await.unwrap();
        if round % 4 == 3 {
            // The server goes down and comes back with an empty memory.
            site.end().await;
            site = stage.serve(&settings).await;
        }
        for ((filter, condition), merged) in slices.iter().zip(&mut merged) {
            settle(&stage, &site.client, &format!("/api/feed/stream?limit=1000{filter}"), merged, condition).await;
        }
    }
    assert!(merged.iter().all(|merged| merged.resets == 0), "nothing was lost, so nothing is read anew");
    site.end().await;
    stage.end().await;
}

fn soak() -> Duration {
    let seconds = std::env::var("HEADWATER_SOAK").ok().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(seconds.unwrap_or_default())
}

async fn write(client: headwater_postgres::Client, mut dice: Dice, stopped: tokio::sync::watch::Receiver<bool>) {
    while !*stopped.borrow() {
        let id = 1 + dice.below(300);
        let sql = match dice.below(5) {
            0 => format!("DELETE FROM posts WHERE id = {id}"),
            1 => format!("UPDATE posts SET world = {} WHERE id = {id}", dice.below(3)),
            2 => format!("UPDATE posts SET title = 'title {}' WHERE id = {id}", dice.below(4)),
            _ => format!(
                "INSERT INTO posts VALUES ({id}, {}, 'title {}', 1, '2026-01-02', 'b') ON CONFLICT (id) DO UPDATE SET body = posts.body || '+'",
                dice.below(3),
                dice.below(4)
            ),
        };
        client.batch_execute(&sql).await.unwrap();
    }
}

/// A transaction that commits long after others that began later.
async fn write_late(client: headwater_postgres::Client, mut dice: Dice, stopped: tokio::sync::watch::Receiver<bool>) {
    while !*stopped.borrow() {
        let id = 301 + dice.below(30);
        client
            .batch_execute(&format!("BEGIN; INSERT INTO posts VALUES ({id}, {}, 'late', 2, '2026-01-03') ON CONFLICT (id) DO UPDATE SET world = excluded.world", dice.below(3)))
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_millis(dice.below(60))).await;
        client.batch_execute(if dice.below(3) > 0 { "COMMIT" } else { "ROLLBACK" }).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_that_is_gone_is_a_clear_reset() {
    let stage = Stage::new("reset", SCHEMA, &[FEED]).await;
    let site = stage.serve(ROUTES).await;
    let mut stream = site.client.stream("/api/feed/stream?limit=2", &[]).await;
    let complete = loop {
        let event = stream.next().await.unwrap();
        if event.name == "feed_complete" {
            break event;
        }
    };
    stage.run("UPDATE posts SET title = 'a' WHERE id = 1").await;
    assert_eq!(stream.next().await.unwrap().name, "feed_put");
    drop(stream);
    stage.run("UPDATE posts SET title = 'b' WHERE id = 1").await;
    stage.wait().await;
    let here = complete.id.unwrap();
    let (epoch, pos) = here.split_once('.').unwrap();
    // Where it was left: both changes, and no page.
    let mut resumed = site.client.stream("/api/feed/stream?limit=2", &[("last-event-id", &here)]).await;
    assert_eq!(resumed.next().await.unwrap().data["item"]["title"], "a");
    assert_eq!(resumed.next().await.unwrap().data["item"]["title"], "b");
    drop(resumed);
    let (ahead, elsewhere) = (
        format!("{epoch}.{}", pos.parse::<i64>().unwrap() + 1_000_000),
        format!("{}.{pos}", epoch.parse::<i64>().unwrap() + 1),
    );
    for lost in [ahead.as_str(), elsewhere.as_str()] {
        let mut stream = site.client.stream("/api/feed/stream?limit=2", &[("last-event-id", lost)]).await;
        let reset = stream.next().await.unwrap();
        assert_eq!((reset.name.as_str(), reset.id.as_deref()), ("feed_reset", Some("")), "{lost}");
        assert_eq!(stream.next().await.unwrap().name, "feed_items", "the page anew");
    }
    // The log is trimmed.
    stage.run("TRUNCATE headwater.log").await;
    stage.run("UPDATE posts SET title = 'c' WHERE id = 1").await;
    stage.wait().await;
    let fresh = stage.serve(ROUTES).await;
    let mut stream = fresh.client.stream("/api/feed/stream?limit=2", &[("last-event-id", &here)]).await;
    assert_eq!(stream.next().await.unwrap().name, "feed_reset");
    // Everything is rebuilt: those who follow are told.
    let mut stream = fresh.client.stream("/api/feed/stream?limit=2", &[]).await;
    while stream.next().await.unwrap().name != "feed_complete" {}
    stage.run("INSERT INTO headwater.changed (model) SELECT table_name FROM headwater.model WHERE name = 'feed'").await;
    assert_eq!(stream.next().await.unwrap().name, "feed_reset");
    assert_eq!(stream.next().await, None);
    site.end().await;
    fresh.end().await;
    stage.end().await;
}
