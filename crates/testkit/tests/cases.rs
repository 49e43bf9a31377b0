//! Runs `tests/cases`: every rule's golden plan and SQL, and every refusal's diagnostics. `HEADWATER_CASE=lateral` runs
//! those whose path contains it; `HEADWATER_BLESS=1` writes the files anew.

use futures::{StreamExt, stream};
use headwater_testkit::behavior::{root, warm_up};
use headwater_testkit::golden;

const AT_ONCE: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn every_case_compiles_to_its_golden_files() {
    warm_up().await;
    let wanted = std::env::var("HEADWATER_CASE").unwrap_or_default();
    let mut cases = golden::cases(&root().join("tests/cases").canonicalize().expect("tests/cases"));
    cases.retain(|case| case.to_string_lossy().contains(&wanted));
    assert!(!cases.is_empty(), "there is no such case");
    let failures: Vec<String> =
        stream::iter(&cases).map(|case| golden::run(case)).buffered(AT_ONCE).collect::<Vec<_>>().await.concat();
    assert!(failures.is_empty(), "{} of {} cases:\n\n{}", failures.len(), cases.len(), failures.join("\n\n"));
}
