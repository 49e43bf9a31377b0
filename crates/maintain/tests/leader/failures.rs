//! A model that fails is marked broken, keeps its last exact rows, lets the others go on, is tried again less and less often, and heals by
//! itself when the cause is gone.

use std::time::Duration;

use crate::stage::{CARDS, SCHEMA, Stage, TALLY, run};

const SECONDS: Duration = Duration::from_secs(8);

fn log_of(model: &str, status: &str) -> String {
    format!("FROM headwater.mv_refresh_log WHERE view_name = '{model}' AND status = '{status}'")
}

/// A division by zero in the SELECT of a model that is maintained by key, by delta and as a whole.
#[tokio::test(flavor = "multi_thread")]
async fn a_division_by_zero_breaks_only_its_model() {
    let inverse = "-- headwater: eventual
CREATE MATERIALIZED VIEW inverse AS SELECT v.id, 100 / v.weight AS inverse FROM votes v;
CREATE UNIQUE INDEX ON inverse (id);";
    let share = "-- headwater: eventual
CREATE MATERIALIZED VIEW share AS SELECT v.project_id, 100 / sum(v.weight) AS share, count(*) AS n FROM votes v GROUP BY v.project_id;
CREATE UNIQUE INDEX ON share (project_id);";
    let whole = "-- headwater: eventual max_lag 100ms
CREATE MATERIALIZED VIEW whole AS SELECT v.id, 1 / v.weight AS inverse FROM votes v WHERE v.weight < (SELECT avg(w.weight) FROM votes w);
CREATE UNIQUE INDEX ON whole (id);";
    let stage = Stage::new("division", SCHEMA, &[TALLY, CARDS, inverse, share, whole]).await;
    let leader = stage.lead();
    stage.run("INSERT INTO votes (id, project_id, weight) VALUES (9001, 7, 4)").await;
    stage.wait().await;
    let rows = stage.text("SELECT count(*) || ' ' || sum(inverse) FROM inverse").await;

    stage.run("INSERT INTO votes (id, project_id, weight) VALUES (9002, 7, 0), (9003, 60, 0)").await;
    stage.until(SECONDS, "SELECT count(*) = 3 FROM headwater.model WHERE state = 'broken' AND reason LIKE '22012: division by zero%'").await;
    assert_eq!(
        stage.text("SELECT string_agg(name, ' ' ORDER BY name) FROM headwater.model WHERE state = 'broken'").await,
        "inverse share whole"
    );
    // The others go on.
    for n in 1..=5 {
        stage.run(&format!("INSERT INTO votes (project_id, weight) VALUES (8, {n}); UPDATE projects SET title = 'go on {n}' WHERE id = 8")).await;
        stage
            .until(
                SECONDS,
                &format!(
                    "SELECT title = 'go on {n}' AND votes = {} FROM cards JOIN tally USING (id) WHERE id = 8",
                    4 + n
                ),
            )
            .await;
    }
    // It keeps its last exact rows.
    assert_eq!(stage.text("SELECT count(*) || ' ' || sum(inverse) FROM inverse").await, rows);
    // It is tried again, with growing pauses.
    stage.until(SECONDS, "SELECT failures >= 3 FROM headwater.model WHERE name = 'inverse'").await;
    let times = "SELECT array_agg(refresh_started_at ORDER BY id) AS t FROM headwater.mv_refresh_log WHERE view_name = 'inverse' AND status = 'failed'";
    assert_eq!(
        stage
            .text(&format!(
                "SELECT t[3] - t[2] > 1.5 * (t[2] - t[1]) AND t[2] - t[1] >= interval '0.9 s' FROM ({times}) AS x"
            ))
            .await,
        "t",
        "{}",
        stage.state().await
    );
    assert_eq!(
        stage
            .text("SELECT retry_at > clock_timestamp() + interval '1 s' FROM headwater.model WHERE name = 'inverse'")
            .await,
        "t"
    );
    assert_eq!(
        stage
            .text(&format!(
                "SELECT string_agg(DISTINCT triggered_by || ': ' || message, '; ') {}",
                log_of("inverse", "failed")
            ))
            .await,
        "batch: 22012: division by zero; repair: 22012: division by zero"
    );
    // The cause goes; nobody does anything else.
    stage.run("UPDATE votes SET weight = 2 WHERE weight = 0").await;
    stage.until(SECONDS, "SELECT bool_and(state = 'serving' AND reason IS NULL AND failures = 0 AND retry_at IS NULL) FROM headwater.model").await;
    stage.wait().await;
    stage.assert_exact(&["inverse", "share", "whole", "tally", "cards"]).await;
    assert_eq!(
        stage.text(&format!("SELECT triggered_by {} ORDER BY id DESC LIMIT 1", log_of("inverse", "completed"))).await,
        "repair after: 22012: division by zero"
    );
    // And goes on as if nothing had been.
    stage.run("INSERT INTO votes (project_id, weight) VALUES (7, 5)").await;
    stage.wait().await;
    stage.assert_exact(&["inverse", "share", "whole"]).await;
    leader.stop().await;
}

