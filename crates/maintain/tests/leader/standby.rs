//! One leads, another stands by and takes over.

use std::time::{Duration, Instant};

use crate::stage::{SCHEMA, Stage, TALLY};

const HOLDERS: &str = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = 1752659058 AND objid = 1835100526 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

async fn vote_and_wait(stage: &Stage) {
    stage.run("INSERT INTO votes (project_id, weight) VALUES (7, 1)").await;
    stage.wait().await;
    stage.assert_exact(&["tally"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_takes_over_within_seconds() {
    let stage = Stage::new("standby", SCHEMA, &[TALLY]).await;
    let first = stage.lead();
    first.tells("leads").await;
    let second = stage.lead();
    second.tells("stands by").await;
    let third = stage.lead();
    third.tells("stands by").await;
    vote_and_wait(&stage).await;
    assert_eq!(stage.number(HOLDERS).await, 1);
    assert_eq!(second.heard.all(), ["stands by"]);

    // One ends in order, one is cut down in the middle of its work, one's connection is ended by the server.
    let began = Instant::now();
    first.stop().await;
    vote_and_wait(&stage).await;
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert_eq!(stage.number(HOLDERS).await, 1);
    let (leads, stands_by) =
        if second.heard.all().contains(&"leads".to_owned()) { (second, third) } else { (third, second) };
    let began = Instant::now();
    leads.kill().await;
    vote_and_wait(&stage).await;
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    stands_by.tells("leads").await;

    let began = Instant::now();
    stage
        .run(&format!(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE pid IN ({})",
            HOLDERS.replace("count(*)", "pid")
        ))
        .await;
    vote_and_wait(&stage).await;
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert!(stands_by.heard.all().iter().any(|line| line.starts_with("trouble")), "{:?}", stands_by.heard.all());
    stands_by.stop().await;
    stage.until(Duration::from_secs(2), &format!("SELECT ({HOLDERS}) = 0")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_belongs_to_one_database() {
    let (one, other) = (Stage::new("one", SCHEMA, &[TALLY]).await, Stage::new("other", SCHEMA, &[TALLY]).await);
    let leaders = [one.lead(), other.lead()];
    vote_and_wait(&one).await;
    vote_and_wait(&other).await;
    for leader in leaders {
        leader.stop().await;
    }
}
