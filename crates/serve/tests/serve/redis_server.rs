//! A Redis of a test's own, to be killed.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::node::{Folder, Killed, certificates, free_port};

const PASSWORD: &str = "not a secret";

/// Redis, with its files in a folder; killed, it comes back with what it had answered for. Its address for others is encrypted.
pub struct Redis {
    folder: Folder,
    /// The file of the authority that its certificate is of.
    pub authority: PathBuf,
    port: u16,
    tls_port: u16,
    process: Option<Killed>,
}

impl Redis {
    pub async fn start() -> Self {
        let folder = Folder::new("redis");
        let authority = certificates(&folder.0);
        let mut redis = Self { folder, authority, port: free_port(), tls_port: free_port(), process: None };
        redis.begin().await;
        redis
    }

    pub async fn begin(&mut self) {
        let program = ["/usr/bin/redis-server", "/opt/homebrew/bin/redis-server", "/usr/local/bin/redis-server"];
        let program = program.iter().map(Path::new).find(|path| path.exists());
        let mut command =
            Command::new(program.expect("Redis is installed: ./dev test does it; Debian's package is redis-server"));
        command.args([
            "--port",
            &self.port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--requirepass",
            PASSWORD,
        ]);
        command.args(["--appendonly", "yes", "--appendfsync", "always", "--dir"]).arg(&self.folder.0);
        command.args(["--tls-port", &self.tls_port.to_string(), "--tls-auth-clients", "no"]);
        for (setting, file) in [("cert-file", "own.pem"), ("key-file", "own.key"), ("ca-cert-file", "ca.pem")] {
            command.arg(format!("--tls-{setting}")).arg(self.folder.0.join(file));
        }
        self.process = Some(Killed(command.stdout(Stdio::null()).spawn().unwrap()));
        let began = Instant::now();
        while self.ask("PING").as_deref() != Some("PONG\n") {
            assert!(began.elapsed() < Duration::from_secs(10), "Redis does not answer");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub fn kill(&mut self) {
        // Dropped, it is killed with -9.
        self.process = None;
    }

    /// It takes connections and answers nothing.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let process = self.process.as_ref().unwrap().0.id().to_string();
        assert!(Command::new("kill").args([signal, &process]).status().unwrap().success());
    }

    pub fn ask(&self, commands: &str) -> Option<String> {
        let mut program = Command::new("redis-cli");
        program.args(["-p", &self.port.to_string(), "-a", PASSWORD, "--no-auth-warning"]);
        program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = program.spawn().ok()?;
        child.stdin.take()?.write_all(commands.as_bytes()).ok()?;
        String::from_utf8(child.wait_with_output().ok()?.stdout).ok()
    }

    /// Its address, not encrypted.
    pub fn plain_url(&self) -> String {
        format!("redis://:{}@127.0.0.1:{}", PASSWORD.replace(' ', "%20"), self.port)
    }

    /// Its address, encrypted.
    pub fn url(&self) -> String {
        format!("rediss://:{}@localhost:{}", PASSWORD.replace(' ', "%20"), self.tls_port)
    }
}
