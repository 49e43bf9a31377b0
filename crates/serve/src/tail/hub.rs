//! One route's followers, recent entries and kept pages.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast;

use super::entry::{Entry, Event, Op, Slice};
use crate::page::cache::{Cache, Span};
use crate::page::request::Request;
use crate::position::Position;
use crate::route::Route;
use crate::stream::event;

/// Recent entries that are kept for those who come back after a moment.
const RECENT: usize = 4096;

/// Bytes of items that they may have.
const RECENT_BYTES: usize = 16 << 20;

/// Events that wait for one who follows slowly.
const WAITING: usize = 64;

/// One route's followers, recent entries and kept pages. All of it changes together, under one lock, entry by entry.
#[derive(Debug)]
pub struct Hub {
    /// The route.
    pub route: Arc<Route>,
    cache: Arc<Cache>,
    state: Mutex<State>,
    /// How often another server's reading was told.
    relayed: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    /// Up to here the log has been told.
    position: Position,
    /// The entries after this position are among the recent ones.
    reach: Position,
    recent: VecDeque<Arc<Entry>>,
    recent_bytes: usize,
    /// The route is no more as it was: nothing is told or kept any more.
    closed: bool,
    /// Somebody has asked for what only the log tells: entries are read.
    wanted: bool,
    /// The ways in which slices are cut, so that an entry finds its slices without looking at all of them.
    cuts: BTreeSet<Box<[usize]>>,
    followers: HashMap<Slice, broadcast::Sender<Event>>,
    pages: HashMap<Slice, HashMap<Request, Span>>,
}

/// A place among those who follow a slice.
#[derive(Debug)]
pub struct Joined {
    /// What was told after the position from which it follows, and before it came.
    pub missed: Vec<Event>,
    /// What is told from now on. Events up to the position from which it follows may be among them.
    pub told: broadcast::Receiver<Event>,
}

/// What came of wanting to follow.
#[derive(Debug)]
pub enum Following {
    /// Nothing is missed.
    Joined(Joined),
    /// What happened up to this position has to be read from the log first.
    Behind(Position),
    /// The position is of another epoch: nothing follows from it.
    Lost,
}

impl Hub {
    /// For one route; `position` is the newest.
    #[must_use]
    pub fn new(route: Arc<Route>, cache: Arc<Cache>, position: Position) -> Self {
        let state = State { position, reach: position, ..State::default() };
        Self { route, cache, state: Mutex::new(state), relayed: AtomicU64::new(0) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Up to where the log has been told. What is found in the cache after this call is exact there or later.
    #[must_use]
    pub fn position(&self) -> Position {
        self.state().position
    }

    /// Goes on to a position without its entries; false where somebody wants them. Both at once: who begins to want entries while they are
    /// passed over would believe that he has them.
    pub fn pass_over(&self, until: Position) -> bool {
        let mut state = self.state();
        if state.wanted {
            return false;
        }
        state.forget_recent(until);
        state.position = until;
        true
    }

    /// True where somebody wants entries.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.state().wanted
    }

    /// Counts that another server's reading was told.
    pub fn count_relayed(&self) {
        self.relayed.fetch_add(1, Ordering::Relaxed);
    }

    /// How often another server's reading was told.
    #[must_use]
    pub fn relayed(&self) -> u64 {
        self.relayed.load(Ordering::Relaxed)
    }

    /// How many follow.
    #[must_use]
    pub fn followers(&self) -> usize {
        self.state().followers.values().map(broadcast::Sender::receiver_count).sum()
    }

    /// Announces that entries will be asked for; gives the position from which on they are at hand.
    pub fn want(&self) -> Position {
        let mut state = self.state();
        state.wanted = true;
        state.position
    }

    /// Follows a slice from a position on.
    pub fn follow(&self, slice: &Slice, from: Position) -> Following {
        let mut state = self.state();
        state.wanted = true;
        if from.epoch < state.position.epoch || state.closed {
            return Following::Lost;
        }
        if from < state.reach {
            return Following::Behind(state.position);
        }
        let later = state.recent.iter().filter(|entry| entry.position > from);
        let missed = later.filter_map(|entry| event::told(&self.route, entry, entry.told_to(slice)?)).collect();
        state.cuts.insert(slice.columns.clone());
        let sender = state.followers.entry(slice.clone()).or_insert_with(|| broadcast::channel(WAITING).0);
        Following::Joined(Joined { missed, told: sender.subscribe() })
    }

    /// Keeps a page that was read at `position`, unless something has happened to it since, or may have.
    pub fn keep(
        &self,
        slice: &Slice,
        request: &Request,
        span: Span,
        position: Position,
        page: crate::page::answer::Page,
    ) {
        let mut state = self.state();
        if position.epoch != state.position.epoch || position < state.reach || !state.wanted || state.closed {
            return;
        }
        let touched = |entry: &&Arc<Entry>| entry.position > position && span.is_touched(&self.route, slice, entry);
        if state.recent.iter().any(|entry| touched(&entry)) {
            return;
        }
        self.cache.insert(&self.route, request, page);
        state.cuts.insert(slice.columns.clone());
        state.pages.entry(slice.clone()).or_default().insert(request.clone(), span);
    }

    /// Tells entries, and that the log has nothing else up to `until`.
    pub fn tell(&self, entries: Vec<Arc<Entry>>, until: Position) {
        let mut state = self.state();
        for entry in entries {
            state.tell(&self.route, &self.cache, &entry);
            state.recent_bytes += size(&entry);
            state.recent.push_back(entry);
        }
        while state.recent.len() > RECENT || state.recent_bytes > RECENT_BYTES {
            let Some(oldest) = state.recent.pop_front() else { break };
            state.recent_bytes -= size(&oldest);
            state.reach = oldest.position;
        }
        state.position = until;
        state.forget_the_absent(&self.route, &self.cache);
    }

    /// The route is remade or gone: those who follow are told, and those who come too late, too.
    pub fn close(&self, position: Position) {
        self.state().closed = true;
        self.begin_anew(position);
    }

    /// A new epoch: nothing follows from what was told.
    pub fn begin_anew(&self, position: Position) {
        let mut state = self.state();
        let entry = Entry { position, op: Op::Reset, key: "null".into(), item: None, new: None, old: Vec::new() };
        state.tell(&self.route, &self.cache, &entry);
        state.forget_recent(position);
        state.position = position;
    }
}

/// Bytes that an entry takes.
fn size(entry: &Entry) -> usize {
    entry.item.as_ref().map_or(0, |item| item.len()) + 256
}

impl State {
    fn forget_recent(&mut self, until: Position) {
        self.recent.clear();
        self.recent_bytes = 0;
        self.reach = until;
    }

