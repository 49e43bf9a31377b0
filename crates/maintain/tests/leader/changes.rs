//! Tables and models that change while the queues are full and nobody leads; then somebody does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use headwater_compile::SourceFile;
use headwater_deploy::{Options, Silent, apply, remove};

use crate::stage::{CARDS, SCHEMA, Stage, TALLY, run};

const FILL: &str = "
    INSERT INTO votes (project_id, weight) SELECT 1 + g % 60, g % 9 FROM generate_series(1, 300) g;
    UPDATE projects SET title = 'queued ' || id WHERE id % 3 = 0; UPDATE projects SET id = id + 2000 WHERE id % 7 = 0;
    DELETE FROM votes WHERE id % 11 = 0; DELETE FROM projects WHERE id = 10; UPDATE users SET name = 'queued' WHERE id IN (2, 3)";

const TALLY_WIDER: &str = "-- headwater: eventual
CREATE MATERIALIZED VIEW tally AS
    SELECT p.id, (SELECT count(*) FROM votes v WHERE v.project_id = p.id) AS votes,
        (SELECT sum(v.weight) FROM votes v WHERE v.project_id = p.id) AS weight,
        (SELECT count(v.note) FROM votes v WHERE v.project_id = p.id) AS notes, p.note FROM projects p;
CREATE UNIQUE INDEX ON tally (id);";

async fn queued(stage: &Stage) -> i64 {
    let sql = "SELECT coalesce(sum((xpath('/row/n/text()', query_to_xml('SELECT count(*) AS n FROM ' || name, false, true, '')))[1]::text::bigint), 0)::bigint FROM headwater.queue";
    stage.number(sql).await
}

async fn queues(stage: &Stage) -> i64 {
    stage.number("SELECT count(*) FROM headwater.queue").await
}

