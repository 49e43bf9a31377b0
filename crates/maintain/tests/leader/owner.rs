//! A leader that connects as the role that applied the models: no superuser, no right but the documented ones.

use std::sync::Arc;
use std::time::Duration;

use headwater_compile::SourceFile;
use headwater_deploy::{Options, Silent, apply};
use headwater_maintain::{Settings, lead};
use headwater_postgres::connect;
use headwater_testkit::TestDatabase;
use tokio::sync::watch;

use crate::stage::{CARDS, Heard, SCHEMA, TALLY, run, text};

#[tokio::test(flavor = "multi_thread")]
async fn leads_without_being_superuser() {
    let database = TestDatabase::create("owner").await;
    let role = format!("owner_{}", database.name().as_str());
    let admin = database.connect().await;
    run(
        &admin,
        &format!(
            "CREATE ROLE \"{role}\" LOGIN; GRANT USAGE, CREATE ON SCHEMA public TO \"{role}\"; GRANT CREATE ON DATABASE {} TO \"{role}\"; SET ROLE \"{role}\"; {SCHEMA}; RESET ROLE",
            database.name()
        ),
    )
    .await;
    let mut config = database.config();
    config.user(&role);
    let events = "-- headwater: eventual
-- headwater: retain append keep 1 day by at
CREATE MATERIALIZED VIEW events AS SELECT v.id, v.project_id, now_of.at FROM votes v JOIN moments now_of ON now_of.id = v.project_id;
CREATE UNIQUE INDEX ON events (id);";
    run(&admin, &format!("SET ROLE \"{role}\"; CREATE TABLE moments (id int PRIMARY KEY, at timestamptz); INSERT INTO moments SELECT g, now() - interval '1 day' + interval '1 s' * g FROM generate_series(1, 50) g; RESET ROLE")).await;
    let inverse = "CREATE MATERIALIZED VIEW inverse AS SELECT v.id, 100 / v.weight AS inverse FROM votes v;\nCREATE UNIQUE INDEX ON inverse (id);";
    let files: Vec<_> = [TALLY, CARDS, events, inverse]
        .iter()
        .enumerate()
        .map(|(n, text)| SourceFile { path: format!("{n}.sql"), text: (*text).to_owned() })
        .collect();
    apply::apply(&config, &files, &Options::default(), &Silent).await.unwrap_or_else(|error| panic!("{error:#?}"));

    let heard = Arc::new(Heard::default());
    let (stop, stopped) = watch::channel(false);
    let settings = Settings { verify_every: Duration::from_millis(500), verify_budget: 1.0, ..Settings::default() };
    let leader = tokio::spawn({
        let (config, heard) = (config.clone(), Arc::clone(&heard));
        async move { lead(&config, &settings, stopped, &*heard).await }
    });
    let client = connect(&config).await.unwrap();
    run(&client, "INSERT INTO votes (id, project_id, weight) VALUES (9001, 7, 3), (9002, 7, 0); UPDATE users SET name = 'x' WHERE id < 5; TRUNCATE projects; INSERT INTO projects VALUES (7, 3, 'seven')").await;
    run(&client, "SELECT headwater.wait()").await;
    assert_eq!(text(&client, "SELECT votes || ' ' || name FROM tally JOIN cards USING (id)").await, "6 x");
    run(&client, "UPDATE votes SET weight = 5 WHERE id = 9002").await;
    for _ in 0..600 {
        if text(&client, "SELECT bool_and(state = 'serving' AND verified_at IS NOT NULL)::text FROM headwater.model")
            .await
            == "true"
        {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    run(&client, "SELECT headwater.wait()").await;
    headwater_testkit::oracle::assert_exact(&client, &["tally", "cards", "inverse"]).await;
    assert_ne!(text(&client, "SELECT count(*) FROM headwater.mv_refresh_log").await, "0");
    stop.send(true).unwrap();
    leader.await.unwrap().unwrap_or_else(|error| panic!("{error:#?}"));
    let told: Vec<_> =
        heard.all().into_iter().filter(|line| line.starts_with("trouble") && !line.contains("inverse")).collect();
    assert!(told.is_empty(), "{told:#?}");
    drop(client);
    run(&admin, &format!("DROP OWNED BY \"{role}\" CASCADE; DROP ROLE \"{role}\"")).await;
}
