//! The schema lock between two sessions.

mod support;

use std::time::Duration;

use headwater_postgres::{Error, SchemaLock, connect};

#[tokio::test(flavor = "multi_thread")]
async fn the_second_apply_waits_or_learns_who_holds_the_lock() {
    let (client, config) = support::database("locks", "").await;
    let pid: i32 = client.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    let first = SchemaLock::acquire(client, Duration::ZERO).await.unwrap();

    let refused = SchemaLock::acquire(connect(&config).await.unwrap(), Duration::ZERO).await.unwrap_err();
    assert!(matches!(&refused, Error::Busy { pid: Some(found), .. } if *found == pid), "{refused}");
    assert!(refused.to_string().starts_with(&format!("another apply is running (pid {pid}, headwater")), "{refused}");

    let second = tokio::spawn({
        let config = config.clone();
        async move { SchemaLock::acquire(connect(&config).await?, Duration::from_secs(30)).await }
    });
    first.batch_execute("CREATE TABLE changed_under_the_lock ()").await.unwrap();
    let first = first.release().await.unwrap();
    let second = second.await.unwrap().unwrap();
    // A lock ends with its session, however that ends.
    drop(second);
    SchemaLock::acquire(first, Duration::from_secs(30)).await.unwrap();
}
