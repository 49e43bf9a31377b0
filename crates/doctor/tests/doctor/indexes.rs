//! HW0821 to HW0825.

use crate::stage::{SCHEMA, Stage, about, sql};

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_failed_is_rebuilt_or_dropped() {
    let mut stage = Stage::new("invalid", SCHEMA, &[], "").await;
    // Two posts with one title: the unique index cannot be built and is left behind.
    stage.run("UPDATE posts SET title = 'twice' WHERE id IN (1, 2)").await;
    let client = stage.database.connect().await;
    client
        .batch_execute("CREATE UNIQUE INDEX CONCURRENTLY posts_title ON posts (title)")
        .await
        .expect_err("duplicates");
    client.batch_execute("UPDATE posts SET title = 'once' WHERE id = 1").await.unwrap();
    let finding = stage.is_put_right("HW0821", "posts_title").await;
    assert_eq!(sql(&finding), ["REINDEX INDEX CONCURRENTLY \"public\".posts_title"]);

    client.batch_execute("ALTER INDEX posts_title RENAME TO posts_title_ccnew1").await.unwrap();
    client
        .batch_execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'posts_title_ccnew1'::regclass")
        .await
        .unwrap();
    let finding = stage.is_put_right("HW0821", "posts_title_ccnew1").await;
    assert_eq!(sql(&finding), ["DROP INDEX CONCURRENTLY \"public\".posts_title_ccnew1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn duplicates_and_beginnings_are_told_with_the_one_to_drop() {
    let mut stage = Stage::new("duplicate", SCHEMA, &[], "").await;
    stage
        .run(
            "CREATE INDEX \"Posts Id\" ON posts (id); CREATE INDEX posts_user_again ON posts (user_id);
             CREATE INDEX posts_world ON posts (world); CREATE INDEX posts_world_at ON posts (world, at);
             CREATE INDEX posts_world_some ON posts (world) WHERE title <> ''; CREATE INDEX posts_world_desc ON posts (world DESC);
             CREATE UNIQUE INDEX posts_world_id ON posts (world, id);",
        )
        .await;
    let report = stage.look().await;
    let told: Vec<_> = report.findings.iter().map(|one| (one.code.to_string(), one.object.clone())).collect();
    let expected = [("HW0822", "Posts Id"), ("HW0822", "posts_user_again"), ("HW0823", "posts_world")];
    assert_eq!(told, expected.map(|(code, object)| (code.to_owned(), object.to_owned())));
    let finding = stage.is_put_right("HW0822", "Posts Id").await;
    assert_eq!(sql(&finding), ["DROP INDEX CONCURRENTLY \"public\".\"Posts Id\""]);
    stage.is_put_right("HW0822", "posts_user_again").await;
    stage.is_put_right("HW0823", "posts_world").await;
    assert_eq!(stage.look().await.findings, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_nobody_reads_is_told_after_a_while() {
    let mut stage = Stage::new("unused", SCHEMA, &[], "[doctor]\nunused_after = \"1ms\"").await;
    stage.run("CREATE INDEX posts_title ON posts (title); CREATE INDEX users_name ON users (name)").await;
    stage.run("SET enable_seqscan = off; SELECT FROM users WHERE name = 'x'").await;
    stage.until("(SELECT idx_scan > 0 FROM pg_stat_user_indexes WHERE indexrelname = 'users_name')").await;
    let report = stage.look().await;
    assert!(about(&report, "HW0824", "users_name").is_empty(), "{report:#?}");
    stage.is_put_right("HW0824", "posts_title").await;
    stage.settings.doctor.unused_after = std::time::Duration::from_secs(7 * 86_400);
    stage.run("CREATE INDEX posts_title ON posts (title)").await;
    assert_eq!(stage.look().await.findings, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_key_without_an_index_is_told() {
    let mut stage = Stage::new("foreign", SCHEMA, &[], "").await;
    stage
        .run(
            "DROP INDEX posts_user; CREATE TABLE \"Small Ones\" (\"User\" int REFERENCES users, n int);
             CREATE TABLE parts (id int, user_id int REFERENCES users, PRIMARY KEY (id)) PARTITION BY RANGE (id);
             CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
             CREATE TABLE partly (user_id int REFERENCES users); CREATE INDEX ON partly (user_id) WHERE user_id IS NOT NULL;
             CREATE TABLE pairs (a int, b int, PRIMARY KEY (b, a)); CREATE TABLE to_pairs (x int, y int, FOREIGN KEY (x, y) REFERENCES pairs (b, a));
             CREATE INDEX ON to_pairs (y, x);",
        )
        .await;
    let large = stage.is_put_right("HW0825", "posts(user_id)").await;
    assert_eq!(large.severity, headwater_compile::Severity::Warning);
    let small = stage.is_put_right("HW0825", "Small Ones(User)").await;
    assert_eq!(sql(&small), ["CREATE INDEX CONCURRENTLY ON \"public\".\"Small Ones\" (\"User\")"]);
    assert_eq!(small.severity, headwater_compile::Severity::Note);
    stage.is_put_right("HW0825", "parts(user_id)").await;
    assert_eq!(stage.look().await.findings, []);
}
