//! Mutants of batches: the installed functions, or the messages that a runner of batches sends, with one thought left out. Each is
//! played as a scene of few steps, first as it is, where nothing may differ, then changed, where something must.
//!
//! | left out | what goes wrong |
//! | --- | --- |
//! | recomputing last | what was recomputed is folded into the row once more |
//! | one snapshot for all statements | a row committed meanwhile is read by one model and folded by the next batch |
//! | the take by snapshots (a sequence) | what commits late is never taken |
//! | the transactions that were in flight | the same |
//! | the lock before the snapshot | TRUNCATE and ALTER TABLE empty the table under the snapshot |
//! | what cancels out, for extremes | a row that came and went stays the greatest |
//!
//! "Positions shown before they are flushed" needs a server that dies: see `crash.rs`. A naive sleep flag cannot be left out or
//! put in: the leader asks the server for its snapshot and is not woken (`maintain::pace`).
//!
//! What survives, and why, is at the end.

use headwater_testkit::behavior::warm_up;
use headwater_testkit::eventual::Scene;
use headwater_testkit::eventual::scene::{Change, HOOK, NO_LATE_ONES, execute};
use headwater_testkit::oracle::{Difference, lines};

/// A step function whose recompute comes before its fold.
const FOLD_LAST: Change = (
    "^tallies_.*_step$",
    r#"(?s)(  IF '"public"\."votes"' = ANY.*?END IF;\n)(  IF cardinality\(hw_keys\) >= 1000.*?END IF;\n)"#,
    "$2  hw_keys := NULL;\n$1$2",
);
const NO_GUARD: Change =
    ("^run_batch$", r"IF current_setting\('transaction_isolation'\) <> 'repeatable read' THEN", "IF false THEN");
const NO_NETTING: Change = (
    "^extremes_.*_step$",
    r"pg_catalog\.sum\(hw_sign\) AS hw_sign FROM hw_queue\s+GROUP BY [^\n]*\n\s+HAVING [^\n]*",
    "hw_sign FROM hw_queue",
);
/// The functions that say which rows of a queue became visible.
const WINDOWS: &str = "_step$|^pending$|^forget$";
/// How they say it: what began after the last snapshot, and what was in flight in it.
const BEGAN_LATER: &str = r"q\.hw_xid >= hw_since AND q\.hw_xid < hw_until";
const WAS_IN_FLIGHT: &str = r"q\.hw_xid = ANY \(hw_also\)";

fn assert_exact(found: &[Difference]) {
    assert!(found.is_empty(), "not exact:{}", lines(found));
}

fn assert_caught(found: &[Difference], model: &str) {
    let shown = lines(found);
    assert!(found.iter().any(|difference| difference.model.starts_with(model)), "{model} is exact; differing:{shown}");
}

#[tokio::test]
async fn recomputing_has_the_last_word() {
    warm_up().await;
    for mutated in [false, true] {
        let mut scene = Scene::set("fold_last").await;
        if mutated {
            scene.mutate(&[FOLD_LAST]).await;
        }
        scene
            .write(
                "BEGIN; UPDATE projects SET title = 'new' WHERE id = 1; INSERT INTO votes VALUES (100, 1, 3); COMMIT",
            )
            .await;
        let found = scene.batch().await;
        if mutated { assert_caught(&found, "tallies") } else { assert_exact(&found) }
    }
}

/// A vote is committed while the batch is between two models. At one snapshot it is not there for any of them.
#[tokio::test]
async fn a_batch_sees_one_snapshot() {
    warm_up().await;
    for (level, mutated) in [("REPEATABLE READ", false), ("READ COMMITTED", true)] {
        let mut scene = Scene::set("one_snapshot").await;
        scene.hook().await;
        let statements = scene.statements().await.join("; ").replace("REPEATABLE READ", level);
        if mutated {
            let refused = scene.session().await.simple_query(&statements).await.expect_err("the guard");
            assert!(headwater_postgres::describe(&refused).contains("one snapshot"), "{refused}");
            scene.mutate(&[NO_GUARD]).await;
        }
        scene.write("UPDATE projects SET title = 'new' WHERE id = 1").await;
        scene.write(&format!("SELECT pg_advisory_lock({HOOK})")).await;
        let batch = scene.session().await;
        let running = tokio::spawn(async move { execute(&batch, &format!("{statements}; COMMIT")).await });
        scene.until_hooked().await;
        scene.session().await.batch_execute("INSERT INTO votes VALUES (100, 1, 3)").await.expect("a vote");
        scene.write(&format!("SELECT pg_advisory_unlock({HOOK})")).await;
        assert_eq!(running.await.expect("a batch"), ["done"]);
        let found = scene.batch().await;
        if mutated { assert_caught(&found, "tallies") } else { assert_exact(&found) }
    }
}

