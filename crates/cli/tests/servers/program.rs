//! `headwater serve`, as a process.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// A project's folder, gone when the test ends.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(hint: &str, settings: &str) -> Self {
        let path = std::env::temp_dir().join(format!("headwater-cli-{hint}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        std::fs::write(path.join("headwater.toml"), settings).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A server.
pub struct Program {
    process: Child,
    pub address: SocketAddr,
}

impl Program {
    /// Starts it; returns once it listens. It trusts those whose certificates are of this authority.
    pub fn serve(folder: &Folder, url: &str, authority: Option<&Path>) -> Self {
        let mut program = Command::new(env!("CARGO_BIN_EXE_headwater"));
        program.args(["serve", "--json", "--listen", "127.0.0.1:0", "--database", url, "--project"]).arg(&folder.0);
        program.envs(authority.map(|file| ("SSL_CERT_FILE", file)));
        let mut process = program.stdout(Stdio::piped()).spawn().expect("the program starts");
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let line = lines.next().expect("it says where it listens").unwrap();
        let said: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        Self { process, address: said["address"].as_str().unwrap().parse().unwrap() }
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
