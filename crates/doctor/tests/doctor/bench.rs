//! `bench` measures what is declared, with parameters from the data, and what it says is what was run.

use std::time::Duration;

use headwater_deploy::Silent;
use headwater_doctor::bench::{By, Options, Outcome, bench};

use crate::stage::{FEED, ROUTE, SCHEMA, Stage};

const QUERIES: &str = "
    [serve.pool]
    size = 2
    overflow = 0

    [[bench.query]]
    name = \"posts of a user\"
    sql = \"SELECT * FROM posts WHERE user_id = $1 AND world >= $2 ORDER BY id\"
    parameters = [\"SELECT id FROM users\", \"SELECT 0\"]

    [[bench.query]]
    name = \"slow\"
    sql = \"SELECT pg_sleep(0.02)\"
    max_time = \"5ms\"

    [[bench.query]]
    name = \"wrong\"
    sql = \"SELECT 1 / (id - id) FROM users WHERE id = $1\"
    parameters = [\"SELECT id FROM users\"]

    [[bench.query]]
    name = \"nothing\"
    sql = \"SELECT $1::int\"
    parameters = [\"SELECT id FROM users WHERE false\"]
";

async fn measured(stage: &Stage, options: &Options) -> Outcome {
    bench(&stage.config(), &stage.settings, options, &Silent).await.unwrap_or_else(|error| panic!("{error}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_and_pages_are_measured_with_values_from_the_data() {
    let stage = Stage::new("bench", SCHEMA, &[FEED], &format!("{QUERIES}{ROUTE}")).await;
    let mut options =
        Options { queries: 40, concurrency: 1, max_time: Some(Duration::from_secs(5)), by: By::P99, only: Vec::new() };
    let outcome = measured(&stage, &options).await;
    let of = |name: &str| {
        outcome.measured.iter().find(|one| one.name == name).unwrap_or_else(|| panic!("{name}: {outcome:#?}"))
    };
    let names: Vec<_> = outcome.measured.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["posts of a user", "slow", "wrong", "nothing", "/feed", "/feed?cursor=…", "/feed?world=…"]);
    for name in ["posts of a user", "/feed", "/feed?cursor=…", "/feed?world=…"] {
        let one = of(name);
        assert!(!one.is_over && one.numbers.n == 40 && one.errors == 0, "{one:#?}");
        assert!(one.numbers.p50_ms <= one.numbers.p99_ms && one.numbers.p99_ms <= one.numbers.max_ms, "{one:#?}");
    }
    assert!(of("slow").is_over && of("slow").errors == 0 && of("slow").numbers.p50_ms >= 20.0);
    assert!(
        of("wrong").is_over && of("wrong").error.as_deref().is_some_and(|error| error.contains("division by zero"))
    );
    assert!(of("nothing").is_over && of("nothing").errors == 1);
    assert!(!outcome.is_good());

    // Two connections for eight at a time: they wait for each other, and the pool says so.
    options.only = vec!["slow".to_owned()];
    options.concurrency = 8;
    let crowd = measured(&stage, &options).await;
    assert_eq!(crowd.measured.len(), 1);
    assert!(crowd.pool.connections == 2 && crowd.pool.efficiency < 0.6, "{crowd:#?}");
    options.only = vec!["posts".to_owned()];
    options.concurrency = 2;
    assert!(measured(&stage, &options).await.is_good());
}
