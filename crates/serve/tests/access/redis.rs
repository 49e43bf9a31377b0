//! The worked example of the guide: a real Redis that a consumer group keeps exactly in step, while both are killed again and again.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::watch;

use crate::ground::secret;
use crate::keys;
use crate::node::Killed;
use crate::redis_server::Redis;
use crate::stage::{Dice, Stage};

const SCHEMA: &str = "
    CREATE TABLE vote (id int PRIMARY KEY, player int NOT NULL, weight numeric(10, 2) NOT NULL, said text);
    CREATE INDEX ON vote (player);";

const MODEL: &str = "-- headwater: eventual
-- headwater: retain live
-- headwater: access public
CREATE MATERIALIZED VIEW leaderboard AS
SELECT v.player, count(*) AS votes, sum(v.weight) AS weight, max(v.said) AS said FROM vote v GROUP BY v.player;
CREATE UNIQUE INDEX ON leaderboard (player);";

const SETTINGS: &str = "
[[serve.route]]
path = \"/api/leaderboard\"
model = \"leaderboard\"
max_limit = 10000
live = true

[[serve.consumer]]
group = \"redis\"
model = \"leaderboard\"
subject = \"redis-worker\"
";

/// A row as Redis has it: the numbers with a fraction are texts.
const ROW: &str = "jsonb_build_object('player', player, 'votes', votes, 'weight', weight::text, 'said', said)::text";

/// Rows by key, both as JSON.
type Rows = BTreeMap<String, Value>;

/// What it holds at one moment: the rows, and up to which position of the log they are right.
fn content(redis: &Redis) -> Option<(i64, Rows)> {
    let said = redis.ask("MULTI\nGET leaderboard:position\nHGETALL leaderboard\nEXEC\n")?;
    let mut lines = said.strip_prefix("OK\nQUEUED\nQUEUED\n")?.lines();
    let position = lines.next()?.strip_prefix("1.")?.parse().ok()?;
    let values: Vec<_> = lines.filter(|line| !line.is_empty()).collect();
    let rows = values.chunks(2).map(|pair| (pair[0].to_owned(), serde_json::from_str(pair[1]).unwrap()));
    Some((position, rows.collect()))
}

/// The example itself.
fn example(server: SocketAddr, redis: &Redis) -> Killed {
    let program = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/consumers/to_redis.py");
    let mut command = Command::new("python3");
    command.arg(program).args(["redis", "leaderboard", "/api/leaderboard"]);
    command.env("HEADWATER", format!("http://{server}")).env("HEADWATER_TOKEN", keys::of("redis-worker"));
    command.env("REDIS", redis.url());
    command.env("SSL_CERT_FILE", &redis.authority);
    Killed(command.stderr(Stdio::null()).spawn().expect("Python 3 is installed: ./dev test does it"))
}

async fn write(client: headwater_postgres::Client, mut dice: Dice, stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        let (id, player) = (dice.below(400), dice.below(40));
        let sql = match dice.below(6) {
            0 => format!("DELETE FROM vote WHERE player = {player}"),
            1 => format!("DELETE FROM vote WHERE id % 50 = {}", dice.below(50)),
            2 => format!("UPDATE vote SET player = {player} WHERE id = {id}"),
            _ => format!(
                "INSERT INTO vote VALUES ({id}, {player}, {}.{}, 'says \"{id}\" ✓') ON CONFLICT (id) DO UPDATE SET weight = excluded.weight",
                dice.below(90),
                dice.below(100)
            ),
        };
        client.batch_execute(&sql).await.unwrap();
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_redis_is_kept_exactly_in_step_through_kills_of_either_side() {
    let stage = Stage::new("redis", SCHEMA, &[MODEL]).await;
    let site = stage.serve(&format!("[serve]\n{}{SETTINGS}", secret())).await;
    let address = site.running.address;
    let mut redis = Redis::start().await;
    let mut consumer = example(address, &redis);
    let (stop, stopped) = watch::channel(false);
    let mut writers = Vec::new();
    for number in 0..2 {
        writers.push(tokio::spawn(write(stage.database.connect().await, Dice(number), stopped.clone())));
    }
    let (mut dice, mut seen) = (Dice(3), BTreeMap::new());
    for round in 0..15 {
        // It goes on, and is killed in the midst of that.
        let (enough, began) = (seen.len() + 2, Instant::now());
        while seen.len() < enough {
            assert!(began.elapsed() < Duration::from_secs(20), "Redis is not kept in step any more");
            tokio::time::sleep(Duration::from_millis(20 + dice.below(150))).await;
            seen.extend(content(&redis));
        }
        if round == 4 {
            // It comes to have forgotten everything.
            redis.ask("FLUSHALL\n");
        }
        if round % 3 != 1 {
            drop(consumer);
            consumer = example(address, &redis);
        }
        if round % 3 != 0 {
            redis.kill();
            tokio::time::sleep(Duration::from_millis(dice.below(200))).await;
            redis.begin().await;
        }
    }
    stop.send_replace(true);
    for writer in writers {
        writer.await.unwrap();
    }
    stage.wait().await;
    let select =
        format!("SELECT json_build_array(jsonb_build_object('player', player)::text, {ROW}) AS r FROM leaderboard");
    let pair = |value: &Value| {
        let text = |place: usize| value["r"][place].as_str().unwrap();
        (text(0).to_owned(), serde_json::from_str(text(1)).unwrap())
    };
    let expected: Rows = stage.json(&select).await.iter().map(pair).collect();
    let began = Instant::now();
    while content(&redis).is_none_or(|(_, rows)| rows != expected) {
        assert!(began.elapsed() < Duration::from_secs(20), "it is {:?}\nnot {expected:?}", content(&redis));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    drop(consumer);

    // And at each moment it was what the model was at its position, row by row.
    let log = stage
        .json(&format!(
            "SELECT l.pos, l.op, headwater.named_key(l.key, '{{player}}')::text AS key,
                    (SELECT {ROW} FROM jsonb_populate_record(NULL::leaderboard, l.\"row\")) AS item
               FROM headwater.log AS l WHERE l.epoch = 1 AND l.model = 'leaderboard' ORDER BY l.pos"
        ))
        .await;
    let (mut log, mut rows) = (log.iter().peekable(), Rows::new());
    for (position, content) in seen {
        while let Some(entry) = log.next_if(|entry| entry["pos"].as_i64().unwrap() <= position) {
            let key = entry["key"].as_str().unwrap_or_default().to_owned();
            match entry["op"].as_str().unwrap() {
                "put" => drop(rows.insert(key, serde_json::from_str(entry["item"].as_str().unwrap()).unwrap())),
                "gone" => drop(rows.remove(&key)),
                _ => rows.clear(),
            }
        }
        assert_eq!(content, rows, "at 1.{position}");
    }
    site.end().await;
    stage.end().await;
}
