//! Leaders that are killed, servers that stop without a word, leaders that race and leaders that wake up late: nothing is lost,
//! nothing is applied twice, and no position that somebody has seen is ever taken back.
//!
//! By default each test takes some seconds. The full run:
//!
//! ```text
//! HEADWATER_KILLS=200 HEADWATER_STOPS=30 cargo test -p headwater-testkit --test crash
//! ```
//!
//! `HEADWATER_KILLS` (40): how often a leader is killed. `HEADWATER_STOPS` (4): how often PostgreSQL is stopped in immediate mode.
//! `HEADWATER_SEED` begins other random numbers. The program is built from this workspace, or named by `HEADWATER_PROGRAM`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use headwater_deploy::batch;
use headwater_postgres::{Client, Config, connect};
use headwater_testkit::TestDatabase;
use headwater_testkit::behavior::warm_up;
use headwater_testkit::eventual::scene::execute;
use headwater_testkit::eventual::{
    DurableServer, Follower, LeaderProcess, LeaderTask, Traffic, assert_sound, follower, pairs,
};
use headwater_testkit::traffic::Random;
use tokio::sync::watch;

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// How long one that stands by may take to see that the lead is free, and a start of the program on a busy machine.
const SOON: Duration = Duration::from_secs(30);

fn milliseconds(random: &mut Random, bound: u64) -> Duration {
    Duration::from_millis(random.number() % bound)
}

async fn last_batch(client: &Client) -> i64 {
    let sql = "SELECT max(number) FROM headwater.batch";
    client.query_one(sql, &[]).await.expect("the batches").get(0)
}

/// Ends the leader's session in the middle of whatever it does there. A process that is killed leaves the server a message that
/// it carries out to the end.
const CUT: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = 'headwater maintain' AND datname = current_database()";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_leaders_leave_nothing_half_done() {
    warm_up().await;
    let kills = number("HEADWATER_KILLS", 40);
    let seed = number("HEADWATER_SEED", 1);
    let mut random = Random::new(seed);
    let database = TestDatabase::create("kills").await;
    pairs::set(&database.config()).await;
    let client = database.connect().await;
    let mut follower = Follower::begin(&client).await.expect("the log");
    let traffic = Traffic::start(&database.config(), seed, 3, Duration::from_millis(12));
    let began = Instant::now();
    let first = last_batch(&client).await;
    let mut cut = 0;
    for _ in 0..kills {
        let leader = LeaderProcess::start(&database.url());
        leader.until("leads", 1, SOON).await;
        tokio::time::sleep(milliseconds(&mut random, 100)).await;
        if random.number().is_multiple_of(2) {
            cut += client.execute(CUT, &[]).await.expect("the sessions");
            tokio::time::sleep(milliseconds(&mut random, 30)).await;
        }
        leader.kill();
        follower.poll(&client).await.expect("the log").unwrap_or_else(|problem| panic!("{problem}"));
    }
    let elapsed = began.elapsed();
    let batches = last_batch(&client).await - first;
    let leader = LeaderProcess::start(&database.url());
    let transactions = traffic.stop().await;
    assert_sound(&database.config(), &mut follower).await;
    drop(leader);
    assert!(batches > 0 && follower.position() > 0, "no batch in {elapsed:?}");
    eprintln!(
        "{kills} kills and {cut} cuts in {elapsed:?}: {batches} batches, {} positions, {transactions} transactions",
        follower.position()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_runners_of_batches_race() {
    warm_up().await;
    let database = TestDatabase::create("race").await;
    pairs::set(&database.config()).await;
    let client = database.connect().await;
    let mut follower = Follower::begin(&client).await.expect("the log");
    let traffic = Traffic::start(&database.config(), number("HEADWATER_SEED", 1), 4, Duration::from_millis(4));
    let stop = Arc::new(AtomicBool::new(false));
    let runners: Vec<_> = (0..2)
        .map(|_| {
            let (config, stop) = (database.config(), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut client = connect(&config).await.expect("a connection");
                let mut done = 0;
                while !stop.load(Ordering::Relaxed) {
                    let how = batch::How { careful: false, force: false };
                    let batch = batch::run(&mut client, how).await.unwrap_or_else(|error| panic!("{error}"));
                    done += i64::from(batch.done);
                }
                done
            })
        })
        .collect();
    let first = last_batch(&client).await;
    let until = Instant::now() + Duration::from_secs(number("HEADWATER_SECONDS", 4));
    while Instant::now() < until {
        follower.poll(&client).await.expect("the log").unwrap_or_else(|problem| panic!("{problem}"));
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    let transactions = traffic.stop().await;
    stop.store(true, Ordering::Relaxed);
    let mut done = Vec::new();
    for runner in runners {
        done.push(runner.await.expect("a runner"));
    }
    assert_eq!(last_batch(&client).await - first, done.iter().sum::<i64>(), "a number is used twice, or left out");
    assert!(done.iter().all(|done| *done > 0), "{done:?}");
    let leader = LeaderTask::start(&database.config());
    assert_sound(&database.config(), &mut follower).await;
    leader.end().await;
    eprintln!("{done:?} batches, {} positions, {transactions} transactions", follower.position());
}

/// A leader that is stopped keeps its connection, and with it the lead, until the server ends the session. Awake again, it finds
/// that it is not the leader any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_was_cut_off_does_no_harm() {
    warm_up().await;
    let database = TestDatabase::create("cut_off").await;
    pairs::set(&database.config()).await;
    let client = database.connect().await;
    let mut follower = Follower::begin(&client).await.expect("the log");
    let traffic = Traffic::start(&database.config(), number("HEADWATER_SEED", 1), 2, Duration::from_millis(20));
    let first = LeaderProcess::start(&database.url());
    first.until("leads", 1, SOON).await;
    let second = LeaderProcess::start(&database.url());
    second.until("standby", 1, SOON).await;
    tokio::time::sleep(Duration::from_millis(137)).await;
    first.freeze();
    let took = second.until("leads", 1, Duration::from_secs(20)).await;
    let before = last_batch(&client).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    first.thaw();
    first.until("standby", 1, SOON).await;
    follower.poll(&client).await.expect("the log").unwrap_or_else(|problem| panic!("{problem}"));
    assert!(last_batch(&client).await > before, "the second one does nothing");
    assert_eq!((first.count("leads"), second.count("leads")), (1, 1), "{:#?}", first.said());
    let transactions = traffic.stop().await;
    assert_sound(&database.config(), &mut follower).await;
    eprintln!("the second leader took over after {took:?}; {transactions} transactions");
}

