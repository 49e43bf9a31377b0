//! Test databases are apart from each other and gone afterwards.

use headwater_testkit::TestDatabase;

#[tokio::test]
async fn every_test_has_a_database_of_its_own() {
    let (one, two) = tokio::join!(TestDatabase::create("Own-database"), TestDatabase::create("Own-database"));
    assert_ne!(one.name(), two.name());
    one.connect().await.batch_execute("CREATE TABLE only_here ()").await.unwrap();
    let seen = two.connect().await.query("SELECT FROM pg_class WHERE relname = 'only_here'", &[]).await.unwrap();
    assert!(seen.is_empty());

    let still_open = one.connect().await;
    let gone = one.name().as_str().to_owned();
    drop(one);
    assert!(still_open.simple_query("SELECT 1").await.is_err());
    let left = two.connect().await.query("SELECT FROM pg_database WHERE datname = $1", &[&gone]).await.unwrap();
    assert!(left.is_empty());
}
