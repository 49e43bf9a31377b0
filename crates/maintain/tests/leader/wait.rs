//! `headwater.wait()`.

use std::time::Duration;

use headwater_postgres::Client;

use crate::stage::{CARDS, SCHEMA, Stage, TALLY, run, text};

/// SQLSTATE, message and hint of a statement that must fail.
async fn refusal(client: &Client, sql: &str) -> (String, String, String) {
    let error = client.simple_query(sql).await.expect_err(sql);
    let error = error.as_db_error().unwrap_or_else(|| panic!("{sql}: {error:?}"));
    (error.code().code().to_owned(), error.message().to_owned(), error.hint().unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn returns_when_what_was_committed_is_visible() {
    let stage = Stage::new("wait", SCHEMA, &[TALLY, CARDS]).await;
    let leader = stage.lead();
    let client = stage.connect().await;
    for n in 1..=40 {
        run(&client, &format!("INSERT INTO votes (project_id, weight) VALUES (7, 1); UPDATE users SET name = 'n{n}' WHERE id = 8; UPDATE projects SET user_id = 8 WHERE id = 7")).await;
        run(&client, "SELECT headwater.wait()").await;
        let seen =
            text(&client, "SELECT concat_ws(' ', votes, name) FROM tally JOIN cards USING (id) WHERE id = 7").await;
        assert_eq!(seen, format!("{} n{n}", 4 + n));
    }
    // Another's open transaction is not waited for.
    let other = stage.connect().await;
    run(&other, "BEGIN; INSERT INTO votes (project_id, weight) VALUES (7, 1)").await;
    run(&client, "INSERT INTO votes (project_id, weight) VALUES (7, 1)").await;
    run(&client, "SELECT headwater.wait('2 seconds')").await;
    assert_eq!(text(&client, "SELECT votes FROM tally WHERE id = 7").await, "45");
    run(&other, "COMMIT; SELECT headwater.wait()").await;
    assert_eq!(text(&client, "SELECT votes FROM tally WHERE id = 7").await, "46");
    stage.assert_exact(&["tally", "cards"]).await;
    leader.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tells_why_it_waits_in_vain() {
    let stage = Stage::new("wait_alone", SCHEMA, &[TALLY]).await;
    let client = stage.connect().await;
    // Nothing has been committed that the model lacks.
    run(&client, "SELECT headwater.wait('1 second')").await;
    run(&client, "INSERT INTO votes (project_id, weight) VALUES (7, 1)").await;
    let (code, message, hint) = refusal(&client, "SELECT headwater.wait('200 ms')").await;
    assert_eq!((code.as_str(), hint.as_str()), ("57014", "No leader is running: start headwater maintain."));
    assert!(message.contains("00:00:00.2"), "{message}");

    let leader = stage.lead();
    run(&client, "SELECT headwater.wait()").await;
    let other = stage.connect().await;
    run(&other, "BEGIN; LOCK TABLE votes IN ACCESS EXCLUSIVE MODE; TRUNCATE users").await;
    run(&client, "UPDATE projects SET id = 1000 WHERE id = 7").await;
    let (code, _, hint) = refusal(&client, "SELECT headwater.wait('200 ms')").await;
    assert_eq!(code, "57014");
    assert!(hint.contains("wait for a lock"), "{hint}");
    run(&other, "ROLLBACK").await;
    run(&client, "SELECT headwater.wait()").await;
    stage.assert_exact(&["tally"]).await;
    leader.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_where_it_could_never_return() {
    let stage = Stage::new("wait_refuses", SCHEMA, &[TALLY]).await;
    let leader = stage.lead();
    let client = stage.connect().await;
    run(&client, "BEGIN; INSERT INTO votes (project_id, weight) VALUES (7, 1)").await;
    let (code, message, _) = refusal(&client, "SELECT headwater.wait('1 second')").await;
    assert_eq!(code, "25000");
    assert!(message.contains("after the COMMIT"), "{message}");
    run(&client, "ROLLBACK").await;
    for level in ["REPEATABLE READ", "SERIALIZABLE"] {
        run(&client, &format!("BEGIN ISOLATION LEVEL {level}")).await;
        let (code, message, _) = refusal(&client, "SELECT headwater.wait('1 second')").await;
        assert_eq!(code, "25000");
        assert!(message.contains("READ COMMITTED"), "{message}");
        run(&client, "ROLLBACK").await;
    }
    run(&client, "BEGIN; SELECT count(*) FROM votes; SELECT headwater.wait('2 seconds'); COMMIT").await;
    leader.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_role_may_wait_after_two_grants() {
    let stage = Stage::new("wait_role", SCHEMA, &[TALLY]).await;
    let leader = stage.lead();
    let role = format!("app_{}", stage.database.name().as_str());
    let client = stage.connect().await;
    run(&client, &format!("CREATE ROLE \"{role}\"; GRANT INSERT ON votes TO \"{role}\"; GRANT SELECT ON tally TO \"{role}\"; SET ROLE \"{role}\"")).await;
    run(&client, "INSERT INTO votes (project_id, weight) VALUES (7, 1)").await;
    assert_eq!(refusal(&client, "SELECT headwater.wait()").await.0, "42501");
    run(&client, &format!("RESET ROLE; GRANT USAGE ON SCHEMA headwater TO \"{role}\"; GRANT EXECUTE ON FUNCTION headwater.wait(interval) TO \"{role}\"; SET ROLE \"{role}\"")).await;
    run(&client, "INSERT INTO votes (project_id, weight) VALUES (7, 1)").await;
    run(&client, "SELECT headwater.wait()").await;
    assert_eq!(text(&client, "SELECT votes FROM tally WHERE id = 7").await, "6");
    for secret in ["batch", "model", "log", "mv_refresh_log", "changed"] {
        assert_eq!(refusal(&client, &format!("SELECT * FROM headwater.{secret}")).await.0, "42501", "{secret}");
    }
    // The grants outlive another apply.
    stage.apply(&[TALLY, CARDS]).await;
    run(&client, "INSERT INTO votes (project_id, weight) VALUES (7, 1)").await;
    run(&client, "SELECT headwater.wait()").await;
    run(&client, &format!("RESET ROLE; DROP OWNED BY \"{role}\"; DROP ROLE \"{role}\"")).await;
    leader.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn waits_for_models_that_are_computed_anew_in_their_turn() {
    let total = "-- headwater: eventual max_lag 500ms
CREATE MATERIALIZED VIEW above AS SELECT v.id FROM votes v WHERE v.weight > (SELECT avg(w.weight) FROM votes w);
CREATE UNIQUE INDEX ON above (id);";
    let stage = Stage::new("wait_diff", SCHEMA, &[TALLY, total]).await;
    let leader = stage.lead();
    let client = stage.connect().await;
    for n in 1..=5 {
        run(&client, &format!("INSERT INTO votes (project_id, weight) VALUES (7, {})", 100 * n)).await;
        run(&client, "SELECT headwater.wait('5 seconds')").await;
        stage.assert_exact(&["tally", "above"]).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    leader.stop().await;
}
