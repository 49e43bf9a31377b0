//! The program under way, and windows that look at it.

use std::process::{ExitStatus, Stdio};

use fantoccini::wd::WindowHandle;
use headwater_postgres::{Client, connect, describe};
use headwater_testkit::TestServer;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{Mutex, MutexGuard};

use crate::browser::Browser;

/// They all use the one database that the program calls its own.
static TURN: Mutex<()> = Mutex::const_new(());

/// `headwater demo showcase`, with next to no traffic: what changes is what the test does.
pub struct Demo {
    program: Child,
    port: u16,
    database: Client,
    _turn: MutexGuard<'static, ()>,
}

impl Demo {
    pub async fn start() -> Self {
        let turn = TURN.lock().await;
        let server = tokio::task::spawn_blocking(|| TestServer::get(None)).await.expect("the server starts");
        let quiet = ["--scale", "0.02", "--rate", "0.01", "--writers", "1", "--fresh"];
        let mut program = Command::new(env!("CARGO_BIN_EXE_headwater"))
            .args(["demo", "showcase", "--json", "--listen", "127.0.0.1:0", "--database", &server.url("postgres")])
            .args(quiet)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the program runs");
        let mut lines = BufReader::new(program.stdout.take().expect("its output")).lines();
        let port = loop {
            let line = lines.next_line().await.expect("its output").expect("it listens");
            let Ok(said) = serde_json::from_str::<Value>(&line) else { continue };
            if said["event"] == "listening" {
                let address: std::net::SocketAddr = said["address"].as_str().unwrap().parse().unwrap();
                break address.port();
            }
        };
        // Somebody must read what it writes.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let database = connect(&server.config("demo_showcase")).await.unwrap_or_else(|error| panic!("{error}"));
        let demo = Self { program, port, database, _turn: turn };
        // The first batch tells all streams to begin anew.
        demo.run("SELECT headwater.wait('60 seconds')").await;
        demo
    }

    /// A page of the site, as one of the machine's names has it.
    pub fn at(&self, host: &str, page: &str) -> String {
        format!("http://{host}:{}/#/{page}", self.port)
    }

    /// The first column of the first row.
    pub async fn value(&self, sql: &str) -> String {
        let row = self.database.query_one(sql, &[]).await;
        row.unwrap_or_else(|error| panic!("{sql}: {}", describe(&error))).get(0)
    }

    /// Runs statements, as anybody may who has the database's password.
    pub async fn run(&self, sql: &str) {
        self.database.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {}", describe(&error)));
    }

    /// Interrupts it: it compares every model with its SELECT, and its exit code tells of it.
    pub async fn end(mut self) -> ExitStatus {
        let process = self.program.id().expect("it runs").to_string();
        let told = Command::new("kill").args(["-INT", &process]).status().await.expect("kill");
        assert!(told.success());
        self.program.wait().await.expect("it ends")
    }
}

/// A window of the browser.
pub struct Window<'b> {
    browser: &'b Browser,
    handle: WindowHandle,
}

impl<'b> Window<'b> {
    /// The window that is there already.
    pub async fn first(browser: &'b Browser) -> Self {
        Self { browser, handle: browser.client.window().await.unwrap() }
    }

    /// Another one.
    pub async fn open(browser: &'b Browser) -> Self {
        let handle = browser.client.new_window(false).await.unwrap().handle;
        Self { browser, handle }
    }

    /// The browser with this window before it.
    pub async fn look(&self) -> &'b Browser {
        self.browser.client.switch_to_window(self.handle.clone()).await.unwrap();
        self.browser
    }

    pub async fn goto(&self, address: &str) {
        let browser = self.look().await;
        browser.client.goto(address).await.unwrap();
        browser.until("document.documentElement.dataset.ready === 'true'").await;
    }

    pub async fn until(&self, expression: &str) {
        self.look().await.until(expression).await;
    }

    pub async fn run(&self, script: &str) {
        self.look().await.run(script).await;
    }

    pub async fn is(&self, expression: &str) -> Value {
        self.look().await.is(expression).await
    }

    /// Chooses who one is, as a person does.
    pub async fn be(&self, user: &str) {
        self.run(&format!(
            "const who = document.getElementById('who'); who.value = '{user}'; who.dispatchEvent(new Event('change'));"
        ))
        .await;
        self.until(&format!(
            "document.getElementById('who').value === '{user}' && !document.getElementById('who').disabled"
        ))
        .await;
    }

    /// Writes into the one form of the page, and sends it.
    pub async fn write(&self, text: &str) {
        let browser = self.look().await;
        let field = browser.client.find(fantoccini::Locator::Css("main .writing textarea")).await.unwrap();
        field.send_keys(text).await.unwrap();
        self.run("document.querySelector('main .writing').requestSubmit()").await;
    }

    /// Nothing but this site was asked for anything.
    pub async fn asked_nobody_else(&self) {
        let others = self.is("performance.getEntriesByType('resource').map(e => e.name).filter(n => !n.startsWith(location.origin + '/'))").await;
        assert_eq!(others, serde_json::json!([]));
    }
}
