//! `tests/behavior/*.slt` in both modes, four databases at a time. `HEADWATER_SLT=merge` runs those whose name contains it,
//! `HEADWATER_MODE=eventual` one mode.

use futures::{StreamExt, stream};
use headwater_compile::Mode;
use headwater_testkit::behavior::{root, run_file, warm_up};

const AT_ONCE: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn every_statement_leaves_every_model_exact() {
    warm_up().await;
    let wanted = std::env::var("HEADWATER_SLT").unwrap_or_default();
    let mut paths: Vec<_> = std::fs::read_dir(root().join("tests/behavior"))
        .expect("tests/behavior")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "slt"))
        .filter(|path| path.file_stem().is_some_and(|stem| stem.to_string_lossy().contains(&wanted)))
        .collect();
    paths.sort();
    let mode = std::env::var("HEADWATER_MODE").unwrap_or_default();
    let modes: Vec<Mode> =
        [Mode::Realtime, Mode::Eventual].into_iter().filter(|one| mode.is_empty() || one.word() == mode).collect();
    let mut failures: Vec<String> = Vec::new();
    // One mode after the other: a script's roles belong to the whole server.
    for mode in modes {
        let runs = paths.iter().map(|path| run_file(path, mode));
        failures.extend(stream::iter(runs).buffer_unordered(AT_ONCE).collect::<Vec<_>>().await.concat());
    }
    assert!(failures.is_empty(), "{} failures:\n\n{}", failures.len(), failures.join("\n\n"));
}
