//! One browser: a connection that is kept, requests one after the other, and answers that are read to their end and thrown away. Thousands of them share a thread, so
//! none has a buffer of its own.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::io::ErrorKind;
use std::net::SocketAddr;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::Failure;
use crate::site::find;

thread_local! {
    /// What was read last, by whichever connection.
    static READ: RefCell<Vec<u8>> = RefCell::new(vec![0; 64 << 10]);
}

/// A user's connection.
pub struct Visitor {
    address: SocketAddr,
    stream: Option<TcpStream>,
    request: String,
}

/// What came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The bytes of head and body.
    pub bytes: usize,
}

/// The head of an answer.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    /// Where the body begins.
    end: usize,
    /// The body's length; `None` where it is a stream.
    length: Option<usize>,
}

impl Visitor {
    /// Connects when it is first needed.
    pub fn new(address: SocketAddr) -> Self {
        Self { address, stream: None, request: String::new() }
    }

    /// Asks, and waits for the answer's last byte. After an error the connection is another. A connection that has rested may be closed by the server just
    /// when a request is on its way: then it is asked again on a new one, as browsers do.
    pub async fn ask(&mut self, path: &str, bearer: &str) -> Result<Answer, Failure> {
        let rested = self.stream.is_some();
        let mut answer = Answer { status: 0, bytes: 0 };
        match self.once(path, bearer, &mut answer).await {
            Err(_) if rested && answer.bytes == 0 => self.once(path, bearer, &mut answer).await?,
            other => other?,
        }
        Ok(answer)
    }

    async fn once(&mut self, path: &str, bearer: &str, answer: &mut Answer) -> Result<(), Failure> {
        // Out of `self` while it is in use: where this is given up half-way, nobody reads the rest of an old answer.
        let stream = self.send(path, bearer).await?;
        let mut early = Vec::new();
        let mut left = None;
        while left != Some(0) {
            read(&stream, |bytes| {
                answer.bytes += bytes.len();
                left = Some(match left {
                    Some(left) => usize::saturating_sub(left, bytes.len()),
                    None => {
                        early.extend_from_slice(bytes);
                        let Some(head) = head(&early)? else { return Ok(()) };
                        answer.status = head.status;
                        let whole = head.end + head.length.ok_or("an answer without a length")?;
                        whole.saturating_sub(early.len())
                    }
                });
                Ok(())
            })
            .await?;
        }
        self.stream = Some(stream);
        Ok(())
    }

    /// Asks for a stream and follows it; `heard` is told how many events have come. It ends with an error.
    pub async fn follow(mut self, path: &str, bearer: &str, mut heard: impl FnMut(usize)) -> Result<(), Failure> {
        let stream = self.send(path, bearer).await?;
        let (mut early, mut begun) = (Vec::new(), false);
        loop {
            read(&stream, |bytes| {
                if !begun {
                    early.extend_from_slice(bytes);
                    let Some(head) = head(&early)? else { return Ok(()) };
                    if head.status != 200 {
                        return Err(format!("a stream is answered with {}", head.status).into());
                    }
                    begun = true;
                }
                heard(bytes.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"event: ")).count());
                Ok(())
            })
            .await?;
        }
    }

    async fn send(&mut self, path: &str, bearer: &str) -> Result<TcpStream, Failure> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(self.address).await?;
                stream.set_nodelay(true)?;
                stream
            }
        };
        self.request.clear();
        write!(self.request, "GET {path} HTTP/1.1\r\nhost: bench\r\n{bearer}\r\n")?;
        stream.write_all(self.request.as_bytes()).await?;
        Ok(stream)
    }
}

/// Reads once.
async fn read(stream: &TcpStream, mut take: impl FnMut(&[u8]) -> Result<(), Failure>) -> Result<(), Failure> {
    loop {
        stream.readable().await?;
        let done = READ.with_borrow_mut(|buffer| match stream.try_read(buffer) {
            Ok(0) => Err("the server hung up".into()),
            Ok(count) => take(&buffer[..count]).map(|()| true),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(Failure::from(error)),
        })?;
        if done {
            return Ok(());
        }
    }
}

/// The head, once it is whole.
fn head(bytes: &[u8]) -> Result<Option<Head>, Failure> {
    let Some(end) = find(bytes, b"\r\n\r\n") else { return Ok(None) };
    let text = std::str::from_utf8(&bytes[..end])?;
    let status = text.split(' ').nth(1).ok_or("no status")?.parse()?;
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length").then(|| value.parse().ok())?
    });
    Ok(Some(Head { status, end: end + 4, length }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_once_they_are_whole() {
        assert_eq!(head(b"HTTP/1.1 200 OK\r\nContent-Le").unwrap(), None);
        let text = b"HTTP/1.1 404 Not Found\r\nContent-Length: 12\r\n\r\n{";
        assert_eq!(head(text).unwrap(), Some(Head { status: 404, end: text.len() - 1, length: Some(12) }));
        assert_eq!(head(b"HTTP/1.1 200 OK\r\n\r\n").unwrap().unwrap().length, None);
    }
}
