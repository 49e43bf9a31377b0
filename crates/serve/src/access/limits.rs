//! How much one client may ask for: requests in a time, streams and connections at a time.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use headwater_deploy::project::serve::{Limits as Declared, Network};
use tokio::sync::watch;

use super::client::Client;
use crate::http::problem::Problem;

/// How often clients are forgotten who have not asked for a while.
const FORGET: Duration = Duration::from_secs(10);

/// After how many seconds it is worth trying to open a stream again.
const LATER: u64 = 10;

/// How much one client may ask for.
#[derive(Debug)]
pub struct Limits {
    /// The proxies that are believed.
    pub proxies: Vec<Network>,
    requests: Option<DefaultKeyedRateLimiter<Client>>,
    streams: Arc<Places>,
    connections: Arc<Places>,
}

impl Limits {
    /// As they are declared.
    #[must_use]
    pub fn new(declared: &Declared) -> Self {
        let quota = NonZeroU32::new(declared.requests_per_second).map(|rate| {
            Quota::per_second(rate).allow_burst(NonZeroU32::new(declared.burst).unwrap_or(NonZeroU32::MIN))
        });
        Self {
            proxies: declared.proxies.clone(),
            requests: quota.map(RateLimiter::keyed),
            streams: Places::new(declared.streams, declared.all_streams),
            connections: Places::new(declared.connections, declared.all_connections),
        }
    }

    /// Counts a request.
    ///
    /// # Errors
    /// HW0741 where there were too many.
    pub fn request(&self, client: Client) -> Result<(), Problem> {
        let Some(requests) = &self.requests else { return Ok(()) };
        requests.check_key(&client).map_err(|early| {
            let wait = early.wait_time_from(DefaultClock::default().now());
            Problem::new(StatusCode::TOO_MANY_REQUESTS, 741, "there were too many requests from your address")
                .retry_after(wait.as_secs() + 1)
        })
    }

    /// A place for a stream. It is free again when the slot is dropped.
    ///
    /// # Errors
    /// HW0742 where the client has too many streams, HW0743 where all together have.
    pub fn stream(&self, client: Client) -> Result<Slot, Problem> {
        self.streams.take(client).map_err(|taken| match taken {
            Taken::All => {
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, 743, "all streams are in use").retry_after(LATER)
            }
            Taken::Own => Problem::new(StatusCode::TOO_MANY_REQUESTS, 742, "your address has too many streams open")
                .hint("close one; pages of one browser can share one")
                .retry_after(LATER),
        })
    }

    /// A place for a connection from this address, of a client or of a proxy. It is free again when the slot is dropped.
    ///
    /// # Errors
    /// Which places are taken.
    pub fn connection(&self, from: IpAddr) -> Result<Slot, Taken> {
        let is_proxy = self.proxies.iter().any(|network| network.holds(from));
        if is_proxy {
            self.connections.take_among_all(Client::at(from))
        } else {
            self.connections.take(Client::at(from))
        }
    }

    /// How many streams are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.streams.open().all
    }

    /// Forgets clients that have not asked for a while, until told to stop.
    pub async fn keep(&self, mut stop: watch::Receiver<bool>) {
        let Some(requests) = &self.requests else { return };
        while !*stop.borrow() {
            requests.retain_recent();
            requests.shrink_to_fit();
            tokio::select! {
                () = tokio::time::sleep(FORGET) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }
}

/// Which places are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// Those of one client.
    Own,
    /// Those of all clients together.
    All,
}

/// Something that only so many may have at a time: `each` of one client, `all` together; 0 for no limit.
#[derive(Debug)]
struct Places {
    each: usize,
    all: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    of: HashMap<Client, usize>,
}

impl Places {
    fn new(each: usize, all: usize) -> Arc<Self> {
        Arc::new(Self { each, all, open: Mutex::default() })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(self: &Arc<Self>, client: Client) -> Result<Slot, Taken> {
        self.take_up_to(self.each, client)
    }

    /// For whoever speaks for many.
    fn take_among_all(self: &Arc<Self>, client: Client) -> Result<Slot, Taken> {
        self.take_up_to(0, client)
    }

    fn take_up_to(self: &Arc<Self>, each: usize, client: Client) -> Result<Slot, Taken> {
        let mut open = self.open();
        if self.all > 0 && open.all >= self.all {
            return Err(Taken::All);
        }
        let count = open.of.entry(client).or_default();
        if each > 0 && *count >= each {
            return Err(Taken::Own);
        }
        *count += 1;
        open.all += 1;
        Ok(Slot { places: Arc::clone(self), client })
    }
}

/// A place among those that may be taken.
#[derive(Debug)]
pub struct Slot {
    places: Arc<Places>,
    client: Client,
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut open = self.places.open();
        open.all -= 1;
        if let Some(count) = open.of.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                open.of.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(last: u8) -> Client {
        Client([192, 0, 2, last].into())
    }

    #[test]
    fn requests_are_counted_for_each_client() {
        let limits = Limits::new(&Declared { requests_per_second: 1, burst: 3, ..Declared::default() });
        for _ in 0..3 {
            limits.request(client(1)).unwrap();
        }
        let problem = limits.request(client(1)).unwrap_err();
        assert_eq!((problem.code, problem.status.as_u16(), problem.retry_after), (741, 429, Some(1)));
        limits.request(client(2)).unwrap();
        let unlimited = Limits::new(&Declared::default());
        assert!((0..10_000).all(|_| unlimited.request(client(1)).is_ok()));
    }

    #[test]
    fn a_stream_frees_its_place_and_leaves_nothing_behind() {
        let limits = Limits::new(&Declared { streams: 2, all_streams: 3, ..Declared::default() });
        let code = |found: Result<Slot, Problem>| found.map(drop).unwrap_err().code;
        let (first, second) = (limits.stream(client(1)).unwrap(), limits.stream(client(1)).unwrap());
        assert_eq!(code(limits.stream(client(1))), 742);
        let third = limits.stream(client(2)).unwrap();
        assert_eq!(code(limits.stream(client(3))), 743);
        drop(first);
        let again = limits.stream(client(1)).unwrap();
        drop((second, third, again));
        let open = limits.streams.open();
        assert_eq!((open.all, open.of.len()), (0, 0));
    }

    #[test]
    fn connections_are_counted_by_address_but_for_proxies() {
        let proxies = vec!["10.0.0.0/8".parse().unwrap()];
        let limits = Limits::new(&Declared { connections: 1, all_connections: 3, proxies, ..Declared::default() });
        let from = |text: &str| limits.connection(text.parse().unwrap());
        let _client = from("192.0.2.1").unwrap();
        assert_eq!(from("192.0.2.1").unwrap_err(), Taken::Own);
        let _proxied = (from("10.0.0.1").unwrap(), from("10.0.0.1").unwrap());
        assert_eq!(from("192.0.2.2").unwrap_err(), Taken::All);
    }

    #[test]
    fn a_refused_client_is_not_remembered() {
        let limits = Limits::new(&Declared { streams: 1, all_streams: 1, ..Declared::default() });
        let _first = limits.stream(client(1)).unwrap();
        for last in 2..100 {
            assert!(limits.stream(client(last)).is_err());
        }
        assert_eq!(limits.streams.open().of.len(), 1);
    }
}
