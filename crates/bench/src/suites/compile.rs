//! **compile**: the headwater program, from its start to its end: `check` of the whole showcase (limit 0.5 s) and `apply` of a set
//! that is installed already (limit 1 s). Needs `target/release/headwater`, which `./dev bench` builds.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use serde_json::json;

use crate::Failure;
use crate::arena::Arena;
use crate::compare::Spread;
use crate::report::{Bar, Outcome, Verdict, spread};

pub async fn run(arena: &Arena, scale: f64) -> Result<Outcome, Failure> {
    let program = program()?;
    let base = arena.showcase(scale).await?;
    let config = arena.copy(&base, "compile").await?;
    arena.apply(&config, &arena.showcase_models(&[])?).await?;
    let mut outcome = Outcome::default();
    outcome.table.push(["command", "seconds (min–max)", "limit"].map(str::to_owned).to_vec());
    for (command, limit) in [("check", 0.5), ("apply", 1.0)] {
        let mut seconds = Vec::new();
        for _ in 0..(2 * arena.effort.rounds + 1) {
            let started = Instant::now();
            let output = Command::new(&program)
                .arg("--project")
                .arg(arena.root.join("examples/showcase"))
                .args(["--database", &arena.server.url("compile"), command])
                .output()?;
            seconds.push(started.elapsed().as_secs_f64());
            if !output.status.success() {
                return Err(format!("headwater {command}: {}", String::from_utf8_lossy(&output.stderr)).into());
            }
        }
        let seconds = Spread::of(seconds);
        let verdict = Verdict::at_most(format!("{command}, seconds"), seconds.median, limit);
        let met = if verdict.met { "met" } else { "NOT met" };
        outcome.table.push(vec![command.to_owned(), spread(seconds), format!("{limit} {met}")]);
        outcome.data.push(json!({ "command": command, "seconds": seconds }));
        outcome.bars.push(Bar {
            group: "seconds".into(),
            label: command.to_owned(),
            value: seconds,
            limit: Some(limit),
        });
        outcome.verdicts.push(verdict);
    }
    Ok(outcome)
}

/// The program beside this one.
fn program() -> Result<PathBuf, Failure> {
    let path = std::env::current_exe()?.with_file_name("headwater");
    if path.exists() {
        Ok(path)
    } else {
        Err(format!("{} is not there: cargo build --release -p headwater-cli", path.display()).into())
    }
}
