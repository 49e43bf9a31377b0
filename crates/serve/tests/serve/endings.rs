//! Streams that are slow, cut off, too late, or ended by the server.

use std::time::{Duration, Instant};

use crate::client::{Event, Merged};
use crate::stage::{FEED, ROUTES, SCHEMA, Stage};

/// Each row takes its time.
fn slow(seconds: f64, more: &str) -> String {
    format!(
        "[serve]\nkeepalive = \"100ms\"\n{more}\n[[serve.route]]\npath = \"/slow\"\nmodel = \"feed\"\nlimit = 10\nsorts = [{{ name = \"newest\", by = \"at desc\" }}]\n\
         item = \"(SELECT jsonb_build_object('id', id) FROM pg_sleep({seconds} + 0 * id))\"\n"
    )
}

const AT_WORK: &str =
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'";

#[tokio::test(flavor = "multi_thread")]
async fn the_first_row_is_sent_as_soon_as_it_is_there_and_silence_is_filled() {
    let stage = Stage::new("first_row", SCHEMA, &[FEED]).await;
    let site = stage.serve(&slow(0.3, "")).await;
    let began = Instant::now();
    let mut stream = site.client.stream("/slow/stream", &[]).await;
    let first = stream.next().await.unwrap();
    assert!(began.elapsed() < Duration::from_millis(2500), "{:?}", began.elapsed());
    assert_eq!(first.data["items"], serde_json::json!([{ "id": 200 }]));
    assert!(stream.comments >= 1, "the first row took three silences");
    let mut rows = 1;
    loop {
        let event = stream.next().await.unwrap();
        if event.name == "slow_complete" {
            break;
        }
        rows += event.data["items"].as_array().unwrap().len();
    }
    assert_eq!(rows, 10);
    assert!(stream.comments >= 10);
    site.end().await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_works_for_a_client_that_is_gone() {
    let stage = Stage::new("gone", SCHEMA, &[FEED]).await;
    let site = stage.serve(&slow(2.0, "")).await;
    let stream = site.client.stream("/slow/stream", &[]).await;
    while stage.column(AT_WORK).await[0] == "0" {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let began = Instant::now();
    drop(stream);
    while stage.column(AT_WORK).await[0] != "0" {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(
        began.elapsed() < Duration::from_secs(15),
        "ten rows of two seconds each were read to the end: {:?}",
        began.elapsed()
    );
    site.end().await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_too_long_is_an_error_and_not_a_silence() {
    let stage = Stage::new("too_long", SCHEMA, &[FEED]).await;
    let site = stage.serve(&slow(0.5, "timeout = \"1200ms\"")).await;
    let mut stream = site.client.stream("/slow/stream", &[]).await;
    let mut events = Vec::new();
    while let Some(event) = stream.next().await {
        events.push(event);
    }
    let Event { name, data, .. } = events.pop().unwrap();
    assert_eq!((name.as_str(), data["code"].as_str()), ("slow_error", Some("HW0751")), "{events:?}");
    assert!(events.iter().all(|event| event.name == "slow_items"), "{events:?}");
    let page = site.client.get("/slow").await;
    assert_eq!((page.status.as_u16(), page.code().as_str(), page.header("retry-after")), (504, "HW0751", "5"));
    site.end().await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_ends_lets_its_clients_go_and_they_lose_nothing() {
    let stage = Stage::new("farewell", SCHEMA, &[FEED]).await;
    let site = stage.serve(ROUTES).await;
    let mut merged = Merged::default();
    let mut stream = site.client.stream("/api/feed/stream?limit=50", &[]).await;
    while !merged.whole {
        merged.take(&stream.next().await.unwrap());
    }
    let began = Instant::now();
    let ending = tokio::spawn(site.end());
    assert_eq!(stream.next().await, None);
    assert!(stream.text_seen.contains("retry: ") && stream.text_seen.contains(":the server is closing"));
    ending.await.unwrap();
    assert!(began.elapsed() < Duration::from_millis(1900), "the grace was used up: {:?}", began.elapsed());
    stage.run("INSERT INTO posts VALUES (1000, 1, 'meanwhile', 1, '2027-01-01')").await;
    let site = stage.serve(ROUTES).await;
    let last = merged.last.clone().unwrap();
    let mut stream = site.client.stream("/api/feed/stream?limit=50", &[("last-event-id", &last)]).await;
    let event = stream.next().await.unwrap();
    assert_eq!((event.name.as_str(), &event.data["item"]["title"]), ("feed_put", &"meanwhile".into()));
    site.end().await;
    stage.end().await;
}

/// One who does not read is not waited for, and knows it when he reads again.
#[tokio::test(flavor = "multi_thread")]
async fn one_who_reads_slowly_is_told_or_has_it_all() {
    let stage = Stage::new("slow_reader", SCHEMA, &[FEED]).await;
    let site = stage.serve(&ROUTES.replace("max_limit = 50", "max_limit = 1000")).await;
    let mut merged = Merged::default();
    let mut stream = site.client.stream("/api/feed/stream?limit=1000", &[]).await;
    while !merged.whole {
        merged.take(&stream.next().await.unwrap());
    }
    // More than all buffers on the way hold, and more entries than the hub remembers.
    for round in 0..30 {
        stage.run(&format!("UPDATE posts SET body = repeat('{}', 20000)", round % 10)).await;
        stage.wait().await;
    }
    // A reset says so; who reads nothing for half a minute is cut off, and goes on from where they stood.
    let mut behind = 0;
    let path = "/api/feed/stream?limit=1000";
    let mut expected: Vec<_> = stage.json("SELECT * FROM feed").await.iter().map(ToString::to_string).collect();
    expected.sort();
    while merged.items() != expected {
        match stream.next().await {
            Some(event) => {
                behind += usize::from(event.name == "feed_reset");
                merged.take(&event);
            }
            None => {
                behind += 1;
                let last = merged.last.clone();
                let headers: Vec<_> = last.iter().map(|last| ("last-event-id", last.as_str())).collect();
                stream = site.client.stream(path, &headers).await;
            }
        }
    }
    assert!(behind > 0, "it never fell behind: the test does not test what it says");
    site.end().await;
    stage.end().await;
}
