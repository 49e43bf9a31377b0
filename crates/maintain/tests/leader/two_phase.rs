//! Two-phase commit: what is prepared is seen when it is committed, whoever leads and however late.

use crate::stage::{CARDS, SCHEMA, Stage, TALLY, run};

#[tokio::test(flavor = "multi_thread")]
async fn a_prepared_transaction_is_seen_when_it_is_committed() {
    let stage = Stage::new("prepared", SCHEMA, &[TALLY, CARDS]).await;
    assert_ne!(
        stage.text("SHOW max_prepared_transactions").await,
        "0",
        "the test server was started by an older program: ./dev stop"
    );
    let leader = stage.lead();
    stage.wait().await;
    let names: Vec<String> = (0..3).map(|n| format!("{}_{n}", stage.database.name().as_str())).collect();
    let client = stage.connect().await;
    for (n, name) in names.iter().enumerate() {
        run(&client, &format!("BEGIN; INSERT INTO votes (project_id, weight) VALUES ({n}, 9), (7, 1); UPDATE projects SET title = 'prepared' WHERE id = {}; PREPARE TRANSACTION '{name}'", 20 + n)).await;
    }
    // Others go on, and nobody waits for it.
    for n in 1..=10 {
        stage.run("INSERT INTO votes (project_id, weight) VALUES (7, 1)").await;
        stage.wait().await;
        assert_eq!(stage.number("SELECT votes FROM tally WHERE id = 7").await, 4 + n);
    }
    run(&client, &format!("COMMIT PREPARED '{}'", names[1])).await;
    stage.wait().await;
    assert_eq!(stage.text("SELECT votes || ' ' || (SELECT string_agg(id::text, ' ') FROM cards WHERE title = 'prepared') FROM tally WHERE id = 7").await, "15 21");
    stage.assert_exact(&["tally", "cards"]).await;
    run(&client, &format!("ROLLBACK PREPARED '{}'", names[2])).await;
    // Another leads when the last is committed.
    leader.kill().await;
    let other = stage.lead();
    other.tells("leads").await;
    stage.wait().await;
    run(&client, &format!("COMMIT PREPARED '{}'", names[0])).await;
    stage.wait().await;
    assert_eq!(stage.text("SELECT votes || ' ' || (SELECT string_agg(id::text, ' ' ORDER BY id) FROM cards WHERE title = 'prepared') FROM tally WHERE id = 7").await, "16 20 21");
    stage.assert_exact(&["tally", "cards"]).await;
    other.stop().await;
}
