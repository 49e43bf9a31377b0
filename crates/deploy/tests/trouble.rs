//! Deploying and maintaining when things go wrong: faults in a model's SELECT, roles with few rights, connections that the server ends, several
//! applies at once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use headwater_compile::SourceFile;
use headwater_deploy::batch::{self, How};
use headwater_deploy::verify::{self, Verified};
use headwater_deploy::{Applied, Error, Options, Progress, Silent, apply, refresh, remove, status};
use headwater_postgres::{Client, Config, connect, describe};
use headwater_testkit::{TestDatabase, oracle};
use tokio_postgres::{AsyncMessage, NoTls};

const SCHEMA: &str = "
    CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL);
    CREATE TABLE projects (id int PRIMARY KEY, user_id int NOT NULL REFERENCES users, title text NOT NULL, at timestamptz NOT NULL DEFAULT now());
    CREATE TABLE votes (user_id int NOT NULL, project_id int NOT NULL, weight int NOT NULL DEFAULT 1, PRIMARY KEY (user_id, project_id));
    CREATE INDEX ON votes (project_id);
    CREATE INDEX ON projects (user_id);
    INSERT INTO users SELECT n, 'user ' || n FROM generate_series(1, 20) n;
    INSERT INTO projects SELECT n, 1 + n % 20, 'project ' || n FROM generate_series(1, 400) n;
    INSERT INTO votes SELECT u, p, 1 + (u + p) % 3 FROM generate_series(1, 20) u, generate_series(1, 400) p WHERE (u * p) % 7 = 0;
    ANALYZE;";

const FEED: &str = "CREATE MATERIALIZED VIEW feed AS
    SELECT p.id, p.title, u.name, (SELECT count(*) FROM votes v WHERE v.project_id = p.id) AS votes FROM projects p JOIN users u ON u.id = p.user_id;
CREATE UNIQUE INDEX ON feed (id);";

const FEED_WIDER: &str = "CREATE MATERIALIZED VIEW feed AS
    SELECT p.id, p.title, u.name, (SELECT count(*) FROM votes v WHERE v.project_id = p.id) AS votes,
        (SELECT sum(v.weight) FROM votes v WHERE v.project_id = p.id) AS weight FROM projects p JOIN users u ON u.id = p.user_id;
CREATE UNIQUE INDEX ON feed (id);";

const KARMA: &str = "-- headwater: eventual
CREATE MATERIALIZED VIEW karma AS
    SELECT u.id, u.name, (SELECT count(*) FROM projects p WHERE p.user_id = u.id) AS projects, (SELECT sum(v.weight) FROM votes v WHERE v.user_id = u.id) AS given FROM users u;
CREATE UNIQUE INDEX ON karma (id);";

const RECENT: &str = "-- headwater: eventual
CREATE MATERIALIZED VIEW recent AS SELECT p.id, p.title FROM projects p WHERE p.at > now() - interval '30 days';
CREATE UNIQUE INDEX ON recent (id);";

fn files(models: &[&str]) -> Vec<SourceFile> {
    let file =
        |(number, text): (usize, &&str)| SourceFile { path: format!("models/{number}.sql"), text: (*text).to_owned() };
    models.iter().enumerate().map(file).collect()
}

async fn loaded(hint: &str) -> TestDatabase {
    let database = TestDatabase::create(hint).await;
    run(&database.connect().await, SCHEMA).await;
    database
}

async fn run(client: &Client, sql: &str) {
    client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {}", describe(&error)));
}

async fn number(client: &Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {}", describe(&error))).get(0)
}

