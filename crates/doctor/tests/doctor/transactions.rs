//! HW0851 to HW0857: vacuum, transactions, slots.

use crate::stage::{SCHEMA, Stage, about, run, sql};

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_is_open_for_long_is_told_and_ended() {
    let mut stage = Stage::new("long", SCHEMA, &[], "[doctor]\nlong_transaction = \"200ms\"").await;
    let open = stage.database.connect().await;
    run(&open, "BEGIN; UPDATE users SET name = 'x' WHERE id = 1").await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let pid: i32 = open.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    let finding = stage.is_put_right("HW0855", &format!("pid {pid}")).await;
    assert_eq!(sql(&finding), [format!("SELECT pg_terminate_backend({pid})")]);
    assert!(open.query("SELECT 1", &[]).await.is_err(), "it was ended");

    let open = stage.database.connect().await;
    let gid = format!("it's {}", stage.database.name().as_str());
    run(
        &open,
        &format!("BEGIN; UPDATE users SET name = 'x' WHERE id = 1; PREPARE TRANSACTION '{}'", gid.replace('\'', "''")),
    )
    .await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    stage.is_put_right("HW0856", &gid).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_nobody_reads_is_told() {
    let mut stage = Stage::new("slot", SCHEMA, &[], "[doctor]\nslot_megabytes = 0").await;
    let slot: String = stage.database.name().as_str().to_owned();
    let client = stage.database.connect().await;
    client.query("SELECT pg_create_physical_replication_slot($1::text::name, true)", &[&slot]).await.unwrap();
    stage.is_put_right("HW0857", &slot).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_vacuum_does_not_do_is_told() {
    let schema = "CREATE TABLE notes (id int PRIMARY KEY, n int) WITH (autovacuum_enabled = false);
                  INSERT INTO notes SELECT n, 0 FROM generate_series(1, 3000) n;";
    let mut stage = Stage::new("vacuum", schema, &[], "[doctor]\ndead_rows = 1000").await;
    stage.run("CREATE TABLE fresh (id int PRIMARY KEY) WITH (autovacuum_analyze_threshold = 1000000)").await;
    stage.run("INSERT INTO fresh SELECT n FROM generate_series(1, 3000) n").await;
    stage.run("UPDATE notes SET n = n + 1").await;
    stage.run("UPDATE notes SET n = n + 1").await;
    stage.until("(SELECT count(*) FROM pg_stat_user_tables WHERE n_dead_tup >= 5000 AND relname = 'notes' OR n_live_tup >= 3000 AND relname = 'fresh') = 2").await;
    stage.is_put_right("HW0854", "fresh").await;
    stage.is_put_right("HW0853", "notes").await;
    stage.is_put_right("HW0852", "notes").await;
    assert_eq!(stage.look().await.findings, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_not_frozen_in_time_is_told() {
    // A table may ask for an earlier freeze: a hundred thousand transactions are enough then.
    let schema =
        "CREATE TABLE old (id int PRIMARY KEY) WITH (autovacuum_enabled = false, autovacuum_freeze_max_age = 100000);
        CREATE PROCEDURE spend(transactions int) LANGUAGE plpgsql AS $$
        BEGIN FOR n IN 1 .. transactions LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$;";
    let mut stage = Stage::new("wrap", schema, &[], "").await;
    stage.ignored.push("HW0852".to_owned());
    // What holds the horizon keeps autovacuum from freezing it before it is seen.
    let holds = stage.database.connect().await;
    run(&holds, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM old").await;
    stage.run("CALL spend(101000)").await;
    let report = stage.look().await;
    assert_eq!(about(&report, "HW0851", "old").len(), 1, "{report:#?}");
    run(&holds, "COMMIT").await;
    stage.run("VACUUM (FREEZE) old").await;
    assert!(about(&stage.look().await, "HW0851", "old").is_empty());
}
