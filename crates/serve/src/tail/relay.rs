//! One server reads the log and passes on what it has read, through Redis; the others need not read it.
//!
//! Each route has a stream in Redis, whose messages say: between these two positions the log has these entries. Who holds the route's lock, a key that
//! expires, reads the log and writes the messages. The others, when they hear of a new position, wait a moment for them, and read the log
//! themselves where nothing comes. So whoever reads, or Redis, may go at any time: that costs the moment, once.
//!
//! A message is taken only where it begins no later than the hub stands: what comes late, twice or after a gap is passed over, and the log
//! is read instead. Servers whose routes differ have different streams.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use headwater_deploy::project::serve::Redis as Settings;
use redis::aio::MultiplexedConnection;
use redis::streams::StreamReadReply;
use redis::{AsyncConnectionConfig, Client, RedisError, cmd};
use serde_json::Value;
use sha2::Digest as _;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Instant, timeout, timeout_at};

use super::entry::{Entry, Op};
use super::log;
use crate::error::Error;
use crate::page::read::Values;
use crate::position::Position;
use crate::route::Route;
use crate::server::{Served, Table};

/// How long what another server reads is waited for.
const PATIENCE: Duration = Duration::from_millis(50);

/// How long it is not waited for after it did not come.
const DOUBT: Duration = Duration::from_secs(2);

/// How long a route's lock is held without being renewed, and how often it is.
const HELD: Duration = Duration::from_secs(2);
/// See [`HELD`].
const RENEWAL: Duration = Duration::from_millis(400);

/// The pause before Redis is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// How many messages a stream keeps; nobody needs old ones.
const KEPT: usize = 256;

/// The way to the other servers.
#[derive(Debug)]
pub struct Relay {
    shared: Arc<Shared>,
    heard: mpsc::Receiver<(String, Message)>,
    table: Arc<Table>,
    names: HashMap<String, Arc<Served>>,
}

/// What the task that talks with Redis knows, too.
#[derive(Debug)]
struct Shared {
    client: Client,
    /// What all keys begin with.
    prefix: String,
    /// The name by which this server holds locks.
    own: String,
    state: Mutex<State>,
    /// A message could not be written in time.
    hangs: Notify,
}

#[derive(Default)]
struct State {
    /// `None` while Redis is away.
    writing: Option<MultiplexedConnection>,
    streams: BTreeMap<String, Stream>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("streams", &self.streams).finish_non_exhaustive()
    }
}

/// What is known of a route's stream.
#[derive(Debug, Default)]
struct Stream {
    holder: Holder,
    /// The last message that was read.
    last: Option<String>,
    /// Until then nothing is expected of the one who reads.
    doubted: Option<Instant>,
}

/// Who reads the log for a route.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Holder {
    #[default]
    Nobody,
    This,
    Another,
}

/// What the log has between two positions.
#[derive(Debug, PartialEq)]
struct Message {
    from: Position,
    until: Position,
    entries: Vec<Arc<Entry>>,
}

impl Relay {
    /// The way through the Redis that is declared; `identity` tells databases apart. It is looked for in the background, until told to stop.
    ///
    /// # Errors
    /// Where the address is none.
    pub fn begin(declared: &Settings, identity: &str, stop: watch::Receiver<bool>) -> Result<Self, Error> {
        let client = Client::open(declared.url.as_str())
            .map_err(|error| Error::Settings(vec![format!("redis: the url is none: {}", error.category())]))?;
        let nanoseconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let shared = Arc::new(Shared {
            client,
            prefix: format!("{}:{identity}", declared.prefix),
            own: format!("{}-{}", std::process::id(), nanoseconds.as_nanos()),
            state: Mutex::default(),
            hangs: Notify::new(),
        });
        let (sender, heard) = mpsc::channel(KEPT);
        tokio::spawn(keep(Arc::clone(&shared), sender, stop));
        Ok(Self { shared, heard, table: Arc::default(), names: HashMap::new() })
    }

    /// Waits for what other servers have read up to `newest`, for the routes that they read, but not for long.
    pub async fn bring(&mut self, table: &Arc<Table>, newest: Position) {
        self.look_at(table);
        while let Ok((name, message)) = self.heard.try_recv() {
            self.take(&name, message);
        }
        let behind: Vec<_> = self
            .names
            .iter()
            .filter(|(name, served)| served.hub.position() < newest && self.shared.is_read_elsewhere(name))
            .map(|(name, served)| (name.clone(), Arc::clone(served)))
            .collect();
        let until = Instant::now() + PATIENCE;
        while behind.iter().any(|(_, served)| served.hub.position() < newest) {
            match timeout_at(until, self.heard.recv()).await {
                Ok(Some((name, message))) => self.take(&name, message),
                _ => break,
            }
        }
        for (name, served) in behind {
            if served.hub.position() < newest {
                self.shared.doubt(&name);
            }
        }
    }

