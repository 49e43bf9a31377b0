//! A transaction that stays open keeps vacuum from giving anything back; what a batch reads must not grow with it.

use headwater_deploy::batch::{self, How};
use headwater_postgres::Client;

use crate::stage::{SCHEMA, Stage, TALLY, run, text};

const BATCHES: i64 = 2000;

/// The 8 kB buffers that a batch touches which takes one vote on a project of its own, in `pending`, in `forget` and in all.
async fn buffers(client: &Client) -> [i64; 3] {
    let window = "pg_snapshot_xmax(b.snapshot), pg_snapshot_xmax(pg_current_snapshot()), '{}'";
    let last = "(SELECT * FROM headwater.batch ORDER BY number DESC LIMIT 1) AS b";
    let asked = [
        format!("SELECT p.* FROM {last}, headwater.pending({window}) AS p"),
        format!("SELECT headwater.forget((SELECT array_agg(source) FROM headwater.queue), {window}) FROM {last}"),
        "SELECT * FROM headwater.run_batch((SELECT value::bigint FROM headwater.meta WHERE key = 'generation'), false, false)".to_owned(),
    ];
    let mut found = [0; 3];
    for (place, sql) in asked.iter().enumerate() {
        // The second run has its plans and catalogs at hand.
        for _ in 0..2 {
            run(
                client,
                "BEGIN ISOLATION LEVEL REPEATABLE READ; LOCK TABLE headwater.batch IN SHARE ROW EXCLUSIVE MODE",
            )
            .await;
            let plan = text_of_all(client, &format!("EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF) {sql}")).await;
            run(client, "ROLLBACK").await;
            let line = plan.lines().find(|line| line.trim_start().starts_with("Buffers: shared")).unwrap_or_default();
            found[place] = line
                .split_whitespace()
                .filter_map(|word| word.split_once('='))
                .filter(|(name, _)| ["hit", "read"].contains(name))
                .filter_map(|(_, n)| n.parse::<i64>().ok())
                .sum();
            assert!(found[place] > 0, "{plan}");
        }
    }
    found
}

async fn text_of_all(client: &Client, sql: &str) -> String {
    let rows = client.query(sql, &[]).await.unwrap();
    rows.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_take_stays_flat() {
    let schema =
        format!("{SCHEMA} INSERT INTO projects SELECT g, 1, 'project ' || g FROM generate_series(100, 6000) g;");
    let stage = Stage::new("flat", &schema, &[TALLY]).await;
    // The server's own vacuum would blur the comparison; while a snapshot is held it can do nothing anyway.
    stage.run("DO $$ DECLARE t text; BEGIN FOR t IN SELECT name FROM headwater.queue UNION ALL SELECT 'headwater.batch' LOOP EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = off)', t); END LOOP; END $$").await;
    let (mut leader, writer, asker) = (stage.connect().await, stage.connect().await, stage.connect().await);
    run(&leader, "SET synchronous_commit = off").await;
    let mut project = 100;
    let vote = async |project: &mut i64| {
        *project += 1;
        run(&writer, &format!("INSERT INTO votes (project_id, weight) VALUES ({project}, 1)")).await;
    };
    for _ in 0..5 {
        vote(&mut project).await;
        batch::run(&mut leader, How::default()).await.unwrap();
    }
    vote(&mut project).await;
    let before = buffers(&asker).await;
    let holder = stage.connect().await;
    run(&holder, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM votes; SELECT pg_current_xact_id()")
        .await;
    for _ in 0..BATCHES {
        vote(&mut project).await;
        assert!(batch::run(&mut leader, How::default()).await.unwrap().done);
    }
    assert!(text(&holder, "SELECT 1").await == "1");
    run(&asker, "VACUUM headwater.batch").await;
    vote(&mut project).await;
    let after = buffers(&asker).await;
    for (what, (before, after)) in ["pending", "forget", "batch"].iter().zip(before.iter().zip(after)) {
        assert!(after <= before * 2 + 20, "{what}: {before} buffers before, {after} after {BATCHES} batches");
    }
    run(&holder, "COMMIT").await;
    batch::run(&mut leader, How::default()).await.unwrap();
    stage.assert_exact(&["tally"]).await;
}
