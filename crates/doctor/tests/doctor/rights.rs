//! HW0861 to HW0863, and looking with few rights.

use headwater_catalog::Ident;
use headwater_postgres::Config;

use crate::stage::{FEED, ROUTE, SCHEMA, Stage, look, only, sql};

struct Role(Ident);

impl Role {
    async fn new(stage: &Stage, word: &str) -> Self {
        let role = Self(Ident::new(format!("{word} of {}", stage.database.name().as_str())).unwrap());
        stage.run(&format!("CREATE ROLE {} LOGIN", role.0)).await;
        role
    }

    fn config(&self, stage: &Stage) -> Config {
        let mut config = stage.config();
        config.user(self.0.as_str());
        config
    }

    async fn drop(self, stage: &Stage) {
        stage.run(&format!("DROP OWNED BY {role}; DROP ROLE {role}", role = self.0)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_without_rights_is_told_what_it_lacks_and_nothing_aborts() {
    let stage = Stage::new("few", SCHEMA, &[FEED], ROUTE).await;
    let role = Role::new(&stage, "few").await;
    let report = look(&role.config(&stage), &stage.root, &stage.settings, &stage.ignored).await;
    let models = only(&report, "HW0801", "installed models");
    assert!(models.message.contains("permission denied"), "{models:#?}");
    let owner = only(&report, "HW0861", "headwater");
    assert_eq!(sql(&owner), [format!("GRANT postgres TO {}", role.0).replace("postgres", "\"postgres\"")]);
    // The rest was looked at.
    stage.run("DROP INDEX posts_user").await;
    let report = look(&role.config(&stage), &stage.root, &stage.settings, &stage.ignored).await;
    only(&report, "HW0825", "posts(user_id)");
    role.drop(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_everybody_may_do_is_told_and_taken_back() {
    let mut stage = Stage::new("public", SCHEMA, &[FEED], "").await;
    stage
        .run("GRANT CREATE ON SCHEMA public TO PUBLIC; GRANT USAGE ON SCHEMA headwater TO PUBLIC; GRANT SELECT ON headwater.model TO PUBLIC; GRANT EXECUTE ON FUNCTION headwater.wait(interval) TO PUBLIC")
        .await;
    for object in ["public", "headwater", "headwater.model", "headwater.wait"] {
        stage.is_put_right("HW0862", object).await;
    }
    assert_eq!(stage.look().await.findings, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_security_that_hides_source_rows_is_told() {
    let stage = Stage::new("rls", SCHEMA, &[FEED], "").await;
    let role = Role::new(&stage, "reader").await;
    stage
        .run(&format!(
            "GRANT USAGE ON SCHEMA headwater TO {role}; GRANT SELECT ON ALL TABLES IN SCHEMA headwater, public TO {role};
             GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA headwater TO {role}; ALTER TABLE posts ENABLE ROW LEVEL SECURITY",
            role = role.0
        ))
        .await;
    let config = role.config(&stage);
    let finding = only(&look(&config, &stage.root, &stage.settings, &stage.ignored).await, "HW0863", "posts");
    for statement in sql(&finding) {
        stage.run(statement).await;
    }
    let report = look(&config, &stage.root, &stage.settings, &stage.ignored).await;
    assert!(report.findings.iter().all(|one| one.code.to_string() != "HW0863"), "{report:#?}");
    stage.run("ALTER TABLE posts OWNER TO postgres").await;
    role.drop(&stage).await;
}
