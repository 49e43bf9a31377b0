//! A database that is looked at.

use std::path::{Path, PathBuf};

use headwater_compile::SourceFile;
use headwater_deploy::project::{Settings, parse_settings};
use headwater_deploy::verify::{self, verify};
use headwater_deploy::{Options, Silent, apply};
use headwater_doctor::{Choice, Finding, Fix, Report, examine};
use headwater_postgres::{Client, Config, describe};
use headwater_testkit::TestDatabase;

/// What the test server is on purpose: nothing survives a crash there.
pub const OF_TEST_SERVERS: [&str; 2] = ["HW0841", "HW0842"];

/// Users, their posts, and votes: every foreign key has its index, every table is analyzed.
pub const SCHEMA: &str = "
    CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL);
    CREATE TABLE posts (id int PRIMARY KEY, user_id int NOT NULL REFERENCES users, world int NOT NULL, title text NOT NULL, at timestamptz NOT NULL);
    CREATE INDEX posts_user ON posts (user_id);
    INSERT INTO users SELECT n, 'user ' || n FROM generate_series(1, 2000) n;
    INSERT INTO posts SELECT n, 1 + n % 2000, n % 400, 'post ' || n, '2026-01-01'::timestamptz + n * interval '1 s' FROM generate_series(1, 6000) n;
    ANALYZE;";

/// Posts with the names of their users.
pub const FEED: &str = "-- headwater: access public
CREATE MATERIALIZED VIEW feed AS SELECT p.id, p.world, p.title, p.at, u.name FROM posts p JOIN users u ON u.id = p.user_id;
CREATE UNIQUE INDEX ON feed (id);
CREATE INDEX ON feed (at DESC, id DESC);
CREATE INDEX ON feed (world, at DESC, id DESC);
";

/// A route over it.
pub const ROUTE: &str = "
[[serve.route]]
path = \"/feed\"
model = \"feed\"
filters = [\"world\"]
sorts = [{ name = \"newest\", by = \"at desc\" }]
";

/// The database, its project, and its models.
pub struct Stage {
    pub database: TestDatabase,
    pub settings: Settings,
    pub root: PathBuf,
    pub models: Vec<String>,
    /// Codes that are not told.
    pub ignored: Vec<String>,
}

impl Stage {
    pub async fn new(hint: &str, schema: &str, models: &[&str], toml: &str) -> Self {
        let database = TestDatabase::create(hint).await;
        let mut ignored = OF_TEST_SERVERS.map(str::to_owned).to_vec();
        // A note that every server with PostgreSQL's defaults gets.
        ignored.push("HW0846".to_owned());
        let settings = parse_settings("headwater.toml", toml.to_owned()).expect("the settings");
        let models = models.iter().map(|model| (*model).to_owned()).collect();
        let stage = Self { database, settings, root: PathBuf::from("."), models, ignored };
        stage.run(schema).await;
        if !stage.models.is_empty() {
            stage.apply().await;
        }
        stage.run("ANALYZE").await;
        stage
    }

    pub fn config(&self) -> Config {
        self.database.config()
    }

    /// Runs statements on a connection of their own; several of them as one transaction, one of them by itself.
    pub async fn run(&self, sql: &str) {
        run(&self.database.connect().await, sql).await;
    }

    pub async fn apply(&self) {
        let file =
            |(number, text): (usize, &String)| SourceFile { path: format!("models/{number}.sql"), text: text.clone() };
        let files: Vec<_> = self.models.iter().enumerate().map(file).collect();
        apply::apply(&self.config(), &files, &Options::default(), &Silent)
            .await
            .unwrap_or_else(|error| panic!("{error:#?}"));
    }

    /// Waits until a query says true: statistics are written by sessions when they end.
    pub async fn until(&self, condition: &str) {
        let client = self.database.connect().await;
        for _ in 0..200 {
            if client.query_one(&format!("SELECT {condition}"), &[]).await.expect("a condition").get(0) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("it never came to be that {condition}");
    }

    pub async fn look(&self) -> Report {
        look(&self.config(), &self.root, &self.settings, &self.ignored).await
    }

    /// The only finding with this code and about this object.
    pub async fn finding(&self, code: &str, object: &str) -> Finding {
        let report = self.look().await;
        only(&report, code, object)
    }

    /// Does what the finding says, and nothing else; then it is gone.
    pub async fn is_put_right(&mut self, code: &str, object: &str) -> Finding {
        let finding = self.finding(code, object).await;
        assert!(!finding.why.is_empty() && !finding.fix.is_empty(), "{finding:#?}");
        for fix in finding.fix.clone() {
            match fix {
                Fix::Sql(statement) => self.run(&statement).await,
                Fix::Model(statement) => {
                    let name = statement.split_whitespace().skip_while(|word| *word != "ON").nth(1).expect("a model");
                    let short = name.trim_start_matches("public.").trim_matches('"');
                    let model = self.models.iter_mut().find(|model| model.contains(&format!("VIEW {short} ")));
                    model.expect("the model's file").push_str(&statement);
                }
                Fix::Command(command) if command == "headwater apply" => {
                    self.apply().await;
                    self.run("ANALYZE").await;
                }
                Fix::Command(command) if command.starts_with("headwater verify --repair ") => {
                    let options = verify::Options { models: Vec::new(), repair: true };
                    verify(&mut self.database.connect().await, &options, &Silent).await.expect("verify");
                }
                Fix::Command(command) => panic!("{command}"),
                Fix::Advice(_) => {}
            }
        }
        let report = self.look().await;
        assert_eq!(about(&report, code, object), Vec::<&Finding>::new());
        finding
    }
}

pub async fn look(config: &Config, root: &Path, settings: &Settings, ignored: &[String]) -> Report {
    let choice = Choice { only: Vec::new(), ignore: ignored.to_vec() };
    examine(config, root, settings.clone(), &choice, &Silent).await.unwrap_or_else(|error| panic!("{error:#?}"))
}

pub async fn run(client: &Client, sql: &str) {
    client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {}", describe(&error)));
}

pub fn about<'r>(report: &'r Report, code: &str, object: &str) -> Vec<&'r Finding> {
    report.findings.iter().filter(|one| one.code.to_string() == code && one.object == object).collect()
}

pub fn only(report: &Report, code: &str, object: &str) -> Finding {
    match about(report, code, object).as_slice() {
        [one] => (*one).clone(),
        _ => panic!("one {code} about {object} expected: {:#?}", report.findings),
    }
}

pub fn sql(finding: &Finding) -> Vec<&str> {
    finding
        .fix
        .iter()
        .filter_map(|fix| if let Fix::Sql(statement) = fix { Some(statement.as_str()) } else { None })
        .collect()
}
