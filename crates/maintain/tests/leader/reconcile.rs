//! The scheduled verify.

use std::time::Duration;

use headwater_maintain::Settings;

use crate::stage::{SCHEMA, Stage, TALLY};

#[tokio::test(flavor = "multi_thread")]
async fn a_corruption_is_found_told_and_repaired() {
    let realtime = "CREATE MATERIALIZED VIEW titles AS SELECT p.id, p.title FROM projects p;
CREATE UNIQUE INDEX ON titles (id);";
    let stage = Stage::new("reconcile", SCHEMA, &[TALLY, realtime]).await;
    let (tally, titles) = (stage.table("tally").await, stage.table("titles").await);
    let leader = stage.lead_with(Settings {
        verify_every: Duration::from_millis(300),
        verify_budget: 1.0,
        ..Settings::default()
    });
    leader.tells("verified tally: exact").await;
    leader.tells("verified titles: exact").await;
    stage
        .until(
            Duration::from_secs(3),
            "SELECT bool_and(verified_at > installed_at AND verified_exact) FROM headwater.model",
        )
        .await;
    stage.run(&format!("UPDATE {tally} SET votes = 77 WHERE id = 3; DELETE FROM {tally} WHERE id = 4; UPDATE {titles} SET title = 'wrong' WHERE id = 5")).await;
    leader.tells("verified tally: 1 rows missing, 0 extra, 1 altered").await;
    leader.tells("verified titles: 0 rows missing, 0 extra, 1 altered").await;
    stage
        .until(
            Duration::from_secs(8),
            "SELECT votes = 4 AND (SELECT title FROM titles WHERE id = 5) = 'project 5' FROM tally WHERE id = 3",
        )
        .await;
    stage.assert_exact(&["tally", "titles"]).await;
    // Found once; exact again from then on.
    stage.until(Duration::from_secs(8), "SELECT bool_and(verified_exact) FROM headwater.model").await;
    assert_eq!(
        stage.text("SELECT string_agg(concat_ws(' ', view_name, triggered_by, status, message), '; ' ORDER BY view_name) FROM headwater.mv_refresh_log WHERE triggered_by = 'reconciliation'").await,
        "tally reconciliation failed 1 rows missing, 0 extra, 1 altered; titles reconciliation failed 0 rows missing, 0 extra, 1 altered"
    );
    leader.stop().await;
}

/// A model whose SELECT fails stops neither the leader nor the verifying of others.
#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_cannot_be_compared_stops_nobody() {
    let model = "-- headwater: eventual
CREATE MATERIALIZED VIEW inverse AS SELECT v.id, 100 / v.weight AS inverse FROM votes v;
CREATE UNIQUE INDEX ON inverse (id);";
    let stage = Stage::new("uncomparable", SCHEMA, &[model, TALLY]).await;
    stage.run("INSERT INTO votes (id, project_id, weight) VALUES (9001, 7, 0)").await;
    let leader = stage.lead_with(Settings {
        verify_every: Duration::from_millis(300),
        verify_budget: 1.0,
        ..Settings::default()
    });
    leader.tells("verified tally: exact").await;
    stage.run("INSERT INTO votes (id, project_id, weight) VALUES (9002, 7, 1)").await;
    stage.wait().await;
    assert_eq!(stage.number("SELECT votes FROM tally WHERE id = 7").await, 6);
    assert!(leader.heard.all().iter().all(|line| line != "verified inverse: exact"), "{:?}", leader.heard.all());
    leader.stop().await;
}