/// A function of the application's that begins to raise, also for rows that are long there.
#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_begins_to_raise() {
    let function = |body: &str| {
        format!(
            "CREATE OR REPLACE FUNCTION shout(t text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN {body} END $$"
        )
    };
    let model = "-- headwater: eventual
CREATE MATERIALIZED VIEW loud AS SELECT p.id, shout(p.title) AS title FROM projects p;
CREATE UNIQUE INDEX ON loud (id);";
    let schema = format!("{SCHEMA} {}", function("RETURN upper(t);"));
    let stage = Stage::new("raising", &schema, &[model, TALLY]).await;
    let leader = stage.lead();
    stage.run(&function("RAISE EXCEPTION 'hoarse' USING ERRCODE = 'HW001';")).await;
    stage
        .run("UPDATE projects SET title = 'x' WHERE id = 1; INSERT INTO votes (project_id, weight) VALUES (1, 1)")
        .await;
    stage
        .until(SECONDS, "SELECT state = 'broken' AND reason = 'HW001: hoarse' FROM headwater.model WHERE name = 'loud'")
        .await;
    stage.until(SECONDS, "SELECT votes = 5 FROM tally WHERE id = 1").await;
    assert_eq!(stage.text("SELECT title FROM loud WHERE id = 1").await, "PROJECT 1");
    // What happens while it is broken is in it afterwards, a TRUNCATE too.
    stage.run("TRUNCATE projects; INSERT INTO projects VALUES (1, 1, 'back'), (2, 2, 'again')").await;
    stage.run(&function("RETURN upper(t);")).await;
    stage.until(SECONDS, "SELECT state = 'serving' FROM headwater.model WHERE name = 'loud'").await;
    stage.wait().await;
    stage.assert_exact(&["loud", "tally"]).await;
    assert_eq!(stage.text("SELECT string_agg(title, ' ' ORDER BY id) FROM loud").await, "BACK AGAIN");
    leader.stop().await;
}

/// Two rows for one key of a declared unique index.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_no_longer_unique() {
    let model = "-- headwater: eventual
CREATE MATERIALIZED VIEW by_title AS SELECT p.title, p.id FROM projects p;
CREATE UNIQUE INDEX ON by_title (title);";
    let stage = Stage::new("twice", SCHEMA, &[model, TALLY]).await;
    let leader = stage.lead();
    stage.run("UPDATE projects SET title = 'project 2' WHERE id = 1; INSERT INTO votes (project_id, weight) VALUES (1, 1)").await;
    stage
        .until(
            SECONDS,
            "SELECT state = 'broken' AND reason LIKE '23505:%' FROM headwater.model WHERE name = 'by_title'",
        )
        .await;
    stage.until(SECONDS, "SELECT votes = 5 FROM tally WHERE id = 1").await;
    assert_eq!(stage.number("SELECT count(*) FROM by_title WHERE title IN ('project 1', 'project 2')").await, 2);
    stage.run("DELETE FROM projects WHERE id = 2").await;
    stage.until(SECONDS, "SELECT state = 'serving' FROM headwater.model WHERE name = 'by_title'").await;
    stage.wait().await;
    stage.assert_exact(&["by_title", "tally"]).await;
    leader.stop().await;
}

