//! Deploying against a real server: idempotence, change, interruption, rights, removal. The oracle is `verify`.

use std::sync::Mutex;
use std::time::Duration;

use headwater_compile::SourceFile;
use headwater_deploy::locks::Patience;
use headwater_deploy::verify::{self, Verified};
use headwater_deploy::{Action, Applied, Error, Options, Progress, Silent, apply, refresh, remove, status};
use headwater_testkit::TestDatabase;

const SCHEMA: &str = "
    CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL);
    CREATE TABLE projects (id int PRIMARY KEY, user_id int NOT NULL REFERENCES users, title text NOT NULL);
    CREATE TABLE votes (user_id int NOT NULL, project_id int NOT NULL REFERENCES projects ON DELETE CASCADE,
                        up bool NOT NULL, PRIMARY KEY (user_id, project_id));
    CREATE INDEX ON votes (project_id);
    CREATE INDEX ON projects (user_id);
    INSERT INTO users SELECT n, 'user ' || n FROM generate_series(1, 20) n;
    INSERT INTO projects SELECT n, 1 + n % 20, 'project ' || n FROM generate_series(1, 500) n;
    INSERT INTO votes SELECT u, p, (u + p) % 3 > 0 FROM generate_series(1, 20) u, generate_series(1, 500) p WHERE (u * p) % 7 = 0;
    ANALYZE;";

const FEED: &str = "CREATE MATERIALIZED VIEW feed AS
    SELECT p.id, p.title, u.name, (SELECT count(*) FROM votes v WHERE v.project_id = p.id AND v.up) AS ups
    FROM projects p JOIN users u ON u.id = p.user_id;
CREATE UNIQUE INDEX ON feed (id);";

const FEED_WIDER: &str = "CREATE MATERIALIZED VIEW feed AS
    SELECT p.id, p.title, u.name, (SELECT count(*) FROM votes v WHERE v.project_id = p.id AND v.up) AS ups,
           (SELECT count(*) FROM votes v WHERE v.project_id = p.id) AS votes
    FROM projects p JOIN users u ON u.id = p.user_id;
CREATE UNIQUE INDEX ON feed (id);";

const FEED_OTHER: &str = "CREATE MATERIALIZED VIEW feed AS
    SELECT p.id, u.name, p.title FROM projects p JOIN users u ON u.id = p.user_id;
CREATE UNIQUE INDEX ON feed (id);";

const KARMA: &str = "CREATE MATERIALIZED VIEW karma AS
    SELECT user_id, count(*) AS projects FROM projects GROUP BY user_id;
CREATE UNIQUE INDEX ON karma (user_id);";

fn files(models: &[&str]) -> Vec<SourceFile> {
    let file =
        |(number, text): (usize, &&str)| SourceFile { path: format!("models/{number}.sql"), text: (*text).to_owned() };
    models.iter().enumerate().map(file).collect()
}

async fn loaded(hint: &str) -> TestDatabase {
    let database = TestDatabase::create(hint).await;
    run(&database, SCHEMA).await;
    database
}

async fn run(database: &TestDatabase, sql: &str) {
    database.connect().await.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
}

async fn number(database: &TestDatabase, sql: &str) -> i64 {
    database.connect().await.query_one(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}")).get(0)
}

async fn text(database: &TestDatabase, sql: &str) -> String {
    database.connect().await.query_one(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}")).get(0)
}

async fn try_apply(database: &TestDatabase, models: &[&str]) -> Result<Applied, Error> {
    apply::apply(&database.config(), &files(models), &Options::default(), &Silent).await
}

async fn applied(database: &TestDatabase, models: &[&str]) -> Applied {
    try_apply(database, models).await.unwrap_or_else(|error| panic!("{error:#?}"))
}

async fn verified(database: &TestDatabase, repair: bool) -> Vec<Verified> {
    let options = verify::Options { models: Vec::new(), repair };
    verify::verify(&mut database.connect().await, &options, &Silent).await.unwrap()
}

async fn assert_exact(database: &TestDatabase) {
    for model in verified(database, false).await {
        assert!(model.exact && model.broken.is_none(), "{model:#?}");
    }
}

