//! Consumers that follow a model's log: what they keep elsewhere equals the SELECT, whoever of them dies when.

use std::time::Duration;

use headwater_postgres::Client;

use crate::stage::{CARDS, SCHEMA, Stage, TALLY, run, text};

/// What a group keeps of `tally`, as if it were elsewhere.
const STORE: &str = "CREATE TABLE store (key jsonb PRIMARY KEY, \"row\" jsonb NOT NULL)";

/// What must be empty: rows of the model that are not kept so, and kept rows that are not in the model.
const DIFFERENCE: &str = "SELECT count(*) FROM ((TABLE tally_as_json EXCEPT TABLE store) UNION ALL (TABLE store EXCEPT TABLE tally_as_json)) d";

async fn stage(hint: &str) -> Stage {
    let tally = TALLY.replacen("eventual", "eventual\n-- headwater: retain live", 1);
    let stage = Stage::new(hint, SCHEMA, &[&tally, CARDS]).await;
    stage.run(STORE).await;
    stage.run("CREATE VIEW tally_as_json AS SELECT jsonb_build_object('id', id) AS key, to_jsonb(t) AS \"row\" FROM tally t").await;
    stage
}

/// One member of the group `cache`.
struct Member {
    client: Client,
    name: String,
    partitions: usize,
}

impl Member {
    async fn new(stage: &Stage, name: &str, partitions: usize) -> Self {
        Self { client: stage.connect().await, name: name.to_owned(), partitions }
    }

    /// Polls, and keeps what came; commits all of it where `commits`. Gives how many entries came.
    async fn step(&self, entries: usize, lease: &str, commits: bool) -> usize {
        let sql = "SELECT partition, \"position\", op, key::text, \"row\"::text FROM headwater.poll('cache', 'tally', $1, $2, $3::text::interval)";
        let polled = self.client.query(sql, &[&self.name, &i32::try_from(entries).unwrap(), &lease]).await.unwrap();
        let mut last = std::collections::BTreeMap::new();
        for entry in &polled {
            let (partition, op): (i32, &str) = (entry.get(0), entry.get(2));
            let (key, row): (Option<&str>, Option<&str>) = (entry.get(3), entry.get(4));
            match op {
                "put" => self.client.execute("INSERT INTO store VALUES ($1::text::jsonb, $2::text::jsonb) ON CONFLICT (key) DO UPDATE SET \"row\" = excluded.\"row\"", &[&key, &row]).await,
                "gone" => self.client.execute("DELETE FROM store WHERE key = $1::text::jsonb", &[&key]).await,
                _ => self.read_anew(partition).await,
            }
            .unwrap();
            last.insert(partition, entry.get::<_, String>(1));
        }
        for (partition, position) in last.iter().filter(|_| commits) {
            self.commit(*partition, position).await.unwrap();
        }
        polled.len()
    }

    async fn read_anew(&self, partition: i32) -> Result<u64, tokio_postgres::Error> {
        let mine = format!("headwater.partition_of(key, {}) = {partition}", self.partitions);
        self.client
            .batch_execute(&format!(
                "DELETE FROM store WHERE {mine}; INSERT INTO store SELECT * FROM tally_as_json WHERE {mine}"
            ))
            .await?;
        Ok(0)
    }

    async fn commit(&self, partition: i32, position: &str) -> Result<(), tokio_postgres::Error> {
        let sql = "SELECT headwater.commit('cache', 'tally', $1, $2, $3)";
        self.client.execute(sql, &[&self.name, &partition, &position]).await.map(drop)
    }

    /// Until nothing comes any more.
    async fn drain(&self, lease: &str) {
        while self.step(7, lease, true).await > 0 {}
    }
}

