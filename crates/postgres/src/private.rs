//! The private server: a PostgreSQL that Headwater creates and starts itself, for demos, development and tests.
//!
//! It lives in one folder, listens on a Unix socket that only its owner (and root) can open, trusts whoever gets
//! there, and keeps running until it is stopped, so the next run finds it warm. Several processes may share it: a file
//! lock lets one of them create and start it.
//!
//! | path in the folder | holds |
//! | --- | --- |
//! | `data/` | the database cluster |
//! | `socket/` | the Unix socket, where its path is not too long for one |
//! | `log` | what the server says |

use std::fs::File;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Output;

use headwater_catalog::ident::short_hash;
use headwater_catalog::{Ident, quote_literal};
use tokio_postgres::Config;

use crate::binaries::Binaries;
use crate::connect::connect;
use crate::error::Error;
use crate::home::Home;

/// The role that owns everything.
pub const ROLE: &str = "postgres";

/// Part of the socket's name; nothing listens on a TCP port.
const PORT: u16 = 5432;

/// The longest socket folder. `sun_path` has 104 bytes on macOS, and `/.s.PGSQL.5432.lock` must fit too.
const LONGEST_SOCKET_FOLDER: usize = 80;

/// How long a start may take, crash recovery included, in seconds.
const START_SECONDS: &str = "300";

/// What server to start, and where.
pub struct Options {
    /// The folder that holds it and downloaded programs.
    pub home: Home,
    /// The name of its folder in `home`, to which the major version is added.
    pub name: String,
    /// The version wanted; any that is installed otherwise.
    pub major: Option<u32>,
    /// Server settings. They take effect when the server starts; one that runs already keeps its own.
    pub settings: Vec<(&'static str, String)>,
    /// Told about what takes a while.
    pub say: Box<dyn Fn(&str) + Send>,
}

impl Options {
    /// The server for demos and development, in `pg<major>/`: durable, with room for many connections.
    #[must_use]
    pub fn new(home: Home) -> Self {
        let settings = [
            ("shared_buffers", "256MB"),
            ("max_connections", "200"),
            ("max_prepared_transactions", "20"),
            ("track_functions", "pl"),
            ("shared_preload_libraries", ""),
            ("timezone", "UTC"),
        ];
        Self {
            home,
            name: "pg".to_owned(),
            major: None,
            settings: settings.map(|(name, value)| (name, value.to_owned())).to_vec(),
            say: Box::new(|text| eprintln!("headwater: {text}")),
        }
    }

    /// The server for tests, in `test/pg<major>/`: what a crash would lose does not matter, and deadlocks show fast.
    #[must_use]
    pub fn test(home: Home, major: Option<u32>) -> Self {
        let mut options = Self { name: "test/pg".to_owned(), major, ..Self::new(home) };
        for (name, value) in [
            ("fsync", "off"),
            ("synchronous_commit", "off"),
            ("full_page_writes", "off"),
            ("deadlock_timeout", "200ms"),
        ] {
            options.settings.push((name, value.to_owned()));
        }
        options
    }

    fn without_fsync(&self) -> bool {
        self.settings.iter().any(|(name, value)| *name == "fsync" && value == "off")
    }
}

/// A private server that runs. Dropping this value leaves it running.
#[derive(Debug, Clone)]
pub struct PrivateServer {
    home: Home,
    binaries: Binaries,
    folder: PathBuf,
    socket: PathBuf,
}

impl PrivateServer {
    /// Creates the server where there is none, and starts it where it does not run. Blocks for some seconds at worst,
    /// or a download's time; asynchronous callers use [`PrivateServer::start_async`].
    pub fn start(options: &Options) -> Result<Self, Error> {
        let binaries = Binaries::find_or_obtain(&options.home, options.major, &options.say)?;
        let folder = options.home.path().join(format!("{}{}", options.name, binaries.major()));
        let server = Self { socket: socket_folder(&folder), home: options.home.clone(), binaries, folder };
        let _lock = server.prepare_folder()?;
        if !server.data().join("PG_VERSION").exists() {
            (options.say)(&format!("creating a private PostgreSQL {}", server.version()));
            server.create(options)?;
        }
        if !server.is_running() {
            server.launch(options)?;
        }
        Ok(server)
    }

