//! Document 003's health check: its envelope, and each word shown true by making it so.

use std::time::Duration;

use headwater_testkit::TestDatabase;
use serde_json::json;
use tokio::time::Instant;

use crate::ground::{Ground, HEALTH, PATIENCE, settings};
use crate::keys;
use crate::wire::ask;

#[tokio::test(flavor = "multi_thread")]
async fn the_envelope_is_003s_and_every_model_is_in_it() {
    let ground = Ground::new("health_envelope", "").await;
    let found = ground.told(HEALTH).await;
    assert_eq!((&found["status"], &found["message"]), (&json!("success"), &json!("Denormalization health check")));
    let data = &found["data"];
    let names = |kind: &str| data[kind].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names("materialized_views"), ["above_average", "other.names", "post_list"]);
    assert_eq!(names("denormalized_tables"), ["inverse", "vote_counts"]);
    for (kind, model, rows) in [
        ("materialized_views", "post_list", 300),
        ("materialized_views", "above_average", 0),
        ("materialized_views", "other.names", 20),
        ("denormalized_tables", "vote_counts", 300),
        ("denormalized_tables", "inverse", 300),
    ] {
        let health = &data[kind][model];
        assert_eq!(health["row_count"], rows, "{health}");
        assert_eq!(
            (&health["row_count_exact"], &health["status"]),
            (&json!(true), &json!("fresh")),
            "{model} {health}"
        );
        assert_eq!((&health["lag_ms"], &health["last_verify"]), (&json!(0), &json!(null)), "{model} {health}");
    }
    assert_eq!(data["materialized_views"]["post_list"]["allowed_lag_ms"], 1000);
    assert_eq!((&data["status"], &data["recent_refreshes"]), (&json!("fresh"), &json!([])));
    assert!(data["batches"]["leader"].is_i64(), "{data}");

    // A rebuild is a refresh that completed: after TRUNCATE, what 003 asks for of it is there.
    ground.run("TRUNCATE vote, post").await;
    ground.run("SELECT headwater.wait('20 seconds')").await;
    let found = ground.told(HEALTH).await;
    let refreshes = found["data"]["recent_refreshes"].as_array().unwrap();
    let rebuilt = refreshes.iter().find(|row| row["view"] == "post_list").unwrap_or_else(|| panic!("{refreshes:#?}"));
    assert!(rebuilt["completed_at"].as_str().is_some_and(|at| at.ends_with('Z') && at.contains('T')), "{rebuilt}");
    assert!(rebuilt["duration_ms"].is_i64() && rebuilt["row_count"] == 300, "{rebuilt}");
    assert_eq!(ground.health("post_list").await["row_count"], 0);

    // Who may not is told so in 003's words.
    let refused = ground.ask("GET", HEALTH, &keys::of("somebody")).await;
    assert_eq!(refused.status, 403);
    let told: serde_json::Value = serde_json::from_str(&refused.body).unwrap();
    assert_eq!(
        (&told["error"], &told["message"], &told["code"]),
        (&json!("Forbidden"), &json!("Admin only"), &json!("HW0733"))
    );
    assert_eq!(ask(ground.address(), "GET", HEALTH, &[]).await.code(), (401, "HW0731".to_owned()));
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lagging_where_nobody_leads_and_no_longer_than_that() {
    let mut ground = Ground::new("health_lagging", "").await;
    // Nothing has happened for a while: that is not lag.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert_eq!(ground.health("post_list").await["lag_ms"], 0);
    ground.stop_leading().await;
    assert_eq!(ground.health("post_list").await["status"], "fresh");
    let written = Instant::now();
    ground.run("UPDATE author SET name = name || '!' WHERE id = 1").await;
    let early = ground.health("post_list").await;
    assert_eq!(early["status"], "fresh", "{early}");
    assert!(early["lag_ms"].as_i64().unwrap() <= 2000, "the lag is that of the change, not of the last batch: {early}");
    let late = ground.until("post_list", "lagging").await;
    let lag = Duration::from_millis(late["lag_ms"].as_u64().unwrap());
    assert!(lag > Duration::from_secs(2) && lag < written.elapsed() + Duration::from_secs(2), "{lag:?} {late}");
    assert_eq!(
        (&late["reason"], &late["fix"]),
        (&json!("changes wait, and nobody leads"), &json!("start headwater maintain"))
    );
    // Realtime models do not wait for anybody; nor does a model that reads other tables.
    assert_eq!(ground.health("vote_counts").await["status"], "fresh");
    assert_eq!(ground.health("above_average").await["lag_ms"], 0);
    assert_eq!(ground.told(HEALTH).await["data"]["status"], "lagging");
    ground.lead();
    let again = ground.until("post_list", "fresh").await;
    assert_eq!(again["reason"], json!(null));
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_where_maintenance_failed_or_a_trigger_is_gone() {
    let mut ground = Ground::new("health_broken", "").await;
    ground.stop_leading().await;
    ground.run("UPDATE post SET weight = 0 WHERE id = 7").await;
    let broken = ground.health("inverse").await;
    assert_eq!((&broken["status"], &broken["lag_ms"]), (&json!("broken"), &json!(null)));
    assert!(broken["reason"].as_str().unwrap().starts_with("22012: division by zero"), "{broken}");
    assert_eq!(broken["fix"], "remove the cause, then headwater verify --repair inverse");
    assert_eq!(ground.health("vote_counts").await["status"], "fresh");

    // Repairing it does not help while the cause is there, and helps when it is gone.
    let failed = ground.ended(ground.begin("inverse", "repair").await).await;
    assert_ne!(failed["state"], "done", "{failed}");
    assert!(failed["message"].as_str().unwrap().contains("division by zero"), "{failed}");
    assert_eq!(ground.health("inverse").await["status"], "broken");
    ground.run("UPDATE post SET weight = 1 WHERE id = 7").await;
    let repaired = ground.ended(ground.begin("inverse", "repair").await).await;
    assert_eq!(repaired["state"], "done", "{repaired}");
    assert_eq!(ground.health("inverse").await["status"], "fresh");

    let function = ground.text("SELECT functions[1] FROM headwater.source WHERE table_name LIKE '%vote%'").await;
    let trigger = ground
        .text(&format!(
            "SELECT t.tgname::text FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid WHERE p.proname = '{function}'"
        ))
        .await;
    ground.run(&format!("ALTER TABLE vote DISABLE TRIGGER \"{trigger}\"")).await;
    let broken = ground.health("vote_counts").await;
    assert_eq!(broken["status"], "broken");
    assert!(broken["reason"].as_str().unwrap().contains("is disabled: changes are missed"), "{broken}");
    assert_eq!(ground.health("post_list").await["status"], "fresh");
    let tables = ground.told("/v1/admin/overview").await["tables"].clone();
    let vote = tables.as_array().unwrap().iter().find(|table| table["name"] == "vote").unwrap().clone();
    assert_eq!(vote["missing_triggers"][0]["function"], function.as_str(), "{vote}");
    ground.run(&format!("ALTER TABLE vote ENABLE ALWAYS TRIGGER \"{trigger}\"")).await;
    assert_eq!(ground.health("vote_counts").await["status"], "fresh");
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn diverged_from_the_verify_that_finds_it_to_the_repair() {
    let ground = Ground::new("health_diverged", "").await;
    for (model, change) in [("post_list", "title = 'tampered'"), ("vote_counts", "votes = 77")] {
        ground.run(&format!("UPDATE {} SET {change} WHERE id = 3", ground.table(model).await)).await;
        assert_eq!(ground.health(model).await["status"], "fresh", "nobody knows yet");
        let verified = ground.ended(ground.begin(model, "verify").await).await;
        assert_eq!(verified["state"], "differs", "{verified}");
        assert_eq!(verified["message"], "it differs: 0 rows missing, 0 extra, 1 altered");
        let health = ground.health(model).await;
        assert_eq!(
            (&health["status"], &health["reason"]),
            (&json!("diverged"), &verified["message"].as_str().map(|m| m[12..].to_owned()).into())
        );
        assert_eq!((&health["last_verify"]["exact"], &health["last_verify"]["healed"]), (&json!(false), &json!(false)));
        let repaired = ground.ended(ground.begin(model, "repair").await).await;
        assert_eq!((&repaired["state"], &repaired["by"]), (&json!("done"), &json!("root")), "{repaired}");
        let health = ground.health(model).await;
        assert_eq!((&health["status"], &health["last_verify"]["healed"]), (&json!("fresh"), &json!(true)), "{health}");
    }
    assert_eq!(
        ground.text("SELECT title || ' ' || votes FROM post_list JOIN vote_counts USING (id) WHERE id = 3").await,
        "post 3 3"
    );
    let verified = ground.ended(ground.begin("post_list", "verify").await).await;
    assert_eq!(
        (&verified["state"], &verified["message"]),
        (&json!("done"), &json!("exact: all 300 rows equal the SELECT"))
    );
    assert_eq!(ground.health("post_list").await["last_verify"]["exact"], true);
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rebuilding_while_a_new_version_is_built() {
    let ground = Ground::new("health_rebuilding", "").await;
    let before = ground.table("post_list").await;
    // A writer under way keeps the new version from being swapped in.
    let mut writer = ground.database.connect().await;
    let open = writer.transaction().await.unwrap();
    open.execute("UPDATE post SET weight = weight WHERE id = 1", &[]).await.unwrap();
    let number = ground.begin("post_list", "refresh").await;
    let rebuilding = ground.until("post_list", "rebuilding").await;
    let how_far = rebuilding["reason"].as_str().unwrap();
    assert!(how_far == "its fill has not begun" || how_far.ends_with(" parts filled"), "{rebuilding}");
    let again = ground.ask("POST", "/v1/admin/models/post_list/verify", &keys::of_admin()).await;
    assert_eq!(again.code(), (409, "HW0772".to_owned()));
    open.commit().await.unwrap();
    let refreshed = ground.ended(number).await;
    assert_eq!(refreshed["state"], "done", "{refreshed}");
    assert!(refreshed["message"].as_str().unwrap().starts_with("built anew: 300 rows"), "{refreshed}");
    assert_ne!(ground.text("SELECT format('headwater.%I', table_name) FROM headwater.model WHERE name = 'post_list' AND state = 'serving'").await, before);
    let health = ground.health("post_list").await;
    assert_eq!((&health["status"], &health["row_count"]), (&json!("fresh"), &json!(300)));
    let recent = ground.told(HEALTH).await["data"]["recent_refreshes"][0].clone();
    assert_eq!(
        (&recent["view"], &recent["triggered_by"], &recent["row_count"]),
        (&json!("post_list"), &json!("refresh"), &json!(300))
    );
    ground.end().await;
}

/// What is sampled: rows written a second are those that were written.
#[tokio::test(flavor = "multi_thread")]
async fn rates_are_measured_or_unknown() {
    let ground = Ground::new("health_rates", "").await;
    let end = Instant::now() + PATIENCE;
    let (mut id, mut counted) = (5000, "none");
    loop {
        ground.run(&format!("SET track_functions = '{counted}'; INSERT INTO vote SELECT g, g % 300 + 1 FROM generate_series({id}, {}) g", id + 99)).await;
        id += 100;
        let all = ground.told("/v1/admin/overview").await;
        let model =
            |name: &str| all["models"].as_array().unwrap().iter().find(|model| model["name"] == name).unwrap().clone();
        let (votes, list) = (model("vote_counts"), model("post_list"));
        if votes["changes_per_second"].as_f64().is_some_and(|rate| rate > 1.0) {
            assert_eq!(list["changes_per_second"], 0.0, "{list}");
            match votes["us_per_change"].as_f64() {
                Some(cost) => {
                    assert!(counted == "all" && cost > 0.0, "time in functions was not counted: {votes}");
                    break;
                }
                None => counted = "all",
            }
        }
        assert!(Instant::now() < end, "{votes:#}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let series = ground.told("/v1/admin/series").await;
    let newest = series["newest"].as_u64().unwrap();
    let samples = series["samples"].as_array().unwrap();
    assert_eq!(samples.last().unwrap()["n"], newest);
    assert!(samples.iter().any(|sample| sample["models"]["vote_counts"]["written"].as_f64() > Some(0.0)), "{series}");
    assert_eq!(ground.told(&format!("/v1/admin/series?since={}", newest + 10)).await["samples"], json!([]));
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_not_look_is_told_when_the_server_starts() {
    let mut ground = Ground::new("health_role", "").await;
    let role = format!("reader_of_{}", std::process::id());
    ground.run(&format!("CREATE ROLE {role} LOGIN; GRANT USAGE ON SCHEMA headwater TO {role}; GRANT SELECT ON headwater.model, headwater.batch, headwater.log, headwater.meta TO {role}; GRANT SELECT ON post_list, vote_counts TO {role}")).await;
    let reader = reader(&ground.database, &role);
    let refused = ground.serve(&settings(&format!("database = \"{reader}\""))).await;
    let told = refused.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(told.contains("permission denied") && told.contains("the role must be the one that runs apply"), "{told}");
    ground.run(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
    ground.end().await;
}

fn reader(database: &TestDatabase, role: &str) -> String {
    let mut config = database.config();
    config.user(role);
    let host = match config.get_hosts().first() {
        Some(tokio_postgres::config::Host::Unix(path)) => path.display().to_string(),
        Some(tokio_postgres::config::Host::Tcp(name)) => name.clone(),
        None => "localhost".to_owned(),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    format!("host={host} port={port} user={role} dbname={}", config.get_dbname().unwrap_or_default())
}