fn writes(round: usize) -> String {
    format!(
        "INSERT INTO votes (project_id, weight) SELECT 1 + (g * {round}) % 60, g % 9 FROM generate_series(1, 20) g;
         DELETE FROM votes WHERE id % 13 = {round} % 13; DELETE FROM projects WHERE id = {round};
         INSERT INTO projects VALUES ({round} + 100, 1, 'new', NULL); UPDATE projects SET id = id + 1000 WHERE id = {round} + 99"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_consumer_keeps_equals_the_model() {
    let stage = stage("consumer").await;
    let leader = stage.lead();
    stage.run("SELECT headwater.subscribe('cache', 'tally')").await;
    let member = Member::new(&stage, "only", 1).await;
    for round in 1..=12 {
        stage.run(&writes(round)).await;
        // Now and then nothing is committed: the same comes again.
        member.step(5, "30 seconds", round % 3 > 0).await;
    }
    stage.wait().await;
    member.drain("30 seconds").await;
    assert_eq!(stage.number(DIFFERENCE).await, 0);
    assert!(stage.number("SELECT count(*) FROM store").await >= 40);
    assert_eq!(stage.number("SELECT lag_seconds FROM headwater.event_stream_checkpoints").await, 0);
    assert_eq!(
        stage.text("SELECT last_processed_id FROM headwater.event_stream_checkpoints").await,
        stage.text("SELECT concat(epoch, '.', pos) FROM headwater.batch ORDER BY number DESC LIMIT 1").await,
    );

    // What is not processed makes a lag; what concerns other models does not.
    stage.run("UPDATE users SET name = 'another' WHERE id = 1; SELECT pg_sleep(1.1)").await;
    stage.wait().await;
    assert_eq!(stage.number("SELECT lag_seconds FROM headwater.event_stream_checkpoints").await, 0);
    stage.run("INSERT INTO votes (project_id, weight) VALUES (20, 7)").await;
    stage.wait().await;
    stage.until(Duration::from_secs(10), "SELECT lag_seconds >= 2 FROM headwater.event_stream_checkpoints").await;

    // The log has moved on without it.
    stage.run("DELETE FROM headwater.log; INSERT INTO votes (project_id, weight) VALUES (21, 8)").await;
    stage.wait().await;
    let sql = "SELECT string_agg(op, ',') FROM headwater.poll('cache', 'tally', 'only')";
    assert_eq!(text(&member.client, sql).await, "reset");
    member.drain("30 seconds").await;
    assert_eq!(stage.number(DIFFERENCE).await, 0);
    leader.stop().await;
}

/// Three members with eight partitions; one after the other dies with entries in hand, one comes, one leaves.
#[tokio::test(flavor = "multi_thread")]
async fn partitions_of_the_dead_move_on_and_nothing_is_lost() {
    let stage = stage("consumers").await;
    let leader = stage.lead();
    stage.run("SELECT headwater.subscribe('cache', 'tally', 8)").await;
    let mut members = Vec::new();
    for name in ["a", "b", "c"] {
        members.push(Member::new(&stage, name, 8).await);
    }
    let held = "SELECT string_agg(concat(member, n), ' ' ORDER BY member) FROM (SELECT member, count(*) AS n FROM headwater.checkpoint GROUP BY member) m";
    for round in 1..=4 {
        stage.run(&writes(round)).await;
        for member in &members {
            member.step(3, "1 second", true).await;
        }
    }
    for member in &members {
        member.drain("1 second").await;
    }
    assert_eq!(stage.text(held).await, "a3 b3 c2");

    // One has entries in hand, and is not heard of again.
    stage.run(&writes(5)).await;
    stage.wait().await;
    let dead = members.remove(0);
    assert!(dead.step(100, "1 second", false).await > 0);
    let (partition, position) = {
        let row = stage.text("SELECT concat(partition, ' ', epoch, '.', handed) FROM headwater.checkpoint WHERE member = 'a' AND handed IS NOT NULL LIMIT 1").await;
        let (partition, position) = row.split_once(' ').unwrap();
        (partition.parse().unwrap(), position.to_owned())
    };
    stage
        .until(Duration::from_secs(5), "SELECT max(until) < clock_timestamp() FROM headwater.member WHERE member = 'a'")
        .await;
    for round in 6..=9 {
        stage.run(&writes(round)).await;
        for member in &members {
            member.step(50, "1 second", true).await;
        }
    }
    stage.wait().await;
    for member in &members {
        member.drain("1 second").await;
    }
    assert_eq!(stage.text(held).await, "b4 c4");
    let refused = dead.commit(partition, &position).await.expect_err("another has the partition");
    assert_eq!(refused.code().unwrap().code(), "55000", "{refused:?}");
    assert_eq!(stage.number(DIFFERENCE).await, 0);

    // One leaves, one comes.
    run(&members[0].client, "SELECT headwater.leave('cache', 'tally', 'b')").await;
    members[0] = Member::new(&stage, "d", 8).await;
    stage.run(&writes(10)).await;
    stage.wait().await;
    for _ in 0..3 {
        for member in &members {
            member.drain("30 seconds").await;
        }
    }
    assert_eq!(stage.text(held).await, "c4 d4");
    assert_eq!(stage.number(DIFFERENCE).await, 0);
    leader.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_consume_is_refused() {
    let stage = stage("consume").await;
    stage.run("SELECT headwater.subscribe('cache', 'tally', 2, 'now')").await;
    for (sql, code) in [
        ("SELECT headwater.subscribe('cache', 'tally', 3)", "55000"),
        ("SELECT headwater.subscribe('cache', 'cards')", "55000"),
        ("SELECT headwater.subscribe('cache', 'nothing')", "42501"),
        ("SELECT headwater.subscribe(E'a\\nb', 'tally')", "22023"),
        ("SELECT headwater.subscribe('cache2', 'tally', 0)", "22023"),
        ("SELECT headwater.subscribe('cache2', 'tally', 1, 'later')", "22023"),
        ("SELECT headwater.poll('other', 'tally', 'a')", "42704"),
        ("SELECT headwater.poll('cache', 'tally', NULL)", "22023"),
        ("SELECT headwater.poll('cache', 'tally', 'a', 0)", "22023"),
        ("SELECT headwater.poll('cache', 'tally', 'a', 1, '1 day')", "22023"),
        ("SELECT headwater.commit('cache', 'tally', 'a', 0, '1.1')", "55000"),
        (
            "SELECT headwater.poll('cache', 'tally', 'a'); SELECT headwater.commit('cache', 'tally', 'a', 0, '9.9')",
            "55000",
        ),
        (
            "SELECT headwater.poll('cache', 'tally', 'a'); SELECT headwater.commit('cache', 'tally', 'a', 0, 'drop')",
            "22023",
        ),
    ] {
        refused(&stage.connect().await, sql, code).await;
    }
    let role = format!("{}_consumer", stage.database.name().as_str());
    stage.run(&format!("CREATE ROLE {role}; GRANT USAGE ON SCHEMA headwater TO {role}; GRANT EXECUTE ON FUNCTION headwater.subscribe, headwater.poll, headwater.commit TO {role}")).await;
    let other = stage.connect().await;
    run(&other, &format!("SET ROLE {role}")).await;
    refused(&other, "SELECT headwater.subscribe('own', 'tally')", "42501").await;
    refused(&other, "SELECT headwater.poll('cache', 'tally', 'a')", "42704").await;
    stage.run(&format!("GRANT SELECT ON tally TO {role}")).await;
    run(&other, "SELECT headwater.subscribe('own', 'tally')").await;
    refused(&other, "SELECT headwater.poll('cache', 'tally', 'a')", "42704").await;
    assert_eq!(text(&other, "SELECT op FROM headwater.poll('own', 'tally', 'a')").await, "reset");
    stage.run(&format!("REVOKE SELECT ON tally FROM {role}")).await;
    refused(&other, "SELECT headwater.poll('own', 'tally', 'a')", "42501").await;
    stage.run(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
}

async fn refused(client: &Client, sql: &str, code: &str) {
    let error = client.batch_execute(sql).await.expect_err(sql);
    assert_eq!(error.code().map(|state| state.code()), Some(code), "{sql}: {error:?}");
}
