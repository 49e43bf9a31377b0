//! Requests that are not what they should be: tricks with paths and headers, too large ones, too slow ones.

use std::time::Duration;

use tokio::time::Instant;

use crate::ground::{Ground, secret};
use crate::keys;
use crate::wire::{Wire, ask, head, stream};

/// Words that only SQL, the database or another's row would bring into an answer.
const LEAKS: [&str; 10] =
    ["SELECT", "headwater.", "ERROR", "public.", "::", "jsonb", "TITLE-OF", "HIDDEN", "panicked", "note "];

#[tokio::test(flavor = "multi_thread")]
async fn paths_lead_where_they_are_declared() {
    let ground = Ground::new("paths", "", &secret()).await;
    for target in [
        "/api/notes%2Fstream",
        "/api%2Fnotes",
        "//api/notes",
        "/api//notes",
        "/api/notes/",
        "/API/NOTES",
        "/api/./notes",
        "/api/board/../notes",
        "/api/%6eotes",
        "/api/notes;x",
        "/api/notes%00",
        "/api/notes/stream/stream",
        "/v1/models/",
        "/v1/models/notes/../entries",
        "/v1/models/%6eotes",
        "/v1/models/public.notes",
        "/v1/models/NOTES",
        "http://evil.example/api/not",
    ] {
        let answer = ground.get(target, &keys::of(1)).await;
        assert_eq!(answer.code(), (404, "HW0727".to_owned()), "{target}: {answer:?}");
    }
    // The absolute form is allowed by HTTP, and asks for the same.
    assert_eq!(ground.get("http://evil.example/api/notes", "").await.code(), (401, "HW0731".to_owned()));
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"] {
        for target in ["/api/board", "/api/notes", "/api/board/stream"] {
            let answer = ask(ground.address, method, target, &[]).await;
            assert_eq!(answer.code(), (405, "HW0728".to_owned()), "{method} {target}: {answer:?}");
        }
    }
    let get = ask(ground.address, "GET", "/api/board?limit=1", &[]).await;
    let only_head = ask(ground.address, "HEAD", "/api/board?limit=1", &[]).await;
    assert_eq!((only_head.status, only_head.header("etag"), only_head.body.as_str()), (200, get.header("etag"), ""));
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_comes_back_in_no_header_and_no_frame() {
    let ground = Ground::new("injection", "", &secret()).await;
    let line = "x%0d%0aSet-Cookie:%20hw=evil%0d%0a%0d%0adata:%20evil";
    for target in [
        format!("/api/board?title={line}"),
        format!("/api/board?{line}=1"),
        format!("/api/board?{line}=1&{line}=2"),
        format!("/api/board?cursor={line}"),
        format!("/api/board?sort={line}"),
        format!("/api/board?after={line}"),
        format!("/api/board?limit={line}"),
        format!("/api/{line}"),
        format!("/api/board/stream?title={line}"),
        format!("/api/board/stream?last_event_id={line}"),
        format!("/api/board/stream?cursor={line}"),
        format!("/api/board/stream?format={line}"),
    ] {
        let mut wire = stream(ground.address, &target, &[("Connection", "close")]).await;
        wire.end().await;
        let text = wire.text();
        assert!(!text.to_lowercase().contains("\nset-cookie"), "{target}: {text}");
        assert!(!text.contains("\ndata: evil") && !text.contains("\n\ndata"), "{target}: {text}");
        assert!(!LEAKS.iter().any(|leak| text.contains(leak)), "{target}: {text}");
    }
    // A frame's text may hold line ends and frames of its own; they stay inside.
    ground
        .stage
        .run("UPDATE post SET title = E'a\\r\\n\\r\\nevent: board_error\\ndata: evil\\u2028\\n\\n' WHERE id = 1")
        .await;
    ground.stage.wait().await;
    let mut wire = stream(ground.address, "/api/board/stream?limit=1", &[("Connection", "close")]).await;
    wire.end().await;
    assert!(wire.has(r"a\r\n\r\nevent: board_error\ndata: evil"), "{}", wire.text());
    assert!(!wire.has("\nevent: board_error") && !wire.has("\ndata: evil"), "{}", wire.text());
    for headers in [
        [("Last-Event-ID", "1.1\u{b}data: evil")],
        [("Last-Event-ID", "x")],
        [("Last-Event-ID", "99999999999999999999.1")],
        [("Last-Event-ID", "-1.0")],
    ] {
        let bearer = format!("Bearer {}", keys::of(1));
        let headers = [("Authorization", bearer.as_str()), headers[0]];
        let answer = ask(ground.address, "GET", "/api/notes/stream", &headers).await;
        assert!(answer.status == 400 && !answer.body.contains("evil"), "{answer:?}");
    }
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_tells_nothing() {
    let ground = Ground::new("leaks", "", &secret()).await;
    ground.stage.run("ALTER MATERIALIZED VIEW IF EXISTS nothing RENAME TO nothing2").await;
    for target in [
        "/api/board?title=%ff%fe",
        "/api/board?cursor=%27",
        "/api/board?cursor=9999999999999999",
        "/api/board?cursor=~WyInIl0",
        "/api/board?after=2147483647.9223372036854775807",
        "/api/notes?title=%27%20UNION%20SELECT%201--",
        "/api/notes?cursor=%27",
        "/api/notes?cursor=tomorrow",
        "/api/notes/stream?cursor=tomorrow",
    ] {
        let mut wire = Wire::open(ground.address).await;
        let bearer = format!("Bearer {}", keys::of(4));
        wire.send(head("GET", target, &[("Connection", "close"), ("Authorization", &bearer)]).as_bytes()).await;
        wire.listen(Duration::from_secs(1)).await;
        let text = wire.text();
        assert!(text.starts_with("HTTP/1.1 "), "{target}: {text}");
        assert!(!LEAKS.iter().any(|leak| text.contains(leak)), "{target}: {text}");
        assert!(text.contains("x-content-type-options: nosniff"), "{target}: {text}");
    }
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_requests_are_refused() {
    let ground = Ground::new("large", "", &secret()).await;
    let long = "x".repeat(8200);
    assert_eq!(ground.get(&format!("/api/board?title={long}"), "").await.code(), (414, "HW0744".to_owned()));
    assert_eq!(ground.get(&format!("/api/board?title={}", &long[..8000]), "").await.items().len(), 0);
    let huge = ask(ground.address, "GET", "/api/board", &[("X-Large", &"x".repeat(20_000))]).await;
    assert_eq!(huge.status, 431);
    let many = vec![("X-Many", "1"); 200];
    assert_eq!(ask(ground.address, "GET", "/api/board", &many).await.status, 431);
    let large = ask(ground.address, "GET", "/api/board", &[("Content-Length", "8193")]).await;
    assert_eq!(large.code(), (413, "HW0745".to_owned()));
    // A body without an announced end is not read: the answer comes, and the connection ends.
    let mut wire = Wire::open(ground.address).await;
    wire.send(head("GET", "/api/board?limit=1", &[("Transfer-Encoding", "chunked")]).as_bytes()).await;
    let chunk = format!("400\r\n{}\r\n", "x".repeat(1024));
    let mut sent = 0;
    while sent < 64 << 20 && wire.send(chunk.as_bytes()).await {
        sent += chunk.len();
    }
    assert!(sent < 64 << 20, "the server takes whatever it is sent");
    // Two lengths, or a length and chunks, are two opinions about where the next request begins.
    for pair in
        [[("Content-Length", "5"), ("Content-Length", "6")], [("Content-Length", "5"), ("Transfer-Encoding", "x")]]
    {
        assert_eq!(ask(ground.address, "GET", "/api/board", &pair).await.status, 400, "{pair:?}");
    }
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_requests_are_cut_off() {
    let ground = Ground::new("slow", "", "[serve.limits]\nhead_timeout = \"1s\"").await;
    let began = Instant::now();
    let mut wire = Wire::open(ground.address).await;
    let text = head("GET", "/api/board?limit=1", &[("X-Slow", &"x".repeat(400))]);
    let mut letters = text.as_bytes().iter();
    // A letter now and then keeps it from being idle, and does not help.
    while began.elapsed() < Duration::from_secs(10) {
        let Some(letter) = letters.next() else { panic!("it was read for {:?}", began.elapsed()) };
        if !wire.send(&[*letter]).await {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
    let began = Instant::now();
    let mut silent = Wire::open(ground.address).await;
    silent.end().await;
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    // Who is being answered is not cut off.
    let mut live = stream(ground.address, "/api/board/stream?limit=1", &[]).await;
    assert!(live.until("board_complete").await);
    ground.end().await;
}