/// Reads the log until told to stop, whether the server is there or not.
fn follow(
    config: Config,
    mut follower: Follower,
    stop: Arc<AtomicBool>,
    seen: watch::Sender<i64>,
) -> tokio::task::JoinHandle<Follower> {
    tokio::spawn(async move {
        let mut client: Option<Client> = None;
        while !stop.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(1)).await;
            let Some(open) = &client else {
                client = connect(&config).await.ok();
                continue;
            };
            // A copy, so that a poll that breaks off has read nothing.
            let mut next = follower.clone();
            match next.poll(open).await {
                Ok(Ok(_)) => follower = next,
                Ok(Err(problem)) => panic!("{problem}"),
                Err(_) => client = None,
            }
            seen.send_replace(follower.position());
        }
        follower
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_position_is_taken_back_when_the_server_dies() {
    let stops = number("HEADWATER_STOPS", 4);
    let seed = number("HEADWATER_SEED", 1);
    let mut random = Random::new(seed ^ 0x57_0b);
    let server = DurableServer::start().await;
    let config = server.database("stops").await;
    pairs::set(&config).await;
    let client = connect(&config).await.expect("a connection");
    let setting = "SELECT current_setting('fsync') || current_setting('synchronous_commit') || current_setting('full_page_writes')";
    assert_eq!(execute(&client, setting).await, ["ononon"]);
    let follower = Follower::begin(&client).await.expect("the log");
    let stop = Arc::new(AtomicBool::new(false));
    let (sender, seen) = watch::channel(0);
    let following = follow(config.clone(), follower, Arc::clone(&stop), sender);
    let traffic = Traffic::start(&config, seed, 4, Duration::from_millis(4));
    let leader = LeaderTask::start(&config);
    let (mut away, mut batches_lost) = (Duration::ZERO, 0);
    for _ in 0..stops {
        tokio::time::sleep(Duration::from_millis(150) + milliseconds(&mut random, 450)).await;
        // Not after the stop: what is shown meanwhile has been seen as well, and the follower would notice.
        let before = match connect(&config).await {
            Ok(client) => last_batch(&client).await,
            Err(error) => panic!("{error}"),
        };
        away += server.stop_immediately_and_start().await;
        let client = connect(&config).await.expect("a connection");
        let (_, position) = follower::place(&client).await.expect("the batches");
        assert!(position >= *seen.borrow(), "{} was seen, and now the last position is {position}", *seen.borrow());
        batches_lost += i64::from(last_batch(&client).await < before);
    }
    let transactions = traffic.stop().await;
    stop.store(true, Ordering::Relaxed);
    let mut follower = following.await.expect("a follower");
    assert_sound(&config, &mut follower).await;
    leader.end().await;
    eprintln!(
        "{stops} stops, away for {away:?}, {batches_lost} times a batch that nobody had followed was lost; {} positions, {transactions} transactions",
        follower.position()
    );
}

/// The mutant of the test above: batches that are committed before they are flushed, whether they show positions or not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn positions_shown_before_they_are_flushed_are_taken_back() {
    let server = DurableServer::start().await;
    for mutated in [false, true] {
        let config = server.database("unflushed").await;
        pairs::set(&config).await;
        let mut client = connect(&config).await.expect("a connection");
        batch::run(&mut client, batch::How::default()).await.unwrap_or_else(|error| panic!("{error}"));
        if mutated {
            let sql = "SELECT replace(pg_get_functiondef('headwater.run_batch'::regproc), '''synchronous_commit'', ''on''', '''synchronous_commit'', ''off''')";
            let changed = execute(&client, sql).await.remove(0);
            assert!(changed.contains("'synchronous_commit', 'off'"));
            execute(&client, &changed).await;
        }
        execute(
            &client,
            "INSERT INTO votes (pair, project_id, user_id, points) VALUES (1000, 1, 1, 1), (1000, 2, 1, -1)",
        )
        .await;
        // As the leader's session is.
        execute(&client, "SET synchronous_commit = off").await;
        let batch = batch::run(&mut client, batch::How::default()).await.unwrap_or_else(|error| panic!("{error}"));
        let reader = connect(&config).await.expect("a connection");
        let (_, seen) = follower::place(&reader).await.expect("the batches");
        assert_eq!(seen, batch.pos);
        server.stop_immediately_and_start().await;
        let reader = connect(&config).await.expect("a connection");
        let (_, position) = follower::place(&reader).await.expect("the batches");
        assert_eq!(position < seen, mutated, "seen {seen}, now {position}");
    }
}
