//! PostgreSQL servers of a test's own, to be killed, frozen and promoted.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use headwater_postgres::server_user::ServerUser;
use headwater_postgres::{Binaries, Client, Config, connect, parse_url};
use headwater_testkit::TestServer;

/// A folder that the server's user may write to, gone when the test ends.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("headwater_{name}_{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        ServerUser::choose().unwrap().own(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A program that does not outlive the test.
pub struct Killed(pub Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub async fn until_connected(config: &Config) {
    for _ in 0..200 {
        if connect(config).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    connect(config).await.unwrap();
}

/// An authority and a server's certificate for `localhost`, as files; gives the authority's.
pub fn certificates(folder: &Path) -> PathBuf {
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let key = KeyPair::generate().unwrap();
    let pem = authority.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(authority, key);
    let own = KeyPair::generate().unwrap();
    let mut certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    certificate.use_authority_key_identifier_extension = true;
    // One that is called like its authority would be taken for self-signed.
    certificate.distinguished_name.push(DnType::CommonName, "localhost");
    let certificate = certificate.signed_by(&own, &issuer).unwrap();
    for (name, text) in [("ca.pem", pem), ("own.pem", certificate.pem()), ("own.key", own.serialize_pem())] {
        std::fs::write(folder.join(name), text).unwrap();
        ServerUser::choose().unwrap().own(&folder.join(name)).unwrap();
    }
    folder.join("ca.pem")
}

/// A server with files of its own.
pub struct Node {
    folder: Folder,
    port: u16,
    user: ServerUser,
    binaries: Binaries,
    settings: Vec<String>,
    process: Option<Killed>,
}

impl Node {
    /// An empty primary.
    pub async fn primary(name: &str) -> Self {
        let mut node = Self::empty(name).await;
        let mut initdb = node.user.command(&node.binaries.program("initdb"), &node.folder.0);
        initdb.args(["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync", "-D"]);
        succeed(initdb.arg(node.data()));
        node.start().await;
        node
    }

    /// A streaming replica, with these settings besides.
    pub async fn replica(&self, name: &str, settings: &[&str]) -> Self {
        let mut node = Self::empty(name).await;
        node.settings.extend(settings.iter().map(|setting| (*setting).to_owned()));
        let backup = node.binaries.program("pg_basebackup");
        if backup.exists() {
            let mut backup = node.user.command(&backup, &node.folder.0);
            backup.args(["-R", "-X", "stream", "-c", "fast", "--no-sync", "-U", "postgres", "-h"]);
            succeed(backup.arg(&self.folder.0).args(["-p", &self.port.to_string(), "-D"]).arg(node.data()));
        } else {
            self.copy_to(&node).await;
        }
        node.start().await;
        node
    }

    async fn empty(name: &str) -> Self {
        let server = tokio::task::spawn_blocking(|| TestServer::get(None)).await.unwrap();
        let (user, binaries) = (ServerUser::choose().unwrap(), server.binaries().clone());
        Self { folder: Folder::new(name), port: free_port(), user, binaries, settings: Vec::new(), process: None }
    }

    /// What `pg_basebackup` does: not every installation of PostgreSQL has it.
    async fn copy_to(&self, to: &Self) {
        let session = self.client().await;
        let (begin, end) = match TestServer::get(None).major() < 15 {
            true => ("pg_start_backup('copy', true, false)", "pg_stop_backup(false, false)"),
            false => ("pg_backup_start('copy', true)", "pg_backup_stop(false)"),
        };
        session.batch_execute("ALTER SYSTEM SET wal_keep_size = '1GB'; SELECT pg_reload_conf()").await.unwrap_or(());
        session.batch_execute(&format!("SELECT {begin}")).await.unwrap();
        let mut copy = self.user.command(Path::new("/bin/cp"), Path::new("/"));
        // Files that go while they are copied are no loss: what they held is in the WAL.
        let _ = copy.arg("-a").arg(self.data()).arg(to.data()).stderr(Stdio::null()).status().unwrap();
        let label: String = session.query_one(&format!("SELECT labelfile FROM {end}"), &[]).await.unwrap().get(0);
        let _ = std::fs::remove_file(to.data().join("postmaster.pid"));
        let automatic = to.data().join("postgresql.auto.conf");
        let before = std::fs::read_to_string(&automatic).unwrap_or_default();
        let source =
            format!("primary_conninfo = 'host={} port={} user=postgres'\n", self.folder.0.display(), self.port);
        std::fs::write(&automatic, before + &source).unwrap();
        for (file, text) in [("backup_label", label.as_str()), ("standby.signal", "")] {
            std::fs::write(to.data().join(file), text).unwrap();
            to.user.own(&to.data().join(file)).unwrap();
        }
    }

    fn data(&self) -> PathBuf {
        self.folder.0.join("data")
    }

    /// Its folder of sockets and its port, as an address has them.
    pub fn place(&self) -> (String, u16) {
        (self.folder.0.display().to_string(), self.port)
    }

    pub fn address(&self) -> String {
        address(&[self])
    }

    pub fn config(&self) -> Config {
        parse_url(&self.address()).unwrap()
    }

    pub async fn client(&self) -> Client {
        connect(&self.config()).await.unwrap()
    }

    pub async fn run(&self, sql: &str) {
        self.client().await.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    /// One value, as text.
    pub async fn text(&self, sql: &str) -> String {
        let sql = format!("SELECT ({sql})::text");
        self.client().await.query_one(&sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}")).get(0)
    }

    /// Starts it, again and again where what it left behind is still going.
    pub async fn start(&mut self) {
        for _ in 0..100 {
            let mut start = self.user.command(&self.binaries.program("postgres"), &self.folder.0);
            start.arg("-D").arg(self.data()).args(["-p", &self.port.to_string(), "-c", "listen_addresses=", "-k"]);
            start.arg(&self.folder.0).args(["-c", "fsync=off", "-c", "shared_buffers=16MB"]);
            for setting in &self.settings {
                start.args(["-c", setting]);
            }
            let log = std::fs::File::options().create(true).append(true).open(self.folder.0.join("log")).unwrap();
            let mut process = Killed(start.stdout(Stdio::null()).stderr(log).spawn().unwrap());
            for _ in 0..100 {
                if connect(&self.config()).await.is_ok() {
                    self.process = Some(process);
                    return;
                }
                if process.0.try_wait().unwrap().is_some() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        panic!("{}", std::fs::read_to_string(self.folder.0.join("log")).unwrap_or_default());
    }

    /// As its machine would: all its processes at once, none with a word.
    pub fn kill(&mut self) {
        self.signal("-KILL");
        if let Some(mut process) = self.process.take() {
            let _ = process.0.wait();
        }
    }

    /// It takes connections and answers nothing.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let Some(process) = &self.process else { return };
        let server = process.0.id().to_string();
        let children = Command::new("pgrep").args(["-P", &server]).output().expect("procps is installed").stdout;
        let children = String::from_utf8(children).unwrap();
        // The server first: it would start children anew.
        let _ = Command::new("kill").arg(signal).arg(&server).args(children.lines()).stderr(Stdio::null()).status();
    }

    /// Makes it a primary.
    pub async fn promote(&self) {
        assert_eq!(self.text("pg_promote()").await, "true");
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

/// One address of several servers, in this order.
pub fn address(nodes: &[&Node]) -> String {
    let (hosts, ports): (Vec<_>, Vec<_>) = nodes.iter().map(|node| node.place()).unzip();
    let ports: Vec<_> = ports.iter().map(ToString::to_string).collect();
    format!("host={} port={} user=postgres dbname=postgres", hosts.join(","), ports.join(","))
}

fn succeed(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
