//! What happened to the feed, event by event: from it follows what every page must have been.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use headwater_serve::position::Position;
use serde_json::Value;

use crate::client::{Client, Event};

/// A page of the newest rows that was read.
pub struct Page {
    pub position: Position,
    pub limit: usize,
    pub items: Vec<Value>,
}

/// Follows a stream of the whole feed.
pub struct Recorder {
    events: Arc<Mutex<Vec<Event>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Recorder {
    /// Begins; what is read at a later position can be checked.
    pub async fn open(client: &Client, path: &str) -> Self {
        let mut stream = client.stream(path, &[]).await;
        let events = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&events);
        let task = tokio::spawn(async move {
            while let Some(event) = stream.next().await {
                kept.lock().unwrap().push(event);
            }
        });
        Self { events, task }
    }

    /// All that happened up to a position, which must have an event.
    pub async fn until(self, position: Position) -> Record {
        let last = Some(position.to_string());
        for _ in 0..400 {
            if self.events.lock().unwrap().last().is_some_and(|event| event.id == last) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.task.abort();
        let events = std::mem::take(&mut *self.events.lock().unwrap());
        assert_eq!(events.last().and_then(|event| event.id.clone()), last, "the witness has not seen it all");
        Record(events)
    }
}

/// Everything in its order.
pub struct Record(Vec<Event>);

impl Record {
    /// Compares pages with what the feed was at their positions.
    pub fn check(self, mut pages: Vec<Page>) {
        pages.sort_by_key(|page| page.position);
        let mut rows = BTreeMap::new();
        let mut events = self.0.into_iter().peekable();
        while let Some(event) = events.next_if(|event| event.id.is_none()) {
            let (keys, items) = (event.data["keys"].as_array().unwrap(), event.data["items"].as_array().unwrap());
            rows.extend(keys.iter().map(ToString::to_string).zip(items.iter().cloned()));
        }
        let before = |page: &Page| {
            let position = page.position;
            move |event: &Event| event.id.as_ref().is_some_and(|id| id.parse::<Position>().unwrap() <= position)
        };
        for page in pages {
            while let Some(event) = events.next_if(before(&page)) {
                let key = event.data["key"].to_string();
                match event.name.as_str() {
                    "feed_put" => drop(rows.insert(key, event.data["item"].clone())),
                    "feed_gone" => drop(rows.remove(&key)),
                    "feed_complete" => {}
                    other => panic!("{other}"),
                }
            }
            let mut expected: Vec<_> = rows.values().cloned().collect();
            expected.sort_by_key(|item| {
                std::cmp::Reverse((item["at"].as_str().unwrap().to_owned(), item["id"].as_i64().unwrap()))
            });
            expected.truncate(page.limit);
            assert_eq!(page.items, expected, "at {}", page.position);
        }
    }
}
