//! Consumer groups over HTTP: who may, what comes, and that what is kept elsewhere equals the model, whichever server or member goes away.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::ground::{Ground, secret, settings};
use crate::keys;
use crate::stage::Stage;
use crate::wire::{Answer, ask, stream};

const GROUPS: &str = "
[[serve.consumer]]
group = \"cache\"
model = \"notes\"
subject = \"3\"
partitions = 4

[[serve.consumer]]
group = \"other\"
model = \"notes\"
subject = \"2\"
";

async fn post(address: SocketAddr, action: &str, token: &str) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", bearer.as_str())];
    ask(address, "POST", &format!("/v1/consumers/{action}"), if token.is_empty() { &[] } else { &headers }).await
}

/// What is kept elsewhere, by key; a member of the group keeps it by polling a server.
#[derive(Default)]
struct Store(BTreeMap<String, Value>);

impl Store {
    /// One poll and its commits; gives how many entries came.
    async fn step(&mut self, stage: &Stage, address: SocketAddr, member: &str, commits: bool) -> usize {
        let answer = post(address, &format!("cache/notes/poll?member={member}&max=7&lease=1"), &keys::of(3)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let entries = serde_json::from_str::<Value>(&answer.body).unwrap()["entries"].as_array().unwrap().clone();
        let mut last = BTreeMap::new();
        for entry in &entries {
            let key = entry["key"].to_string();
            match entry["op"].as_str().unwrap() {
                "put" => drop(self.0.insert(key, entry["row"].clone())),
                "gone" => drop(self.0.remove(&key)),
                _ => self.read_anew(stage, &entry["partition"]).await,
            }
            last.insert(entry["partition"].to_string(), entry["position"].as_str().unwrap().to_owned());
        }
        for (partition, position) in last.iter().filter(|_| commits) {
            let commit = format!("cache/notes/commit?member={member}&partition={partition}&position={position}");
            assert_eq!(post(address, &commit, &keys::of(3)).await.status, 200);
        }
        entries.len()
    }

    async fn read_anew(&mut self, stage: &Stage, partition: &Value) {
        let sql = format!(
            "SELECT jsonb_build_object('id', id) AS key, to_jsonb(n) AS \"row\" FROM notes n WHERE headwater.partition_of(jsonb_build_object('id', id), 4) = {partition}"
        );
        let sql_keys = format!(
            "SELECT key FROM (SELECT jsonb_build_object('id', g) AS key FROM generate_series(7000, 9000) g) k WHERE headwater.partition_of(key, 4) = {partition}"
        );
        for row in stage.json(&sql_keys).await {
            self.0.remove(&row["key"].to_string());
        }
        self.0.extend(stage.json(&sql).await.into_iter().map(|row| (row["key"].to_string(), row["row"].clone())));
    }

    async fn assert_exact(&self, stage: &Stage) {
        let rows = stage.json("SELECT jsonb_build_object('id', id) AS key, to_jsonb(n) AS \"row\" FROM note n").await;
        let wanted: BTreeMap<_, _> = rows.into_iter().map(|row| (row["key"].to_string(), row["row"].clone())).collect();
        assert_eq!(self.0, wanted);
    }
}

fn writes(round: usize) -> String {
    format!(
        "INSERT INTO note SELECT 8000 + {round} * 10 + g, g, 'round {round}', '2026-02-01' FROM generate_series(1, 6) g;
         UPDATE note SET title = title || {round} WHERE id % 7 = {round} % 7; DELETE FROM note WHERE id % 31 = {round}"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn members_share_the_work_through_several_servers() {
    let stage = Ground::stage("consumers").await;
    let settings = settings("", &format!("{}{GROUPS}", secret()));
    let (one, two) = (stage.serve(&settings).await, stage.serve(&settings).await);
    let (first, second) = (one.running.address, two.running.address);
    let mut store = Store::default();
    for round in 1..=5 {
        stage.run(&writes(round)).await;
        store.step(&stage, first, "a", round != 3).await;
        store.step(&stage, second, "b", true).await;
    }
    // A member is gone with entries in hand, and so is its server.
    stage.run(&writes(6)).await;
    stage.wait().await;
    store.step(&stage, first, "a", false).await;
    one.end().await;
    let began = Instant::now();
    for round in 7.. {
        if began.elapsed() > Duration::from_millis(1300) {
            break;
        }
        stage.run(&writes(round)).await;
        store.step(&stage, second, "b", true).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    stage.wait().await;
    while store.step(&stage, second, "b", true).await > 0 {}
    store.assert_exact(&stage).await;
    let late = post(second, "cache/notes/commit?member=a&partition=0&position=1.1", &keys::of(3)).await;
    assert_eq!(late.code(), (409, "HW0761".to_owned()));
    two.end().await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_waits_and_a_stream_goes_on_after_the_commit() {
    let ground = Ground::new("waiting", "", &format!("{}{GROUPS}", secret())).await;
    let poll = "cache/notes/poll?member=a&wait=20";
    let began = Instant::now();
    let entries =
        |answer: &Answer| serde_json::from_str::<Value>(&answer.body).unwrap()["entries"].as_array().unwrap().clone();
    let first = entries(&post(ground.address, poll, &keys::of(3)).await);
    assert_eq!(first.len(), 4, "one reset a partition: {first:?}");
    for entry in &first {
        let (partition, position) = (&entry["partition"], entry["position"].as_str().unwrap());
        let commit = format!("cache/notes/commit?member=a&partition={partition}&position={position}");
        assert_eq!(post(ground.address, &commit, &keys::of(3)).await.status, 200);
    }
    let token = keys::of(3);
    let (waited, ()) = tokio::join!(post(ground.address, poll, &token), async {
        tokio::time::sleep(Duration::from_millis(600)).await;
        ground.stage.run("INSERT INTO note VALUES (8001, 1, 'WAITED-FOR', now())").await;
    });
    assert!(began.elapsed() < Duration::from_secs(15));
    let came = entries(&waited);
    assert_eq!(came.len(), 1, "{came:?}");
    assert_eq!((&came[0]["op"], &came[0]["row"]["title"]), (&"put".into(), &"WAITED-FOR".into()));

    // The same again, because it was not committed; then what comes after it.
    let bearer = format!("Bearer {token}");
    let mut wire =
        stream(ground.address, "/v1/consumers/cache/notes/stream?member=a&max=1", &[("Authorization", &bearer)]).await;
    assert!(wire.until("WAITED-FOR").await);
    ground.stage.run("UPDATE note SET title = 'CAME-LATER' WHERE id = 8001").await;
    ground.stage.wait().await;
    wire.listen(Duration::from_millis(500)).await;
    assert!(!wire.text().contains("CAME-LATER"), "it holds one entry at a time");
    let (partition, position) = (&came[0]["partition"], came[0]["position"].as_str().unwrap());
    let commit = format!("cache/notes/commit?member=a&partition={partition}&position={position}");
    assert_eq!(post(ground.address, &commit, &token).await.status, 200);
    assert!(wire.until("CAME-LATER").await);
    assert_eq!(wire.text().matches("event: entry").count(), 2);
    assert_eq!(post(ground.address, "cache/notes/leave?member=a", &token).await.status, 200);
    drop(wire);
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_declared_subject_consumes() {
    let ground = Ground::new("consume", "", &format!("{}{GROUPS}", secret())).await;
    let (own, other, admin) = (keys::of(3), keys::of(2), keys::of_admin());
    for (action, token, expected) in [
        ("cache/notes/poll?member=a", "", (401, "HW0731")),
        ("cache/notes/poll?member=a", "forged", (401, "HW0732")),
        ("cache/notes/poll?member=a", &other, (403, "HW0733")),
        ("cache/notes/poll?member=a", &admin, (403, "HW0733")),
        ("other/notes/poll?member=a", &own, (403, "HW0733")),
        ("cache/words/poll?member=a", &own, (403, "HW0733")),
        ("none/notes/poll?member=a", &own, (403, "HW0733")),
        ("cache/notes/poll", &own, (400, "HW0724")),
        ("cache/notes/poll?member=", &own, (400, "HW0724")),
        ("cache/notes/poll?member=a%0Ab", &own, (400, "HW0724")),
        ("cache/notes/poll?member=a%00b", &own, (400, "HW0722")),
        ("cache/notes/poll?member=a&member=b", &own, (400, "HW0721")),
        ("cache/notes/poll?member=a&max=0", &own, (400, "HW0724")),
        ("cache/notes/poll?member=a&wait=61", &own, (400, "HW0724")),
        ("cache/notes/poll?member=a&cursor=1", &own, (400, "HW0725")),
        ("cache/notes/commit?member=a&partition=x&position=1.1", &own, (400, "HW0724")),
        ("cache/notes/commit?member=a&partition=0&position=x", &own, (409, "HW0761")),
        ("cache/notes/commit?member=nobody&partition=0&position=1.1", &own, (409, "HW0761")),
        ("cache/notes/drop?member=a", &own, (404, "HW0727")),
        ("cache/notes/stream?member=a", &own, (405, "HW0728")),
    ] {
        // The group comes into being with its first poll.
        if action.contains("commit") {
            post(ground.address, "cache/notes/poll?member=b", &own).await;
        }
        let (status, code) = post(ground.address, action, token).await.code();
        assert_eq!((status, code.as_str()), expected, "{action}");
    }
    let wrong =
        ground.stage.try_serve(&settings("", &format!("{}{}", secret(), GROUPS.replace("notes", "undeclared")))).await;
    assert!(format!("{:?}", wrong.err()).contains("does not keep its changes"));
    ground.end().await;
}