/// The codes of the errors in a refusal.
fn codes(error: &Error) -> Vec<String> {
    match error {
        Error::Problems(problems) => problems.diagnostics.iter().map(|one| one.code.to_string()).collect(),
        other => panic!("problems expected: {other:?}"),
    }
}

fn actions(applied: &Applied) -> Vec<Action> {
    applied.changes.iter().map(|change| change.action.clone()).collect()
}

/// Everything that the catalogs hold besides the system's own.
async fn objects(database: &TestDatabase) -> Vec<String> {
    let sql = "SELECT 'relation ' || oid::regclass || coalesce(relacl::text, '') FROM pg_class WHERE oid >= 16384 AND relnamespace <> 'pg_toast'::regnamespace
        UNION ALL SELECT 'function ' || oid::regprocedure FROM pg_proc WHERE oid >= 16384
        UNION ALL SELECT 'trigger ' || tgname || ' on ' || tgrelid::regclass FROM pg_trigger WHERE NOT tgisinternal
        UNION ALL SELECT 'type ' || oid::regtype FROM pg_type WHERE oid >= 16384
        UNION ALL SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp'
        UNION ALL SELECT 'default acl ' || defaclacl::text FROM pg_default_acl
        ORDER BY 1";
    database.connect().await.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_apply_writes_nothing() {
    let database = loaded("idempotent").await;
    let first = applied(&database, &[FEED, KARMA]).await;
    assert_eq!(actions(&first), [Action::New, Action::New]);
    assert_eq!(first.built.iter().map(|model| model.rows).collect::<Vec<_>>(), [500, 20]);
    assert_exact(&database).await;
    let marks = "SELECT sum(xmin::text::bigint)::bigint FROM (SELECT xmin FROM pg_class UNION ALL SELECT xmin FROM pg_proc UNION ALL SELECT xmin FROM pg_trigger UNION ALL SELECT xmin FROM headwater.model UNION ALL SELECT xmin FROM headwater.source) x";
    // Statistics of what was just built are written to pg_class a moment later.
    run(&database, "VACUUM ANALYZE").await;
    let before = number(&database, marks).await;
    let started = std::time::Instant::now();
    let second = applied(&database, &[FEED, KARMA]).await;
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    assert_eq!(actions(&second), [Action::Unchanged, Action::Unchanged]);
    assert!(second.built.is_empty());
    assert_eq!(number(&database, marks).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_model_is_swapped_in_and_its_grants_survive() {
    let database = loaded("changed").await;
    applied(&database, &[FEED, KARMA]).await;
    let role = format!("reader_{}", database.name().as_str().replace(|c: char| !c.is_ascii_alphanumeric(), "_"));
    run(&database, &format!("CREATE ROLE {role}; GRANT SELECT ON feed TO {role}; GRANT SELECT (title) ON feed TO PUBLIC; COMMENT ON COLUMN feed.title IS 'as written'")).await;
    let acl = "SELECT relacl::text || coalesce((SELECT attacl::text || col_description(attrelid, attnum) FROM pg_attribute WHERE attrelid = c.oid AND attname = 'title'), '') FROM pg_class c WHERE oid = 'feed'::regclass";
    let read = async || database.connect().await.query_one(acl, &[]).await.unwrap().get::<_, String>(0);
    let before = read().await;

    assert_eq!(actions(&applied(&database, &[FEED_WIDER, KARMA]).await), [Action::Changed, Action::Unchanged]);
    assert_eq!(read().await, before);
    assert_exact(&database).await;
    run(&database, "CREATE VIEW report AS SELECT ups FROM feed").await;
    let error = try_apply(&database, &[FEED_OTHER, KARMA]).await.unwrap_err();
    assert_eq!(codes(&error), ["HW0562"]);
    run(&database, "DROP VIEW report").await;
    applied(&database, &[FEED_OTHER, KARMA]).await;
    assert_eq!(read().await, before);
    assert_exact(&database).await;
    assert_eq!(number(&database, "SELECT count(*) FROM headwater.model").await, 2);
    assert_eq!(number(&database, "SELECT count(*) FROM pg_class WHERE relnamespace = 'headwater'::regnamespace AND relname LIKE 'feed%' AND relkind = 'r'").await, 1);
    run(
        &database,
        &format!("SET ROLE {role}; SELECT * FROM feed LIMIT 1; RESET ROLE; DROP OWNED BY {role}; DROP ROLE {role}"),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn remove_leaves_no_trace() {
    let database = loaded("remove").await;
    let before = objects(&database).await;
    applied(&database, &[FEED, KARMA]).await;
    applied(&database, &[FEED_WIDER]).await;
    assert_eq!(number(&database, "SELECT count(*) FROM pg_class WHERE relname = 'karma'").await, 0);
    applied(&database, &[FEED, KARMA]).await;
    remove::remove(&database.config(), &["karma".to_owned()], &Options::default(), &Silent).await.unwrap();
    run(&database, "UPDATE projects SET title = 'new' WHERE id < 10; DELETE FROM projects WHERE id = 10").await;
    assert_exact(&database).await;
    let removed = remove::remove_all(&database.config(), &Options::default(), &Silent).await.unwrap();
    assert_eq!(removed, ["feed"]);
    assert_eq!(objects(&database).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_apply_killed_at_any_moment_is_resumed_or_undone() {
    let database = loaded("killed").await;
    let writer = tokio::spawn({
        let client = database.connect().await;
        async move {
            for n in 0.. {
                let sql = format!(
                    "INSERT INTO votes VALUES ({0}, {1}, true) ON CONFLICT (user_id, project_id) DO UPDATE SET up = NOT votes.up;
                     UPDATE users SET name = 'renamed {0}' WHERE id = {0}; DELETE FROM votes WHERE project_id = {2} AND user_id = {0}",
                    1 + n % 20, 1 + (n * 37) % 500, 1 + (n * 11) % 500
                );
                if client.batch_execute(&sql).await.is_err_and(|error| error.is_closed()) {
                    return;
                }
            }
        }
    });
    let options = Options { rows_per_range: 20, ..Options::default() };
    let mut models = [FEED, FEED_WIDER, FEED].into_iter().cycle();
    for delay in [5, 10, 20, 40, 60, 80, 100, 130, 160, 200, 250, 300, 400] {
        let files = files(&[models.next().unwrap(), KARMA]);
        let config = database.config();
        let _ =
            tokio::time::timeout(Duration::from_millis(delay), apply::apply(&config, &files, &options, &Silent)).await;
        if number(&database, "SELECT count(*) FROM pg_class WHERE oid = to_regclass('headwater.model')").await == 1
            && number(&database, "SELECT count(*) FROM headwater.model WHERE state IN ('serving', 'broken') AND installed_at IS NOT NULL").await > 0
        {
            assert_exact(&database).await;
        }
    }
    let last = applied(&database, &[FEED, KARMA]).await;
    assert_exact(&database).await;
    writer.abort();
    let _ = writer.await;
    assert!(last.changes.len() == 2);
    assert_eq!(number(&database, "SELECT count(*) FROM headwater.model WHERE state = 'serving'").await, 2);
    assert_eq!(number(&database, "SELECT count(*) FROM headwater.model").await, 2);
    assert_eq!(number(&database, "SELECT count(*) FROM pg_trigger WHERE tgname LIKE '%building%'").await, 0);
    assert_exact(&database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_applies_at_once_do_not_collide() {
    let database = loaded("two").await;
    let (config, files) = (database.config(), files(&[FEED, KARMA]));
    let options = Options::default();
    let (one, other) = tokio::join!(
        apply::apply(&config, &files, &options, &Silent),
        apply::apply(&config, &files, &options, &Silent)
    );
    let mut built = [one.unwrap().built.len(), other.unwrap().built.len()];
    built.sort_unstable();
    assert_eq!(built, [0, 2]);
    assert_exact(&database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_taken_and_missing_rights_are_refused_before_anything_is_written() {
    let database = loaded("refused").await;
    run(&database, "CREATE TABLE karma (x int)").await;
    let before = objects(&database).await;
    let error = try_apply(&database, &[FEED, KARMA]).await.unwrap_err();
    assert_eq!(codes(&error), ["HW0560"]);
    let Error::Problems(problems) = &error else { unreachable!() };
    let file = &problems.files.iter().find(|file| file.path == problems.diagnostics[0].file).unwrap().text;
    assert_eq!(&file[problems.diagnostics[0].span.clone()], "karma");
    assert_eq!(objects(&database).await, before);

    let role = format!("guest_{}", database.name().as_str().replace(|c: char| !c.is_ascii_alphanumeric(), "_"));
    run(&database, &format!("CREATE ROLE {role} LOGIN; GRANT SELECT ON users, projects TO {role}; DROP TABLE karma"))
        .await;
    let mut config = database.config();
    config.user(&role);
    let error = apply::apply(&config, &files(&[FEED, KARMA]), &Options::default(), &Silent).await.unwrap_err();
    let Error::Problems(problems) = &error else { panic!("{error:?}") };
    assert!(problems.diagnostics.iter().all(|one| one.code.to_string() == "HW0561"), "{problems:#?}");
    let about = |word: &str| problems.diagnostics.iter().any(|one| one.message.contains(word));
    assert!(about("SELECT on the table votes"), "{problems:#?}");
    assert!(about("CREATE on the database"), "{problems:#?}");
    run(&database, &format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_is_not_granted_names_its_holder() {
    let database = loaded("locked").await;
    let mut holder = database.connect().await;
    let transaction = holder.transaction().await.unwrap();
    transaction.batch_execute("UPDATE votes SET up = NOT up WHERE user_id = 7").await.unwrap();
    let pid: i32 = transaction.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    let options =
        Options { patience: Patience { timeout: Duration::from_millis(100), attempts: 2 }, ..Options::default() };
    let error = apply::apply(&database.config(), &files(&[FEED]), &options, &Silent).await.unwrap_err();
    let Error::LockTimeout { holders, .. } = &error else { panic!("{error:?}") };
    assert_eq!(
        (holders[0].pid, holders[0].relation.as_str(), holders[0].state.as_str()),
        (pid, "votes", "idle in transaction")
    );
    transaction.commit().await.unwrap();
    applied(&database, &[FEED]).await;
    assert_exact(&database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn triggers_that_are_missing_come_back_and_what_they_missed_is_repaired() {
    let database = TestDatabase::create("gaps").await;
    run(
        &database,
        "CREATE TABLE events (id int, day int, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
        CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (10);
        INSERT INTO events SELECT n, n % 10 FROM generate_series(1, 100) n",
    )
    .await;
    let model = "CREATE MATERIALIZED VIEW days AS SELECT day, count(*) AS events FROM events GROUP BY day;\nCREATE UNIQUE INDEX ON days (day);";
    applied(&database, &[model]).await;
    run(&database, "CREATE TABLE events_2 (id int, day int, PRIMARY KEY (id, day)); INSERT INTO events_2 SELECT n, 11 FROM generate_series(1, 5) n;
        ALTER TABLE events ATTACH PARTITION events_2 FOR VALUES FROM (10) TO (20);
        ALTER TABLE events_1 DISABLE TRIGGER USER; INSERT INTO events_1 VALUES (1000, 1), (1001, 2)").await;
    assert!(!status::status(&database.connect().await).await.unwrap().is_healthy());
    let second = applied(&database, &[model]).await;
    assert!(second.built.is_empty());
    assert_eq!(second.repaired, [("days".to_owned(), 3)]);
    assert!(status::status(&database.connect().await).await.unwrap().is_healthy());
    run(&database, "INSERT INTO events_2 VALUES (77, 12); DELETE FROM events_1 WHERE day = 3").await;
    assert_exact(&database).await;
    assert!(applied(&database, &[model]).await.repaired.is_empty());
}

/// Who may read a model is a row's business: nothing is built anew, and `refresh`, which compiles what is installed, keeps it.
#[tokio::test(flavor = "multi_thread")]
async fn access_changes_without_a_rebuild() {
    let database = loaded("access").await;
    let opened = |words: &str| format!("-- headwater: access {words}\n-- headwater: retain live\n{FEED}");
    let first = applied(&database, &[&opened("owner(name)"), KARMA]).await;
    assert!(first.access.is_empty() && first.built.len() == 2);
    let row =
        "SELECT format('%s %s %s %s', access, retain, plain, table_name) FROM headwater.model WHERE name = 'feed'";
    let before = text(&database, row).await;
    assert!(before.starts_with("owner(name) live t feed_"), "{before}");
    let second = applied(&database, &[&opened("public"), KARMA]).await;
    let told: Vec<_> = second.access.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["feed  access owner(name) → public"]);
    assert!(second.built.is_empty() && second.changes.iter().all(|change| change.action == Action::Unchanged));
    assert_eq!(text(&database, row).await, before.replace("owner(name)", "public"));
    refresh::refresh(&database.config(), "feed", &Options::default(), &Silent).await.unwrap();
    let refreshed = text(&database, row).await;
    assert!(refreshed.starts_with("public live t feed_") && refreshed != before.replace("owner(name)", "public"));
    assert!(applied(&database, &[&opened("public"), KARMA]).await.access.is_empty());
    let closed = applied(&database, &[&opened("public").replace("-- headwater: access public\n", ""), KARMA]).await;
    assert_eq!(closed.access[0].to_string(), "feed  access public → nobody");
    assert_eq!(
        number(
            &database,
            "SELECT count(*) FROM headwater.model WHERE access IS NULL AND definition NOT LIKE '%access%'"
        )
        .await,
        2
    );
    assert_exact(&database).await;
}

/// `plain` says that the view shows what is stored: an order does not matter, everything else at read time does.
#[tokio::test(flavor = "multi_thread")]
async fn plain_models_are_told_from_others() {
    let database = loaded("plain").await;
    let shown = [
        ("ordered", "p.id, p.title", "ORDER BY p.title", true),
        ("cut", "p.id, p.title", "ORDER BY p.title LIMIT 3", false),
        ("ranked", "p.id, row_number() OVER (ORDER BY p.title) AS rank", "", false),
        ("timed", "p.id, now() AS at", "", false),
        ("windowed", "p.id", "WHERE p.at > now() - interval '1 day'", false),
    ];
    run(&database, "ALTER TABLE projects ADD COLUMN at timestamptz").await;
    let model = |(name, columns, rest, _): &(&str, &str, &str, bool)| {
        format!("CREATE MATERIALIZED VIEW {name} AS SELECT {columns} FROM projects p {rest};")
    };
    let models: Vec<String> = shown.iter().map(model).collect();
    applied(&database, &models.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for (name, _, _, plain) in shown {
        let row = text(&database, &format!("SELECT plain::text FROM headwater.model WHERE name = '{name}'")).await;
        assert_eq!(row, plain.to_string(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refresh_builds_beside_and_apply_then_finds_nothing_to_do() {
    let database = loaded("refresh").await;
    applied(&database, &[FEED, KARMA]).await;
    let version = "SELECT string_agg(version, ' ' ORDER BY name) FROM headwater.model";
    let read = async || database.connect().await.query_one(version, &[]).await.unwrap().get::<_, String>(0);
    let before = read().await;
    let refreshed = refresh::refresh(&database.config(), "feed", &Options::default(), &Silent)
        .await
        .unwrap_or_else(|error| panic!("{error:#?}"));
    assert_eq!(refreshed.built.len(), 1);
    let after = read().await;
    assert_ne!(before, after);
    assert_eq!(before.split(' ').nth(1), after.split(' ').nth(1));
    assert_exact(&database).await;
    assert!(applied(&database, &[FEED, KARMA]).await.built.is_empty());
    assert_eq!(read().await, after);
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_finds_every_corruption_and_repairs_it() {
    let database = loaded("corrupt").await;
    applied(&database, &[FEED]).await;
    let table: String = database
        .connect()
        .await
        .query_one("SELECT 'headwater.' || quote_ident(table_name) FROM headwater.model", &[])
        .await
        .unwrap()
        .get(0);
    run(
        &database,
        &format!(
            "DELETE FROM {table} WHERE id = 3; UPDATE {table} SET title = 'wrong' WHERE id = 4;
        INSERT INTO {table} SELECT (json_populate_record(t, '{{\"id\": 9999}}')).* FROM {table} t WHERE id = 5;
        SELECT headwater.mark_broken(table_name, 'XX000', 'by hand') FROM headwater.model"
        ),
    )
    .await;
    let found = &verified(&database, false).await[0];
    let comparison = &found.comparison;
    assert_eq!((comparison.missing, comparison.extra, comparison.altered, comparison.rows), (1, 1, 1, 500));
    assert_eq!(found.broken.as_deref(), Some("XX000: by hand"));
    assert!(!comparison.sample.is_empty());
    let repaired = &verified(&database, true).await[0];
    assert!(repaired.exact && repaired.broken.is_none(), "{repaired:#?}");
    assert_eq!(repaired.repaired_keys, Some(3));
    assert_exact(&database).await;
}

/// Of an event log that follows its SELECT, the keys are compared both ways and the columns that follow; the others are its own.
#[tokio::test(flavor = "multi_thread")]
async fn verify_compares_what_follows() {
    for mode in ["realtime", "eventual"] {
        let database = loaded("follows").await;
        let log = format!(
            "-- headwater: {mode}\n-- headwater: retain append keep 1 day by at follow user_id\nCREATE MATERIALIZED VIEW log AS SELECT p.id, p.user_id, p.title, p.at FROM projects p; CREATE UNIQUE INDEX ON log (id);"
        );
        run(&database, "ALTER TABLE projects ADD COLUMN at timestamptz NOT NULL DEFAULT now(); UPDATE projects SET at = now() - interval '2 days' WHERE id > 490").await;
        applied(&database, &[&log]).await;
        let table = text(&database, "SELECT 'headwater.' || quote_ident(table_name) FROM headwater.model").await;
        // What has become too old waits to be deleted, and is no difference; nor is what the log keeps to itself.
        run(&database, &format!("UPDATE {table} SET at = at - interval '2 days' WHERE id = 2; UPDATE {table} SET title = 'as it was' WHERE id = 9")).await;
        assert_exact(&database).await;
        let corrupt = format!(
            "DELETE FROM {table} WHERE id = 3; UPDATE {table} SET user_id = 19 WHERE id = 4; INSERT INTO {table} VALUES (9999, 1, 'x', now())"
        );
        run(&database, &corrupt).await;
        let found = &verified(&database, false).await[0].comparison;
        assert_eq!((found.missing, found.extra, found.altered, found.rows), (1, 1, 1, 490), "{mode}");
        assert!(verified(&database, true).await[0].exact);
        assert_eq!(number(&database, "SELECT count(*) FROM log WHERE title = 'as it was' OR id = 3").await, 2);
        assert_eq!(number(&database, "SELECT count(*) FROM log").await, 490);
    }
}

/// `headwater.event` is a source, also before anything is installed; nothing else of Headwater's is. Its triggers go with its models.
#[tokio::test(flavor = "multi_thread")]
async fn events_are_a_source_like_any_other() {
    let database = loaded("events").await;
    let told = "CREATE MATERIALIZED VIEW told AS SELECT e.id, e.channel, e.payload FROM headwater.event e;";
    let before = objects(&database).await;
    let planned = apply::plan(&mut database.connect().await, &files(&[told])).await.unwrap();
    assert_eq!(planned.wanted.problems.errors(), 0);
    assert_eq!(objects(&database).await, before);
    applied(&database, &[told, KARMA]).await;
    run(&database, "SELECT headwater.emit('news', '1')").await;
    assert_eq!(number(&database, "SELECT count(*) FROM told WHERE payload = '1'").await, 1);
    assert!(
        try_apply(&database, &[told, KARMA])
            .await
            .unwrap()
            .changes
            .iter()
            .all(|change| change.action == Action::Unchanged)
    );
    let inward = "CREATE MATERIALIZED VIEW inward AS SELECT m.key FROM headwater.meta m;";
    assert_eq!(codes(&try_apply(&database, &[told, KARMA, inward]).await.unwrap_err()), ["HW0314"]);
    applied(&database, &[KARMA]).await;
    let left = "SELECT (SELECT count(*) FROM pg_trigger WHERE tgrelid = 'headwater.event'::regclass) + (SELECT count(*) FROM pg_proc WHERE proname LIKE 'on_headwater%')";
    assert_eq!(number(&database, left).await, 0);
    assert_eq!(number(&database, "SELECT count(*) FROM headwater.event").await, 1);
    remove::remove_all(&database.config(), &Options::default(), &Silent).await.unwrap();
    assert_eq!(objects(&database).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_model_is_drawn_in_its_file_with_all_problems_at_once() {
    let database = loaded("diagnostics").await;
    let wrong = "CREATE MATERIALIZED VIEW a AS SELECT p.nme FROM projects p;\nCREATE MATERIALIZED VIEW b AS SELECT id FROM projects, users;";
    let before = objects(&database).await;
    let error = try_apply(&database, &[wrong, FEED]).await.unwrap_err();
    assert_eq!(codes(&error), ["HW0202", "HW0204"]);
    let Error::Problems(problems) = &error else { unreachable!() };
    let underlined: Vec<_> = problems.diagnostics.iter().map(|one| &wrong[one.span.clone()]).collect();
    assert_eq!(underlined, ["p.nme", "id"]);
    assert_eq!(objects(&database).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fill_shows_its_progress() {
    #[derive(Default)]
    struct Heard(Mutex<Vec<String>>);
    impl Progress for Heard {
        fn say(&self, message: &str) {
            self.0.lock().unwrap().push(message.to_owned());
        }
        fn begin(&self, step: &str, total: u64) {
            self.0.lock().unwrap().push(format!("{step} {total}"));
        }
        fn done(&self, _units: u64) {}
        fn end(&self) {}
    }
    let database = loaded("progress").await;
    let heard = Heard::default();
    let options = Options { rows_per_range: 100, ..Options::default() };
    apply::apply(&database.config(), &files(&[FEED]), &options, &heard).await.unwrap();
    let heard = heard.0.into_inner().unwrap();
    let fill = heard.iter().find(|line| line.starts_with("filling feed ")).expect("a fill");
    let ranges: u32 = fill.rsplit(' ').next().unwrap().parse().unwrap();
    // 100 rows in 32 grains make 3 rows a grain.
    assert!((160..=170).contains(&ranges), "{heard:?}");
}

/// Tells when a fill has reached a range.
struct AtRange {
    range: u64,
    reached: tokio::sync::Notify,
    seen: Mutex<Vec<u64>>,
}

impl AtRange {
    fn new(range: u64) -> Self {
        Self { range, reached: tokio::sync::Notify::new(), seen: Mutex::new(Vec::new()) }
    }
}

impl Progress for AtRange {
    fn say(&self, _message: &str) {}
    fn begin(&self, _step: &str, _total: u64) {
        self.seen.lock().unwrap().clear();
    }
    fn done(&self, units: u64) {
        self.seen.lock().unwrap().push(units);
        if units == self.range {
            self.reached.notify_one();
        }
    }
    fn end(&self) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fill_goes_on_where_it_stopped() {
    let database = loaded("resume").await;
    let options = Options { rows_per_range: 10, ..Options::default() };
    let (config, files, killed) = (database.config(), files(&[FEED]), AtRange::new(20));
    tokio::select! {
        _ = apply::apply(&config, &files, &options, &killed) => panic!("it had 500 keys to fill"),
        () = killed.reached.notified() => {}
    }
    // The rest of the fill misses what happens here; the triggers do not.
    run(&database, "UPDATE projects SET title = 'meanwhile' WHERE id % 50 = 0; DELETE FROM projects WHERE id % 70 = 0")
        .await;
    let resumed = AtRange::new(u64::MAX);
    let applied = apply::apply(&config, &files, &options, &resumed).await.unwrap_or_else(|error| panic!("{error:#?}"));
    assert!(applied.changes[0].resumes);
    let first = resumed.seen.lock().unwrap()[0];
    assert!((20..=30).contains(&first), "it went on at {first}");
    assert_exact(&database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_snapshot_never_sees_a_model_in_the_middle_of_its_fill() {
    let database = loaded("snapshot").await;
    let mut reader = database.connect().await;
    let transaction = reader
        .build_transaction()
        .isolation_level(tokio_postgres::IsolationLevel::RepeatableRead)
        .start()
        .await
        .unwrap();
    let _: i64 = transaction.query_one("SELECT count(*) FROM projects", &[]).await.unwrap().get(0);
    let task = tokio::spawn({
        let config = database.config();
        async move { apply::apply(&config, &files(&[FEED]), &Options::default(), &Silent).await }
    });
    let filled = "SELECT CASE WHEN to_regclass('headwater.model') IS NULL THEN 0 ELSE (xpath('//n/text()', query_to_xml('SELECT count(*) AS n FROM headwater.model WHERE filled AND installed_at IS NULL', false, true, '')))[1]::text::bigint END";
    let began = std::time::Instant::now();
    while number(&database, filled).await == 0 {
        assert!(began.elapsed() < Duration::from_secs(20), "it is not filled");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(number(&database, filled).await, 1);
    transaction.commit().await.unwrap();
    task.await.unwrap().unwrap();
    assert_exact(&database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_not_unique_is_refused_with_its_rows() {
    let database = loaded("duplicates").await;
    let model = "CREATE MATERIALIZED VIEW owners AS SELECT user_id, title FROM projects;\nCREATE UNIQUE INDEX ON owners (user_id);";
    let error = try_apply(&database, &[model]).await.unwrap_err();
    let Error::NotUnique { model, key, .. } = &error else { panic!("{error:?}") };
    assert_eq!((model.as_str(), key.as_str()), ("owners", "user_id"));
    // The next apply without it leaves nothing of it behind.
    applied(&database, &[KARMA]).await;
    assert_eq!(number(&database, "SELECT count(*) FROM headwater.model").await, 1);
    assert_eq!(number(&database, "SELECT count(*) FROM pg_trigger WHERE tgname LIKE '%building%'").await, 0);
}

/// A side is built before the model that reads it, follows it through changes, and goes with it.
#[tokio::test(flavor = "multi_thread")]
async fn a_side_comes_and_goes_with_its_model() {
    let reach = |letter: char| {
        format!(
            "CREATE MATERIALIZED VIEW reach AS SELECT p.user_id, count(*) AS pairs, count(DISTINCT u.id) AS readers \
             FROM projects p LEFT JOIN users u ON u.name <> '{letter}' GROUP BY p.user_id;"
        )
    };
    let database = loaded("sides").await;
    let names = async || -> Vec<String> {
        status::status(&database.connect().await)
            .await
            .expect("status")
            .models
            .iter()
            .map(|model| model.name.clone())
            .collect()
    };
    let options = Options::default();
    for letter in ['x', 'y'] {
        apply::apply(&database.config(), &files(&[&reach(letter), KARMA]), &options, &Silent).await.expect("apply");
        assert_eq!(names().await, ["karma", "reach", "reach_side"]);
        run(&database, "UPDATE users SET name = CASE WHEN name = 'x' THEN 'y' ELSE 'x' END WHERE id < 3").await;
        let wrong = format!(
            "SELECT count(*) FROM ((TABLE reach EXCEPT ALL ({0})) UNION ALL (({0}) EXCEPT ALL TABLE reach)) d",
            reach(letter).split(" AS ").skip(1).collect::<Vec<_>>().join(" AS ").trim_end_matches(';')
        );
        assert_eq!(number(&database, &wrong).await, 0);
    }
    for refused in [
        refresh::refresh(&database.config(), "reach_side", &options, &Silent).await,
        remove::remove(&database.config(), &["reach_side".to_owned()], &options, &Silent).await,
    ] {
        let Err(Error::Problems(problems)) = refused else { panic!("a side was refreshed or removed by itself") };
        assert_eq!(problems.diagnostics[0].code.to_string(), "HW0565");
    }
    refresh::refresh(&database.config(), "reach", &options, &Silent).await.expect("refresh");
    assert_eq!(names().await, ["karma", "reach", "reach_side"]);
    remove::remove(&database.config(), &["reach".to_owned()], &options, &Silent).await.expect("remove");
    assert_eq!(names().await, ["karma"]);
}