async fn text(client: &Client, sql: &str) -> String {
    client.query_one(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {}", describe(&error))).get(0)
}

async fn try_apply(config: &Config, models: &[&str]) -> Result<Applied, Error> {
    apply::apply(config, &files(models), &Options::default(), &Silent).await
}

async fn applied(config: &Config, models: &[&str]) -> Applied {
    try_apply(config, models).await.unwrap_or_else(|error| panic!("{error:#?}"))
}

async fn verified(config: &Config, repair: bool) -> Vec<Verified> {
    let options = verify::Options { models: Vec::new(), repair };
    verify::verify(&mut connect(config).await.unwrap(), &options, &Silent)
        .await
        .unwrap_or_else(|error| panic!("{error:#?}"))
}

async fn assert_exact(config: &Config) {
    for model in verified(config, false).await {
        assert!(model.exact && model.broken.is_none(), "{model:#?}");
    }
}

/// A session whose notices are kept.
async fn listening(config: &Config) -> (tokio_postgres::Client, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let (client, mut connection) = config.connect(NoTls).await.unwrap();
    let (sender, heard) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(Ok(message)) = std::future::poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notice(notice) = message {
                let _ = sender.send(format!("{}: {}", notice.severity(), notice.message()));
            }
        }
    });
    (client, heard)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_keeps_the_write_and_the_other_models() {
    let inverse =
        "CREATE MATERIALIZED VIEW inverse AS SELECT v.project_id, v.user_id, 60 / v.weight AS inverse FROM votes v;
CREATE UNIQUE INDEX ON inverse (project_id, user_id);";
    let sums = "CREATE MATERIALIZED VIEW sums AS SELECT v.project_id, sum(v.weight) AS weight, count(*) AS n FROM votes v GROUP BY v.project_id;
CREATE UNIQUE INDEX ON sums (project_id);";
    let database = loaded("fault").await;
    let config = database.config();
    applied(&config, &[FEED, inverse, sums, KARMA]).await;
    let (writer, mut heard) = listening(&config).await;
    let others = ["feed", "sums"];
    let asker = database.connect().await;
    let state = "SELECT string_agg(name || ' ' || state, ', ' ORDER BY name) FROM headwater.model";
    for (sql, rows) in [
        ("INSERT INTO votes VALUES (1, 1001, 0)", 1),
        ("INSERT INTO votes SELECT 2, g, g % 2 FROM generate_series(2001, 2010) g", 10),
        ("UPDATE votes SET weight = 0 WHERE project_id = 7 AND user_id < 10", 9),
    ] {
        // The next fault marks it again.
        run(&asker, "UPDATE headwater.model SET state = 'serving', reason = NULL WHERE state = 'broken'").await;
        assert_eq!(writer.execute(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}")), rows, "{sql}");
        assert_eq!(text(&asker, state).await, "feed serving, inverse broken, karma serving, sums serving", "{sql}");
        let warning = heard.recv().await.unwrap();
        assert!(
            warning.starts_with("WARNING: Headwater model table inverse_") && warning.contains("division by zero"),
            "{warning}"
        );
        oracle_of(&asker, &others).await;
    }
    assert_eq!(
        text(&asker, "SELECT reason FROM headwater.model WHERE name = 'inverse'").await,
        "22012: division by zero"
    );
    assert!(!status::status(&asker).await.unwrap().is_healthy());
    assert_eq!(number(&asker, "SELECT count(*) FROM votes WHERE weight = 0").await, 15);
    // In a transaction of its own making: it goes on after the fault, savepoints too.
    writer.batch_execute("BEGIN; UPDATE votes SET weight = 0 WHERE project_id = 14; SAVEPOINT a; DELETE FROM votes WHERE project_id = 21; ROLLBACK TO a; UPDATE users SET name = 'kept' WHERE id = 1; COMMIT").await.unwrap();
    oracle_of(&asker, &others).await;
    assert_eq!(text(&asker, "SELECT name FROM feed WHERE id = 20").await, "kept");
    // While the cause is there, repairing does not heal; afterwards it does.
    assert!(verified(&config, true).await.iter().any(|model| model.name == "inverse" && !model.exact));
    run(&asker, "DELETE FROM votes WHERE weight = 0").await;
    assert!(verified(&config, true).await.iter().all(|model| model.exact && model.broken.is_none()));
    assert_eq!(text(&asker, state).await, "feed serving, inverse serving, karma serving, sums serving");
    assert_exact(&config).await;
}

/// Exact, whatever else is broken.
async fn oracle_of(client: &Client, models: &[&str]) {
    let oracle = oracle::Oracle::load(client, models).await.unwrap();
    let found = oracle.differences(client).await.unwrap();
    let wrong: Vec<_> = found.iter().filter(|difference| models.contains(&difference.model.as_str())).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A role that writers cannot be told from: no superuser, and only what `docs/guides/operating.md` lists.
struct Roles {
    owner: String,
    deployer: String,
    writer: String,
}

impl Roles {
    /// `deployer` is the owner of the tables, or another role that is a member of the owner.
    async fn create(database: &TestDatabase, apart: bool) -> Self {
        let stem = database.name().as_str().to_owned();
        let name = |what: &str| headwater_catalog::Ident::generated(&stem, what).as_str().to_owned();
        let roles = Self {
            owner: name("_owner"),
            deployer: name(if apart { "_deployer" } else { "_owner" }),
            writer: name("_writer"),
        };
        let admin = database.connect().await;
        run(&admin, &format!("CREATE ROLE \"{}\" LOGIN; CREATE ROLE \"{}\" LOGIN", roles.owner, roles.writer)).await;
        if apart {
            run(&admin, &format!("CREATE ROLE \"{}\" LOGIN IN ROLE \"{}\"", roles.deployer, roles.owner)).await;
        }
        run(&admin, &format!("GRANT USAGE, CREATE ON SCHEMA public TO \"{}\"", roles.owner)).await;
        run(&admin, &format!("GRANT CREATE ON DATABASE {} TO \"{}\"", database.name(), roles.deployer)).await;
        run(&admin, &format!("SET ROLE \"{0}\"; {SCHEMA}; GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA public TO \"{1}\"", roles.owner, roles.writer)).await;
        roles
    }

    fn config(database: &TestDatabase, role: &str) -> Config {
        let mut config = database.config();
        config.user(role);
        config
    }

    async fn drop(self, database: &TestDatabase) {
        let admin = database.connect().await;
        let mut names = vec![&self.writer, &self.deployer, &self.owner];
        names.dedup();
        for name in names {
            run(&admin, &format!("DROP OWNED BY \"{name}\" CASCADE; DROP ROLE \"{name}\"")).await;
        }
    }
}

async fn without_superuser(hint: &str, apart: bool) {
    let database = TestDatabase::create(hint).await;
    let roles = Roles::create(&database, apart).await;
    let (deployer, writer) = (Roles::config(&database, &roles.deployer), Roles::config(&database, &roles.writer));
    let live = "-- headwater: retain live
CREATE MATERIALIZED VIEW titles AS SELECT p.id, p.title FROM projects p;
CREATE UNIQUE INDEX ON titles (id);";
    let log = "-- headwater: eventual
-- headwater: retain append keep 100 days by at
CREATE MATERIALIZED VIEW log AS SELECT p.id, p.title, p.at FROM projects p;
CREATE UNIQUE INDEX ON log (id);";
    let whole = "-- headwater: eventual
CREATE MATERIALIZED VIEW above AS SELECT v.project_id, v.user_id FROM votes v WHERE v.weight > (SELECT avg(w.weight) FROM votes w);";
    let all = [FEED, KARMA, RECENT, live, log, whole];
    assert_eq!(applied(&deployer, &all).await.built.len(), 6);
    let client = connect(&writer).await.unwrap();
    run(&client, "INSERT INTO users VALUES (21, 'new'); INSERT INTO projects (id, user_id, title) VALUES (1001, 21, 'new'); INSERT INTO votes VALUES (21, 1001, 9); UPDATE users SET name = upper(name) WHERE id < 5; DELETE FROM votes WHERE project_id = 7").await;
    let mut own = connect(&deployer).await.unwrap();
    let force = How { careful: true, force: true };
    assert!(batch::run(&mut own, force).await.unwrap_or_else(|error| panic!("{error:#?}")).done);
    assert_exact(&deployer).await;
    run(&client, "TRUNCATE votes; INSERT INTO votes VALUES (1, 1, 1)").await;
    assert!(batch::run(&mut own, force).await.unwrap_or_else(|error| panic!("{error:#?}")).failed.is_empty());
    assert_exact(&deployer).await;
    let refused = client.batch_execute("SELECT * FROM headwater.model").await.unwrap_err();
    assert_eq!(refused.code().unwrap().code(), "42501");
    // Changing, refreshing, repairing, removing.
    applied(&deployer, &[FEED_WIDER, KARMA, RECENT, live, log, whole]).await;
    refresh::refresh(&deployer, "karma", &Options::default(), &Silent)
        .await
        .unwrap_or_else(|error| panic!("{error:#?}"));
    let table = text(&own, "SELECT format('headwater.%I', table_name) FROM headwater.model WHERE name = 'karma'").await;
    run(&own, &format!("UPDATE {table} SET projects = 99 WHERE id = 3")).await;
    assert!(verified(&deployer, true).await.iter().all(|model| model.exact));
    assert!(status::status(&own).await.unwrap().is_healthy());
    drop(own);
    let removed =
        remove::remove_all(&deployer, &Options::default(), &Silent).await.unwrap_or_else(|error| panic!("{error:#?}"));
    assert_eq!(removed.len(), 6);
    run(&client, "INSERT INTO votes VALUES (2, 2, 2)").await;
    drop(client);
    roles.drop(&database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_of_the_tables_may_do_it_all() {
    without_superuser("owner", false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_of_the_owner_may_do_it_all() {
    without_superuser("member", true).await;
}

/// Somebody who writes all the time; stops with the value.
struct Writer(tokio::task::JoinHandle<()>);

impl Writer {
    async fn start(database: &TestDatabase) -> Self {
        let client = database.connect().await;
        Self(tokio::spawn(async move {
            for n in 0.. {
                let sql = format!(
                    "BEGIN; INSERT INTO votes VALUES ({u}, {p}, 2) ON CONFLICT (user_id, project_id) DO UPDATE SET weight = 1 + votes.weight % 7;
                     UPDATE projects SET title = 'written {n}' WHERE id = {q}; COMMIT; UPDATE users SET name = 'renamed {n}' WHERE id = {u}; DELETE FROM votes WHERE project_id = {q} AND user_id = {u}",
                    u = 1 + n % 20, p = 1 + (n * 37) % 400, q = 1 + (n * 11) % 400
                );
                if client.batch_execute(&sql).await.is_err_and(|error| error.is_closed()) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }))
    }

    async fn stop(self) {
        self.0.abort();
        let _ = self.0.await;
    }
}

/// Nothing is left of versions that do not serve.
async fn assert_clean(client: &Client, models: i64) {
    assert_eq!(number(client, "SELECT count(*) FROM headwater.model WHERE state = 'serving'").await, models);
    assert_eq!(number(client, "SELECT count(*) FROM headwater.model").await, models);
    assert_eq!(number(client, "SELECT count(*) FROM pg_trigger WHERE tgname LIKE '%building%'").await, 0);
    assert_eq!(
        number(
            client,
            "SELECT count(*) FROM pg_proc WHERE pronamespace = 'headwater'::regnamespace AND proname LIKE '%building%'"
        )
        .await,
        0
    );
    let queues = "SELECT count(*) FROM pg_class AS c WHERE relnamespace = 'headwater'::regnamespace AND relkind = 'r' AND relname LIKE 'queue\\_%'
        AND NOT EXISTS (SELECT FROM headwater.source AS s WHERE s.queue::regclass = c.oid)";
    assert_eq!(number(client, queues).await, 0);
}

/// Ends the apply's connection when the apply has come to its n-th step.
struct Killer {
    at: u64,
    steps: AtomicU64,
    reached: tokio::sync::Notify,
}

impl Killer {
    fn step(&self) {
        if self.steps.fetch_add(1, Ordering::Relaxed) == self.at {
            self.reached.notify_one();
        }
    }
}

impl Progress for Killer {
    fn say(&self, _message: &str) {}
    fn begin(&self, _step: &str, _total: u64) {
        self.step();
    }
    fn done(&self, _units: u64) {
        self.step();
    }
    fn end(&self) {
        self.step();
    }
}

/// The building triggers come table by table. What the first ones have put into the table is no reason for the fill to leave it alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_came_before_all_triggers_were_there() {
    let database = loaded("before_all").await;
    let (late, early) = (database.connect().await, database.connect().await);
    run(&late, "BEGIN; INSERT INTO votes VALUES (999, 5, 3)").await;
    let task = tokio::spawn({
        let config = database.config();
        async move { try_apply(&config, &[FEED]).await }
    });
    let triggers = "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'projects'::regclass AND tgname LIKE '%building%'";
    while number(&early, triggers).await == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    run(&early, "UPDATE projects SET title = 'early' WHERE id = 5").await;
    run(&late, "COMMIT").await;
    task.await.unwrap().unwrap_or_else(|error| panic!("{error:#?}"));
    assert_exact(&database.config()).await;
}

/// The server ends the connection of an apply: at one step after the other, and at moments between.
#[tokio::test(flavor = "multi_thread")]
async fn an_apply_whose_connection_dies_is_taken_up() {
    let database = loaded("dies").await;
    let writer = Writer::start(&database).await;
    let killer = database.connect().await;
    let mut config = database.config();
    config.application_name("victim");
    let options = Options { rows_per_range: 100, ..Options::default() };
    let kill = "SELECT count(*) FROM (SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'victim') AS x";
    let sets = [vec![FEED, KARMA, RECENT], vec![FEED_WIDER, KARMA], vec![KARMA, FEED, RECENT]];
    // A whole one tells how many steps there are.
    let counted = Killer { at: u64::MAX, steps: AtomicU64::new(0), reached: tokio::sync::Notify::new() };
    apply::apply(&database.config(), &files(&sets[1]), &options, &counted)
        .await
        .unwrap_or_else(|error| panic!("{error:#?}"));
    let steps = counted.steps.into_inner();
    let (mut killed, mut whole) = (0, 0);
    for round in 0..14_u64 {
        let files = files(&sets[round as usize % sets.len()]);
        let progress = Killer { at: round * 5 % steps, steps: AtomicU64::new(0), reached: tokio::sync::Notify::new() };
        let ended = async {
            progress.reached.notified().await;
            tokio::time::sleep(Duration::from_millis(round % 5 * 3)).await;
            number(&killer, kill).await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            outcome = apply::apply(&config, &files, &options, &progress) => match outcome {
                Ok(_) => whole += 1,
                Err(error) => {
                    assert!(error.is_unreachable(), "{error:#?}");
                    killed += 1;
                }
            },
            () = ended => {}
        }
        let served = "SELECT count(*) FROM pg_class WHERE oid = to_regclass('headwater.model')";
        if number(&killer, served).await == 1
            && number(
                &killer,
                "SELECT count(*) FROM headwater.model WHERE installed_at IS NOT NULL AND state <> 'retired'",
            )
            .await
                > 0
        {
            assert_exact(&database.config()).await;
        }
    }
    assert!(killed >= 4, "{killed} were killed, {whole} came through");
    applied(&database.config(), &[FEED, KARMA, RECENT]).await;
    writer.stop().await;
    assert_exact(&database.config()).await;
    assert_clean(&killer, 3).await;
}

/// Batches go on at every moment of an apply that drops what another left half-built.
#[tokio::test(flavor = "multi_thread")]
async fn batches_survive_an_apply_that_drops_what_was_half_built() {
    let database = loaded("half_built").await;
    let client = database.connect().await;
    applied(&database.config(), &[FEED, KARMA]).await;
    let options = Options { rows_per_range: 10, ..Options::default() };
    let mut config = database.config();
    config.application_name("victim");
    let kill = "SELECT count(*) FROM (SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'victim') AS x";
    let taken_in =
        "SELECT count(*) FROM headwater.model WHERE name = 'recent' AND state = 'building' AND step IS NOT NULL";
    let half = tokio::spawn({
        let (config, models) = (config.clone(), files(&[FEED, KARMA, RECENT]));
        async move { apply::apply(&config, &models, &options, &Silent).await.map(|_| ()) }
    });
    while number(&client, taken_in).await == 0 {
        assert!(!half.is_finished(), "the fill is over before it could be cut off");
    }
    number(&client, kill).await;
    assert!(half.await.unwrap().is_err_and(|error| error.is_unreachable()));
    assert_eq!(number(&client, taken_in).await, 1);

    // The next apply does not want it, and is cut off after it dropped it.
    let begun = "creating tables";
    let stopper = Stopper { at: begun, reached: tokio::sync::Notify::new() };
    let again = files(&[FEED, KARMA]);
    tokio::select! {
        outcome = apply::apply(&config, &again, &options, &stopper) => panic!("{begun} was not reached: {outcome:?}"),
        () = stopper.reached.notified() => {}
    }
    number(&client, kill).await;
    assert_eq!(number(&client, "SELECT count(*) FROM headwater.model WHERE name = 'recent'").await, 0);
    run(&client, "INSERT INTO votes VALUES (3, 4242, 7)").await;
    assert_exact(&database.config()).await;
    applied(&database.config(), &[FEED, KARMA]).await;
    assert_exact(&database.config()).await;
}

/// Tells when the apply begins one step.
struct Stopper {
    at: &'static str,
    reached: tokio::sync::Notify,
}

impl Progress for Stopper {
    fn say(&self, _message: &str) {}
    fn begin(&self, step: &str, _total: u64) {
        if step == self.at {
            self.reached.notify_one();
        }
    }
    fn done(&self, _units: u64) {}
    fn end(&self) {}
}

/// Two applies of different models, and batches between them.
#[tokio::test(flavor = "multi_thread")]
async fn two_applies_and_batches_at_once() {
    let database = loaded("at_once").await;
    let writer = Writer::start(&database).await;
    let config = database.config();
    applied(&config, &[FEED, KARMA]).await;
    let batches = tokio::spawn({
        let mut client = database.connect().await;
        async move {
            loop {
                match batch::run(&mut client, How { careful: true, force: true }).await {
                    Err(error) if error.is_unreachable() => return,
                    Err(error) => panic!("{error:#?}"),
                    Ok(batch) => assert!(batch.failed.is_empty(), "{batch:?}"),
                }
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
        }
    });
    for _ in 0..3 {
        let (one, other) =
            tokio::join!(try_apply(&config, &[FEED_WIDER, KARMA, RECENT]), try_apply(&config, &[KARMA, FEED]));
        one.unwrap_or_else(|error| panic!("{error:#?}"));
        other.unwrap_or_else(|error| panic!("{error:#?}"));
        assert_exact(&config).await;
    }
    assert!(!batches.is_finished());
    batches.abort();
    let _ = batches.await;
    applied(&config, &[FEED, KARMA]).await;
    writer.stop().await;
    assert_exact(&config).await;
    assert_clean(&database.connect().await, 2).await;
}
