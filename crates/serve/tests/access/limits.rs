//! How much one client may ask for.

use std::time::Duration;

use crate::ground::{Ground, secret};
use crate::keys;
use crate::wire::{Wire, ask, stream};

const NOTES: &str = "/api/notes/stream?limit=1";

async fn open(ground: &Ground, from: &str) -> Wire {
    let bearer = format!("Bearer {}", keys::of(1));
    let mut wire = stream(ground.address, NOTES, &[("Authorization", &bearer), ("X-Forwarded-For", from)]).await;
    assert!(wire.until("\r\n\r\n").await);
    wire
}

/// Waits until so many streams are open.
async fn until_open(ground: &Ground, number: usize) {
    let limits = &ground.site.running.server.gate.limits;
    for _ in 0..200 {
        if limits.open() == number {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{} streams are open, not {number}", limits.open());
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_limited_by_address() {
    let limits = "[serve.limits]\nrequests_per_second = 1\nburst = 5\nproxies = [\"127.0.0.0/8\"]";
    let ground = Ground::new("requests", "cors = [\"https://app.example\"]", limits).await;
    let from = |address: &'static str| {
        let address_of_server = ground.address;
        async move {
            let headers = [("X-Forwarded-For", address), ("Origin", "https://app.example")];
            ask(address_of_server, "GET", "/api/board?limit=1", &headers).await
        }
    };
    for _ in 0..5 {
        assert_eq!(from("192.0.2.1").await.status, 200);
    }
    let refused = from("192.0.2.1").await;
    assert_eq!(refused.code(), (429, "HW0741".to_owned()));
    assert!((1..=2).contains(&refused.header("retry-after").parse::<u64>().unwrap()), "{refused:?}");
    assert_eq!(refused.header("access-control-allow-origin"), "https://app.example");
    // What a client writes there itself is left of what the proxy adds.
    assert_eq!(from("198.51.100.1, 192.0.2.1").await.status, 429);
    assert_eq!(from("192.0.2.2").await.status, 200);
    for _ in 0..5 {
        assert_eq!(from("2001:db8::1").await.status, 200);
    }
    assert_eq!(from("2001:db8::ffff").await.status, 429);
    assert_eq!(from("2001:db8:0:1::1").await.status, 200);
    assert_eq!(ask(ground.address, "GET", "/healthz", &[("X-Forwarded-For", "192.0.2.1")]).await.status, 200);
    tokio::time::sleep(Duration::from_millis(2100)).await;
    assert_eq!(from("192.0.2.1").await.status, 200);
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_proxy_is_a_client() {
    let ground = Ground::new("unknown_proxy", "", "[serve.limits]\nrequests_per_second = 1\nburst = 2").await;
    let mut refused = 0;
    for last in 1..=6 {
        let from = format!("192.0.2.{last}");
        let answer = ask(ground.address, "GET", "/api/board?limit=1", &[("X-Forwarded-For", &from)]).await;
        refused += usize::from(answer.status == 429);
    }
    assert!(refused >= 3, "{refused}");
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_limited_and_freed() {
    let ground = Ground::new("connections", "", "[serve.limits]\nconnections = 2").await;
    let request = crate::wire::head("GET", "/api/board?limit=1", &[]);
    let mut kept = Vec::new();
    for _ in 0..2 {
        let mut wire = Wire::open(ground.address).await;
        assert!(wire.send(request.as_bytes()).await);
        assert!(wire.until_times("200 OK", 1).await, "{}", wire.text());
        kept.push(wire);
    }
    let mut third = Wire::open(ground.address).await;
    let _ = third.send(request.as_bytes()).await;
    assert!(!third.until_times("HTTP", 1).await, "{}", third.text());
    // Those that are open go on, and a place that is given back is free.
    assert!(kept[0].send(request.as_bytes()).await);
    assert!(kept[0].until_times("200 OK", 2).await, "{}", kept[0].text());
    assert_eq!(kept.pop().map(drop), Some(()));
    let mut answered = false;
    for _ in 0..100 {
        let mut again = Wire::open(ground.address).await;
        let _ = again.send(request.as_bytes()).await;
        answered = again.until_times("200 OK", 1).await;
        if answered {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(answered);
    drop(kept);
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_limited_and_freed_however_they_end() {
    let limits = "[serve.limits]\nstreams = 2\nall_streams = 3\nproxies = [\"127.0.0.1\"]";
    let ground = Ground::new("streams", "", &format!("{}{limits}", secret())).await;
    let (first, second) = (open(&ground, "192.0.2.1").await, open(&ground, "192.0.2.1").await);
    let mut refused = open(&ground, "192.0.2.1").await;
    refused.listen(Duration::from_millis(200)).await;
    assert_eq!(refused.answer().code(), (429, "HW0742".to_owned()));
    assert_eq!(refused.answer().header("retry-after"), "10");
    let third = open(&ground, "192.0.2.2").await;
    let mut refused = open(&ground, "192.0.2.3").await;
    refused.listen(Duration::from_millis(200)).await;
    assert_eq!(refused.answer().code(), (503, "HW0743".to_owned()));
    // Pages are no streams.
    assert_eq!(ground.get("/api/notes?limit=1", &keys::of(1)).await.status, 200);
    // The client goes.
    drop(first);
    until_open(&ground, 2).await;
    let fourth = open(&ground, "192.0.2.1").await;
    assert_eq!(fourth.answer().status, 200);
    drop((second, third, fourth));
    until_open(&ground, 0).await;
    // The stream comes to its end by itself while the connection stays, fails, is refused, or has no body.
    let mut wire = Wire::open(ground.address).await;
    for round in 1..=10 {
        let request = crate::wire::head("GET", "/api/board/stream?limit=1", &[("X-Forwarded-For", "192.0.2.9")]);
        assert!(wire.send(request.as_bytes()).await);
        assert!(wire.until_times("\r\n0\r\n\r\n", round).await, "{}", wire.text());
        assert_eq!(wire.text().matches("event: board_complete").count(), round);
        assert_eq!(ground.site.running.server.gate.limits.open(), 0, "its place is free before its end is told");
        let headers = [("X-Forwarded-For", "192.0.2.9")];
        assert_eq!(ask(ground.address, "HEAD", "/api/board/stream?limit=1", &headers).await.status, 200);
        assert_eq!(ask(ground.address, "GET", "/api/board/stream?cursor=x", &headers).await.status, 200);
        assert_eq!(ask(ground.address, "GET", "/api/board/stream?limit=0", &headers).await.status, 400);
        until_open(&ground, 0).await;
    }
    drop(wire);
    ground.end().await;
}
