//! Event logs (`retain append`) and the log of changes.

use std::time::Duration;

use crate::stage::{SCHEMA, Stage, run};

const SECONDS: Duration = Duration::from_secs(8);

const EVENTS: &str = "-- headwater: eventual
-- headwater: retain append
CREATE MATERIALIZED VIEW events AS
    SELECT 'vote' AS kind, v.id, v.project_id, p.title FROM votes v JOIN projects p ON p.id = v.project_id
    UNION ALL SELECT 'project', p.id, p.id, p.title FROM projects p;
CREATE UNIQUE INDEX ON events (kind, id);";

/// Positions are dense from 1 on, and no key is put twice into an event log.
async fn assert_dense(stage: &Stage) {
    let row = stage.text("SELECT concat_ws(' ', count(*) = max(pos), count(DISTINCT pos) = count(*), min(pos), count(DISTINCT epoch), max(pos) = (SELECT pos FROM headwater.batch ORDER BY number DESC LIMIT 1), (SELECT count(*) FROM (SELECT 1 FROM headwater.log AS a JOIN headwater.log AS b ON b.pos = a.pos + 1 WHERE b.batch < a.batch) AS x)) FROM headwater.log").await;
    assert_eq!(
        row,
        "t t 1 1 t 0",
        "{}",
        stage
            .text("SELECT json_agg(l) FROM (SELECT pos, batch, op, key FROM headwater.log ORDER BY pos LIMIT 40) l")
            .await
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_appear_once_and_stay() {
    let stage = Stage::new("append", SCHEMA, &[EVENTS]).await;
    let leader = stage.lead();
    assert_eq!(stage.number("SELECT count(*) FROM events").await, 250);
    stage.run("INSERT INTO votes (id, project_id, weight) VALUES (5001, 7, 1), (5002, 99, 1)").await;
    stage.wait().await;
    assert_eq!(
        stage.text("SELECT string_agg(concat_ws(' ', kind, id, title), '; ') FROM events WHERE id > 5000").await,
        "vote 5001 project 7"
    );
    // Changed and deleted sources leave the rows as they are; what comes into being later is added.
    stage.run("UPDATE projects SET title = 'renamed' WHERE id = 7; DELETE FROM votes WHERE id IN (1, 2, 3, 5001); INSERT INTO projects VALUES (99, 1, 'late')").await;
    stage.wait().await;
    stage.run("INSERT INTO votes (id, project_id, weight) VALUES (5001, 8, 1), (5003, 7, 1); UPDATE projects SET title = 'again' WHERE id = 7").await;
    stage.wait().await;
    assert_eq!(
        stage.text("SELECT string_agg(concat_ws(' ', kind, id, project_id, title), '; ' ORDER BY kind, id) FROM events WHERE id > 5000 OR project_id = 99 OR kind = 'project' AND id = 7").await,
        "project 7 7 project 7; project 99 99 late; vote 5001 7 project 7; vote 5002 99 late; vote 5003 7 again"
    );
    assert_eq!(stage.number("SELECT count(*) FROM events").await, 254);
    stage.run("TRUNCATE votes, projects; INSERT INTO projects VALUES (1, 1, 'reborn'), (777, 1, 'new')").await;
    stage.wait().await;
    assert_eq!(stage.number("SELECT count(*) FROM events").await, 255);
    assert_eq!(stage.text("SELECT title FROM events WHERE kind = 'project' AND id = 1").await, "project 1");
    assert_dense(&stage).await;
    assert_eq!(
        stage.text("SELECT string_agg(concat_ws(' ', op, key, \"row\"->>'title'), '; ' ORDER BY pos) FROM headwater.log WHERE model = 'events' AND (\"row\"->>'id')::int > 5000").await,
        "put {\"k1\": \"vote\", \"k2\": 5001} project 7; put {\"k1\": \"vote\", \"k2\": 5002} late; put {\"k1\": \"vote\", \"k2\": 5003} again"
    );
    leader.stop().await;
}

/// `keep`: rows leave in small steps once they are old, and do not come back however often their sources change.
#[tokio::test(flavor = "multi_thread")]
async fn old_rows_are_trimmed_in_small_steps_and_stay_away() {
    let schema = "CREATE TABLE news (id int PRIMARY KEY, title text, at timestamptz NOT NULL);
        INSERT INTO news SELECT g, 'new ' || g, now() + interval '1 hour' FROM generate_series(1, 20) g;";
    let model = "-- headwater: eventual
-- headwater: retain append keep 3 s by at
CREATE MATERIALIZED VIEW feed AS SELECT n.id, n.title, n.at FROM news n;
CREATE UNIQUE INDEX ON feed (id);";
    let stage = Stage::new("keep", schema, &[model]).await;
    let leader = stage.lead();
    stage.run("INSERT INTO news SELECT 100 + g, 'old ' || g, now() - interval '1 s' FROM generate_series(1, 2500) g; INSERT INTO news VALUES (50, 'too old', now() - interval '1 min')").await;
    stage.wait().await;
    assert_eq!(stage.number("SELECT count(*) FROM feed").await, 2520);
    assert_eq!(stage.number("SELECT count(*) FROM feed WHERE id = 50").await, 0);
    let table = stage.table("feed").await;
    stage.run(&format!(
        "CREATE TABLE steps (n bigint); CREATE FUNCTION step() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.steps SELECT count(*) FROM gone; RETURN NULL; END $$;
         CREATE TRIGGER step AFTER DELETE ON {table} REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION step()"
    ))
    .await;
    stage.until(SECONDS, "SELECT count(*) = 20 FROM feed").await;
    assert_eq!(
        stage.text("SELECT string_agg(n::text, ' ' ORDER BY n DESC) FROM steps WHERE n > 0").await,
        "1000 1000 500"
    );
    // Their sources change and come again; a rebuild looks at all of them.
    stage.run("UPDATE news SET title = 'changed'; DELETE FROM news WHERE id = 101; INSERT INTO news SELECT 101, 'again', min(at) FROM news").await;
    stage.wait().await;
    assert_eq!(stage.number("SELECT count(*) FROM feed").await, 20);
    stage.run("UPDATE headwater.model SET state = 'broken', reason = 'by hand', retry_at = NULL; INSERT INTO news VALUES (60, 'in time', now() + interval '1 day')").await;
    stage.until(SECONDS, "SELECT count(*) = 21 FROM feed").await;
    assert_eq!(stage.number("SELECT count(*) FROM feed WHERE title LIKE 'new %'").await, 20);
    stage.wait().await;
    // Who follows the log sees them go, too.
    stage.until(SECONDS, "SELECT count(*) = 2500 FROM headwater.log WHERE op = 'gone'").await;
    assert_dense(&stage).await;
    leader.stop().await;
}

/// `follow` beside `keep`: a row goes with its source or when it is old, whichever comes first; what follows changes meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn rows_follow_until_they_are_old() {
    let schema = "CREATE TABLE agents (id int PRIMARY KEY);
        CREATE TABLE news (id int PRIMARY KEY, agent_id int REFERENCES agents ON DELETE SET NULL, title text, at timestamptz NOT NULL);
        INSERT INTO agents SELECT generate_series(1, 3);
        INSERT INTO news SELECT g, 1 + g % 3, 'new ' || g, now() + interval '1 hour' FROM generate_series(1, 30) g;";
    let model = |mode: &str| {
        format!(
            "-- headwater: {mode}
-- headwater: retain append follow agent_id keep 2 s by at
CREATE MATERIALIZED VIEW {mode}_feed AS SELECT n.id, n.agent_id, n.title, n.at FROM news n;
CREATE UNIQUE INDEX ON {mode}_feed (id);"
        )
    };
    let stage = Stage::new("follow", schema, &[&model("realtime"), &model("eventual")]).await;
    let leader = stage.lead();
    stage.run("INSERT INTO news SELECT 100 + g, 3, 'old', now() - interval '1 s' FROM generate_series(1, 10) g; INSERT INTO news VALUES (50, 1, 'too old', now() - interval '1 min')").await;
    stage.run("DELETE FROM agents WHERE id = 2; DELETE FROM news WHERE id = 30; UPDATE news SET title = 'x', agent_id = 1 WHERE id = 29; UPDATE news SET agent_id = 3 WHERE id = 50").await;
    stage.wait().await;
    for feed in ["realtime_feed", "eventual_feed"] {
        stage.until(SECONDS, &format!("SELECT count(*) = 29 FROM {feed}")).await;
        let shown = format!(
            "SELECT concat_ws(' ', count(*) FILTER (WHERE agent_id IS NULL), count(*) FILTER (WHERE title LIKE 'new %'), max(agent_id) FILTER (WHERE id = 29), max(id)) FROM {feed}"
        );
        assert_eq!(stage.text(&shown).await, "10 29 1 29", "{feed}");
    }
    // What has gone does not come back when what follows changes.
    stage.run("UPDATE news SET agent_id = 1 WHERE id > 20; TRUNCATE agents, news; INSERT INTO news VALUES (1, NULL, 'anew', now() + interval '1 hour'), (60, NULL, 'too old', now() - interval '1 hour')").await;
    stage.wait().await;
    // Within the writer's transaction there was a moment without it; for a batch it was there before and after.
    for (feed, expected) in [("realtime_feed", "1 anew"), ("eventual_feed", "1 new 1")] {
        let shown = format!("SELECT string_agg(concat_ws(' ', id, agent_id, title), '; ') FROM {feed}");
        assert_eq!(stage.text(&shown).await, expected, "{feed}");
    }
    assert_dense(&stage).await;
    leader.stop().await;
}

/// Time windows: where deletes are followed the rows go with their time, else they stay, and are not looked at for ever.
#[tokio::test(flavor = "multi_thread")]
async fn time_takes_only_rows_that_follow() {
    let schema = "CREATE TABLE news (id int PRIMARY KEY, at timestamptz NOT NULL);";
    let model = |name: &str, retain: &str| {
        format!(
            "-- headwater: eventual\n-- headwater: retain append{retain}\nCREATE MATERIALIZED VIEW {name} AS SELECT n.id, n.at FROM news n WHERE n.at > now() - interval '1 hour'; CREATE UNIQUE INDEX ON {name} (id);"
        )
    };
    let stage = Stage::new("windows", schema, &[&model("stays", ""), &model("goes", " follow deletes")]).await;
    stage
        .run("INSERT INTO news SELECT g, now() - interval '1 hour' + interval '1 s' FROM generate_series(1, 20) g")
        .await;
    stage.batch().await;
    assert_eq!(stage.number("SELECT count(*) FROM goes").await, 20);
    stage.until(SECONDS, "SELECT count(*) = 0 FROM goes").await;
    while stage.batch().await.done {}
    assert_eq!(stage.number(&format!("SELECT count(*) FROM {}", stage.table("goes").await)).await, 0);
    assert_eq!(stage.number(&format!("SELECT count(*) FROM {}", stage.table("stays").await)).await, 20);
}

/// `retain live`, realtime and eventual: what the log says, read in order, makes the model.
#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_live_models_makes_the_models() {
    let tally = "-- headwater: retain live
CREATE MATERIALIZED VIEW counted AS SELECT p.id, p.title, (SELECT count(*) FROM votes v WHERE v.project_id = p.id) AS votes FROM projects p;
CREATE UNIQUE INDEX ON counted (id);";
    let eventual = "-- headwater: eventual
-- headwater: retain live
CREATE MATERIALIZED VIEW named AS SELECT p.id, p.title, u.name FROM projects p JOIN users u ON u.id = p.user_id;
CREATE UNIQUE INDEX ON named (id);";
    let stage = Stage::new("live", SCHEMA, &[tally, eventual]).await;
    let leader = stage.lead();
    stage.wait().await;
    // The followers' copies, as they were when the models were read anew.
    stage.run("CREATE TABLE copy AS SELECT 'counted' AS model, to_jsonb(id) AS key, to_jsonb(c) AS \"row\" FROM counted c UNION ALL SELECT 'named', to_jsonb(id), to_jsonb(n) FROM named n").await;
    let from = stage.number("SELECT coalesce(max(pos), 0) FROM headwater.log").await;
    for n in 1..=20 {
        stage.run(&format!(
            "BEGIN; INSERT INTO votes (project_id, weight) VALUES ({n}, 1), (7, 1); UPDATE users SET name = 'n{n}' WHERE id = {}; UPDATE projects SET id = id + 1000 WHERE id = {}; COMMIT;
             DELETE FROM projects WHERE id = {}; INSERT INTO projects VALUES ({}, {}, 'new {n}')",
            1 + n % 10, 20 + n, 1 + n, 2000 + n, 1 + n % 12
        ))
        .await;
    }
    stage.wait().await;
    stage.assert_exact(&["counted", "named"]).await;
    assert_dense(&stage).await;
    stage
        .run(&format!(
            "DO $$ DECLARE e record; BEGIN FOR e IN SELECT * FROM headwater.log WHERE pos > {from} ORDER BY pos LOOP
           DELETE FROM copy AS c WHERE c.model = e.model AND c.key = e.key->'k1';
           IF e.op = 'put' THEN INSERT INTO copy VALUES (e.model, e.key->'k1', e.\"row\"); END IF;
           IF e.op = 'reset' THEN RAISE EXCEPTION 'a reset in the middle'; END IF;
         END LOOP; END $$"
        ))
        .await;
    let difference = "SELECT count(*) FROM ((SELECT model, \"row\" FROM copy EXCEPT ALL (SELECT 'counted', to_jsonb(c) FROM counted c UNION ALL SELECT 'named', to_jsonb(n) FROM named n)) UNION ALL ((SELECT 'counted', to_jsonb(c) FROM counted c UNION ALL SELECT 'named', to_jsonb(n) FROM named n) EXCEPT ALL SELECT model, \"row\" FROM copy)) AS d";
    assert_eq!(stage.number(difference).await, 0);
    leader.stop().await;
}

/// Who keeps only the rows that pass a filter learns from `old` which of them have left it, and looks at no other entry.
#[tokio::test(flavor = "multi_thread")]
async fn a_filter_is_followed_by_the_images_that_passed_it() {
    let live = |name: &str, mode: &str| {
        format!(
            "-- headwater: {mode}\n-- headwater: retain live\nCREATE MATERIALIZED VIEW {name} AS
             SELECT p.id, p.user_id, p.title, (SELECT count(*) FROM votes v WHERE v.project_id = p.id) AS votes FROM projects p;
             CREATE UNIQUE INDEX ON {name} (id);"
        )
    };
    let stage = Stage::new("filter", SCHEMA, &[&live("now_live", "realtime"), &live("soon_live", "eventual")]).await;
    let leader = stage.lead();
    stage.wait().await;
    let mine = "SELECT 'now_live' AS model, to_jsonb(m) AS \"row\" FROM now_live AS m WHERE user_id = 3
        UNION ALL SELECT 'soon_live', to_jsonb(m) FROM soon_live AS m WHERE user_id = 3";
    stage.run(&format!("CREATE TABLE copy AS {mine}")).await;
    let from = stage.number("SELECT coalesce(max(pos), 0) FROM headwater.log").await;
    for n in 1..=12 {
        stage.run(&format!(
            "INSERT INTO votes (project_id, weight) VALUES ({n}, {n}), (13, 1); UPDATE projects SET user_id = 1 + (user_id + {n}) % 5 WHERE id % 3 = {n} % 3;
             UPDATE projects SET user_id = 4 WHERE id = {n}; DELETE FROM votes WHERE id % 17 = {n}; DELETE FROM projects WHERE id = 30 + {n};
             INSERT INTO projects VALUES (100 + {n}, 3, 'new'); UPDATE projects SET title = 'again', user_id = user_id WHERE id = 103; UPDATE votes SET weight = weight + 1 WHERE id = 40 + {n}"
        ))
        .await;
        if n % 4 == 0 {
            stage.wait().await;
        }
    }
    stage.wait().await;
    stage
        .run(&format!(
            "DO $$ DECLARE e record; mine jsonb := '{{\"user_id\": 3}}'; BEGIN
               FOR e IN SELECT * FROM headwater.log AS l WHERE pos > {from}
                           AND (l.\"row\" @> mine OR EXISTS (SELECT FROM jsonb_array_elements(l.old) AS o WHERE o @> mine)) ORDER BY pos LOOP
                 DELETE FROM copy AS c WHERE c.model = e.model AND c.\"row\"->'id' = e.key->'k1';
                 IF e.\"row\" @> mine THEN INSERT INTO copy VALUES (e.model, e.\"row\"); END IF;
               END LOOP; END $$"
        ))
        .await;
    let difference = format!(
        "SELECT count(*) FROM ((TABLE copy EXCEPT ALL ({mine})) UNION ALL (({mine}) EXCEPT ALL TABLE copy)) AS d"
    );
    assert_eq!(stage.number(&difference).await, 0, "{}", stage.text(&format!("SELECT json_agg(d) FROM ((SELECT 'copy', * FROM (TABLE copy EXCEPT ALL ({mine})) AS a) UNION ALL (SELECT 'model', * FROM (({mine}) EXCEPT ALL TABLE copy) AS b)) AS d")).await);
    // A row that comes has no image before, one that is gone has.
    assert_eq!(stage.number(&format!("SELECT count(*) FROM headwater.log WHERE pos > {from} AND (op = 'gone' AND coalesce(old, '[]') = '[]' OR op = 'put' AND old IS NULL AND (key->>'k1')::int < 100)")).await, 0);
    assert_eq!(stage.number(&format!("SELECT count(*) FROM headwater.log WHERE pos > {from} AND model = 'soon_live' AND old IS NULL AND op = 'put'")).await, 12);
    leader.stop().await;
}

/// A session's settings are no part of a key. Equal keys may have two spellings: the log says which one the row has.
#[tokio::test(flavor = "multi_thread")]
async fn keys_have_one_text() {
    let schema =
        "CREATE TABLE days (at timestamptz PRIMARY KEY, n int); INSERT INTO days VALUES ('2024-01-01 12:00+00', 1)";
    let model = "-- headwater: retain live\nCREATE MATERIALIZED VIEW dated AS SELECT d.at, d.n FROM days d; CREATE UNIQUE INDEX ON dated (at);";
    let stage = Stage::new("one_text", schema, &[model]).await;
    let leader = stage.lead();
    stage.wait().await;
    stage.run("SET timezone = 'Asia/Tokyo'; UPDATE days SET n = 2; SET timezone = 'America/Lima'; UPDATE days SET n = 3; RESET timezone").await;
    stage.wait().await;
    let entries = "SELECT string_agg(DISTINCT concat_ws(' ', key->>'k1', \"row\"->>'at', old->0->>'at'), '; ') FROM headwater.log WHERE model = 'dated' AND op = 'put'";
    assert_eq!(stage.text(entries).await, ["2024-01-01T12:00:00+00:00"; 3].join(" "));
    stage
        .run(
            "CREATE EXTENSION citext; CREATE TABLE people (name citext PRIMARY KEY); INSERT INTO people VALUES ('Ada')",
        )
        .await;
    let spelled = "-- headwater: retain live\nCREATE MATERIALIZED VIEW named AS SELECT p.name FROM people p; CREATE UNIQUE INDEX ON named (name);";
    stage.apply(&[model, spelled]).await;
    stage.run("UPDATE people SET name = 'ADA'").await;
    stage.wait().await;
    let entries = "SELECT string_agg(concat_ws(' ', op, key->>'k1', \"row\"->>'name', old->0->>'name'), '; ' ORDER BY pos) FROM headwater.log WHERE model = 'named' AND op <> 'reset'";
    assert_eq!(stage.text(entries).await, "put ADA ADA; gone Ada Ada");
    leader.stop().await;
}

/// Whoever listens hears of each position that the log has grown to, and a writer's transaction can still be prepared.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_tells_how_far_the_log_has_grown() {
    let stage = Stage::new("told", SCHEMA, &[EVENTS]).await;
    stage.batch().await;
    let (client, mut connection) = stage.database.config().connect(tokio_postgres::NoTls).await.expect("a connection");
    let (heard, mut hears) = tokio::sync::mpsc::unbounded_channel();
    let listener = tokio::spawn(async move {
        while let Some(Ok(message)) = std::future::poll_fn(|context| connection.poll_message(context)).await {
            if let tokio_postgres::AsyncMessage::Notification(notice) = message {
                let _ = heard.send((notice.channel().to_owned(), notice.payload().to_owned()));
            }
        }
    });
    client.batch_execute("LISTEN headwater_log").await.expect("it listens");
    stage.run("INSERT INTO votes (project_id) VALUES (7), (8)").await;
    stage.batch().await;
    let place = stage.text("SELECT epoch || '.' || pos FROM headwater.batch ORDER BY number DESC LIMIT 1").await;
    let told = tokio::time::timeout(SECONDS, hears.recv()).await.expect("in time");
    assert_eq!(told, Some(("headwater_log".to_owned(), place)));
    // Nothing is told of a batch that the log did not grow in.
    stage.run("UPDATE projects SET title = 'x' WHERE id = 7").await;
    stage.batch().await;
    client.batch_execute("SELECT").await.expect("a round trip");
    assert!(hears.try_recv().is_err());
    listener.abort();
}

/// The log is kept by the hour; an hour that someone reads is dropped later, and nobody waits for them.
#[tokio::test(flavor = "multi_thread")]
async fn old_hours_of_the_log_are_dropped() {
    let stage = Stage::new("log_keep", SCHEMA, &[EVENTS]).await;
    for hour in ["2024-01-01 10", "2024-01-01 11"] {
        let name = format!("log_{}", hour.replace(['-', ' '], ""));
        stage.run(&format!("CREATE TABLE headwater.{name} PARTITION OF headwater.log FOR VALUES FROM ('{hour}:00+00') TO ('{hour}:59:59.999999+00'); INSERT INTO headwater.log VALUES (0, 1, 1, '{hour}:30+00', 'events', 'reset')")).await;
    }
    let reader = stage.connect().await;
    run(&reader, "BEGIN; SELECT count(*) FROM headwater.log_2024010110").await;
    let leader = stage.lead();
    stage.run("INSERT INTO votes (project_id, weight) VALUES (7, 1)").await;
    stage.wait().await;
    stage.until(SECONDS, "SELECT to_regclass('headwater.log_2024010111') IS NULL").await;
    assert_eq!(stage.number("SELECT count(*) FROM headwater.log WHERE epoch = 0").await, 1);
    assert!(stage.number("SELECT count(*) FROM headwater.log WHERE epoch = 1").await > 0);
    stage.run("INSERT INTO votes (project_id, weight) VALUES (7, 1)").await;
    stage.wait().await;
    leader.stop().await;
    run(&reader, "COMMIT").await;
    let again = stage.lead();
    stage.until(SECONDS, "SELECT to_regclass('headwater.log_2024010110') IS NULL").await;
    assert_eq!(stage.number("SELECT count(*) FROM headwater.log WHERE epoch = 0").await, 0);
    again.stop().await;
}
