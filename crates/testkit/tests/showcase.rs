//! The showcase as a whole: load, apply, write from several connections, verify.

use std::path::{Path, PathBuf};

use headwater_deploy::{Project, Silent, apply, verify};
use headwater_testkit::TestDatabase;

fn showcase() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/showcase")
}

fn read(name: &str) -> String {
    std::fs::read_to_string(showcase().join(name)).expect(name)
}

async fn loaded(scale: &str) -> TestDatabase {
    let database = TestDatabase::create("showcase").await;
    let client = database.connect().await;
    client.batch_execute(&read("schema.sql")).await.expect("schema");
    client.batch_execute(&format!("SET showcase.scale = {scale};\n{}", read("data.sql"))).await.expect("data");
    client.batch_execute(&read("indexes.sql")).await.expect("indexes");
    database
}

#[tokio::test(flavor = "multi_thread")]
async fn every_model_is_exact_after_it_is_applied() {
    let database = loaded("0.02").await;
    let mut paths: Vec<PathBuf> = std::fs::read_dir(showcase().join("models")).expect("models").map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let project = Project::of_files(&paths).expect("the example's project");
    let applied = apply::apply(&database.config(), &project.files, &apply::Options::default(), &Silent).await;
    let applied = match applied {
        Ok(applied) => applied,
        Err(error) => panic!("{error:#?}"),
    };
    for diagnostic in &applied.problems.diagnostics {
        eprintln!("{diagnostic:?}");
    }
    let mut client = database.connect().await;
    let verified = verify::verify(&mut client, &verify::Options::default(), &Silent).await.expect("verify");
    for model in &verified {
        eprintln!("{model:?}");
        assert!(model.exact, "{model:#?}");
    }
    assert_eq!(verified.len(), applied.built.len());
}
