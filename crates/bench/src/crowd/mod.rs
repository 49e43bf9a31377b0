//! A crowd: users who look at pages, each with a connection and a pace of their own, some with a live stream beside it. Every request has its moment; where the answer to the
//! one before is not there yet, the next one waits and the wait counts. All users share a thread, as they share the machine with what they look at.

pub mod pages;
pub mod visitor;

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::LocalSet;

use crate::Failure;
use pages::{Dice, Kind, PAGES, World};
use visitor::Visitor;

/// Between two deeds of a user, in seconds.
pub const THINK: std::ops::Range<f64> = 1.0..5.0;

/// A user who has waited for so long has an error, and goes on with the next page.
const PATIENCE: Duration = Duration::from_secs(10);

/// The streams that are followed, one user after the other.
const STREAMS: [&str; 4] =
    ["/api/me/unread/stream", "/api/projects/{}/stream", "/api/me/unread/stream", "/api/feed/stream?limit=10"];

/// Who looks at what, and how long.
#[derive(Debug, Clone)]
pub struct Crowd {
    /// Where.
    pub address: SocketAddr,
    /// Headwater's routes or 003's.
    pub kind: Kind,
    /// Users, and what they can look at; where they are too few, one comes a second time.
    pub world: Arc<World>,
    /// How many.
    pub users: usize,
    /// How many of them have a stream open too.
    pub streams: usize,
    /// The share of what they do that is no request: writes are somebody else's to send.
    pub writes: f64,
    /// Before it counts: everybody comes, and what is kept is kept.
    pub warm_up: Duration,
    /// What counts.
    pub time: Duration,
}

/// What the users saw of one page.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Milliseconds from the moment of each request that was answered to the last byte.
    pub latencies: Vec<f64>,
    /// Answers that say that it is gone: somebody has deleted it, or his own account.
    pub gone: u64,
    /// Requests that were refused, or not answered in time.
    pub errors: u64,
    /// Bytes of all answers.
    pub bytes: usize,
}

impl Seen {
    /// All requests.
    pub fn requests(&self) -> u64 {
        self.latencies.len() as u64 + self.errors
    }
}

/// What all of them saw.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// By the place in [`PAGES`].
    pub pages: Vec<Seen>,
    /// Events that the streams brought, while it counted.
    pub events: usize,
    /// Streams that ended, or never began.
    pub lost: usize,
    /// Requests whose moment came and that were never sent: their users still waited at the end.
    pub unsent: u64,
    /// What went wrong first, some of it.
    pub troubles: Vec<String>,
}

/// Comes, looks, and goes.
pub async fn run(crowd: Crowd) -> Result<Found, Failure> {
    let on_a_thread = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        LocalSet::new().block_on(&runtime, drive(crowd))
    };
    tokio::task::spawn_blocking(on_a_thread).await?
}

/// What everybody shares on the thread.
struct Shared {
    crowd: Crowd,
    from: Instant,
    until: Instant,
    found: RefCell<Found>,
}

async fn drive(crowd: Crowd) -> Result<Found, Failure> {
    let start = Instant::now();
    let (from, until) = (start + crowd.warm_up, start + crowd.warm_up + crowd.time);
    let found = RefCell::new(Found { pages: vec![Seen::default(); PAGES.len()], ..Found::default() });
    let shared = Rc::new(Shared { crowd, from, until, found });
    let mut looking = tokio::task::JoinSet::new();
    let mut following = tokio::task::JoinSet::new();
    for number in 0..shared.crowd.users {
        looking.spawn_local(look(Rc::clone(&shared), number, start));
        if number < shared.crowd.streams {
            following.spawn_local(follow(Rc::clone(&shared), number, start));
        }
    }
    while let Some(one) = looking.join_next().await {
        one?;
    }
    following.shutdown().await;
    Ok(shared.found.take())
}

/// One user's visit.
async fn look(shared: Rc<Shared>, number: usize, start: Instant) {
    let crowd = &shared.crowd;
    let user = &crowd.world.users[number % crowd.world.users.len()];
    let mut dice = Dice(number as u64 + 1);
    let mut visitor = Visitor::new(crowd.address);
    let mut due = start + Duration::from_secs_f64(dice.roll() * THINK.end);
    while due < shared.until {
        tokio::time::sleep_until(due.into()).await;
        let (page, of) = dice.page(&crowd.world, user);
        if dice.roll() < crowd.writes {
            // Writes are not sent from here.
        } else if Instant::now() < shared.until + PATIENCE {
            let path = crowd.kind.path(&PAGES[page], user, of);
            let answer = tokio::time::timeout(PATIENCE, visitor.ask(&path, &user.bearer)).await;
            if due >= shared.from {
                shared.note(page, due.elapsed(), answer);
            }
        } else {
            shared.found.borrow_mut().unsent += 1;
        }
        due += Duration::from_secs_f64(THINK.start + dice.roll() * (THINK.end - THINK.start));
    }
}

/// One user's stream.
async fn follow(shared: Rc<Shared>, number: usize, start: Instant) {
    let crowd = &shared.crowd;
    let user = &crowd.world.users[number % crowd.world.users.len()];
    let mut dice = Dice(u64::MAX - number as u64);
    tokio::time::sleep_until((start + Duration::from_secs_f64(dice.roll() * THINK.end)).into()).await;
    let project = PAGES.iter().find(|page| page.name == "project");
    let of = project.and_then(|page| crowd.world.of_page(page, user, &mut dice)).unwrap_or_default();
    let path = STREAMS[number % STREAMS.len()].replace("{}", of);
    let heard = |events| {
        if Instant::now() >= shared.from {
            shared.found.borrow_mut().events += events;
        }
    };
    if let Err(error) = Visitor::new(crowd.address).follow(&path, &user.bearer, heard).await {
        let mut found = shared.found.borrow_mut();
        found.lost += 1;
        found.trouble(|| format!("{path}: {error}"));
    }
}

impl Shared {
    /// What came of a request.
    fn note(
        &self,
        page: usize,
        took: Duration,
        answer: Result<Result<visitor::Answer, Failure>, tokio::time::error::Elapsed>,
    ) {
        let mut found = self.found.borrow_mut();
        let seen = &mut found.pages[page];
        let trouble = match answer {
            Ok(Ok(answer)) if matches!(answer.status, 200 | 404) => {
                seen.gone += u64::from(answer.status == 404);
                seen.bytes += answer.bytes;
                seen.latencies.push(took.as_secs_f64() * 1000.0);
                return;
            }
            Ok(Ok(answer)) => format!("answered with {}", answer.status),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer in {} s", PATIENCE.as_secs()),
        };
        seen.errors += 1;
        found.trouble(|| format!("{}: {trouble}", PAGES[page].name));
    }
}

impl Found {
    fn trouble(&mut self, say: impl FnOnce() -> String) {
        if self.troubles.len() < 20 {
            self.troubles.push(say());
        }
    }
}