/// Two transactions, of which the one that began first commits last, with a batch in between.
async fn late_commit(scene: &mut Scene) -> Vec<Difference> {
    let late = scene.session().await;
    execute(&late, "BEGIN; INSERT INTO votes VALUES (100, 1, 3)").await;
    scene.write("INSERT INTO votes VALUES (101, 2, 3)").await;
    assert_exact(&scene.batch().await);
    execute(&late, "COMMIT").await;
    scene.batch().await
}

#[tokio::test]
async fn what_commits_late_is_taken() {
    warm_up().await;
    let mut scene = Scene::set("late").await;
    assert_exact(&late_commit(&mut scene).await);
}

/// The same, the late one committed in two phases: it is in no session's hands meanwhile.
#[tokio::test]
async fn what_was_prepared_is_taken_when_it_commits() {
    warm_up().await;
    let mut scene = Scene::set("prepared").await;
    let id = scene.database.name().as_str().to_owned();
    let late = scene.session().await;
    execute(&late, "BEGIN; INSERT INTO votes VALUES (100, 1, 3); UPDATE projects SET title = 'late' WHERE id = 2")
        .await;
    execute(&late, &format!("PREPARE TRANSACTION '{id}'")).await;
    scene.write("INSERT INTO votes VALUES (101, 2, 3)").await;
    // A prepared transaction outlives its test, so nothing may fail before it is ended.
    let before = scene.batch().await;
    execute(&late, &format!("COMMIT PREPARED '{id}'")).await;
    assert_exact(&before);
    assert_exact(&scene.batch().await);
}

#[tokio::test]
async fn without_those_in_flight_late_commits_are_lost() {
    warm_up().await;
    let mut scene = Scene::set("in_flight").await;
    scene.mutate(&[NO_LATE_ONES]).await;
    let found = late_commit(&mut scene).await;
    for model in ["tallies", "extremes", "latest", "cards", "total"] {
        assert_caught(&found, model);
    }
}

/// Queues with a sequence, and a cursor that moves to the greatest number taken.
#[tokio::test]
async fn with_a_sequence_late_commits_are_lost() {
    warm_up().await;
    let mut scene = Scene::set("sequence").await;
    scene
        .write(
            "CREATE SEQUENCE headwater.numbers;
             CREATE TABLE headwater.cursor (hw_last bigint NOT NULL);
             INSERT INTO headwater.cursor VALUES (0);
             CREATE FUNCTION headwater.advance() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
               UPDATE headwater.cursor SET hw_last = greatest(hw_last, (SELECT max(hw_number) FROM taken)); RETURN NULL;
             END $$;
             DO $$ DECLARE q record; BEGIN
               FOR q IN SELECT name FROM headwater.queue LOOP
                 EXECUTE format('ALTER TABLE %s ADD COLUMN hw_number bigint DEFAULT nextval(''headwater.numbers'')', q.name);
                 EXECUTE format('CREATE TRIGGER advance AFTER DELETE ON %s REFERENCING OLD TABLE AS taken FOR EACH STATEMENT EXECUTE FUNCTION headwater.advance()', q.name);
               END LOOP;
             END $$",
        )
        .await;
    let by_number: Change = (WINDOWS, BEGAN_LATER, "(q.hw_number > (SELECT hw_last FROM headwater.cursor))");
    // The two other tables with windows have no numbers; they are empty here.
    let elsewhere: Change = (
        "^pending$",
        r"(headwater\.(?:truncated|changed) AS q WHERE )\(q\.hw_number > \(SELECT hw_last FROM headwater\.cursor\)\)",
        "${1}false",
    );
    scene.mutate(&[by_number, (WINDOWS, WAS_IN_FLIGHT, "false"), elsewhere]).await;
    scene.write("INSERT INTO votes VALUES (90, 3, 3)").await;
    assert_exact(&scene.batch().await);
    assert_caught(&late_commit(&mut scene).await, "tallies");
}

