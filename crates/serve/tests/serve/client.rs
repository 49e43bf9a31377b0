//! What stands at the other end of the wire.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::{Request, StatusCode};
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// One who asks.
#[derive(Clone)]
pub struct Client {
    address: SocketAddr,
    http: Http<HttpConnector, Empty<Bytes>>,
}

/// What was answered.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: hyper::HeaderMap,
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }

    /// A header's text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The items of a page.
    pub fn items(&self) -> Vec<Value> {
        assert_eq!(self.status, StatusCode::OK, "{:?}", self.body);
        self.json()["items"].as_array().unwrap_or_else(|| panic!("{:?}", self.body)).clone()
    }

    /// The code of a problem.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

impl Client {
    pub fn new(address: SocketAddr) -> Self {
        Self { address, http: Http::builder(TokioExecutor::new()).build_http() }
    }

    /// Asks for a path.
    pub async fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[]).await
    }

    /// Asks with headers.
    pub async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.try_get(path, headers).await.unwrap_or_else(|| panic!("{path}: nobody answers"))
    }

    /// Asks with headers; `None` where nobody is there to answer, or goes away before the end.
    pub async fn try_get(&self, path: &str, headers: &[(&str, &str)]) -> Option<Answer> {
        let response = tokio::time::timeout(PATIENCE, self.http.request(self.request(path, headers)));
        let (head, body) = response.await.expect("an answer").ok()?.into_parts();
        let body = tokio::time::timeout(PATIENCE, body.collect()).await.expect("the whole body").ok()?.to_bytes();
        Some(Answer { status: head.status, headers: head.headers, body })
    }

    /// Opens a stream.
    pub async fn stream(&self, path: &str, headers: &[(&str, &str)]) -> Stream {
        self.try_stream(path, headers).await.unwrap_or_else(|| panic!("{path}: nobody answers"))
    }

    /// Opens a stream; `None` where nobody is there to answer.
    pub async fn try_stream(&self, path: &str, headers: &[(&str, &str)]) -> Option<Stream> {
        let response = self.http.request(self.request(path, headers)).await.ok()?;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Some(Stream { body: response.into_body(), text: String::new(), text_seen: String::new(), comments: 0 })
    }

    fn request(&self, path: &str, headers: &[(&str, &str)]) -> Request<Empty<Bytes>> {
        let mut request = Request::get(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Empty::new()).unwrap()
    }
}

/// A stream under way.
pub struct Stream {
    body: hyper::body::Incoming,
    text: String,
    /// Everything that is no event.
    pub text_seen: String,
    /// How many keepalives.
    pub comments: usize,
}

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub id: Option<String>,
    pub name: String,
    pub data: Value,
}

impl Stream {
    /// The next event; `None` where the stream has ended. Comments are left out.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.frame().await? {
                return Some(event);
            }
        }
    }

    /// The next event within a time; `None` where none came, or the stream has ended.
    pub async fn next_within(&mut self, time: Duration) -> Option<Event> {
        tokio::time::timeout(time, self.next()).await.ok().flatten()
    }

    /// What stands between two empty lines: an event, or a comment or a setting, which is `Some(None)`.
    async fn frame(&mut self) -> Option<Option<Event>> {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                let frame: String = self.text.drain(..end + 2).collect();
                let event = parse(frame.trim_end());
                if event.is_none() {
                    self.comments += usize::from(frame.contains(":keepalive"));
                    self.text_seen.push_str(&frame);
                }
                return Some(event);
            }
            let frame = tokio::time::timeout(PATIENCE, self.body.frame()).await.expect("a stream says something")?;
            let data = frame.ok()?.into_data().unwrap_or_default();
            self.text.push_str(std::str::from_utf8(&data).expect("UTF-8, whole characters in whole frames"));
        }
    }
}

fn parse(frame: &str) -> Option<Event> {
    let mut event = Event { id: None, name: String::new(), data: Value::Null };
    for line in frame.lines() {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "id" => event.id = Some(value.to_owned()),
            "event" => value.clone_into(&mut event.name),
            "data" => event.data = serde_json::from_str(value).unwrap_or_else(|error| panic!("{error}: {value}")),
            "" | "retry" => {}
            other => panic!("a line that no event has: {other}"),
        }
    }
    (!event.name.is_empty()).then_some(event)
}

/// What a page makes of a stream: rows by key, and where it stands. Comes back after every end.
#[derive(Debug, Default, Clone)]
pub struct Merged {
    pub rows: BTreeMap<String, Value>,
    pub last: Option<String>,
    pub whole: bool,
    pub resets: usize,
    position: Option<(i64, i64)>,
}

impl Merged {
    /// Takes one event in, as a browser would. Positions must grow.
    pub fn take(&mut self, event: &Event) {
        let kind = event.name.rsplit_once('_').map_or("", |(_, kind)| kind);
        if let Some(id) = event.id.as_deref().filter(|id| !id.is_empty()) {
            let (epoch, pos) = id.split_once('.').unwrap();
            let position = (epoch.parse().unwrap(), pos.parse().unwrap());
            assert!(
                kind == "complete" || self.position.is_none_or(|last| last < position),
                "{event:?} after {:?}",
                self.position
            );
            self.position = Some(position);
            self.last = Some(id.to_owned());
        }
        let data = &event.data;
        match kind {
            "items" => {
                let (items, keys) = (data["items"].as_array().unwrap(), data["keys"].as_array().unwrap());
                assert_eq!(items.len(), keys.len());
                self.rows.extend(keys.iter().map(ToString::to_string).zip(items.iter().cloned()));
            }
            "complete" => self.whole = true,
            "put" => drop(self.rows.insert(data["key"].to_string(), data["item"].clone())),
            "gone" => drop(self.rows.remove(&data["key"].to_string())),
            "reset" => *self = Self { resets: self.resets + 1, ..Self::default() },
            _ => panic!("{event:?}"),
        }
    }

    /// The items, in no order.
    pub fn items(&self) -> Vec<String> {
        let mut items: Vec<_> = self.rows.values().map(ToString::to_string).collect();
        items.sort();
        items
    }
}