/// Leads until everything is in the models.
async fn catch_up(stage: &Stage, models: &[&str]) {
    let leader = stage.lead();
    stage.wait().await;
    stage.assert_exact(models).await;
    stage.run("INSERT INTO votes (project_id, weight) VALUES (7, 7); DELETE FROM projects WHERE id = 11").await;
    stage.wait().await;
    stage.assert_exact(models).await;
    assert_eq!(queued(stage).await, 0);
    leader.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_come_and_go() {
    let stage = Stage::new("alter", SCHEMA, &[TALLY, CARDS]).await;
    let client = stage.connect().await;
    stage.run(FILL).await;
    assert!(queued(&stage).await > 300);
    // Unused ones, in front of and behind the used ones.
    stage.run("ALTER TABLE votes ADD COLUMN extra int DEFAULT 5, DROP COLUMN note; ALTER TABLE projects ADD COLUMN more text; ALTER TABLE projects RENAME COLUMN note TO remark; ALTER TABLE projects ALTER COLUMN remark TYPE varchar(20)").await;
    stage.run("INSERT INTO votes (project_id, weight, extra) VALUES (7, 7, 7); UPDATE votes SET extra = 8; UPDATE projects SET more = 'x', title = 'y' WHERE id = 20; INSERT INTO projects VALUES (300, 1, 't', 'r', 'm')").await;
    // Used ones are refused.
    for sql in [
        "ALTER TABLE votes DROP COLUMN weight",
        "ALTER TABLE votes ALTER COLUMN weight TYPE bigint",
        "DROP TABLE users",
    ] {
        let error = client.batch_execute(sql).await.expect_err(sql);
        assert!(["2BP01", "0A000"].contains(&error.code().unwrap().code()), "{sql}: {error:?}");
    }
    // A table that is written anew, a default, a constraint.
    stage.run("ALTER TABLE votes ALTER COLUMN extra TYPE bigint; ALTER TABLE votes ALTER COLUMN weight SET DEFAULT 3; INSERT INTO votes (project_id) VALUES (7); ALTER TABLE users ADD COLUMN filled float8 DEFAULT random()").await;
    stage.run("VACUUM FULL votes").await;
    catch_up(&stage, &["tally", "cards"]).await;
}

/// PostgreSQL lets a used column be renamed; stored SELECTs follow, triggers do not. Every write then breaks the model and every batch
/// heals it, and no write is lost; apply of the new text ends it.
#[tokio::test(flavor = "multi_thread")]
async fn a_used_column_is_renamed() {
    let stage = Stage::new("renamed", SCHEMA, &[TALLY, CARDS]).await;
    stage.run(FILL).await;
    stage.run("ALTER TABLE votes RENAME COLUMN weight TO mass").await;
    let leader = stage.lead();
    stage.wait().await;
    stage.assert_exact(&["tally", "cards"]).await;
    let before = stage.number("SELECT votes FROM tally WHERE id = 8").await;
    for n in 1..=3 {
        stage.run(&format!("INSERT INTO votes (project_id, mass) VALUES (8, {n})")).await;
        let healed = format!(
            "SELECT state = 'serving' AND votes = {} FROM headwater.model, tally WHERE name = 'tally' AND tally.id = 8",
            before + n
        );
        stage.until(std::time::Duration::from_secs(5), &healed).await;
        stage.assert_exact(&["tally", "cards"]).await;
    }
    let renamed = TALLY.replace("v.weight", "v.mass");
    stage.apply(&[&renamed, CARDS]).await;
    stage.run("INSERT INTO votes (project_id, mass) VALUES (7, 9)").await;
    assert_eq!(stage.text("SELECT state FROM headwater.model WHERE name = 'tally'").await, "serving");
    stage.wait().await;
    stage.assert_exact(&["tally", "cards"]).await;
    leader.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_is_replaced() {
    let stage = Stage::new("replaced", SCHEMA, &[TALLY, CARDS]).await;
    stage.run("UPDATE votes SET note = 'n' WHERE id % 2 = 0").await;
    stage.run(FILL).await;
    assert_eq!(queues(&stage).await, 3);
    // It reads more columns: other queues take over.
    let open = stage.connect().await;
    stage.apply(&[TALLY_WIDER, CARDS]).await;
    assert_eq!(queues(&stage).await, 3);
    stage.assert_exact(&["tally", "cards"]).await;
    stage.run("UPDATE votes SET note = NULL WHERE id % 4 = 0; UPDATE projects SET note = 'x' WHERE id < 9").await;
    run(&open, "BEGIN; INSERT INTO votes (project_id, weight, note) VALUES (5, 5, 'late'); UPDATE projects SET note = 'late' WHERE id = 5; COMMIT").await;
    // And fewer again.
    stage.apply(&[CARDS, TALLY]).await;
    stage.run("INSERT INTO votes (project_id, weight) VALUES (5, 5)").await;
    catch_up(&stage, &["tally", "cards"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_changes_its_mode() {
    let realtime = TALLY.replace("-- headwater: eventual", "-- headwater: realtime");
    let stage = Stage::new("mode", SCHEMA, &[TALLY, CARDS]).await;
    stage.run(FILL).await;
    stage.apply(&[&realtime, CARDS]).await;
    stage.assert_exact(&["tally"]).await;
    stage.run("INSERT INTO votes (project_id, weight) VALUES (5, 5)").await;
    stage.assert_exact(&["tally"]).await;
    assert_eq!(
        stage.number("SELECT count(*) FROM headwater.queue WHERE source::regclass = 'votes'::regclass").await,
        0
    );
    stage.run("UPDATE projects SET title = 'again' WHERE id = 8").await;
    stage.apply(&[TALLY, CARDS]).await;
    stage.run("INSERT INTO votes (project_id, weight) VALUES (6, 5)").await;
    catch_up(&stage, &["tally", "cards"]).await;
}

/// A column that only a removed model read can be dropped without harm to the others, and comes back with a queue of its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_column_of_a_removed_model_is_dropped_and_comes_again() {
    let schema = "CREATE TABLE notes (id int PRIMARY KEY, kind text, weight int); INSERT INTO notes SELECT g, 'k' || g % 3, g FROM generate_series(1, 30) g;";
    let kinds = "-- headwater: eventual
CREATE MATERIALIZED VIEW kinds AS SELECT kind, count(*) AS n FROM notes GROUP BY kind;";
    let weights = "-- headwater: eventual
CREATE MATERIALIZED VIEW weights AS SELECT kind, sum(weight) AS weight FROM notes GROUP BY kind;";
    let stage = Stage::new("dropped", schema, &[kinds, weights]).await;
    stage.run("INSERT INTO notes VALUES (40, 'k1', 5)").await;
    stage.apply(&[kinds]).await;
    stage.run("INSERT INTO notes VALUES (41, 'k1', 6); ALTER TABLE notes DROP COLUMN weight; INSERT INTO notes VALUES (42, 'k2'); DELETE FROM notes WHERE id = 3").await;
    assert_eq!(stage.text("SELECT string_agg(state, ' ') FROM headwater.model").await, "serving");
    let leader = stage.lead();
    stage.wait().await;
    stage.assert_exact(&["kinds"]).await;
    stage.run("ALTER TABLE notes ADD COLUMN weight int DEFAULT 2").await;
    stage.run("INSERT INTO notes VALUES (43, 'k0', 9)").await;
    stage.apply(&[kinds, weights]).await;
    stage.run("UPDATE notes SET weight = weight + 1 WHERE kind = 'k1'; INSERT INTO notes VALUES (44, 'k7', 1); DELETE FROM notes WHERE id = 43").await;
    stage.wait().await;
    stage.assert_exact(&["kinds", "weights"]).await;
    assert_eq!(queues(&stage).await, 1);
    leader.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_is_removed() {
    let stage = Stage::new("removed", SCHEMA, &[TALLY, CARDS]).await;
    stage.run(FILL).await;
    stage.apply(&[CARDS]).await;
    assert_eq!(stage.text("SELECT string_agg(DISTINCT source::regclass::text, ' ' ORDER BY source::regclass::text) FROM headwater.queue").await, "projects users");
    assert_eq!(stage.number("SELECT count(*) FROM pg_class WHERE relnamespace = 'headwater'::regnamespace AND relname LIKE 'queue\\_%' AND relkind = 'r'").await, 2);
    assert_eq!(
        stage.number("SELECT count(*) FROM pg_trigger WHERE tgrelid = 'votes'::regclass AND NOT tgisinternal").await,
        0
    );
    catch_up(&stage, &["cards"]).await;
    stage.run(FILL).await;
    remove::remove_all(&stage.database.config(), &Options::default(), &Silent).await.unwrap();
    assert_eq!(stage.number("SELECT count(*) FROM pg_namespace WHERE nspname = 'headwater'").await, 0);
    assert_eq!(stage.number("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal").await, 0);
}

/// The last eventual model goes, a realtime one stays; then there is one again.
#[tokio::test(flavor = "multi_thread")]
async fn no_eventual_model_is_left() {
    let realtime = CARDS.replace("-- headwater: eventual", "-- headwater: realtime\n-- headwater: retain live");
    let stage = Stage::new("none_left", SCHEMA, &[TALLY, &realtime]).await;
    let leader = stage.lead();
    stage.run(FILL).await;
    stage.apply(&[&realtime]).await;
    assert_eq!(queues(&stage).await, 0);
    let entries = "SELECT count(*) FROM headwater.log WHERE model = 'cards'";
    stage.wait().await;
    let before = stage.number(entries).await;
    stage.run("UPDATE projects SET title = 'logged' WHERE id = 8; INSERT INTO votes (project_id) VALUES (8)").await;
    stage.wait().await;
    assert_eq!(stage.number(entries).await, before + 1);
    stage.apply(&[&realtime, TALLY]).await;
    stage.run("INSERT INTO votes (project_id) VALUES (8); UPDATE projects SET id = 9000 WHERE id = 8").await;
    stage.wait().await;
    stage.assert_exact(&["cards", "tally"]).await;
    leader.stop().await;
}

/// The leader goes on while models come, change and go under it, and writers write.
#[tokio::test(flavor = "multi_thread")]
async fn models_change_under_a_leader_and_writers() {
    let stage = Stage::new("under", SCHEMA, &[CARDS]).await;
    let leader = stage.lead();
    let rest = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn({
        let (client, rest) = (stage.connect().await, Arc::clone(&rest));
        async move {
            for n in (0..).take_while(|_| !rest.load(Ordering::Relaxed)) {
                let sql = format!(
                    "BEGIN; INSERT INTO votes (project_id, weight, note) VALUES ({0}, 1, 'w'), ({1}, 2, NULL); UPDATE projects SET title = 't{n}', note = 'n{n}' WHERE id = {0};
                     UPDATE users SET name = 'u{n}' WHERE id = {2}; COMMIT; DELETE FROM votes WHERE project_id = {1} AND weight = 1",
                    1 + n % 50, 1 + (n * 7) % 50, 1 + n % 10
                );
                if client.batch_execute(&sql).await.is_err() {
                    return;
                }
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            }
        }
    });
    for models in
        [vec![CARDS, TALLY], vec![TALLY_WIDER, CARDS], vec![TALLY], vec![TALLY_WIDER, CARDS], vec![CARDS, TALLY]]
    {
        stage.apply(&models).await;
        stage.wait().await;
    }
    // It ends by itself: what is cut off goes on in the server, and may commit after the wait.
    rest.store(true, Ordering::Relaxed);
    writer.await.expect("the writer does not panic");
    stage.wait().await;
    stage.assert_exact(&["tally", "cards"]).await;
    assert_eq!(
        stage.number("SELECT count(*) FROM headwater.mv_refresh_log WHERE status = 'failed'").await,
        0,
        "{}",
        stage.state().await
    );
    leader.stop().await;
}

/// An apply that dies after its building triggers are in place leaves queues behind; the next one goes on or clears them away.
#[tokio::test(flavor = "multi_thread")]
async fn an_apply_is_cut_off_while_queues_are_new() {
    let stage = Stage::new("cut", SCHEMA, &[CARDS]).await;
    stage.run(FILL).await;
    let leader = stage.lead();
    let file = |text: &str| SourceFile { path: "models/x.sql".to_owned(), text: text.to_owned() };
    let options = Options { rows_per_range: 10, ..Options::default() };
    for (round, delay) in [10, 25, 40, 60, 80, 110, 150].into_iter().enumerate() {
        let files = [file(CARDS), file(if round % 2 == 0 { TALLY } else { TALLY_WIDER })];
        let config = stage.database.config();
        let _ = tokio::time::timeout(
            std::time::Duration::from_millis(delay),
            apply::apply(&config, &files, &options, &Silent),
        )
        .await;
        stage.run("INSERT INTO votes (project_id, weight, note) VALUES (5, 5, 'x'); UPDATE projects SET title = 'cut', note = 'y' WHERE id = 5").await;
        stage.wait().await;
        stage.assert_exact(&["cards"]).await;
    }
    stage.apply(&[CARDS, TALLY]).await;
    stage.run(FILL.replace("+ 2000", "+ 4000").as_str()).await;
    stage.wait().await;
    stage.assert_exact(&["cards", "tally"]).await;
    assert_eq!(queues(&stage).await, 3);
    assert_eq!(stage.number("SELECT count(*) FROM pg_class WHERE relnamespace = 'headwater'::regnamespace AND relname LIKE 'queue\\_%' AND relkind = 'r'").await, 3);
    leader.stop().await;
}
