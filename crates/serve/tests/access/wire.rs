//! Requests as bytes: an attacker's client writes what it likes.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// What was answered.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    /// A header's value; empty where there is none.
    pub fn header(&self, name: &str) -> String {
        self.headers(name).join(", ")
    }

    pub fn headers(&self, name: &str) -> Vec<String> {
        let pairs = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        pairs.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned()).collect()
    }

    /// The status, and the code of a problem.
    pub fn code(&self) -> (u16, String) {
        let json: Value = serde_json::from_str(&self.body).unwrap_or_default();
        (self.status, json["code"].as_str().unwrap_or_default().to_owned())
    }

    pub fn items(&self) -> Vec<Value> {
        assert_eq!(self.status, 200, "{self:?}");
        let json: Value = serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        json["items"].as_array().unwrap_or_else(|| panic!("{self:?}")).clone()
    }
}

/// A connection.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    raw: Vec<u8>,
}

impl Wire {
    pub async fn open(address: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(address).await.expect("a connection"), raw: Vec::new() }
    }

    /// Sends bytes; false where the other side has closed.
    pub async fn send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }

    /// Reads until the other side closes.
    pub async fn end(&mut self) {
        tokio::time::timeout(PATIENCE, async { while self.more().await {} }).await.expect("an end");
    }

    /// Reads until the text has come; false where the other side closes before.
    pub async fn until(&mut self, text: &str) -> bool {
        self.until_times(text, 1).await
    }

    /// The same, until it has come so many times.
    pub async fn until_times(&mut self, text: &str, times: usize) -> bool {
        let reading = async {
            while self.text().matches(text).count() < times {
                if !self.more().await {
                    return self.text().matches(text).count() >= times;
                }
            }
            true
        };
        tokio::time::timeout(PATIENCE, reading).await.unwrap_or_else(|_| panic!("no {text} came"))
    }

    /// Reads what comes within a time.
    pub async fn listen(&mut self, time: Duration) {
        let _ = tokio::time::timeout(time, async { while self.more().await {} }).await;
    }

    /// True where the text is among all that has come.
    pub fn has(&self, text: &str) -> bool {
        self.raw.windows(text.len()).any(|part| part == text.as_bytes())
    }

    /// All that has come.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.raw).into_owned()
    }

    async fn more(&mut self) -> bool {
        let mut buffer = [0; 16 * 1024];
        match self.stream.read(&mut buffer).await {
            Ok(0) | Err(_) => false,
            Ok(length) => {
                self.raw.extend(&buffer[..length]);
                true
            }
        }
    }

    /// What has come, as an answer.
    pub fn answer(&self) -> Answer {
        let text = self.text();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        Answer { status: status.unwrap_or_else(|| panic!("{head}")), head: head.to_owned(), body: body.to_owned() }
    }
}

/// The head of a request.
pub fn head(method: &str, target: &str, headers: &[(&str, &str)]) -> String {
    let mut text = format!("{method} {target} HTTP/1.1\r\n");
    if headers.iter().all(|(name, _)| !name.eq_ignore_ascii_case("host")) {
        text.push_str("Host: feed.example\r\n");
    }
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text + "\r\n"
}

/// One request, and its whole answer.
pub async fn ask(address: SocketAddr, method: &str, target: &str, headers: &[(&str, &str)]) -> Answer {
    let mut headers = headers.to_vec();
    headers.push(("Connection", "close"));
    let mut wire = Wire::open(address).await;
    wire.send(head(method, target, &headers).as_bytes()).await;
    wire.end().await;
    wire.answer()
}

/// A stream under way.
pub async fn stream(address: SocketAddr, target: &str, headers: &[(&str, &str)]) -> Wire {
    let mut wire = Wire::open(address).await;
    wire.send(head("GET", target, headers).as_bytes()).await;
    wire
}