/// What the trigger cannot append (here: its column has another name now) marks the models broken, and the next batch rebuilds them.
/// A writer that fails while they are broken already, and commits after they were healed, must not be forgotten.
#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_fails_twice_is_not_forgotten() {
    let stage = Stage::new("forgotten", SCHEMA, &[CARDS]).await;
    stage.run("ALTER TABLE projects RENAME COLUMN title TO heading").await;
    let (one, other) = (stage.connect().await, stage.connect().await);
    run(&one, "UPDATE projects SET heading = 'one' WHERE id = 1").await;
    assert_eq!(stage.text("SELECT state FROM headwater.model").await, "broken");
    run(&other, "BEGIN; UPDATE projects SET heading = 'other' WHERE id = 2").await;
    stage.batch().await;
    assert_eq!(stage.text("SELECT state FROM headwater.model").await, "serving");
    run(&other, "COMMIT").await;
    // Nobody leads: it would be wrong to say that everything is in the models.
    assert!(other.batch_execute("SELECT headwater.wait('200 ms')").await.is_err(), "{}", stage.state().await);
    stage.batch().await;
    stage.assert_exact(&["cards"]).await;
    run(&other, "SELECT headwater.wait('200 ms')").await;
}

/// The same for a realtime model, which the leader repairs as a writer would.
#[tokio::test(flavor = "multi_thread")]
async fn a_broken_realtime_model_is_repaired() {
    let model = "CREATE MATERIALIZED VIEW inverse AS SELECT v.id, 100 / v.weight AS inverse FROM votes v;
CREATE UNIQUE INDEX ON inverse (id);";
    let stage = Stage::new("realtime", SCHEMA, &[model, TALLY]).await;
    stage.run("INSERT INTO votes (id, project_id, weight) VALUES (9001, 7, 0)").await;
    assert_eq!(
        stage.text("SELECT state || ' ' || reason FROM headwater.model WHERE name = 'inverse'").await,
        "broken 22012: division by zero"
    );
    let leader = stage.lead();
    stage.until(SECONDS, &format!("SELECT count(*) >= 1 {}", log_of("inverse", "failed"))).await;
    stage.run("UPDATE votes SET weight = 7 WHERE id = 9001").await;
    stage.until(SECONDS, "SELECT state = 'serving' FROM headwater.model WHERE name = 'inverse'").await;
    stage.wait().await;
    stage.assert_exact(&["inverse", "tally"]).await;
    assert_eq!(stage.text(&format!("SELECT triggered_by {}", log_of("inverse", "completed"))).await, "repair");
    leader.stop().await;
}

/// A writer whose transaction has marked a model broken stays open: batches go on.
#[tokio::test(flavor = "multi_thread")]
async fn an_open_transaction_that_broke_a_model_stops_no_batch() {
    let model = "CREATE MATERIALIZED VIEW inverse AS SELECT v.id, 100 / v.weight AS inverse FROM votes v;
CREATE UNIQUE INDEX ON inverse (id);";
    let stage = Stage::new("open", SCHEMA, &[model, TALLY]).await;
    let leader = stage.lead();
    let other = stage.connect().await;
    run(&other, "BEGIN; INSERT INTO votes (id, project_id, weight) VALUES (9001, 7, 0)").await;
    for n in 1..=3 {
        stage.run("INSERT INTO votes (project_id, weight) VALUES (8, 1)").await;
        stage.wait().await;
        assert_eq!(stage.number("SELECT votes FROM tally WHERE id = 8").await, 4 + n);
    }
    run(&other, "ROLLBACK").await;
    stage.wait().await;
    stage.assert_exact(&["inverse", "tally"]).await;
    leader.stop().await;
}
