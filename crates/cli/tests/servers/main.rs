//! Several servers on one database, as programs, killed with `kill -9` while clients read and writers write.

#[path = "../../../serve/tests/serve/client.rs"]
#[allow(dead_code)]
mod client;
#[path = "../../../serve/tests/serve/node.rs"]
#[allow(dead_code)]
mod node;
#[path = "../../../serve/tests/serve/redis_server.rs"]
#[allow(dead_code)]
mod redis_server;
#[path = "../../../serve/tests/serve/stage.rs"]
#[allow(dead_code)]
mod stage;

mod program;
mod record;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;

use client::{Client, Merged};
use program::{Folder, Program};
use record::{Page, Recorder};
use redis_server::Redis;
use stage::{Dice, FEED, ROUTES, SCHEMA, Stage};

const STREAM: &str = "/api/feed/stream?limit=1000";

/// Where the servers are at present. The place of one that is killed is another's a moment later.
type Places = Arc<Mutex<Vec<SocketAddr>>>;

fn place(places: &Places, number: usize) -> Client {
    let places = places.lock().unwrap();
    Client::new(places[number % places.len()])
}

/// As a browser behind a balancer: when its server is gone it goes to the next one, with the last id that it has seen.
async fn browse(places: Places, number: usize, merged: Arc<Mutex<Merged>>, moves: Arc<Mutex<usize>>) {
    for turn in number.. {
        let last = merged.lock().unwrap().last.clone();
        let headers: Vec<_> = last.iter().map(|last| ("last-event-id", last.as_str())).collect();
        let Some(mut stream) = place(&places, turn).try_stream(STREAM, &headers).await else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        while let Some(event) = stream.next().await {
            merged.lock().unwrap().take(&event);
        }
        let mut merged = merged.lock().unwrap();
        if !merged.whole {
            let resets = merged.resets;
            *merged = Merged::default();
            merged.resets = resets;
        }
        *moves.lock().unwrap() += 1;
    }
}

