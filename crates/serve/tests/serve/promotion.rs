//! The primary dies and its replica takes over. The server and the leader have one address for both; clients are reset once and go on.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use headwater_postgres::{Config, connect, parse_url};
use tokio::sync::watch;

use crate::client::{Client, Merged};
use crate::node::{Node, address};
use crate::replicas::{Led, newest, primary};
use crate::stage::{ROUTES, Site};

const STREAM: &str = "/api/feed/stream?limit=1000";

/// A browser: it comes back to where it was after every end.
struct Browser {
    merged: Arc<Mutex<Merged>>,
    task: tokio::task::JoinHandle<()>,
}

impl Browser {
    fn open(client: Client) -> Self {
        let merged = Arc::new(Mutex::new(Merged::default()));
        let (seen, began) = (Arc::clone(&merged), client);
        let task = tokio::spawn(async move {
            loop {
                let last = seen.lock().unwrap().last.clone();
                let headers: Vec<_> = last.iter().map(|last| ("last-event-id", last.as_str())).collect();
                let mut stream = began.stream(STREAM, &headers).await;
                while let Some(event) = stream.next().await {
                    if event.name != "feed_error" {
                        seen.lock().unwrap().take(&event);
                    }
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        Self { merged, task }
    }

    /// Waits until it shows what the SELECT says.
    async fn until_exact(&self, node: &Node, what: &str) {
        let sql = "SELECT to_json(x)::text FROM (SELECT * FROM feed) AS x";
        for _ in 0..400 {
            let client = node.client().await;
            client.batch_execute("SET timezone = 'UTC'").await.unwrap();
            let rows = client.query(sql, &[]).await.unwrap();
            let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap().to_string();
            let mut expected: Vec<_> = rows.iter().map(|row| json(row.get(0))).collect();
            expected.sort();
            if self.merged.lock().unwrap().items() == expected {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{what}: {:?}", self.merged.lock().unwrap().last);
    }

    fn epoch(&self) -> String {
        let last = self.merged.lock().unwrap().last.clone().unwrap_or_default();
        last.split('.').next().unwrap_or_default().to_owned()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Writes as an application does, and notes what was acknowledged.
fn write(config: Config, from: i32, mut stop: watch::Receiver<bool>) -> tokio::task::JoinHandle<BTreeSet<i32>> {
    tokio::spawn(async move {
        let mut acknowledged = BTreeSet::new();
        let mut id = from;
        while !*stop.borrow_and_update() {
            let Ok(client) = connect(&config).await else {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            while !*stop.borrow() {
                id += 1;
                let sql = format!(
                    "INSERT INTO posts VALUES ({id}, {id} % 3, 'written', {id} % 5, now());
                     UPDATE posts SET rank = {id} WHERE id = {id} % 200; DELETE FROM posts WHERE id = {id} - 50 AND id % 2 = 0"
                );
                if client.batch_execute(&sql).await.is_err() {
                    break;
                }
                acknowledged.insert(id);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        acknowledged
    })
}

fn routes(replica: &Node) -> String {
    let declared = format!("replica = [{{ database = \"{}\", max_lag = \"1s\" }}]", replica.address());
    ROUTES.replace("[serve]\n", &format!("[serve]\n{declared}\n")).replace("max_limit = 50", "max_limit = 1000")
}

/// With a synchronous replica nothing that was acknowledged is lost, there and back again.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_promoted_replica_takes_over_with_all_that_was_acknowledged() {
    let mut old = primary("promote_a").await;
    let mut new = old.replica("promote_b", &[]).await;
    old.run("ALTER SYSTEM SET synchronous_standby_names = '*'").await;
    old.run("SELECT pg_reload_conf()").await;
    let both = address(&[&old, &new]) + " target_session_attrs=read-write connect_timeout=2";
    let config = parse_url(&both).unwrap();
    let leader = Led::start(&both);
    let site = Site::start(&config, &routes(&new)).await.unwrap();
    let browsers = [Browser::open(site.client.clone()), Browser::open(site.client.clone())];
    for browser in &browsers {
        browser.until_exact(&old, "at first").await;
        assert_eq!(browser.epoch(), "1");
    }
    old.run("SELECT headwater.subscribe('watcher', 'feed', start => 'now')").await;
    let (stop, stopped) = watch::channel(false);
    let writer = write(config.clone(), 10_000, stopped);
    tokio::time::sleep(Duration::from_millis(700)).await;
    old.kill();
    tokio::time::sleep(Duration::from_millis(200)).await;
    // A page that nobody has asked for before, so that none is kept.
    assert_eq!(site.client.get("/api/feed?limit=7&sort=title").await.items().len(), 7);
    new.promote().await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    stop.send_replace(true);
    let acknowledged = writer.await.unwrap();
    let after = newest(&new.client().await).await;
    assert_eq!(after.epoch, 2);
    assert_eq!(new.text("SELECT string_agg(op, ' ') FROM headwater.poll('watcher', 'feed', 'it')").await, "reset");
    let there = new.client().await.query("SELECT id FROM posts WHERE id > 10000", &[]).await.unwrap();
    let there: BTreeSet<i32> = there.iter().map(|row| row.get(0)).collect();
    // Even ones were deleted by the one fifty later, unless that one was not acknowledged.
    let lost: Vec<_> = acknowledged.iter().filter(|id| *id % 2 == 1 && !there.contains(id)).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    assert!(acknowledged.len() > 50 && acknowledged.last().is_some_and(|id| there.contains(id)));
    for browser in &browsers {
        browser.until_exact(&new, "after the promotion").await;
        assert_eq!(browser.epoch(), "2");
    }
    let page = site.client.get(&format!("/api/feed?limit=1000&after={after}")).await;
    assert_eq!(page.items().len(), new.text("SELECT count(*) FROM feed").await.parse::<usize>().unwrap());

    // The old primary comes back as a replica of the new one, is read from, and takes over again.
    old = new.replica("promote_c", &[]).await;
    drop(site);
    let both = address(&[&new, &old]) + " target_session_attrs=primary connect_timeout=2";
    let site = Site::start(&parse_url(&both).unwrap(), &routes(&old)).await.unwrap();
    leader.end().await;
    let leader = Led::start(&both);
    let browser = Browser::open(site.client.clone());
    browser.until_exact(&new, "before the way back").await;
    new.run("UPDATE posts SET title = 'on the way back' WHERE id < 100").await;
    browser.until_exact(&new, "before the way back").await;
    let there = newest(&new.client().await).await;
    while old.text("SELECT epoch || '.' || pos FROM headwater.batch ORDER BY number DESC LIMIT 1").await
        != there.to_string()
    {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    new.kill();
    old.promote().await;
    let client = old.client().await;
    client.batch_execute("INSERT INTO posts VALUES (9999, 1, 'home', 1, now())").await.unwrap();
    assert_eq!(newest(&client).await.epoch, 3);
    browser.until_exact(&old, "back again").await;
    assert_eq!(browser.epoch(), "3");
    site.end().await;
    leader.end().await;
}

/// An asynchronous replica may lack what was shown already. Those who saw it are reset to what is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn positions_that_a_promotion_lost_are_reset() {
    let mut old = primary("lost_a").await;
    let new = old.replica("lost_b", &[]).await;
    let both = address(&[&old, &new]) + " target_session_attrs=read-write connect_timeout=2";
    let leader = Led::start(&both);
    let site = Site::start(&parse_url(&both).unwrap(), &routes(&new)).await.unwrap();
    let browser = Browser::open(site.client.clone());
    old.run("UPDATE posts SET title = 'on both' WHERE id < 20").await;
    let kept = newest(&old.client().await).await;
    browser.until_exact(&old, "at first").await;
    while new.text("SELECT epoch || '.' || pos FROM headwater.batch ORDER BY number DESC LIMIT 1").await
        != kept.to_string()
    {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    new.run("ALTER SYSTEM SET primary_conninfo = ''").await;
    new.run("SELECT pg_reload_conf()").await;
    while new.text("SELECT count(*) FROM pg_stat_wal_receiver").await != "0" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    old.run("UPDATE posts SET title = 'on the old one only' WHERE id < 30").await;
    let lost = newest(&old.client().await).await;
    assert!(lost > kept);
    browser.until_exact(&old, "what will be lost").await;
    let last = browser.merged.lock().unwrap().last.clone().unwrap();
    assert_eq!(last, lost.to_string());
    let resets = browser.merged.lock().unwrap().resets;
    old.kill();
    new.promote().await;
    new.run("UPDATE posts SET title = 'on the new one' WHERE id < 10").await;
    assert_eq!(newest(&new.client().await).await.epoch, 2);
    browser.until_exact(&new, "after the promotion").await;
    assert!(browser.merged.lock().unwrap().resets > resets);
    // One who slept through it all comes back to where nothing is.
    let mut stream = site.client.stream(STREAM, &[("last-event-id", &last)]).await;
    assert_eq!(stream.next().await.unwrap().name, "feed_reset");
    let mut merged = Merged::default();
    while !merged.whole {
        merged.take(&stream.next().await.unwrap());
    }
    assert!(merged.items().iter().all(|item| !item.contains("on the old one only")));
    site.end().await;
    leader.end().await;
}