    fn tell(&mut self, route: &Route, cache: &Cache, entry: &Entry) {
        if entry.op == Op::Reset {
            if let Some(event) = event::told(route, entry, Op::Reset) {
                self.followers.values().for_each(|sender| drop(sender.send(event.clone())));
            }
            for request in self.pages.drain().flat_map(|(_, pages)| pages.into_keys()) {
                cache.remove(route, &request);
            }
            return;
        }
        // The same bytes for all who are told the same.
        let mut encoded: BTreeMap<bool, Event> = BTreeMap::new();
        for slice in self.slices_of(entry) {
            if let Some(pages) = self.pages.get_mut(&slice) {
                pages.retain(|request, span| {
                    let touched = span.is_touched(route, &slice, entry);
                    if touched {
                        cache.remove(route, request);
                    }
                    !touched
                });
            }
            if let (Some(sender), Some(op)) = (self.followers.get(&slice), entry.told_to(&slice)) {
                let event = match encoded.get(&(op == Op::Put)) {
                    Some(event) => event.clone(),
                    None => {
                        let Some(event) = event::told(route, entry, op) else { continue };
                        encoded.insert(op == Op::Put, event.clone());
                        event
                    }
                };
                let _ = sender.send(event);
            }
        }
    }

    /// The slices that an entry's row is in or was in, whether somebody asks for them or not.
    fn slices_of(&self, entry: &Entry) -> HashSet<Slice> {
        let rows = || entry.new.iter().chain(&entry.old);
        self.cuts.iter().flat_map(|columns| rows().map(move |row| Slice::of(columns, row))).collect()
    }

    fn forget_the_absent(&mut self, route: &Route, cache: &Cache) {
        self.followers.retain(|_, sender| sender.receiver_count() > 0);
        // Pages that went because there was no room.
        if self.pages.values().map(HashMap::len).sum::<usize>() > 1000 + 2 * cache.size().0 {
            self.pages.values_mut().for_each(|pages| pages.retain(|request, _| cache.get(route, request).is_some()));
        }
        self.pages.retain(|_, pages| !pages.is_empty());
        let cut = |columns: &[usize]| {
            self.followers.keys().any(|slice| *slice.columns == *columns)
                || self.pages.keys().any(|slice| *slice.columns == *columns)
        };
        let left: BTreeSet<_> = self.cuts.iter().filter(|columns| cut(columns.as_ref())).cloned().collect();
        self.cuts = left;
    }
}
