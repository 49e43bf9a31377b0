//! `tests/interleavings/*.spec`, four databases at a time. `HEADWATER_SPEC=rename` runs those whose name contains it;
//! `HEADWATER_SPEC_COUNTS=1` prints what became of the transactions.

use futures::{StreamExt, stream};
use headwater_testkit::behavior::{root, warm_up};
use headwater_testkit::interleaving::{self, Spec};

const AT_ONCE: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn every_order_is_exact() {
    warm_up().await;
    let wanted = std::env::var("HEADWATER_SPEC").unwrap_or_default();
    let mut paths: Vec<_> = std::fs::read_dir(root().join("tests/interleavings"))
        .expect("tests/interleavings")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "spec"))
        .filter(|path| path.file_stem().is_some_and(|stem| stem.to_string_lossy().contains(&wanted)))
        .collect();
    paths.sort();
    let specs: Vec<Spec> =
        paths.iter().map(|path| Spec::read(path).unwrap_or_else(|error| panic!("{error}"))).collect();
    let runs: Vec<(&Spec, &str)> =
        specs.iter().flat_map(|spec| spec.models.iter().map(move |(model, _)| (spec, model.as_str()))).collect();
    let counts = std::env::var_os("HEADWATER_SPEC_COUNTS").is_some();
    let failures: Vec<String> = stream::iter(runs)
        .map(|(spec, model)| async move {
            let started = std::time::Instant::now();
            let report = interleaving::run(spec, model).await;
            if counts {
                eprintln!("{} ({:.1} s)\n{report}", spec.name, started.elapsed().as_secs_f32());
            }
            report.failures
        })
        .buffer_unordered(AT_ONCE)
        .collect::<Vec<_>>()
        .await
        .concat();
    assert!(failures.is_empty(), "{} failures:\n\n{}", failures.len(), failures.join("\n\n"));
}
