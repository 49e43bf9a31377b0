//! `mv_refresh_log`, as document 003 knows it.

use crate::stage::{CARDS, SCHEMA, Stage, TALLY};

#[tokio::test(flavor = "multi_thread")]
async fn one_row_a_minute_for_all_batches_and_one_for_each_rebuild() {
    let stage = Stage::new("refresh_log", SCHEMA, &[TALLY, CARDS]).await;
    let columns = "SELECT string_agg(attname || ' ' || format_type(atttypid, NULL), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'headwater.mv_refresh_log'::regclass AND attnum > 0 AND NOT attisdropped";
    let found = stage.text(columns).await;
    for column in [
        "id bigint",
        "view_name text",
        "refresh_started_at timestamp with time zone",
        "refresh_completed_at timestamp with time zone",
        "duration_ms integer",
        "row_count bigint",
        "triggered_by text",
        "status text",
    ] {
        assert!(found.contains(column), "{column} is missing: {found}");
    }
    let leader = stage.lead();
    for n in 0..30 {
        stage.run(&format!("INSERT INTO votes (project_id, weight) VALUES ({}, 1), (2, 2)", 1 + n % 10)).await;
        stage.wait().await;
    }
    stage.run("TRUNCATE projects").await;
    stage.wait().await;
    stage.assert_exact(&["tally", "cards"]).await;
    leader.stop().await;
    let summary = "FROM headwater.mv_refresh_log WHERE view_name = 'batches'";
    assert_eq!(stage.number(&format!("SELECT count(*) {summary}")).await, 1, "{}", stage.state().await);
    let row = stage.text(&format!("SELECT concat_ws(' ', status, refresh_completed_at > refresh_started_at, duration_ms > 0, row_count > 0, triggered_by) {summary}")).await;
    assert!(row.starts_with("completed t t t 31 batches, 60 changes taken"), "{row}");
    let rebuilds = "SELECT string_agg(concat_ws(' ', view_name, status, row_count, replace(triggered_by, '\"', ''), refresh_completed_at >= refresh_started_at, duration_ms >= 0), '; ' ORDER BY view_name) FROM headwater.mv_refresh_log WHERE view_name <> 'batches'";
    assert_eq!(
        stage.text(rebuilds).await,
        "cards completed 50 truncate of public.projects t t; tally completed 50 truncate of public.projects t t"
    );
}
