//! Runs `tests/interleavings/*.spec`: sessions, steps, and every order in which the steps can meet; the oracle inside each
//! transaction after each step, and once more at the end.
//!
//! In the spirit of PostgreSQL's isolation tester, and like it in how blocking is seen: a step that waits for another session
//! stays under way while the others go on. What differs: every spec runs at several isolation levels, with each of its models
//! alone (a second model that shares a key would hide a missing lock), and every lock that it is about is taken out of the
//! installed functions in turn, to see that the spec notices (a *mutant*).
//!
//! | module | holds |
//! | --- | --- |
//! | [`spec`] | the file format |
//! | [`orders`] | the orders of the steps |
//! | [`mutant`] | functions with a lock taken out |
//! | [`stage`] | a database with the spec's tables and one model, its sessions, and one run of one order |

pub mod mutant;
pub mod orders;
pub mod spec;
pub mod stage;

use std::collections::BTreeMap;
use std::fmt;

pub use mutant::{Expectation, Mutant};
pub use orders::Isolation;
pub use spec::Spec;
use stage::{Outcome, Stage};

/// What a spec gave.
#[derive(Debug, Default)]
pub struct Report {
    /// What is wrong, each a text of some lines.
    pub failures: Vec<String>,
    /// Counts per model and isolation levels.
    pub counts: BTreeMap<(String, String), Counts>,
    /// For each model and mutant, the order that catches it.
    pub caught: BTreeMap<(String, String), Option<String>>,
}

/// What became of the transactions.
#[derive(Debug, Default, Clone, Copy)]
pub struct Counts {
    /// Orders run.
    pub runs: usize,
    /// Transactions that committed, or rolled back as the spec says.
    pub finished: usize,
    /// Those that ended with 40001.
    pub serialization: usize,
    /// Those that ended with 40P01.
    pub deadlocks: usize,
    /// Those that a constraint of the application ended.
    pub constraints: usize,
}

impl Counts {
    fn add(&mut self, outcome: &Outcome) {
        self.runs += 1;
        self.finished += outcome.finished;
        self.serialization += outcome.count("40001");
        self.deadlocks += outcome.count("40P01");
        self.constraints += outcome.aborts.iter().filter(|(_, code)| code.starts_with("23")).count();
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ((model, levels), counts) in &self.counts {
            let Counts { runs, finished, serialization, deadlocks, constraints } = counts;
            writeln!(
                f,
                "  {model:16} {levels:8} {runs:4} orders, {finished:4} finished, 40001 {serialization:3}, 40P01 {deadlocks:3}, 23xxx {constraints:3}"
            )?;
        }
        for ((model, mutant), caught) in &self.caught {
            let by = caught.as_deref().unwrap_or("nothing");
            writeln!(f, "  {model:16} mutant {mutant}: caught by {by}")?;
        }
        Ok(())
    }
}

/// Runs one model of a spec: all orders at all levels, then each mutant until it is caught.
///
/// # Panics
/// Where the spec's own SQL fails outside of its steps.
pub async fn run(spec: &Spec, model: &str) -> Report {
    let mut report = Report::default();
    let stage = match Stage::set(spec, model).await {
        Ok(stage) => stage,
        Err(error) => {
            report.failures.push(format!("{}, model {model}: {error}", spec.name));
            return report;
        }
    };
    for levels in &spec.levels {
        let mut failed = 0;
        for order in orders::orders(spec, levels) {
            let outcome = stage.run(&order, levels).await;
            report.counts.entry((model.to_owned(), orders::short(levels))).or_default().add(&outcome);
            if let Some(problem) = outcome.problem(spec) {
                failed += 1;
                if failed <= 2 {
                    report.failures.push(format!(
                        "{}, model {model}, {}, order {}:{problem}\n{}",
                        spec.name,
                        orders::short(levels),
                        orders::text(&order),
                        outcome.history()
                    ));
                }
            }
        }
        if failed > 2 {
            report.failures.push(format!(
                "{}, model {model}, {}: {failed} orders in all",
                spec.name,
                orders::short(levels)
            ));
        }
    }
    for mutant in spec.mutants.iter().filter(|mutant| mutant.is_for(model)) {
        let caught = try_mutant(spec, &stage, mutant).await;
        judge(spec, model, mutant, &caught, &mut report);
        report.caught.insert((model.to_owned(), mutant.name.clone()), caught.unwrap_or_else(Some));
    }
    report
}

fn judge(spec: &Spec, model: &str, mutant: &Mutant, caught: &Result<Option<String>, String>, report: &mut Report) {
    let place = format!("{}, model {model}, mutant {}", spec.name, mutant.name);
    match (caught, mutant.expectation) {
        (Err(error), _) => report.failures.push(format!("{place}: {error}")),
        (Ok(None), Expectation::Caught) => {
            report
                .failures
                .push(format!("{place}: no order catches it; the lock is superfluous here, or an order is missing"));
        }
        (Ok(Some(order)), Expectation::Survives) => {
            report.failures.push(format!("{place}: said to survive, but caught by {order}"));
        }
        _ => {}
    }
}

/// The first order that shows the mutant's fault.
async fn try_mutant(spec: &Spec, stage: &Stage, mutant: &Mutant) -> Result<Option<String>, String> {
    let original = mutant.install(stage.control()).await?;
    let mut caught = None;
    'levels: for levels in &spec.levels {
        for order in orders::orders(spec, levels) {
            let outcome = stage.run(&order, levels).await;
            if outcome.problem(spec).is_some() {
                caught = Some(format!("{} {}", orders::short(levels), orders::text(&order)));
                break 'levels;
            }
        }
    }
    mutant::restore(stage.control(), &original).await?;
    Ok(caught)
}
