//! A large table is judged by its statistics: none of its rows is read.

use crate::stage::{Stage, about};

const LARGE: &str = "
    CREATE TABLE users (id int PRIMARY KEY, name text);
    INSERT INTO users SELECT n, 'user ' || n FROM generate_series(1, 1000) n;
    CREATE TABLE votes (id int PRIMARY KEY, user_id int NOT NULL, up bool NOT NULL);
    INSERT INTO votes SELECT n, 1 + n % 1000, n % 3 = 0 FROM generate_series(1, 1000000) n;
    ALTER TABLE votes ADD FOREIGN KEY (user_id) REFERENCES users;
    CREATE INDEX votes_up ON votes (up); CREATE INDEX votes_up_again ON votes (up);
    ANALYZE;";

const READ: &str = "SELECT coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0)::bigint FROM pg_stat_user_tables WHERE relname IN ('users', 'votes')";

#[tokio::test(flavor = "multi_thread")]
async fn a_million_rows_are_judged_without_reading_them() {
    let toml = "
        [[bench.query]]
        name = \"ups\"
        sql = \"SELECT count(*) FROM votes WHERE user_id = $1\"
        parameters = [\"SELECT 7\"]";
    let stage = Stage::new("large", LARGE, &[], toml).await;
    let client = stage.database.connect().await;
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    let before: i64 = client.query_one(READ, &[]).await.unwrap().get(0);
    let report = stage.look().await;
    for (code, object) in [("HW0825", "votes(user_id)"), ("HW0822", "votes_up_again"), ("HW0833", "ups")] {
        assert_eq!(about(&report, code, object).len(), 1, "{code}: {report:#?}");
    }
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    let after: i64 = client.query_one(READ, &[]).await.unwrap().get(0);
    assert_eq!(after - before, 0, "rows were read");
}