    /// Passes on what was read, where this server reads for others.
    pub async fn pass_on(&self, served: &Served, from: Position, until: Position, entries: &[Arc<Entry>]) {
        let name = self.shared.name(&served.route);
        let Some(mut writing) = self.shared.held(&name) else { return };
        let message = Message { from, until, entries: entries.to_vec() };
        let mut add = cmd("XADD");
        add.arg(&name).arg("MAXLEN").arg("~").arg(KEPT).arg("*").arg("m").arg(message.write());
        // Where it is lost, those who wait read the log. A Redis that hangs must not make this server's own clients wait.
        if !matches!(timeout(PATIENCE, add.query_async::<()>(&mut writing)).await, Ok(Ok(()))) {
            self.shared.hangs.notify_one();
        }
    }

    /// Keeps note of which routes have streams: those whose entries somebody wants.
    fn look_at(&mut self, table: &Arc<Table>) {
        let wanted = table.served.values().filter(|served| served.hub.is_wanted()).count();
        if Arc::ptr_eq(table, &self.table) && wanted == self.names.len() {
            return;
        }
        self.table = Arc::clone(table);
        let wanted = table.served.values().filter(|served| served.hub.is_wanted());
        self.names = wanted.map(|served| (self.shared.name(&served.route), Arc::clone(served))).collect();
        let mut state = self.shared.state();
        state.streams.retain(|name, _| self.names.contains_key(name));
        for name in self.names.keys() {
            state.streams.entry(name.clone()).or_default();
        }
    }

