//! A proxy between browser and server that can be cut, hold answers back, and refuse streams.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What is done to answers of `/api/…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// They go through.
    Open,
    /// They wait, from their first byte on.
    Held,
    /// They wait from where this text begins.
    HeldFrom(&'static str),
    /// There are no connections at all.
    Cut,
    /// Streams are answered with 502.
    NoStreams,
}

/// A proxy that serves one request on each connection.
pub struct Proxy {
    pub address: SocketAddr,
    way: watch::Sender<Way>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Before this server.
    pub async fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (way, watched) = watch::channel(Way::Open);
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (mut cut, watched, log) = (watched.clone(), watched.clone(), Arc::clone(&log));
                tokio::spawn(async move {
                    tokio::select! {
                        _ = cut.wait_for(|way| *way == Way::Cut) => {}
                        _ = pass(client, server, watched, &log) => {}
                    }
                });
            }
        });
        Self { address, way, asked }
    }

    /// From now on, and for what is under way.
    pub fn set(&self, way: Way) {
        self.way.send_replace(way);
    }

    /// The paths under `/api/` that were asked for since the last time.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

async fn pass(
    mut client: TcpStream,
    server: SocketAddr,
    mut way: watch::Receiver<Way>,
    log: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let Some((path, head)) = read_head(&mut client).await? else { return Ok(()) };
    let api = path.starts_with("/api/");
    if api {
        log.lock().unwrap().push(path.clone());
    }
    if *way.borrow() == Way::NoStreams && path.contains("/stream") {
        return client.write_all(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
    }
    let mut server = TcpStream::connect(server).await?;
    server.write_all(head.as_bytes()).await?;
    let mut buffer = vec![0; 64 << 10];
    let mut unheard = [0; 1];
    loop {
        let read = tokio::select! {
            read = server.read(&mut buffer) => read?,
            // The browser has closed it.
            _ = client.read(&mut unheard) => return Ok(()),
        };
        if read == 0 {
            return Ok(());
        }
        let mut sent = 0;
        while api && sent < read {
            let rest = &buffer[sent..read];
            let now = *way.borrow_and_update();
            let free = match now {
                Way::Held => 0,
                Way::HeldFrom(text) => find(rest, text.as_bytes()).unwrap_or(rest.len()),
                _ => rest.len(),
            };
            client.write_all(&rest[..free]).await?;
            sent += free;
            if sent < read && way.changed().await.is_err() {
                return Ok(());
            }
        }
        client.write_all(&buffer[sent..read]).await?;
    }
}

/// The path of a request and its head, changed so that the server closes the connection behind its answer.
async fn read_head(client: &mut TcpStream) -> std::io::Result<Option<(String, String)>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match client.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return Ok(None),
        }
    }
    let text = String::from_utf8_lossy(&head);
    let path = text.split(' ').nth(1).unwrap_or_default().to_owned();
    let kept = text.lines().filter(|line| !line.is_empty() && !line.to_ascii_lowercase().starts_with("connection:"));
    let lines: Vec<_> = kept.collect();
    Ok(Some((path, format!("{}\r\nconnection: close\r\n\r\n", lines.join("\r\n")))))
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}