    /// [`PrivateServer::start`] on a thread where blocking does no harm.
    pub async fn start_async(options: Options) -> Result<Self, Error> {
        let task = tokio::task::spawn_blocking(move || Self::start(&options));
        task.await.expect("starting a server does not panic")
    }

    /// Ends all its connections and stops it, in order, whoever else uses it. The data stays.
    pub fn stop(&self) -> Result<(), Error> {
        let _lock = self.lock()?;
        if !self.is_running() {
            return Ok(());
        }
        let output = self.pg_ctl(&["stop", "-w", "-m", "fast", "-t", START_SECONDS])?;
        if output.status.success() { Ok(()) } else { Err(self.failed("stopped", &output)) }
    }

    /// True where a server answers on the socket.
    #[must_use]
    pub fn is_running(&self) -> bool {
        UnixStream::connect(self.socket.join(format!(".s.PGSQL.{PORT}"))).is_ok()
    }

    /// How to connect to one of its databases.
    #[must_use]
    pub fn config(&self, database: &str) -> Config {
        let mut config = Config::new();
        config.host_path(&self.socket).port(PORT).user(ROLE).dbname(database);
        config
    }

    /// The same as a URL that psql and every driver read.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let host = percent_encode(&self.socket.to_string_lossy());
        format!("postgresql:///{}?host={host}&port={PORT}&user={ROLE}", percent_encode(database))
    }

