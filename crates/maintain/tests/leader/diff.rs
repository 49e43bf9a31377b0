//! Models that nothing but computing everything anew brings up to date.

use std::time::{Duration, Instant};

use crate::stage::{SCHEMA, Stage, TALLY};

const ABOVE: &str = "-- headwater: eventual max_lag 1s
CREATE MATERIALIZED VIEW above AS SELECT v.id, v.weight FROM votes v WHERE v.weight > (SELECT avg(w.weight) FROM votes w);
CREATE UNIQUE INDEX ON above (id);";

#[tokio::test(flavor = "multi_thread")]
async fn one_is_computed_once_in_its_lag_and_holds_no_other_back() {
    let stage = Stage::new("debounce", SCHEMA, &[ABOVE, TALLY]).await;
    assert_eq!(stage.text("SELECT tier FROM headwater.model WHERE name = 'above'").await, "diff");
    let rebuilds = "SELECT count(*) FROM headwater.mv_refresh_log WHERE view_name = 'above' AND status = 'completed'";
    let before = stage.number(rebuilds).await;
    let leader = stage.lead();
    let (began, mut written, mut worst) = (Instant::now(), 0, Duration::ZERO);
    while began.elapsed() < Duration::from_millis(3300) {
        written += 1;
        stage.run(&format!("INSERT INTO votes (project_id, weight) VALUES (7, {written})")).await;
        let committed = Instant::now();
        stage.until(Duration::from_secs(2), &format!("SELECT votes = {} FROM tally WHERE id = 7", 4 + written)).await;
        worst = worst.max(committed.elapsed());
    }
    stage.wait().await;
    stage.assert_exact(&["above", "tally"]).await;
    let took = began.elapsed();
    let done = stage.number(rebuilds).await - before;
    let most = i64::try_from(took.as_secs()).unwrap() + 2;
    assert!((3..=most).contains(&done), "{done} rebuilds in {took:?} of {written} changes");
    assert!(written > 20, "{written} changes");
    assert!(worst < Duration::from_secs(1), "{worst:?}");
    assert_eq!(stage.number("SELECT count(*) FROM headwater.model WHERE dirty_since IS NOT NULL").await, 0);
    // Left alone, it is not computed again.
    let done = stage.number(rebuilds).await;
    tokio::time::sleep(Duration::from_millis(1300)).await;
    assert_eq!(stage.number(rebuilds).await, done);
    leader.stop().await;
}

/// Only what differs is written.
#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_writes_what_differs() {
    let model = "-- headwater: eventual
CREATE MATERIALIZED VIEW ranked AS SELECT p.id, p.title, s.factor FROM projects p CROSS JOIN settings s;
CREATE UNIQUE INDEX ON ranked (id);";
    let schema = format!("{SCHEMA} CREATE TABLE settings (factor int); INSERT INTO settings VALUES (2);");
    let stage = Stage::new("differs", &schema, &[model]).await;
    let table = stage.table("ranked").await;
    let untouched = format!(
        "SELECT count(*) FROM {table} WHERE age(xmin) > age((SELECT xmin FROM headwater.batch ORDER BY number DESC LIMIT 1))"
    );
    stage.run("UPDATE projects SET title = 'new' WHERE id IN (3, 4); DELETE FROM projects WHERE id = 5; INSERT INTO projects VALUES (500, 1, 'x', 'y')").await;
    headwater_deploy::batch::run(
        &mut stage.connect().await,
        headwater_deploy::batch::How { careful: false, force: true },
    )
    .await
    .unwrap();
    stage.assert_exact(&["ranked"]).await;
    assert_eq!(stage.number(&untouched).await, 47);
}
