//! Another server than before: what is stored of transaction ids means nothing there, so eventual models are rebuilt and positions begin a
//! new epoch. After a failover only the timeline is another: nothing is rebuilt, and a new epoch begins all the same.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use headwater_postgres::binaries::Binaries;
use headwater_postgres::{Home, PrivateServer};
use headwater_testkit::{TestDatabase, TestServer};

use crate::stage::{CARDS, SCHEMA, Stage, TALLY};

const NEWEST: &str = "number = (SELECT max(number) FROM headwater.batch)";

#[tokio::test(flavor = "multi_thread")]
async fn on_another_server_everything_is_rebuilt() {
    let above = "-- headwater: eventual max_lag 1s
CREATE MATERIALIZED VIEW above AS SELECT v.id FROM votes v WHERE v.weight > (SELECT avg(w.weight) FROM votes w);
CREATE UNIQUE INDEX ON above (id);";
    let stage = Stage::new("elsewhere", SCHEMA, &[TALLY, CARDS, above]).await;
    stage.batch().await;
    // As after a restore: changes of there in the queue, changes that no queue has, a snapshot from far ahead.
    stage.run("INSERT INTO votes (project_id, weight) VALUES (7, 100); UPDATE projects SET title = 'queued' WHERE id = 8; TRUNCATE users").await;
    stage.run("SET session_replication_role = origin; ALTER TABLE votes DISABLE TRIGGER USER; INSERT INTO votes (project_id, weight) VALUES (7, 1); ALTER TABLE votes ENABLE ALWAYS TRIGGER \"00_headwater_insert\"").await;
    stage.run("DO $$ DECLARE t text; BEGIN FOR t IN SELECT tgname FROM pg_trigger WHERE tgrelid = 'votes'::regclass AND NOT tgisinternal LOOP EXECUTE format('ALTER TABLE votes ENABLE ALWAYS TRIGGER %I', t); END LOOP; END $$").await;
    stage.run(&format!("UPDATE headwater.batch SET system = '42', snapshot = '90000000000:90000000000:', pos = 77, epoch = 3 WHERE {NEWEST}")).await;
    let leader = stage.lead();
    leader.tells("another server than before").await;
    stage.until(Duration::from_secs(8), "SELECT bool_and(state = 'serving') FROM headwater.model").await;
    stage.wait().await;
    stage.assert_exact(&["tally", "cards", "above"]).await;
    assert_eq!(stage.text(&format!("SELECT concat_ws(' ', epoch, pos, system = (SELECT c.system FROM headwater.cluster() c), pg_snapshot_xmax(snapshot) < '90000000000'::xid8) FROM headwater.batch WHERE {NEWEST}")).await, "4 0 t t");
    assert_eq!(stage.number("SELECT count(DISTINCT view_name) FROM headwater.mv_refresh_log WHERE triggered_by LIKE 'repair after: %another server%' AND status = 'completed'").await, 3);
    stage.run("INSERT INTO votes (project_id, weight) VALUES (9, 100)").await;
    stage.wait().await;
    stage.assert_exact(&["tally", "cards", "above"]).await;
    leader.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wait_knows_another_server() {
    let stage = Stage::new("wait_elsewhere", SCHEMA, &[TALLY]).await;
    stage.batch().await;
    stage
        .run(&format!("UPDATE headwater.batch SET system = '42', snapshot = '90000000000:90000000000:' WHERE {NEWEST}"))
        .await;
    stage.run("INSERT INTO votes (project_id, weight) VALUES (7, 1)").await;
    let alone = stage.connect().await.batch_execute("SELECT headwater.wait('300 ms')").await;
    assert!(alone.is_err(), "nobody leads, and what is stored is another server's");
    let leader = stage.lead();
    stage.wait().await;
    stage.assert_exact(&["tally"]).await;
    leader.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_another_timeline_nothing_is_rebuilt() {
    let stage = Stage::new("timeline", SCHEMA, &[TALLY, CARDS]).await;
    stage.batch().await;
    stage
        .run(
            "INSERT INTO votes (project_id, weight) VALUES (7, 100); UPDATE projects SET title = 'queued' WHERE id = 8",
        )
        .await;
    stage.run(&format!("UPDATE headwater.batch SET timeline = 'FFFFFFFF' WHERE {NEWEST}")).await;
    let leader = stage.lead();
    leader.tells("another server than before").await;
    stage.wait().await;
    stage.assert_exact(&["tally", "cards"]).await;
    assert_eq!(stage.text(&format!("SELECT concat_ws(' ', epoch, timeline = (SELECT c.timeline FROM headwater.cluster() c)) FROM headwater.batch WHERE {NEWEST}")).await, "2 t");
    assert_eq!(stage.number("SELECT count(*) FROM headwater.mv_refresh_log WHERE view_name <> 'batches'").await, 0);
    leader.stop().await;
}

fn home() -> Home {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace");
    Home::of(&workspace).expect("a home")
}

/// The programs of some version that have pg_dump beside them; downloaded ones have not.
fn with_pg_dump() -> Option<Binaries> {
    (15..=18)
        .filter_map(|major| Binaries::find(&home(), Some(major)).ok())
        .find(|found| found.program("pg_dump").exists())
}

/// The test server of another version, where one is here already: nothing is downloaded for this.
fn other_server(major: u32) -> PrivateServer {
    let other = (major + 1..=18).find(|other| Binaries::find(&home(), Some(*other)).is_ok());
    TestServer::get(Some(other.unwrap_or(major)))
}

/// A real dump, restored beside itself (the same server, another database), and on a server of another version where this machine has one.
#[tokio::test(flavor = "multi_thread")]
async fn a_dump_is_restored() {
    let Some(programs) = with_pg_dump() else {
        eprintln!("skipped: no pg_dump beside any server's programs");
        return;
    };
    let major = programs.major();
    let database = TestDatabase::create_on(Some(major), "dumped").await;
    let stage = Stage::on(database).await;
    stage.run(SCHEMA).await;
    let realtime = "CREATE MATERIALIZED VIEW titles AS SELECT p.id, p.title, p.note FROM projects p;
CREATE UNIQUE INDEX ON titles (id);";
    stage.apply(&[TALLY, CARDS, realtime]).await;
    let leader = stage.lead();
    stage.run("INSERT INTO votes (project_id, weight) VALUES (7, 100); TRUNCATE users; INSERT INTO users VALUES (3, 'three')").await;
    stage.wait().await;
    leader.stop().await;
    stage.run("INSERT INTO votes (project_id, weight) VALUES (8, 100); UPDATE projects SET title = 'queued' WHERE id = 8; DELETE FROM projects WHERE id = 9").await;
    let epoch = stage.number(&format!("SELECT epoch FROM headwater.batch WHERE {NEWEST}")).await;
    let file = std::env::temp_dir().join(format!("headwater-{}.sql", stage.database.name().as_str()));
    let dumped = Command::new(programs.program("pg_dump"))
        .arg("--file")
        .arg(&file)
        .arg(stage.database.url())
        .output()
        .expect("pg_dump runs");
    assert!(dumped.status.success(), "{}", String::from_utf8_lossy(&dumped.stderr));

    let other = tokio::task::spawn_blocking(move || other_server(major)).await.unwrap();
    for target in [major, other.major()] {
        let restored = TestDatabase::create_on(Some(target), "restored").await;
        let loaded = Command::new(programs.program("psql"))
            .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "--single-transaction", "-f"])
            .arg(&file)
            .arg(restored.url())
            .output()
            .expect("psql runs");
        assert!(loaded.status.success(), "into {target}: {}", String::from_utf8_lossy(&loaded.stderr));
        let restored = Stage::on(restored).await;
        // Writers are there before any leader.
        restored.run("INSERT INTO votes (project_id, weight) VALUES (8, 5); UPDATE projects SET title = 'after' WHERE id = 10").await;
        let leader = restored.lead();
        if target != major {
            leader.tells("another server than before").await;
        }
        restored.until(Duration::from_secs(8), "SELECT bool_and(state = 'serving') FROM headwater.model").await;
        restored.wait().await;
        restored.assert_exact(&["tally", "cards", "titles"]).await;
        restored.run("INSERT INTO votes (project_id, weight) VALUES (8, 6); UPDATE users SET name = 'x'").await;
        restored.wait().await;
        restored.assert_exact(&["tally", "cards", "titles"]).await;
        if target != major {
            assert_eq!(restored.number(&format!("SELECT epoch FROM headwater.batch WHERE {NEWEST}")).await, epoch + 1);
        }
        leader.stop().await;
        // And the next apply finds nothing to build.
        let applied = restored.apply(&[TALLY, CARDS, realtime]).await;
        assert!(applied.built.is_empty() || target != major, "{applied:#?}");
        restored.assert_exact(&["tally", "cards", "titles"]).await;
    }
    let _ = std::fs::remove_file(file);
}
