//! Rows enter and leave time windows when they are due, in both modes, while nobody writes.

use std::time::Duration;

use crate::stage::Stage;

const SCHEMA: &str = "
    CREATE TABLE channels (id int PRIMARY KEY, name text);
    CREATE TABLE posts (id int PRIMARY KEY, channel int NOT NULL, at timestamptz NOT NULL, points int NOT NULL DEFAULT 1);
    CREATE INDEX ON posts (channel);
    INSERT INTO channels VALUES (1, 'one'), (2, 'two'), (3, 'three');";

/// A window on the model's own row, on counted rows, one that is entered, and one on a group; each as `MODE`.
fn models(mode: &str) -> Vec<String> {
    [
        "CREATE MATERIALIZED VIEW recent_MODE AS SELECT p.id, p.channel FROM posts p WHERE p.at > now() - interval '10 days';
CREATE UNIQUE INDEX ON recent_MODE (id);",
        "CREATE MATERIALIZED VIEW busy_MODE AS SELECT c.id, c.name, (SELECT count(*) FROM posts p WHERE p.channel = c.id AND p.at > now() - interval '10 days') AS posts FROM channels c;
CREATE UNIQUE INDEX ON busy_MODE (id);",
        "CREATE MATERIALIZED VIEW published_MODE AS SELECT p.id, p.points FROM posts p WHERE p.at + interval '10 days' <= now();
CREATE UNIQUE INDEX ON published_MODE (id);",
        "CREATE MATERIALIZED VIEW grouped_MODE AS SELECT p.channel, count(*) FILTER (WHERE p.at > now() - interval '10 days') AS fresh, sum(p.points) AS points FROM posts p GROUP BY p.channel;
CREATE UNIQUE INDEX ON grouped_MODE (channel);",
    ]
    .iter()
    .map(|model| format!("-- headwater: {mode}\n{}", model.replace("MODE", mode)))
    .collect()
}

async fn stage(hint: &str) -> Stage {
    let all: Vec<String> = models("realtime").into_iter().chain(models("eventual")).collect();
    Stage::new(hint, SCHEMA, &all.iter().map(String::as_str).collect::<Vec<_>>()).await
}

/// What the models say, stored rows among it: rows of `recent` that only readers no longer see do not count as gone.
async fn seen(stage: &Stage, mode: &str) -> String {
    let table = stage.table(&format!("recent_{mode}")).await;
    stage
        .text(&format!(
            "SELECT concat_ws(' ', (SELECT count(*) FROM {table}), (SELECT count(*) FROM recent_{mode}), (SELECT posts FROM busy_{mode} WHERE id = 1), (SELECT count(*) FROM published_{mode}), (SELECT fresh FROM grouped_{mode} WHERE channel = 1))"
        ))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_come_and_go_while_nobody_writes() {
    let stage = stage("due").await;
    let leader = stage.lead();
    // Five are due in 1.5 s, five in 2.5 s, one much later.
    stage.run("INSERT INTO posts SELECT g, 1, now() - interval '10 days' + interval '1.5 s' + interval '1 s' * (g / 5) FROM generate_series(0, 9) g; INSERT INTO posts VALUES (100, 1, now())").await;
    stage.wait().await;
    for mode in ["realtime", "eventual"] {
        assert_eq!(seen(&stage, mode).await, "11 11 11 0 11", "{mode}");
    }
    let due = "SELECT clock_timestamp() >= (SELECT min(at) + interval '10 days' FROM posts)";
    stage.until(Duration::from_secs(3), due).await;
    let late = Duration::from_millis(1000);
    for (mode, after) in [("eventual", "6 6 6 5 6"), ("realtime", "6 6 6 5 6")] {
        let began = std::time::Instant::now();
        while seen(&stage, mode).await != after {
            assert!(
                began.elapsed() < late,
                "{mode}: {} is not {after}\n{}",
                seen(&stage, mode).await,
                stage.state().await
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    stage
        .until(
            Duration::from_secs(4),
            "SELECT (SELECT count(*) FROM published_eventual) = 10 AND (SELECT count(*) FROM published_realtime) = 10",
        )
        .await;
    for mode in ["realtime", "eventual"] {
        let began = std::time::Instant::now();
        while seen(&stage, mode).await != "1 1 1 10 1" {
            assert!(began.elapsed() < late, "{mode}: {}", seen(&stage, mode).await);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    stage.assert_exact(&[]).await;
    leader.stop().await;
}

/// Nobody led for a while; then whoever does catches up, and readers of a window on its own row saw no expired row meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn what_fell_due_without_a_leader_is_made_up_for() {
    let stage = stage("away").await;
    stage.run("INSERT INTO posts SELECT g, 1, now() - interval '10 days' + interval '2 s' FROM generate_series(1, 1500) g; INSERT INTO posts VALUES (9999, 1, now())").await;
    stage.batch().await;
    assert_eq!(stage.number("SELECT count(*) FROM busy_eventual WHERE posts = 1501").await, 1);
    stage
        .until(Duration::from_secs(3), "SELECT clock_timestamp() >= (SELECT min(at) + interval '10 days' FROM posts)")
        .await;
    for mode in ["realtime", "eventual"] {
        assert_eq!(seen(&stage, mode).await, "1501 1 1501 1500 1501", "{mode}");
    }
    let leader = stage.lead();
    for mode in ["realtime", "eventual"] {
        stage.until(Duration::from_secs(3), &format!("SELECT (SELECT count(*) FROM published_{mode}) = 1500")).await;
        stage.until(Duration::from_secs(3), &format!("SELECT (SELECT posts FROM busy_{mode} WHERE id = 1) = 1")).await;
        stage.until(Duration::from_secs(3), &format!("SELECT (SELECT fresh FROM grouped_{mode}) = 1")).await;
    }
    stage
        .until(
            Duration::from_secs(3),
            &format!("SELECT (SELECT count(*) FROM {}) = 1", stage.table("recent_realtime").await),
        )
        .await;
    stage.assert_exact(&[]).await;
    leader.stop().await;
}
