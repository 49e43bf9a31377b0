//! The showcase as a whole: load, apply, write from several connections, verify.

use headwater_compile::Mode;
use headwater_deploy::{Silent, apply};
use headwater_maintain::leader::{Settings, Unobserved, lead};
use headwater_testkit::behavior::in_mode;
use headwater_testkit::example::{Example, verify_all};

const SHOWCASE: Example = Example("showcase");

#[tokio::test(flavor = "multi_thread")]
async fn every_model_is_exact_after_it_is_applied() {
    let database = SHOWCASE.load(Some("0.02")).await;
    let applied = apply::apply(&database.config(), &SHOWCASE.models(), &apply::Options::default(), &Silent).await;
    let applied = match applied {
        Ok(applied) => applied,
        Err(error) => panic!("{error:#?}"),
    };
    for diagnostic in &applied.problems.diagnostics {
        eprintln!("{diagnostic:?}");
    }
    assert_eq!(verify_all(&database).await.len(), applied.built.len());
}

/// As the example declares them, with a leader beside the writers.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_model_is_exact_after_concurrent_writers() {
    let database = SHOWCASE.load(Some("0.02")).await;
    apply::apply(&database.config(), &SHOWCASE.models(), &apply::Options::default(), &Silent).await.expect("apply");
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let config = database.config();
    let leader = tokio::spawn(async move { lead(&config, &Settings::default(), stopped, &Unobserved).await });
    SHOWCASE.write(&database).await;
    verify_all(&database).await;
    let _ = stop.send(true);
    leader.await.expect("the leader does not panic").expect("the leader ends well");
}

/// All of them realtime.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_realtime_model_is_exact_after_concurrent_writers() {
    let database = SHOWCASE.load(Some("0.02")).await;
    let mut files = SHOWCASE.models();
    for file in &mut files {
        file.text = in_mode(&file.text, Mode::Realtime);
    }
    apply::apply(&database.config(), &files, &apply::Options::default(), &Silent).await.expect("apply");
    SHOWCASE.write(&database).await;
    verify_all(&database).await;
}