/// A table is rewritten after the batch's snapshot was taken. Not locked, its rows are all newer than the snapshot: there are none.
#[tokio::test]
async fn tables_are_locked_before_the_snapshot() {
    warm_up().await;
    for (rewrite, mutated) in [
        ("ALTER TABLE votes ALTER note TYPE varchar USING coalesce(note, 'none')", false),
        ("ALTER TABLE votes ALTER note TYPE varchar USING coalesce(note, 'none')", true),
        ("TRUNCATE votes", false),
        ("TRUNCATE votes", true),
    ] {
        let mut scene = Scene::set("lock_first").await;
        scene.write("UPDATE projects SET title = 'new' WHERE id = 1").await;
        let mut statements = scene.statements().await;
        if mutated {
            statements.retain(|statement| !statement.contains("ACCESS SHARE"));
        }
        let run = statements.pop().expect("the batch itself");
        let batch = scene.session().await;
        let exported = execute(&batch, &format!("{}; SELECT pg_export_snapshot()", statements.join("; "))).await;
        let truth = scene.truth().await;
        assert!(truth.import(&exported[0]).await.expect("a snapshot"));
        let moment = truth.collect().await.expect("the truth");
        let other = scene.session().await;
        let rewriting = tokio::spawn(async move { execute(&other, rewrite).await });
        if mutated {
            scene.until("EXISTS (SELECT FROM votes WHERE note IS NOT NULL) OR NOT EXISTS (SELECT FROM votes)").await;
        } else {
            scene
                .until("EXISTS (SELECT FROM pg_locks WHERE relation = 'public.votes'::regclass AND NOT granted)")
                .await;
        }
        assert_eq!(execute(&batch, &format!("{run}; COMMIT")).await, ["done"]);
        let at_snapshot = truth.differences(&moment).await.expect("a comparison");
        rewriting.await.expect("the rewrite");
        let later = scene.batch().await;
        if mutated {
            assert_caught(&at_snapshot, "tallies");
            // TRUNCATE leaves word that all is to be computed anew; ALTER TABLE leaves none.
            assert_eq!(later.is_empty(), rewrite.starts_with("TRUNCATE"), "{}", lines(&later));
        } else {
            assert_exact(&at_snapshot);
            assert_exact(&later);
        }
    }
}

/// The greatest of all votes comes and goes between two batches.
#[tokio::test]
async fn what_came_and_went_is_no_extreme() {
    warm_up().await;
    for mutated in [false, true] {
        let mut scene = Scene::set("netting").await;
        if mutated {
            scene.mutate(&[NO_NETTING]).await;
        }
        scene.write("INSERT INTO votes VALUES (100, 1, 99), (101, 2, 1); DELETE FROM votes WHERE id = 100").await;
        let found = scene.batch().await;
        if mutated { assert_caught(&found, "extremes") } else { assert_exact(&found) }
    }
}

// ---- What survives -----------------------------------------------------------------------------------------------

/// Every visible row, instead of those between the two snapshots: what was taken is deleted in the same transaction, so what is
/// visible is what has not been taken. The window only keeps the take from reading dead rows.
#[tokio::test]
async fn survives_taking_all_that_is_visible() {
    warm_up().await;
    let mut scene = Scene::set("visible").await;
    scene.mutate(&[(WINDOWS, BEGAN_LATER, "true"), (WINDOWS, WAS_IN_FLIGHT, "false")]).await;
    for _ in 0..2 {
        assert_exact(&late_commit(&mut scene).await);
        scene.write("DELETE FROM votes WHERE id >= 100").await;
    }
}

/// What cancels out, kept where rows are recomputed: it only recomputes keys that have not changed.
#[tokio::test]
async fn survives_recomputing_what_cancelled_out() {
    warm_up().await;
    let mut scene = Scene::set("no_having").await;
    scene.mutate(&[("^(cards|latest)_.*_step$", r"HAVING pg_catalog\.sum\(hw_sign\)[^\n]*", "")]).await;
    scene.write("INSERT INTO votes VALUES (100, 1, 99), (101, 2, 1); DELETE FROM votes WHERE id = 100").await;
    assert_exact(&scene.batch().await);
}

/// Two batches at once, without the lock on `headwater.batch`: the second finds the queues' rows deleted under its snapshot, or a
/// batch of its own number, and fails. The lock only keeps runners from working for nothing.
#[tokio::test]
async fn survives_batches_that_do_not_exclude_each_other() {
    warm_up().await;
    let mut scene = Scene::set("no_batch_lock").await;
    scene.write("INSERT INTO votes VALUES (100, 1, 3)").await;
    let mut statements = scene.statements().await;
    statements.retain(|statement| !statement.contains("headwater.batch IN"));
    let (first, second) = (scene.session().await, scene.session().await);
    assert_eq!(execute(&first, &statements.join("; ")).await, ["done"]);
    let sql = statements.join("; ");
    let running = tokio::spawn(async move { second.simple_query(&sql).await.map(drop) });
    scene.until("EXISTS (SELECT FROM pg_locks WHERE NOT granted AND locktype = 'transactionid')").await;
    execute(&first, "COMMIT").await;
    let error = running.await.expect("a batch").expect_err("the first one was there before");
    assert!(error.code().is_some_and(|code| ["40001", "23505"].contains(&code.code())), "{error}");
    assert_exact(&scene.batch().await);
}
