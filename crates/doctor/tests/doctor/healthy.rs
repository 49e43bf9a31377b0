//! A healthy database has nothing to say; one that is not Headwater's yet is looked at, too.

use std::time::Duration;

use headwater_maintain::{Settings as Keeping, Unobserved, lead};
use tokio::sync::watch;

use crate::stage::{FEED, ROUTE, SCHEMA, Stage};

const EVENTUAL: &str = "-- headwater: eventual
CREATE MATERIALIZED VIEW per_user AS SELECT u.id, u.name, (SELECT count(*) FROM posts p WHERE p.user_id = u.id) AS posts FROM users u;
CREATE UNIQUE INDEX ON per_user (id);";

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_database_has_nothing_to_say() {
    let mut stage = Stage::new("healthy", SCHEMA, &[FEED, EVENTUAL], ROUTE).await;
    stage.ignored.retain(|code| code != "HW0846");
    let found = stage.finding("HW0846", "idle_in_transaction_session_timeout").await;
    assert_eq!(found.severity, headwater_compile::Severity::Note);
    stage.is_put_right("HW0846", "idle_in_transaction_session_timeout").await;

    let (stop, stopped) = watch::channel(false);
    let config = stage.config();
    let leader = tokio::spawn(async move {
        let keeping = Keeping { verify_every: Duration::ZERO, ..Keeping::default() };
        lead(&config, &keeping, stopped, &Unobserved).await.expect("the leader leads");
    });
    let client = stage.database.connect().await;
    client.query("SELECT headwater.wait('20 seconds')", &[]).await.expect("the leader works");
    let report = stage.look().await;
    assert_eq!(report.findings, []);
    let _ = stop.send(true);
    leader.await.expect("the leader ends");
    stage.finding("HW0874", "maintain").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_without_headwater_is_looked_at() {
    let stage = Stage::new("without", SCHEMA, &[], "").await;
    assert_eq!(stage.look().await.findings, []);
}