/// Reads pages from one server after the other, and keeps them.
async fn read(places: Places, mut dice: Dice, stop: watch::Receiver<bool>) -> Vec<Page> {
    let mut pages = Vec::new();
    while !*stop.borrow() {
        let limit = 1 + dice.below(50);
        let client = place(&places, usize::try_from(dice.below(3)).unwrap());
        match client.try_get(&format!("/api/feed?limit={limit}"), &[]).await {
            Some(answer) => pages.push(Page {
                position: answer.header("headwater-position").parse().unwrap(),
                limit: usize::try_from(limit).unwrap(),
                items: answer.items(),
            }),
            None => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
    pages
}

/// Changes rows in every way. `at` stays apart from the text order's pitfalls: all are of one form.
async fn write(client: headwater_postgres::Client, mut dice: Dice, stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        let id = 1 + dice.below(300);
        let sql = match dice.below(5) {
            0 => format!("DELETE FROM posts WHERE id = {id}"),
            1 => format!("UPDATE posts SET at = '2026-01-0{}' WHERE id = {id}", 1 + dice.below(9)),
            2 => format!("UPDATE posts SET title = 'title {}' WHERE id = {id}", dice.below(4)),
            _ => format!(
                "INSERT INTO posts VALUES ({id}, {}, 'new', 1, '2026-01-02', 'b') ON CONFLICT (id) DO UPDATE SET body = posts.body || '+'",
                dice.below(3)
            ),
        };
        client.batch_execute(&sql).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_is_killed_and_its_clients_move_on() {
    clients_lose_nothing("servers", None).await;
}

/// One of the servers reads the log for all, and passes it on through a Redis, which is killed as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn servers_and_the_redis_between_them_are_killed_and_clients_move_on() {
    clients_lose_nothing("relay", Some(Redis::start().await)).await;
}

async fn clients_lose_nothing(hint: &str, mut redis: Option<Redis>) {
    let stage = Stage::new(hint, SCHEMA, &[FEED]).await;
    stage.run("UPDATE posts SET at = '2026-01-01'").await;
    stage.wait().await;
    let settings = ROUTES.replace("max_limit = 50", "max_limit = 1000");
    // One that nobody kills tells what the pages must have been.
    let witness = stage.serve(&settings).await;
    let recorder = Recorder::open(&witness.client, STREAM).await;
    let shared = redis.as_ref().map(|redis| format!("[serve.redis]\nurl = \"{}\"\n", redis.url()));
    let folder = Folder::new(hint, &(settings + &shared.unwrap_or_default()));
    let url = stage.database.url();
    let authority = redis.as_ref().map(|redis| redis.authority.clone());
    let mut programs: Vec<_> = (0..3).map(|_| Program::serve(&folder, &url, authority.as_deref())).collect();
    let places = Places::new(Mutex::new(programs.iter().map(|program| program.address).collect()));

    let (stop, stopped) = watch::channel(false);
    let moves = Arc::new(Mutex::new(0));
    let browsers: Vec<_> = (0..6).map(|_| Arc::new(Mutex::new(Merged::default()))).collect();
    let browsing = browsers.iter().enumerate();
    let browsing: Vec<_> = browsing
        .map(|(number, merged)| {
            tokio::spawn(browse(Arc::clone(&places), number, Arc::clone(merged), Arc::clone(&moves)))
        })
        .collect();
    let mut writers = Vec::new();
    for number in 0..2 {
        writers.push(tokio::spawn(write(stage.database.connect().await, Dice(number), stopped.clone())));
    }
    let readers: Vec<_> =
        (10..12).map(|number| tokio::spawn(read(Arc::clone(&places), Dice(number), stopped.clone()))).collect();
    let mut dice = Dice(7);
    for round in 0..7 {
        tokio::time::sleep(Duration::from_millis(300 + dice.below(400))).await;
        let number = usize::try_from(dice.below(3)).unwrap();
        programs[number].kill();
        tokio::time::sleep(Duration::from_millis(dice.below(300))).await;
        programs[number] = Program::serve(&folder, &url, authority.as_deref());
        places.lock().unwrap()[number] = programs[number].address;
        match &mut redis {
            Some(redis) if round == 2 => {
                assert!(redis.ask("KEYS *\n").unwrap().contains(":reads"), "nobody reads for the others");
                redis.kill();
            }
            Some(redis) if round == 4 => redis.begin().await,
            _ => {}
        }
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    stop.send_replace(true);
    for writer in writers {
        writer.await.unwrap();
    }
    let mut pages = Vec::new();
    for reader in readers {
        pages.extend(reader.await.unwrap());
    }

    // Each one's pages, now and all the time.
    stage.wait().await;
    let newest = stage.column("SELECT epoch || '.' || pos FROM headwater.batch ORDER BY number DESC LIMIT 1").await;
    for program in &programs {
        for (sort, order) in [("newest", "at DESC, id DESC"), ("rank", "rank, title DESC, id DESC")] {
            let path = format!("/api/feed?limit=50&sort={sort}&after={}", newest[0]);
            let expected = stage.json(&format!("SELECT * FROM feed ORDER BY {order} LIMIT 50")).await;
            assert_eq!(Client::new(program.address).get(&path).await.items(), expected);
        }
    }
    assert!(pages.len() > 100, "only {} pages were read", pages.len());
    recorder.until(newest[0].parse().unwrap()).await.check(pages);

    // What clients have put together, nothing left out, nothing twice (which Merged sees), nothing read anew.
    let mut expected: Vec<_> = stage.json("SELECT * FROM feed").await.iter().map(ToString::to_string).collect();
    expected.sort();
    for merged in &browsers {
        let began = tokio::time::Instant::now();
        while merged.lock().unwrap().items() != expected {
            assert!(began.elapsed() < Duration::from_secs(20), "a client shows something else");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(merged.lock().unwrap().resets, 0);
    }
    assert!(*moves.lock().unwrap() >= 7, "clients were cut off {} times", moves.lock().unwrap());
    for task in browsing {
        task.abort();
        // One that saw something twice has panicked.
        assert!(task.await.is_err_and(|error| error.is_cancelled()));
    }
    drop(programs);
    witness.end().await;
    stage.end().await;
}
