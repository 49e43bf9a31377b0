//! Chromium, driven by its WebDriver.

use std::collections::HashMap;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder};
use hyper::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;

/// Set to anything, there are no tests in a browser.
const SKIP: &str = "HEADWATER_NO_BROWSER";

/// Runs the driver as long as its own input is open: when the test ends, however it does, neither driver nor browser is left.
const KEEPER: &str = r#"chromedriver --port=0 & driver=$!; read -r _; pkill -KILL -P $driver; kill -KILL $driver; wait; sleep 0.2; rm -rf "$1""#;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a test that fails tells.
const STATE: &str = "{ state: document.getElementById('status')?.dataset.state, items: document.querySelectorAll('#feed > article').length, \
    hidden: [...document.querySelectorAll('main [hidden]')].map((e) => e.id), scrolled: [scrollY, document.documentElement.scrollHeight, innerHeight], \
    asked: performance.getEntriesByType('resource').filter((e) => e.name.includes('/api/')).slice(-8).map((e) => e.name) }";

/// One browser at a time: each wants a core for itself.
static TURN: Mutex<()> = Mutex::const_new(());

/// A browser with one window.
pub struct Browser {
    pub client: Client,
    driver: Child,
    _turn: MutexGuard<'static, ()>,
}

/// A command of Chromium's own protocol.
#[derive(Debug)]
struct Own {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Own {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &url::Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}

impl Browser {
    /// Starts one; `None` where these tests are to be skipped.
    pub async fn start() -> Option<Self> {
        if std::env::var_os(SKIP).is_some() {
            eprintln!("\n!!! SKIPPED: {SKIP} is set, so nothing was tried in a browser !!!\n");
            return None;
        }
        let turn = TURN.lock().await;
        let profile = std::env::temp_dir().join(format!("headwater-browser-{}", std::process::id()));
        let mut driver = Command::new("sh")
            .args(["-c", KEEPER, "sh"])
            .arg(&profile)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell");
        let mut lines = BufReader::new(driver.stdout.take().expect("its output")).lines();
        let port = loop {
            let line = lines.next_line().await.expect("its output");
            let line = line.unwrap_or_else(|| {
                panic!(
                    "there is no chromedriver; install Debian's packages chromium and chromium-driver, or set {SKIP}=1"
                )
            });
            if let Some((_, port)) = line.split_once("successfully on port ")
                && let Ok(port) = port.trim_end_matches('.').trim().parse::<u16>()
            {
                break port;
            }
        };
        // Somebody must read what it writes.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let http = hyper_util::client::legacy::connect::HttpConnector::new();
        let client = ClientBuilder::new(http)
            .capabilities(capabilities(&profile))
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        Some(Self { client, driver, _turn: turn })
    }

    /// A command of the DevTools protocol.
    pub async fn tell(&self, command: &str, parameters: Value) {
        let body = json!({ "cmd": command, "params": parameters });
        self.client.issue_cmd(Own { path: "goog/cdp/execute", body }).await.unwrap_or_else(|error| panic!("{error}"));
    }

    /// What a script's expression is.
    pub async fn is(&self, expression: &str) -> Value {
        let script = format!("return ({expression})");
        self.client.execute(&script, Vec::new()).await.unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// Runs statements.
    pub async fn run(&self, script: &str) {
        self.client.execute(script, Vec::new()).await.unwrap_or_else(|error| panic!("{script}: {error}"));
    }

    /// Waits until an expression is true.
    pub async fn until(&self, expression: &str) {
        let end = Instant::now() + PATIENCE;
        while self.is(expression).await != Value::Bool(true) {
            if Instant::now() > end {
                let page = self.is("document.body.innerText.slice(0, 1500)").await;
                let state = self.is(STATE).await;
                panic!(
                    "never: {expression}\n{state:#}\nlog {:?}\n{}",
                    self.complaints().await,
                    page.as_str().unwrap_or_default()
                );
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The keys of the items that are shown, in their order.
    pub async fn keys(&self) -> Vec<String> {
        let keys =
            self.is("[...document.querySelectorAll('#feed > article')].map(a => JSON.parse(a.dataset.key).id)").await;
        keys.as_array().unwrap().iter().map(|key| key.as_str().unwrap().to_owned()).collect()
    }

    /// What the console was told, without what follows from pictures that cannot be had and connections that are cut.
    pub async fn complaints(&self) -> Vec<String> {
        let log = self.client.issue_cmd(Own { path: "se/log", body: json!({ "type": "browser" }) }).await;
        let log = log.unwrap_or_else(|error| panic!("{error}"));
        let messages = log.as_array().into_iter().flatten().filter(|entry| entry["source"] != "network");
        messages.map(ToString::to_string).collect()
    }

    /// A picture of the window, where pictures are wanted.
    pub async fn shoot(&self, name: &str) {
        if let Some(folder) = std::env::var_os("HEADWATER_SHOTS") {
            let picture = self.client.screenshot().await.unwrap_or_else(|error| panic!("{error}"));
            std::fs::write(std::path::Path::new(&folder).join(format!("{name}.png")), picture).unwrap();
        }
    }

    /// The time that driver and browser have had a core for.
    pub fn worked(&self) -> Duration {
        let driver = self.driver.id().expect("it runs");
        let processes = std::fs::read_dir("/proc")
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        // After the name in parentheses: state, parent, …, and the ticks in user mode and in the kernel.
        let stat = |process: u32| {
            let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
            let fields: Vec<u64> =
                text.rsplit_once(')')?.1.split(' ').skip(3).map(|field| field.parse().unwrap_or(0)).take(12).collect();
            let parent = text.rsplit_once(')')?.1.split(' ').nth(2)?.parse().ok()?;
            Some((process, (parent, fields[9] + fields[10])))
        };
        let all: HashMap<u32, (u32, u64)> = processes.filter_map(stat).collect();
        let below = |process: &u32| {
            std::iter::successors(Some(*process), |process| Some(all.get(process)?.0)).any(|above| above == driver)
        };
        let ticks: u64 = all.iter().filter(|(process, _)| below(process)).map(|(_, (_, ticks))| ticks).sum();
        Duration::from_millis(ticks * 10)
    }

    /// A window of this size, as a telephone or another screen has it.
    pub async fn window(&self, width: u32, height: u32, phone: bool) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": if phone { 2 } else { 1 }, "mobile": phone });
        self.tell("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// Nothing was wrong, and the browser ends.
    pub async fn end(mut self) {
        let complaints = self.complaints().await;
        assert!(complaints.is_empty(), "the console was told: {complaints:#?}");
        let _ = self.client.close().await;
        drop(self.driver.stdin.take());
        let _ = self.driver.wait().await;
    }
}

fn capabilities(profile: &Path) -> serde_json::Map<String, Value> {
    let profile = format!("--user-data-dir={}", profile.display());
    let arguments = [
        profile.as_str(),
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--disable-background-networking",
        "--force-color-profile=srgb",
        "--window-size=1100,900",
        // Nothing outside of this machine is asked.
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost, EXCLUDE *.localhost",
    ];
    let capabilities = json!({
        "goog:chromeOptions": { "args": arguments },
        "goog:loggingPrefs": { "browser": "ALL" },
    });
    capabilities.as_object().unwrap().clone()
}
