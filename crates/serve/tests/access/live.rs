//! Live streams: what is told of rows that belong to others, come from others, or go to others.

use std::time::{Duration, Instant};

use crate::ground::{Ground, secret};
use crate::keys::{self, Signer, claims, now, signed};
use crate::wire::{Wire, stream};

async fn follow(ground: &Ground, user: i32, last: Option<&str>) -> Wire {
    let bearer = format!("Bearer {}", keys::of(user));
    let mut headers = vec![("Authorization", bearer.as_str())];
    headers.extend(last.map(|last| ("Last-Event-ID", last)));
    let mut wire = stream(ground.address, "/api/notes/stream?limit=1", &headers).await;
    assert!(wire.until(if last.is_some() { "retry:" } else { "event: notes_complete" }).await, "{}", wire.text());
    wire
}

/// The last position that a stream has named.
fn position(wire: &Wire) -> String {
    let text = wire.text();
    let last = text.lines().rev().find_map(|line| line.strip_prefix("id: ")).expect("a position");
    last.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_tells_of_rows_while_they_are_its_viewers() {
    let ground = Ground::new("live", "", &secret()).await;
    let (mut one, mut two, mut three) =
        (follow(&ground, 1, None).await, follow(&ground, 2, None).await, follow(&ground, 3, None).await);
    let (before_one, before_three) = (position(&one), position(&three));
    let run = async |sql: &str| {
        ground.stage.run(sql).await;
        ground.stage.wait().await;
    };
    run("INSERT INTO note VALUES (81818181, 1, 'SECRET-A', now())").await;
    assert!(one.until("SECRET-A").await);
    run("UPDATE note SET title = 'SECRET-B' WHERE id = 81818181").await;
    assert!(one.until("SECRET-B").await);
    // It changes hands, with a new title in the same breath.
    run("UPDATE note SET user_id = 2, title = 'SECRET-C' WHERE id = 81818181").await;
    assert!(two.until("SECRET-C").await);
    assert!(one.until("event: notes_gone").await);
    run("UPDATE note SET title = 'SECRET-D' WHERE id = 81818181").await;
    assert!(two.until("SECRET-D").await);
    // Through other hands within one transaction: who had it for no moment that others could see is not told.
    run("BEGIN; UPDATE note SET user_id = 3, title = 'SECRET-E' WHERE id = 81818181;
         UPDATE note SET user_id = 2, title = 'SECRET-F' WHERE id = 81818181; COMMIT")
    .await;
    assert!(two.until("SECRET-F").await);
    run("DELETE FROM note WHERE id = 81818181").await;
    assert!(two.until("event: notes_gone").await);
    // The key itself changes.
    run("INSERT INTO note VALUES (92929292, 2, 'SECRET-G', now())").await;
    run("UPDATE note SET id = 93939393, user_id = 1 WHERE id = 92929292").await;
    assert!(one.until("93939393").await);
    for wire in [&mut one, &mut two, &mut three] {
        wire.listen(Duration::from_millis(700)).await;
    }
    let checked = |one: &Wire, three: &Wire| {
        for hidden in ["SECRET-C", "SECRET-D", "SECRET-E", "SECRET-F", "92929292"] {
            assert!(!one.has(hidden), "{hidden} in {}", one.text());
        }
        for hidden in ["SECRET", "81818181", "92929292", "93939393"] {
            assert!(!three.has(hidden), "{hidden} in {}", three.text());
        }
    };
    assert!(!two.has("SECRET-A") && !two.has("SECRET-B"), "{}", two.text());
    assert!(!two.has("93939393"), "{}", two.text());
    checked(&one, &three);
    // The same for those who come back: what they missed is read from the log, and a position is not theirs.
    let mut again = follow(&ground, 1, Some(&before_one)).await;
    assert!(again.until("93939393").await);
    let mut others = follow(&ground, 3, Some(&before_one)).await;
    let mut own = follow(&ground, 3, Some(&before_three)).await;
    for wire in [&mut again, &mut others, &mut own] {
        wire.listen(Duration::from_millis(700)).await;
    }
    checked(&again, &others);
    checked(&again, &own);
    for wire in [&one, &two, &three, &again, &others, &own] {
        assert!(!wire.has("notes_error") && !wire.has("notes_reset"), "{}", wire.text());
    }
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_its_token() {
    let ground = Ground::new("expiry", "", &secret()).await;
    let mut claims = claims(1);
    claims["exp"] = (now() + 3).into();
    let bearer = format!("Bearer {}", signed(Signer::Secret, None, &claims));
    let began = Instant::now();
    let mut wire = stream(ground.address, "/api/notes/stream?limit=1", &[("Authorization", &bearer)]).await;
    assert!(wire.until("notes_complete").await);
    // The event, and then the end of the body.
    assert!(wire.until("HW0731").await && wire.until("\r\n0\r\n\r\n").await);
    let took = began.elapsed();
    assert!(took > Duration::from_secs(1) && took < Duration::from_secs(6), "{took:?}");
    assert!(wire.has("event: notes_error"), "{}", wire.text());
    ground.stage.run("INSERT INTO note VALUES (81818181, 1, 'LATER', now())").await;
    ground.stage.wait().await;
    assert!(!wire.has("LATER"));
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_declared_any_more_is_not_served_any_more() {
    let stage = crate::stage::Stage::new(
        "undeclared",
        "CREATE TABLE post (id int PRIMARY KEY, title text); INSERT INTO post VALUES (1, 'WAS-PUBLIC');
         CREATE TABLE other (id int PRIMARY KEY)",
        &[BOARD, OTHER],
    )
    .await;
    let routes = "[[serve.route]]\npath = \"/api/board\"\nmodel = \"board\"\nlive = true\n";
    let site = stage.serve(&format!("[serve]\nkeepalive = \"300ms\"\n{routes}")).await;
    let address = site.running.address;
    let mut wire = stream(address, "/api/board/stream", &[]).await;
    assert!(wire.until("WAS-PUBLIC").await);
    stage.apply(&[&BOARD.replace("-- headwater: access public\n", ""), OTHER]).await;
    assert!(wire.until("board_reset").await);
    wire.end().await;
    for target in ["/api/board", "/v1/models/board"] {
        let answer = crate::wire::ask(address, "GET", target, &[]).await;
        assert_eq!(answer.code(), (404, "HW0727".to_owned()), "{target}: {answer:?}");
    }
    assert_eq!(crate::wire::ask(address, "GET", "/v1/models/other_ids", &[]).await.status, 200);
    site.end().await;
    stage.end().await;
}

const BOARD: &str = "-- headwater: eventual\n-- headwater: retain live\n-- headwater: access public
CREATE MATERIALIZED VIEW board AS SELECT p.id, p.title FROM post p;
CREATE UNIQUE INDEX ON board (id);";

const OTHER: &str = "-- headwater: eventual\n-- headwater: access public
CREATE MATERIALIZED VIEW other_ids AS SELECT o.id FROM other o;
CREATE UNIQUE INDEX ON other_ids (id);";
