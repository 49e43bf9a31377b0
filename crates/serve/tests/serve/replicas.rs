//! Streaming replicas, real ones: read from while they have what is asked for, and never felt where they lag, die, hang, or end a statement.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use headwater_maintain::{Settings, Unobserved, lead};
use headwater_postgres::{Client, parse_url};
use headwater_serve::position::Position;
use tokio::sync::watch;

use crate::client::Merged;
use crate::node::Node;
use crate::stage::{FEED, ROUTES, SCHEMA, Site, apply_on};

/// A primary with models and a leader.
pub struct Led {
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl Led {
    /// The leader of the database at this address.
    pub fn start(address: &str) -> Self {
        let config = parse_url(address).unwrap();
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(async move {
            let settings = Settings { verify_every: Duration::ZERO, ..Settings::default() };
            lead(&config, &settings, stopped, &Unobserved).await.expect("the leader leads");
        });
        Self { stop, task }
    }

    pub async fn end(self) {
        let _ = self.stop.send(true);
        self.task.await.expect("the leader ends");
    }
}

/// A primary with the feed, empty of replicas.
pub async fn primary(name: &str) -> Node {
    let primary = Node::primary(name).await;
    primary.run(SCHEMA).await;
    apply_on(&primary.config(), &[FEED]).await;
    primary
}

/// The routes, read from a replica where one is declared, and never from the cache.
fn routes(replica: &Node, more: &str) -> String {
    let declared = format!("replica = [{{ database = \"{}\"{more} }}]", replica.address());
    ROUTES.replace("[serve]\n", &format!("[serve]\ncache_megabytes = 0\n{declared}\n"))
}

/// Where the log is, once everything that has committed is in the models.
pub async fn newest(client: &Client) -> Position {
    client.batch_execute("SELECT headwater.wait('20 seconds')").await.unwrap();
    let sql = "SELECT epoch || '.' || pos FROM headwater.batch ORDER BY number DESC LIMIT 1";
    client.query_one(sql, &[]).await.unwrap().get::<_, String>(0).parse().unwrap()
}

/// Waits until pages are read from the replica, or are not.
async fn until_used(site: &Site, used: bool) {
    for _ in 0..400 {
        if site.running.server.database.replica(None).await.is_some() == used {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("pages are {} from the replica", if used { "not read" } else { "read" });
}

fn title(answer: &crate::client::Answer) -> String {
    answer.items()[0]["title"].as_str().unwrap_or_default().to_owned()
}

/// A replica answers while it has what is asked for; one that lacks it, or stays behind for too long, does not.
#[tokio::test(flavor = "multi_thread")]
async fn a_replica_is_read_from_once_it_has_caught_up() {
    let primary = primary("lag_a").await;
    let replica = primary.replica("lag_b", &[]).await;
    let leader = Led::start(&primary.address());
    let client = primary.client().await;
    let site = Site::start(&primary.config(), &routes(&replica, ", max_lag = \"2s\"")).await.unwrap();
    newest(&client).await;
    until_used(&site, true).await;
    replica.run("SELECT pg_wal_replay_pause()").await;
    client.batch_execute("INSERT INTO posts VALUES (999, 1, 'new', 1, '2030-01-01')").await.unwrap();
    let after = newest(&client).await;
    // Without a position the replica's page does, which is older and says so.
    let old = site.client.get("/api/feed").await;
    assert_ne!(title(&old), "new");
    assert!(old.header("headwater-position").parse::<Position>().unwrap() < after);
    // With one, the primary answers, and no page is older.
    for _ in 0..20 {
        let page = site.client.get(&format!("/api/feed?after={after}")).await;
        assert_eq!(title(&page), "new");
        assert!(page.header("headwater-position").parse::<Position>().unwrap() >= after);
    }
    // In the end nobody reads what is so old.
    until_used(&site, false).await;
    assert_eq!(title(&site.client.get("/api/feed").await), "new");
    replica.run("SELECT pg_wal_replay_resume()").await;
    until_used(&site, true).await;
    assert_eq!(title(&site.client.get("/api/feed").await), "new");
    site.end().await;
    leader.end().await;
}

/// Whoever reads while the replica is killed, started, frozen and thawed gets the page, as new as asked for, from whoever has it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_replica_that_dies_or_hangs_is_not_felt() {
    let primary = primary("death_a").await;
    let mut replica = primary.replica("death_b", &[]).await;
    let leader = Led::start(&primary.address());
    let site = Site::start(&primary.config(), &routes(&replica, "")).await.unwrap();
    let (stop, stopped) = watch::channel(false);
    let (tell, told) = watch::channel((0, Position::default()));
    let asked = Arc::new(AtomicUsize::new(0));
    let writer = {
        let (client, stopped) = (primary.client().await, stopped.clone());
        tokio::spawn(async move {
            client.batch_execute("UPDATE posts SET at = '2030-01-01', rank = 0 WHERE id = 1").await.unwrap();
            for count in 1.. {
                client.batch_execute(&format!("UPDATE posts SET rank = {count} WHERE id = 1")).await.unwrap();
                let _ = tell.send((count, newest(&client).await));
                if *stopped.borrow() {
                    break;
                }
            }
        })
    };
    let mut readers = Vec::new();
    for number in 0..8 {
        let (client, stopped, told, asked) = (site.client.clone(), stopped.clone(), told.clone(), Arc::clone(&asked));
        readers.push(tokio::spawn(async move {
            while !*stopped.borrow() {
                let (count, after) = *told.borrow();
                asked.fetch_add(1, Ordering::Relaxed);
                if number % 4 == 3 {
                    let mut stream = client.stream(&format!("/api/feed/stream?limit=50&after={after}"), &[]).await;
                    let mut merged = Merged::default();
                    while !merged.whole {
                        let event = stream.next().await.expect("the page");
                        assert_ne!(event.name, "feed_error", "{event:?}");
                        merged.take(&event);
                    }
                    assert_eq!(merged.rows.len(), 50);
                    continue;
                }
                let page = client.get(&format!("/api/feed?limit=50&after={after}")).await;
                assert_eq!(page.items().len(), 50);
                if count > 0 {
                    assert!(page.items()[0]["rank"].as_i64().unwrap() >= count, "older than {after}");
                }
            }
        }));
    }
    for round in 0..4 {
        until_used(&site, true).await;
        tokio::time::sleep(Duration::from_millis(150)).await;
        if round % 2 == 0 {
            replica.kill();
            tokio::time::sleep(Duration::from_millis(400)).await;
            replica.start().await;
        } else {
            replica.freeze();
            until_used(&site, false).await;
            replica.thaw();
        }
    }
    until_used(&site, true).await;
    stop.send_replace(true);
    for reader in readers {
        reader.await.unwrap();
    }
    writer.await.unwrap();
    assert!(asked.load(Ordering::Relaxed) > 100);
    site.end().await;
    leader.end().await;
}

/// A replica ends statements whose rows the primary has vacuumed away. The page is read from the primary then, and a stream that has told
/// some of it says so.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_replica_gives_up_the_primary_answers() {
    let primary = primary("conflict_a").await;
    let replica = primary.replica("conflict_b", &["max_standby_streaming_delay=0", "hot_standby_feedback=off"]).await;
    let leader = Led::start(&primary.address());
    let client = primary.client().await;
    let slow = "[[serve.route]]\npath = \"/slow\"\nmodel = \"feed\"\nlimit = 10\n\
         item = \"(SELECT jsonb_build_object('id', id, 'rank', rank) FROM pg_sleep(0.15 + 0 * id))\"\n";
    let site = Site::start(&primary.config(), &(routes(&replica, "") + slow)).await.unwrap();
    newest(&client).await;
    until_used(&site, true).await;
    let conflicts = "(SELECT sum(confl_snapshot) FROM pg_stat_database_conflicts)::bigint::text";
    let expected = Mutex::new(Vec::new());
    // Something is removed again and again while they read.
    let remove = async |times: usize| {
        for time in 0..times {
            tokio::time::sleep(Duration::from_millis(500)).await;
            client.batch_execute(&format!("UPDATE posts SET rank = {time}")).await.unwrap();
            newest(&client).await;
            client.batch_execute("VACUUM").await.unwrap();
        }
        let rows = client.query("SELECT id FROM feed ORDER BY id LIMIT 10", &[]).await.unwrap();
        *expected.lock().unwrap() = rows.iter().map(|row| i64::from(row.get::<_, i32>(0))).collect::<Vec<_>>();
    };
    let (page, ()) = tokio::join!(site.client.get("/slow"), remove(1));
    let ids = |items: &[serde_json::Value]| items.iter().map(|item| item["id"].as_i64().unwrap()).collect::<Vec<_>>();
    assert_eq!(ids(&page.items()), *expected.lock().unwrap());
    // Statistics come late.
    let ended = async |before: i64| {
        for _ in 0..200 {
            let ended = replica.text(conflicts).await.parse().unwrap();
            if ended > before {
                return ended;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the replica ended nothing: the test does not test what it says");
    };
    let once = ended(0).await;
    until_used(&site, true).await;

    let read = async {
        let mut stream = site.client.stream("/slow/stream?format=item", &[]).await;
        let (mut ids, mut resets) = (Vec::new(), 0);
        while let Some(event) = stream.next().await {
            match event.name.as_str() {
                "slow_item" => ids.push(event.data["id"].as_i64().unwrap()),
                "slow_reset" => (ids, resets) = (Vec::new(), resets + 1),
                "slow_complete" => {}
                other => panic!("{other}: {event:?}"),
            }
        }
        (ids, resets)
    };
    let ((read, resets), ()) = tokio::join!(read, remove(1));
    assert_eq!(read, *expected.lock().unwrap());
    assert_eq!(resets, 1, "rows were told before the replica gave up");
    ended(once).await;
    site.end().await;
    leader.end().await;
}