    /// Creates the database `name` unless it exists; true where it was created.
    pub async fn create_database(&self, name: &Ident) -> Result<bool, Error> {
        let client = connect(&self.config("postgres")).await?;
        let wanted = quote_literal(name.as_str());
        let exists = format!("SELECT FROM pg_catalog.pg_database WHERE datname = {wanted}");
        if !client.query_typed(&exists, &[]).await?.is_empty() {
            return Ok(false);
        }
        match client.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE template0")).await {
            Ok(()) => Ok(true),
            // Another process was faster.
            Err(error) if error.code() == Some(&tokio_postgres::error::SqlState::DUPLICATE_DATABASE) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Its programs.
    #[must_use]
    pub fn binaries(&self) -> &Binaries {
        &self.binaries
    }

    /// The folder that holds it.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What the server says goes here.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// Such as `15.18`.
    #[must_use]
    pub fn version(&self) -> &str {
        self.binaries.version()
    }

    /// Such as 15.
    #[must_use]
    pub fn major(&self) -> u32 {
        self.binaries.major()
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Makes the folders, the server's user their owner, and takes the lock.
    fn prepare_folder(&self) -> Result<File, Error> {
        let parent = self.folder.parent().expect("the folder is in a home");
        std::fs::create_dir_all(parent).map_err(Error::io(parent))?;
        let lock = self.lock()?;
        for folder in [&self.folder, &self.socket] {
            match std::fs::DirBuilder::new().mode(0o700).create(folder) {
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => self.refuse_strangers(folder)?,
                outcome => outcome.map_err(Error::io(folder))?,
            }
            self.home.user().own(folder)?;
        }
        Ok(lock)
    }

    /// A socket folder in /tmp could have been prepared by somebody else.
    fn refuse_strangers(&self, folder: &Path) -> Result<(), Error> {
        let owner = |path: &Path| std::fs::symlink_metadata(path).map_err(Error::io(path));
        let found = owner(folder)?;
        let ours = [owner(self.home.path())?.uid(), owner(&self.folder)?.uid()];
        if found.is_dir() && ours.contains(&found.uid()) && found.permissions().mode() & 0o077 == 0 {
            return Ok(());
        }
        let reason = format!("{} belongs to somebody else or is open to others", folder.display());
        Err(Error::PrivateServer { verb: "started", reason })
    }

    /// Held while the server is created, started or stopped. The operating system frees it when this process dies.
    fn lock(&self) -> Result<File, Error> {
        let path = self.folder.with_extension("lock");
        let file = File::create(&path).map_err(Error::io(&path))?;
        file.lock().map_err(Error::io(&path))?;
        Ok(file)
    }

    /// Runs initdb beside the final place and renames, so that a half-made cluster is never taken for one.
    fn create(&self, options: &Options) -> Result<(), Error> {
        let fresh = self.folder.join("data.new");
        let mut outcome = None;
        for locale in locales(self.major()) {
            if fresh.exists() {
                std::fs::remove_dir_all(&fresh).map_err(Error::io(&fresh))?;
            }
            let mut initdb = self.home.user().command(&self.binaries.program("initdb"), &self.folder);
            initdb.arg("-D").arg(&fresh).args(["-U", ROLE, "-A", "trust", "-E", "UTF8"]).args(*locale);
            if options.without_fsync() {
                initdb.arg("--no-sync");
            }
            let output = initdb.output().map_err(Error::io(self.binaries.program("initdb")))?;
            let done = output.status.success();
            outcome = Some(output);
            if done {
                break;
            }
        }
        let output = outcome.expect("there is a locale to try");
        if !output.status.success() {
            return Err(self.failed("created", &output));
        }
        let configuration = fresh.join("postgresql.conf");
        let text = std::fs::read_to_string(&configuration).map_err(Error::io(&configuration))?;
        let text = format!("{text}\ninclude_if_exists = 'headwater.conf'\n");
        std::fs::write(&configuration, text).map_err(Error::io(&configuration))?;
        std::fs::rename(&fresh, self.data()).map_err(Error::io(self.data()))
    }

    /// Writes the settings and starts the server.
    fn launch(&self, options: &Options) -> Result<(), Error> {
        let mut text = String::from("# Written by Headwater at every start.\n");
        let socket = self.socket.to_string_lossy().into_owned();
        let fixed =
            [("listen_addresses", String::new()), ("unix_socket_directories", socket), ("port", PORT.to_string())];
        for (name, value) in fixed.iter().chain(&options.settings) {
            text.push_str(&format!("{name} = '{}'\n", value.replace('\'', "''")));
        }
        let configuration = self.data().join("headwater.conf");
        std::fs::write(&configuration, text).map_err(Error::io(&configuration))?;
        self.home.user().own(&configuration)?;
        let log = self.log().to_string_lossy().into_owned();
        let output = self.pg_ctl(&["start", "-w", "-t", START_SECONDS, "-l", &log])?;
        if output.status.success() && self.is_running() { Ok(()) } else { Err(self.failed("started", &output)) }
    }

    fn pg_ctl(&self, arguments: &[&str]) -> Result<Output, Error> {
        let program = self.binaries.program("pg_ctl");
        let mut command = self.home.user().command(&program, &self.folder);
        command.arg("-D").arg(self.data()).args(arguments).output().map_err(Error::io(program))
    }

    /// The programs' words and the end of the log.
    fn failed(&self, verb: &'static str, output: &Output) -> Error {
        let mut reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        if let Ok(log) = std::fs::read(self.log()) {
            let log = String::from_utf8_lossy(&log);
            let lines: Vec<&str> = log.lines().rev().take(8).collect();
            reason.push_str(&format!("\n{} ends with:", self.log().display()));
            for line in lines.iter().rev() {
                reason.push_str(&format!("\n  {line}"));
            }
        }
        Error::PrivateServer { verb, reason }
    }
}

/// Locale arguments to try, best first: the same order of texts on every machine, and letters beyond ASCII known.
fn locales(major: u32) -> &'static [&'static [&'static str]] {
    if major >= 17 {
        &[&["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]]
    } else {
        &[&["--locale=C.UTF-8"], &["--locale=C"]]
    }
}

/// In the server's folder, or in /tmp where that path is too long for a socket.
fn socket_folder(folder: &Path) -> PathBuf {
    let inside = folder.join("socket");
    if inside.as_os_str().len() <= LONGEST_SOCKET_FOLDER {
        return inside;
    }
    Path::new("/tmp").join(format!("headwater-{}", short_hash(&[&folder.to_string_lossy()])))
}

fn percent_encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_fit() {
        assert_eq!(socket_folder(Path::new("/a/pg15")), Path::new("/a/pg15/socket"));
        let long = PathBuf::from(format!("/{}/pg15", "x".repeat(90)));
        assert!(socket_folder(&long).starts_with("/tmp"));
    }

    #[test]
    fn urls_are_escaped() {
        assert_eq!(percent_encode("/a b/ü"), "%2Fa%20b%2F%C3%BC");
    }
}
