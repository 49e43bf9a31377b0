//! A server to ask: `headwater serve` as a process of its own, the same bytes from a bare axum, bare sockets, and those who ask, as cheap as they can be.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use headwater_postgres::PrivateServer;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::process::{Child, Command};

use crate::{Failure, cpu, plain};

/// Set in a process that is to be the bare server: the file whose bytes it answers with.
pub const STATIC_VARIABLE: &str = "HEADWATER_BENCH_STATIC";

/// Set in a process that is to be bare sockets.
pub const SOCKETS_VARIABLE: &str = "HEADWATER_BENCH_SOCKETS";

/// A server that runs; it ends with this value.
pub struct Site {
    process: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Site {
    /// `headwater serve` on a database, with these settings.
    pub async fn headwater(
        root: &Path,
        server: &PrivateServer,
        database: &str,
        settings: &str,
    ) -> Result<Self, Failure> {
        let folder = root.join(".headwater/bench/site");
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("headwater.toml"), settings)?;
        Self::start(serve(root, &folder, &server.url(database))).await
    }

    /// `headwater serve` with the showcase's own settings, and this secret for tokens.
    pub async fn showcase(root: &Path, server: &PrivateServer, database: &str, secret: &str) -> Result<Self, Failure> {
        let mut command = serve(root, &root.join("examples/showcase"), &server.url(database));
        command.env("SHOWCASE_SECRET", secret);
        Self::start(command).await
    }

    /// The showcase's pages as document 003 reads them ([`plain`]).
    pub async fn plain(root: &Path, server: &PrivateServer, database: &str) -> Result<Self, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        command.env(plain::DATABASE_VARIABLE, server.url(database));
        command.env(plain::PAGES_VARIABLE, root.join("benches/baselines/003_pages.sql"));
        Self::start(command).await
    }

    /// A bare axum that answers everything with these bytes.
    pub async fn fixed(root: &Path, body: &[u8]) -> Result<Self, Failure> {
        let path: PathBuf = root.join(".headwater/bench/fixed.json");
        std::fs::write(&path, body)?;
        let mut command = Command::new(std::env::current_exe()?);
        command.env(STATIC_VARIABLE, path);
        Self::start(command).await
    }

    /// Bare sockets, each of which is written what [`Asker::shout`] says.
    pub async fn sockets() -> Result<Self, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        command.env(SOCKETS_VARIABLE, "1");
        Self::start(command).await
    }

    /// `benches/python/feed.py` on a database, with the packages that it needs in a folder of their own.
    pub async fn python(root: &Path, server: &PrivateServer, database: &str) -> Result<Self, Failure> {
        let (code, venv) = (root.join("benches/python"), root.join(".headwater/bench/python"));
        let requirements = code.join("requirements.txt");
        let marker = venv.join("requirements.txt");
        if std::fs::read(&marker).ok() != Some(std::fs::read(&requirements)?) {
            eprintln!("  installing Python packages");
            run("python3", Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv)).await?;
            let mut install = Command::new(venv.join("bin/pip"));
            run("pip", install.args(["install", "--quiet", "--requirement"]).arg(&requirements)).await?;
            std::fs::copy(&requirements, &marker)?;
        }
        let mut command = Command::new(venv.join("bin/python"));
        command.arg("feed.py").current_dir(&code).env("FEED_DATABASE", server.url(database));
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        Self::start(command).await
    }

    async fn start(mut command: Command) -> Result<Self, Failure> {
        let mut process = command.stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let output = process.stdout.take().ok_or("a server's output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).await?;
        let told: serde_json::Value = serde_json::from_str(&line).map_err(|error| format!("{line:?}: {error}"))?;
        let address = told["address"].as_str().ok_or("a server's address")?.parse()?;
        Ok(Self { process, address })
    }

    /// Nanoseconds of CPU time that its threads have used, and the bytes of memory that it holds.
    pub fn used(&self) -> (u64, u64) {
        let Some(id) = self.process.id() else { return (0, 0) };
        let threads = std::fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
        let thread = |entry: std::fs::DirEntry| entry.file_name().to_str()?.parse().ok().and_then(cpu::nanoseconds);
        let time = threads.filter_map(thread).sum();
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        let resident = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
        (time, resident.unwrap_or_default() * 1024)
    }
}

async fn run(name: &str, command: &mut Command) -> Result<(), Failure> {
    let output = command.output().await.map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{name}: {}", String::from_utf8_lossy(&output.stderr)).into())
}

/// The release build's `headwater serve`.
fn serve(root: &Path, project: &Path, database: &str) -> Command {
    let mut command = Command::new(root.join("target/release/headwater"));
    command.arg("--project").arg(project);
    command.args(["--database", database, "--json", "serve", "--listen", "127.0.0.1:0"]);
    command
}