    /// Tells a route's hub what another server has read.
    fn take(&self, name: &str, message: Message) {
        let Some(served) = self.names.get(name) else { return };
        let here = served.hub.position();
        let of_here = message.from.epoch == here.epoch && message.until.epoch == here.epoch;
        if of_here && message.from <= here && here < message.until {
            let entries = message.entries.into_iter().filter(|entry| entry.position > here).collect();
            served.hub.tell(entries, message.until);
            served.hub.count_relayed();
            if let Some(stream) = self.shared.state().streams.get_mut(name) {
                stream.doubted = None;
            }
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The key of a route's stream. Servers that read the same of the log in the same way have the same one.
    fn name(&self, route: &Route) -> String {
        let text = format!("{}\n{:?}\n{}", route.path, route.model.columns, log::statement(route, None));
        let hash = sha2::Sha256::digest(text.as_bytes());
        let hash: String = hash[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{}:{hash}", self.prefix)
    }

    fn is_read_elsewhere(&self, name: &str) -> bool {
        let state = self.state();
        let stream = state.streams.get(name);
        stream.is_some_and(|stream| {
            stream.holder == Holder::Another && stream.doubted.is_none_or(|until| until < Instant::now())
        })
    }

    fn doubt(&self, name: &str) {
        if let Some(stream) = self.state().streams.get_mut(name) {
            stream.doubted = Some(Instant::now() + DOUBT);
        }
    }

    /// Redis is away; true where it was there.
    fn forget(&self) -> bool {
        let mut state = self.state();
        state.streams.values_mut().for_each(|stream| stream.holder = Holder::Nobody);
        state.writing.take().is_some()
    }

    /// What a message is written with, where this server holds the route's lock.
    fn held(&self, name: &str) -> Option<MultiplexedConnection> {
        let state = self.state();
        state.streams.get(name).filter(|stream| stream.holder == Holder::This)?;
        state.writing.clone()
    }
}

/// Talks with Redis, whenever it is there.
async fn keep(shared: Arc<Shared>, sender: mpsc::Sender<(String, Message)>, mut stop: watch::Receiver<bool>) {
    let mut told = false;
    loop {
        let lost = tokio::select! {
            lost = connected(&shared, &sender) => lost,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        let was_there = shared.forget();
        if let Err(error) = lost
            && (was_there || !told)
        {
            tracing::warn!(%error, "Redis is away: every server reads the log by itself");
            told = true;
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// Holds locks and hears messages until something fails.
async fn connected(shared: &Shared, sender: &mpsc::Sender<(String, Message)>) -> Result<(), RedisError> {
    let config =
        |response| AsyncConnectionConfig::new().set_connection_timeout(Some(HELD)).set_response_timeout(Some(response));
    let writing = shared.client.get_multiplexed_async_connection_with_config(&config(HELD / 4)).await?;
    let reading = shared.client.get_multiplexed_async_connection_with_config(&config(HELD)).await?;
    shared.state().writing = Some(writing.clone());
    tracing::info!("Redis is there: one server reads the log for all");
    tokio::select! {
        lost = hold(shared, writing) => lost,
        lost = hear(shared, reading, sender) => lost,
        () = shared.hangs.notified() => Err((redis::ErrorKind::Io, "it did not answer in time").into()),
    }
}

/// Takes and renews the locks of routes that nobody reads.
async fn hold(shared: &Shared, mut connection: MultiplexedConnection) -> Result<(), RedisError> {
    let held = u64::try_from(HELD.as_millis()).unwrap_or(u64::MAX);
    loop {
        let names: Vec<_> = shared.state().streams.keys().cloned().collect();
        for name in names {
            let lock = format!("{name}:reads");
            let mut set = cmd("SET");
            set.arg(&lock).arg(&shared.own).arg("NX").arg("PX").arg(held);
            let mut is_own = set.query_async::<Option<String>>(&mut connection).await?.is_some();
            if !is_own {
                let holder: Option<String> = cmd("GET").arg(&lock).query_async(&mut connection).await?;
                is_own = holder.as_deref() == Some(&shared.own);
                if is_own {
                    cmd("PEXPIRE").arg(&lock).arg(held).query_async::<()>(&mut connection).await?;
                }
            }
            if let Some(stream) = shared.state().streams.get_mut(&name) {
                stream.holder = if is_own { Holder::This } else { Holder::Another };
            }
        }
        tokio::time::sleep(RENEWAL).await;
    }
}

/// Reads the streams that others write.
async fn hear(
    shared: &Shared,
    mut connection: MultiplexedConnection,
    sender: &mpsc::Sender<(String, Message)>,
) -> Result<(), RedisError> {
    loop {
        let of_others: Vec<_> = {
            let state = shared.state();
            let of_others = state.streams.iter().filter(|(_, stream)| stream.holder == Holder::Another);
            of_others.map(|(name, stream)| (name.clone(), stream.last.clone())).collect()
        };
        if of_others.is_empty() {
            tokio::time::sleep(PATIENCE).await;
            continue;
        }
        let mut read = cmd("XREAD");
        read.arg("COUNT").arg(KEPT).arg("BLOCK").arg(RENEWAL.as_millis().to_string()).arg("STREAMS");
        for (name, _) in &of_others {
            read.arg(name);
        }
        // What a stream still has from before is passed over soon enough.
        for (_, last) in &of_others {
            read.arg(last.as_deref().unwrap_or("0"));
        }
        let Some(reply) = read.query_async::<Option<StreamReadReply>>(&mut connection).await? else { continue };
        for stream in reply.keys {
            for told in stream.ids {
                let message = told.get::<Vec<u8>>("m").and_then(|bytes| Message::read(&bytes));
                if let Some(known) = shared.state().streams.get_mut(&stream.key) {
                    known.last = Some(told.id);
                }
                if let Some(message) = message
                    && sender.send((stream.key.clone(), message)).await.is_err()
                {
                    return Ok(());
                }
            }
        }
    }
}

impl Message {
    fn write(&self) -> Vec<u8> {
        let entries: Vec<_> = self.entries.iter().map(|entry| written(entry)).collect();
        serde_json::to_vec(&(self.from.to_string(), self.until.to_string(), entries)).unwrap_or_default()
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (from, until, entries): (String, String, Vec<Value>) = serde_json::from_slice(bytes).ok()?;
        let (from, until): (Position, Position) = (from.parse().ok()?, until.parse().ok()?);
        let entry = |value: Value| {
            let (pos, op, key, item, new, old): (i64, String, String, Option<String>, Option<Values>, Vec<Values>) =
                serde_json::from_value(value).ok()?;
            let op = match op.as_str() {
                "put" => Op::Put,
                "gone" => Op::Gone,
                "reset" => Op::Reset,
                _ => return None,
            };
            let position = Position { epoch: until.epoch, pos };
            Some(Arc::new(Entry { position, op, key: key.into(), item: item.map(Into::into), new, old }))
        };
        Some(Self { from, until, entries: entries.into_iter().map(entry).collect::<Option<_>>()? })
    }
}

/// An entry as a message has it: position, what became of the row, key, item, the tracked values now and before.
type Written<'e> = (i64, &'e str, &'e str, Option<&'e str>, &'e Option<Values>, &'e Vec<Values>);

fn written(entry: &Entry) -> Written<'_> {
    let op = match entry.op {
        Op::Put => "put",
        Op::Gone => "gone",
        Op::Reset => "reset",
    };
    (entry.position.pos, op, &entry.key, entry.item.as_deref(), &entry.new, &entry.old)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_as_it_was_written() {
        let row = |text: Option<&str>| -> Values { [text.map(Into::into)].into() };
        let entry = |pos, op, item: Option<&str>, new, old| {
            let position = Position { epoch: 3, pos };
            Arc::new(Entry { position, op, key: "{\"id\": 1}".into(), item: item.map(Into::into), new, old })
        };
        let message = Message {
            from: Position { epoch: 3, pos: 6 },
            until: Position { epoch: 3, pos: 9 },
            entries: vec![
                entry(7, Op::Put, Some("{\"n\": 1.50}"), Some(row(None)), vec![row(Some("a \"b\" ✓"))]),
                entry(8, Op::Gone, None, None, vec![row(Some("")), row(None)]),
                entry(9, Op::Reset, None, None, Vec::new()),
            ],
        };
        assert_eq!(Message::read(&message.write()), Some(message));
        for wrong in ["", "[]", "[\"1.1\",\"1.x\",[]]", "[\"1.1\",\"1.2\",[[1,\"moved\",\"{}\",null,null,[]]]]"] {
            assert_eq!(Message::read(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
