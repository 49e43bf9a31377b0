//! Leaders: as a process of its own, the program `headwater maintain`, to be killed, stopped and woken; and as a task of the test.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use headwater_maintain::leader::Unobserved;
use headwater_maintain::{Settings, lead};
use headwater_postgres::Config;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Names the program to run, where it is not to be built from this workspace.
pub const PROGRAM_VARIABLE: &str = "HEADWATER_PROGRAM";

/// A leader, or one that stands by. Dropped, it is killed.
#[derive(Debug)]
pub struct LeaderProcess {
    child: Child,
    said: Arc<Mutex<Vec<String>>>,
}

impl LeaderProcess {
    /// Starts one.
    ///
    /// # Panics
    /// Where the program cannot be built or started.
    #[must_use]
    pub fn start(url: &str) -> Self {
        let mut command = Command::new(program());
        command.args(["--json", "--database", url, "maintain"]).current_dir(std::env::temp_dir());
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("headwater starts");
        let said = Arc::new(Mutex::new(Vec::new()));
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let hears = Arc::clone(&said);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                hears.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        });
        Self { child, said }
    }

    /// What it has said so far, a JSON document a line.
    #[must_use]
    pub fn said(&self) -> Vec<String> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How often it has told of such an event.
    #[must_use]
    pub fn count(&self, event: &str) -> usize {
        let quoted = format!("\"event\":\"{event}\"");
        self.said().iter().filter(|line| line.contains(&quoted)).count()
    }

    /// Waits until it has told of an event so many times; gives how long that took.
    ///
    /// # Panics
    /// Where it takes longer than this.
    pub async fn until(&self, event: &str, times: usize, longest: Duration) -> Duration {
        let began = Instant::now();
        while self.count(event) < times {
            assert!(began.elapsed() < longest, "no \"{event}\" after {longest:?}; it said {:#?}", self.said());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        began.elapsed()
    }

    /// `kill -9`.
    ///
    /// # Panics
    /// Where it has ended by itself.
    pub fn kill(mut self) {
        let ended = self.child.try_wait().expect("its state");
        assert!(ended.is_none(), "it ended by itself, {ended:?}, and said {:#?}", self.said());
        self.child.kill().expect("a signal");
        self.child.wait().expect("its end");
    }

    /// SIGSTOP: it does nothing more, and its connections stay open.
    pub fn freeze(&self) {
        signal("STOP", self.child.id());
    }

    /// SIGCONT.
    pub fn thaw(&self) {
        signal("CONT", self.child.id());
    }
}

impl Drop for LeaderProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal.
///
/// # Panics
/// Where there is no such process.
pub fn signal(name: &str, process: u32) {
    let sent = Command::new("kill").arg(format!("-{name}")).arg(process.to_string()).status().expect("kill");
    assert!(sent.success(), "no process {process}");
}

/// The program, built where this test was: of the same profile.
fn program() -> PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM
        .get_or_init(|| {
            if let Some(path) = std::env::var_os(PROGRAM_VARIABLE) {
                return PathBuf::from(path);
            }
            let test = std::env::current_exe().expect("the test's own path");
            let folder = test.parent().and_then(std::path::Path::parent).expect("a folder of the target").to_owned();
            let mut build = Command::new(env!("CARGO"));
            build.current_dir(env!("CARGO_MANIFEST_DIR")).args(["build", "--quiet", "-p", "headwater-cli"]);
            if folder.ends_with("release") {
                build.arg("--release");
            }
            assert!(build.status().expect("cargo").success(), "headwater cannot be built");
            folder.join("headwater")
        })
        .clone()
}

/// `lead` in this process, until told to stop.
#[derive(Debug)]
pub struct LeaderTask {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl LeaderTask {
    /// Starts it.
    #[must_use]
    pub fn start(config: &Config) -> Self {
        let (stop, stopped) = watch::channel(false);
        let config = config.clone();
        let task = tokio::spawn(async move {
            lead(&config, &Settings::default(), stopped, &Unobserved).await.unwrap_or_else(|error| panic!("{error}"));
        });
        Self { stop, task }
    }

    /// Lets it end.
    ///
    /// # Panics
    /// Where it has failed.
    pub async fn end(self) {
        self.stop.send(true).expect("it runs");
        self.task.await.expect("a leader");
    }
}
