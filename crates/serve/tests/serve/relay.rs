//! Two servers with a Redis between them: one reads the log for both, and neither notices where Redis goes.

use std::time::Duration;

use crate::client::Merged;
use crate::redis_server::Redis;
use crate::stage::{FEED, ROUTES, SCHEMA, Site, Stage};

/// How often the server has told what another one has read.
fn relayed(site: &Site) -> u64 {
    site.running.server.table().served["/api/feed"].hub.relayed()
}

/// Writes some, and follows until the client shows it.
async fn write(stage: &Stage, from: usize, number: usize) {
    for id in from..from + number {
        stage.run(&format!("INSERT INTO posts VALUES ({id}, {id} % 3, 'new', 1, '2027-01-01'); UPDATE posts SET body = body || '+' WHERE id = {id} % 200; DELETE FROM posts WHERE id = {id} - 40")).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stage.wait().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_server_reads_for_both_and_both_tell_the_same() {
    let stage = Stage::new("relay", SCHEMA, &[FEED]).await;
    let mut redis = Redis::start().await;
    let settings = ROUTES.replace("max_limit = 50", "max_limit = 1000")
        + &format!("[serve.redis]\nurl = \"{}\"\nprefix = \"test\"\n", redis.plain_url());
    let wrong = stage.try_serve(&settings.replace("redis://:", "http://:")).await;
    assert!(format!("{:?}", wrong.err()).contains("redis: the url is none"));
    let sites = [stage.serve(&settings).await, stage.serve(&settings).await];
    let mut streams = Vec::new();
    for site in &sites {
        let mut stream = site.client.stream("/api/feed/stream?limit=1000", &[]).await;
        let mut merged = Merged::default();
        while !merged.whole {
            merged.take(&stream.next().await.unwrap());
        }
        streams.push((stream, merged));
    }
    // One of them takes the lock.
    let mut id = 1000;
    for _ in 0..100 {
        if sites.iter().any(|site| relayed(site) > 0) {
            break;
        }
        write(&stage, id, 5).await;
        id += 5;
    }
    let before: Vec<_> = sites.iter().map(relayed).collect();
    write(&stage, id, 100).await;
    let taken: Vec<_> = sites.iter().map(relayed).zip(before).map(|(now, before)| now - before).collect();
    assert!(taken.contains(&0), "both wait for the other: {taken:?}");
    assert!(taken.iter().any(|taken| *taken > 20), "hardly anything was passed on: {taken:?}");

    // Redis hangs, dies, and comes back.
    redis.freeze();
    write(&stage, id + 300, 60).await;
    redis.thaw();
    redis.kill();
    write(&stage, id + 100, 50).await;
    redis.begin().await;
    write(&stage, id + 150, 50).await;
    let mut expected: Vec<_> = stage.json("SELECT * FROM feed").await.iter().map(ToString::to_string).collect();
    expected.sort();
    for (stream, merged) in &mut streams {
        while merged.items() != expected {
            merged.take(&stream.next_within(Duration::from_secs(5)).await.expect("what is missing"));
        }
        assert_eq!(merged.resets, 0);
    }
    let kept = sites[0].client.get("/api/feed?limit=50").await;
    assert_eq!(kept.items(), stage.json("SELECT * FROM feed ORDER BY at DESC, id DESC LIMIT 50").await);
    for site in sites {
        site.end().await;
    }
    stage.end().await;
}
