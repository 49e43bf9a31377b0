//! HW0871 to HW0878: Headwater's own state.

use headwater_deploy::{Silent, verify};

use crate::stage::{FEED, SCHEMA, Stage, run};

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_model_and_a_trigger_that_is_off_are_told_and_mended() {
    let inverse = "CREATE MATERIALIZED VIEW inverse AS SELECT p.id, 1 / p.world AS n FROM posts p WHERE p.id > 400;\nCREATE UNIQUE INDEX ON inverse (id);";
    let schema = SCHEMA.replace("n % 400,", "1 + n % 400,");
    let mut stage = Stage::new("own", &schema, &[FEED, inverse], "").await;
    assert_eq!(stage.look().await.findings, []);
    stage.run("UPDATE posts SET world = 0 WHERE id = 500").await;
    stage.run("UPDATE posts SET world = 1 WHERE id = 500").await;
    let broken = stage.is_put_right("HW0871", "inverse").await;
    assert!(broken.message.contains("division by zero"), "{broken:#?}");

    stage.run("ALTER TABLE posts DISABLE TRIGGER \"00_headwater_update\"").await;
    let report = stage.look().await;
    let gap = report.findings.iter().find(|one| one.code.to_string() == "HW0873").expect("the trigger is off").clone();
    stage.is_put_right("HW0873", &gap.object).await;
    assert_eq!(stage.look().await.findings, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_comparison_found_is_told_until_the_next_one() {
    let stage = Stage::new("not_exact", SCHEMA, &[FEED], "").await;
    stage.run("UPDATE headwater.model SET verified_at = now(), verified_exact = false").await;
    stage.finding("HW0872", "feed").await;
    verify::verify(&mut stage.database.connect().await, &verify::Options::default(), &Silent).await.unwrap();
    stage.run("UPDATE headwater.model SET verified_at = now(), verified_exact = true").await;
    assert_eq!(stage.look().await.findings, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_grows_is_told() {
    let eventual = format!("-- headwater: eventual\n{FEED}");
    let stage = Stage::new("queue", SCHEMA, &[&eventual], "[doctor]\nqueue_rows = 1000").await;
    let client = stage.database.connect().await;
    run(&client, "UPDATE posts SET title = title || '!'").await;
    drop(client);
    stage.until("(SELECT bool_or(pg_stat_get_live_tuples(to_regclass(name)) > 1000) FROM headwater.queue)").await;
    let report = stage.look().await;
    let codes: Vec<_> = report.findings.iter().map(|one| one.code.to_string()).collect();
    assert_eq!(codes, ["HW0874", "HW0876"], "{report:#?}");
    assert_eq!(report.findings[0].severity, headwater_compile::Severity::Error);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_of_another_headwater_is_told() {
    let stage = Stage::new("version", SCHEMA, &[FEED], "").await;
    stage.run("UPDATE headwater.meta SET value = (value::int - 1)::text WHERE key = 'schema_version'").await;
    stage.finding("HW0877", "headwater").await;
}