/// The bare server: what axum can do with these bytes.
pub async fn answer_with(path: &str) -> Result<(), Failure> {
    let body: &'static [u8] = std::fs::read(path)?.leak();
    let json = [(axum::http::header::CONTENT_TYPE, "application/json")];
    let router = axum::Router::new().fallback(move || async move { (json, body) });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", serde_json::json!({ "address": listener.local_addr()?.to_string() }));
    Ok(axum::serve(listener, router).await?)
}

/// Bare sockets: one line from any of them goes to all, in one write each and nothing else, as an event with that line as its data.
pub async fn write_to_all() -> Result<(), Failure> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", serde_json::json!({ "address": listener.local_addr()?.to_string() }));
    let all: Arc<Mutex<Vec<OwnedWriteHalf>>> = Arc::default();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (reading, writing) = stream.into_split();
        let _ = writing.try_write(b"event: bare_complete\n\n");
        let all = Arc::clone(&all);
        all.lock().unwrap_or_else(PoisonError::into_inner).push(writing);
        tokio::spawn(async move {
            let mut lines = BufReader::new(reading).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                if let Some(data) = line.strip_prefix("shout ") {
                    let event = format!("event: bare_put\ndata: {data}\n\n");
                    let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
                    all.retain(|socket| socket.try_write(event.as_bytes()).is_ok());
                }
            }
        });
    }
}

/// One connection that asks again and again.
pub struct Asker {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Asker {
    /// Connects.
    pub async fn new(address: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(64 << 10) })
    }

    /// Has bare sockets write an event to all.
    pub async fn shout(&mut self, data: &str) -> Result<(), Failure> {
        Ok(self.stream.write_all(format!("shout {data}\n").as_bytes()).await?)
    }

    /// Asks, and reads the whole answer, which has a length; gives its body.
    pub async fn ask(&mut self, path: &str) -> Result<&[u8], Failure> {
        self.stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n").as_bytes()).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err("the server hung up".into());
            }
            let Some(head) = find(&self.buffer, b"\r\n\r\n") else { continue };
            let text = std::str::from_utf8(&self.buffer[..head])?.to_ascii_lowercase();
            if !text.starts_with("http/1.1 200") {
                return Err(text.into());
            }
            let length: usize =
                text.lines().find_map(|line| line.strip_prefix("content-length: ")).ok_or("a length")?.parse()?;
            while self.buffer.len() < head + 4 + length {
                self.stream.read_buf(&mut self.buffer).await?;
            }
            return Ok(&self.buffer[head + 4..head + 4 + length]);
        }
    }

    /// Asks for a stream; what comes is read with [`Asker::event`].
    pub async fn open(&mut self, path: &str) -> Result<(), Failure> {
        self.stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n").as_bytes()).await?;
        self.buffer.clear();
        Ok(())
    }

    /// Reads until an event's name has come that ends with `name`; gives what came up to its end.
    pub async fn event(&mut self, name: &str) -> Result<String, Failure> {
        loop {
            while let Some(end) = find(&self.buffer, b"\n\n") {
                let text = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
                self.buffer.drain(..end + 2);
                if text.lines().any(|line| line.starts_with("event: ") && line.ends_with(name)) {
                    return Ok(text);
                }
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err("the stream ended".into());
            }
        }
    }
}

/// The place of the first such bytes.
pub fn find(buffer: &[u8], wanted: &[u8]) -> Option<usize> {
    buffer.windows(wanted.len()).position(|window| window == wanted)
}

/// A text as a part of a path.
pub fn encoded(text: &str) -> String {
    let mut path = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => path.push(char::from(byte)),
            other => path.push_str(&format!("%{other:02X}")),
        }
    }
    path
}

/// How many answers a second so many connections get.
pub async fn per_second(
    address: SocketAddr,
    paths: &[String],
    connections: usize,
    time: Duration,
) -> Result<f64, Failure> {
    let mut tasks = Vec::new();
    for number in 0..connections {
        let (mut asker, paths) = (Asker::new(address).await?, paths.to_vec());
        tasks.push(tokio::spawn(async move {
            let (began, mut answers) = (Instant::now(), 0_u64);
            while began.elapsed() < time {
                asker.ask(&paths[(number * 7919 + answers as usize) % paths.len()]).await?;
                answers += 1;
            }
            Ok::<_, Failure>(answers)
        }));
    }
    let mut answers = 0;
    for task in tasks {
        answers += task.await??;
    }
    Ok(answers as f64 / time.as_secs_f64())
}
