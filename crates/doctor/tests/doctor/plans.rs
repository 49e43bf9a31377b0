//! HW0831 to HW0833: what reads whole tables, from plans.

use headwater_doctor::Fix;

use crate::stage::{FEED, ROUTE, SCHEMA, Stage, sql};

#[tokio::test(flavor = "multi_thread")]
async fn a_route_without_its_index_is_told_with_the_line_for_the_models_file() {
    let feed = FEED.lines().filter(|line| !line.contains("ON feed (world")).collect::<Vec<_>>().join("\n") + "\n";
    let toml = ROUTE.replace("[\"world\"]", "[\"world\", \"title\"]");
    let mut stage = Stage::new("route", SCHEMA, &[&feed], &toml).await;
    let report = stage.look().await;
    let models: Vec<_> = report
        .findings
        .iter()
        .filter(|one| one.code.to_string() == "HW0831")
        .flat_map(|one| {
            one.fix.iter().filter_map(|fix| if let Fix::Model(line) = fix { Some(line.clone()) } else { None })
        })
        .collect();
    assert!(models.iter().any(|line| line.contains("(\"world\"") || line.contains("(\"title\"")), "{report:#?}");
    // Each is put right by its own line.
    for _ in 0..models.len() {
        let report = stage.look().await;
        let Some(finding) = report.findings.iter().find(|one| one.code.to_string() == "HW0831") else { break };
        let Some(Fix::Model(line)) = finding.fix.first() else { panic!("{finding:#?}") };
        stage.models[0].push_str(line);
        stage.models[0].push('\n');
        stage.apply().await;
        stage.run("ANALYZE").await;
    }
    assert_eq!(stage.look().await.findings, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_whose_join_has_no_index_is_told() {
    // Renaming a user looks for the posts of that user.
    for mode in ["realtime", "eventual"] {
        let model = format!("-- headwater: {mode}\n{FEED}");
        let schema = SCHEMA.replace("REFERENCES users", "").replace("CREATE INDEX posts_user ON posts (user_id);", "");
        let mut stage = Stage::new("model", &schema, &[&model], "").await;
        stage.ignored.push("HW0874".to_owned());
        let finding = stage.is_put_right("HW0832", "feed").await;
        assert_eq!(sql(&finding), ["CREATE INDEX CONCURRENTLY ON \"public\".\"posts\" (user_id)"], "{finding:#?}");
        assert!(finding.message.contains("a change of users"), "{finding:#?}");
        assert_eq!(stage.look().await.findings, []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declared_query_that_scans_is_told() {
    let toml = "
        [[bench.query]]
        name = \"by title\"
        sql = \"SELECT * FROM posts WHERE title = $1 AND at > $2 ORDER BY id LIMIT 5\"
        parameters = [\"SELECT title FROM posts\", \"SELECT '2026-01-01'::timestamptz\"]
        [[bench.query]]
        name = \"by key\"
        sql = \"SELECT * FROM posts WHERE id = $1\"
        parameters = [\"SELECT id FROM posts\"]
        [[bench.query]]
        name = \"wrong\"
        sql = \"SELECT * FROM posts WHERE nothing = 1\"
        [[bench.query]]
        name = \"many\"
        sql = \"SELECT * FROM posts WHERE id > $1\"
        parameters = [\"SELECT 0\"]";
    let mut stage = Stage::new("query", SCHEMA, &[], toml).await;
    stage.is_put_right("HW0833", "by title").await;
    let wrong = stage.finding("HW0801", "wrong").await;
    assert!(wrong.message.contains("column \"nothing\" does not exist"), "{wrong:#?}");
    // An index is there; reading all of it is cheaper.
    let many = stage.finding("HW0833", "many").await;
    assert_eq!(many.severity, headwater_compile::Severity::Note);
    assert_eq!(stage.look().await.findings.len(), 2);
}
