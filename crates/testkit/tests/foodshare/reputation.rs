//! S4-9: scores follow from events in their order; modes are logged.

use super::{FOODSHARE, apply_to, batch, refused, run, text, texts};
use headwater_testkit::example::verify_all;

const ADA: &str = "'00000000-0000-0000-0000-000000000001'";

/// Several writers at once: no event is computed from a score that another has replaced.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_users_events_are_a_chain_whoever_writes() {
    let database = FOODSHARE.load(None).await;
    apply_to(&database, &FOODSHARE.models()).await;
    let client = database.connect().await;
    run(&client, &format!("INSERT INTO users (id, username) VALUES ({ADA}, 'ada')")).await;
    let mut writers = Vec::new();
    for writer in 0..4 {
        let client = database.connect().await;
        writers.push(tokio::spawn(async move {
            for n in 0..25 {
                let impact = ["2.5", "-12.5", "7", "0.25"][(writer + n) % 4];
                run(&client, &format!("SELECT record_reputation_event({ADA}, 'contribution', {impact})")).await;
            }
        }));
    }
    for writer in writers {
        writer.await.expect("a writer");
    }
    batch(&database).await;
    let count = |condition: &str| format!("SELECT count(*) FROM reputation_history WHERE {condition}");
    assert_eq!(text(&client, &count("as_recorded")).await, "100");
    assert_eq!(text(&client, &count("new_score NOT BETWEEN 0 AND 99.99")).await, "0");
    let forks = "SELECT count(*) FROM (SELECT previous_score <> lag(new_score, 1, 75) OVER (ORDER BY created_at, id) AS fork FROM reputation_events) e WHERE fork";
    assert_eq!(text(&client, forks).await, "0", "previous_score is what the event before left");
    // The table that 004 has, and the model of it.
    let same = "SELECT count(*) FROM user_global_reputation t JOIN user_reputation m USING (user_id) \
                WHERE (t.overall_score, t.peak_reputation, t.last_stream_event_id) = (m.overall_score, m.peak_reputation, m.last_stream_event_id)";
    assert_eq!(text(&client, same).await, "1");
    assert_eq!(text(&client, "SELECT sync_user_global_reputation()").await, "1");
    assert_eq!(text(&client, "SELECT sync_user_global_reputation()").await, "0");
    assert_eq!(text(&client, "SELECT community_contributions FROM user_global_reputation").await, "100");
    verify_all(&database).await;
}

/// F12: 100 does not fit into DECIMAL(4,2); a score stops at 99.99, and goes down from there.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_late_changes_what_came_after() {
    let database = FOODSHARE.load(None).await;
    apply_to(&database, &FOODSHARE.models()).await;
    let client = database.connect().await;
    run(&client, &format!("SET timezone = 'UTC'; INSERT INTO users (id, username, created_at) VALUES ({ADA}, 'ada', now() - interval '400 days')")).await;
    let overflow = format!(
        "INSERT INTO reputation_events (user_id, event_type, impact_score, previous_score, new_score) VALUES ({ADA}, 'x', 25, 75, 100)"
    );
    assert_eq!(refused(&client, &overflow).await, "22003");
    for impact in ["20", "20", "-5"] {
        run(&client, &format!("SELECT record_reputation_event({ADA}, 'contribution', {impact})")).await;
    }
    batch(&database).await;
    let history =
        "SELECT previous_score || ' ' || new_score || ' ' || as_recorded FROM reputation_history ORDER BY created_at";
    assert_eq!(texts(&client, history).await, ["75.00 95.00 true", "95.00 99.99 true", "99.99 94.99 true"]);
    let user = "SELECT concat_ws(' ', overall_score, peak_reputation, trust_level, reputation_trend, account_age_days, reputation_sync_status, stream_lag_seconds >= 0) FROM user_reputation";
    assert_eq!(text(&client, user).await, "94.99 99.99 developing rising 400 pending t");
    // An incident of last week, written now: all scores after it are others.
    run(&client, &format!("INSERT INTO reputation_events (user_id, event_type, impact_score, previous_score, new_score, created_at) VALUES ({ADA}, 'incident_reported', -30, 75, 45, now() - interval '7 days')")).await;
    run(&client, "UPDATE reputation_events SET processed_at = now()").await;
    batch(&database).await;
    assert_eq!(
        texts(&client, history).await,
        ["75.00 45.00 true", "45.00 65.00 false", "65.00 85.00 false", "85.00 80.00 false"]
    );
    assert_eq!(text(&client, user).await, "80.00 85.00 developing rising 400 synced t");
    run(&client, "DELETE FROM reputation_events WHERE event_type = 'incident_reported'").await;
    batch(&database).await;
    assert_eq!(text(&client, "SELECT overall_score FROM user_reputation").await, "94.99");
    verify_all(&database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_mode_is_logged_and_stays() {
    let database = FOODSHARE.load(None).await;
    apply_to(&database, &FOODSHARE.models()).await;
    let client = database.connect().await;
    run(&client, &format!("INSERT INTO users (id, username) VALUES ({ADA}, 'ada')")).await;
    run(&client, "BEGIN; SET LOCAL foodshare.reason = 'moved'; UPDATE users SET sharing_mode = 'community'; COMMIT")
        .await;
    run(&client, "UPDATE users SET sharing_mode = 'community', username = 'Ada'").await;
    run(&client, "UPDATE users SET sharing_mode = 'neighborhood'").await;
    batch(&database).await;
    let logged =
        "SELECT concat_ws(' ', from_mode, to_mode, coalesce(reason, '-')) FROM mode_transitions ORDER BY created_at";
    let expected = ["neighborhood community moved", "community neighborhood -"];
    assert_eq!(texts(&client, logged).await, expected);
    run(&client, &format!("SELECT forget_user({ADA})")).await;
    batch(&database).await;
    assert_eq!(text(&client, "SELECT count(*) FROM mode_transition_events").await, "0");
    assert_eq!(texts(&client, logged).await, expected);
    verify_all(&database).await;
}
