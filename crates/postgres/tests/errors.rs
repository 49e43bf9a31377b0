//! Errors carry the server's words, and a real deadlock is retried.

mod support;

use headwater_postgres::retry::Attempts;
use headwater_postgres::{Client, Error, connect, parse_url, retry};
use tokio::sync::Barrier;

#[tokio::test]
async fn the_servers_words_are_kept() {
    let (client, _) = support::database("errors", "CREATE TABLE things (name text PRIMARY KEY)").await;
    let failure = client.query_typed("SELECT nmae FROM things", &[]).await.unwrap_err();
    let error = Error::from(failure);
    assert_eq!(error.code(), 505);
    assert_eq!(error.sqlstate().unwrap().code(), "42703");
    assert_eq!(
        error.to_string(),
        "column \"nmae\" does not exist (SQLSTATE 42703)\n  hint: Perhaps you meant to reference the column \"things.name\"."
    );
}

#[tokio::test]
async fn no_server_and_no_database_are_told_apart() {
    let nowhere = parse_url("postgresql://me@127.0.0.1:1/app").unwrap();
    assert!(matches!(connect(&nowhere).await, Err(Error::Unreachable { place, .. }) if place == "127.0.0.1:1"));
    let missing = support::server().config("no such database");
    assert!(matches!(connect(&missing).await, Err(Error::Refused { .. })));
    assert!(matches!(parse_url("mysql://x"), Err(Error::BadAddress(_))));
}

/// Counts both rows up, in the order given; the first attempts of two rivals meet in between, so they deadlock.
async fn count_both(client: &mut Client, order: [i32; 2], meet: Option<&Barrier>) -> Result<(), Error> {
    let transaction = client.transaction().await?;
    transaction.execute("UPDATE counters SET n = n + 1 WHERE id = $1", &[&order[0]]).await?;
    if let Some(meet) = meet {
        meet.wait().await;
    }
    transaction.execute("UPDATE counters SET n = n + 1 WHERE id = $1", &[&order[1]]).await?;
    Ok(transaction.commit().await?)
}

#[tokio::test]
async fn a_deadlock_passes() {
    let setup = "CREATE TABLE counters (id int PRIMARY KEY, n int); INSERT INTO counters VALUES (1, 0), (2, 0)";
    let (client, config) = support::database("retry", setup).await;
    let meet = Barrier::new(2);
    let rival = async |order: [i32; 2]| {
        let mut client = connect(&config).await?;
        let mut runs = 0;
        retry(async || {
            runs += 1;
            count_both(&mut client, order, (runs == 1).then_some(&meet)).await
        })
        .await?;
        Ok::<i32, Error>(runs)
    };
    let (first, second) = tokio::join!(rival([1, 2]), rival([2, 1]));
    assert!(first.unwrap() + second.unwrap() > 2, "the two were to deadlock");
    let row = client.query_one("SELECT sum(n) FROM counters", &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_serve_in_spawned_tasks() {
    let (mut client, _) = support::database("attempts", "").await;
    let task = tokio::spawn(async move {
        let mut attempts = Attempts::default();
        let sql = "DO $$ BEGIN RAISE serialization_failure; END $$";
        loop {
            let transaction = client.transaction().await?;
            let outcome = transaction.batch_execute(if attempts.failed() < 2 { sql } else { "" }).await;
            drop(transaction);
            match outcome {
                Err(failure) if attempts.again_after(&failure).await => {}
                outcome => return outcome.map(|()| attempts.failed()),
            }
        }
    });
    assert_eq!(task.await.unwrap().unwrap(), 2);
}
