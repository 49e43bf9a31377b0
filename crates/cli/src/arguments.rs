//! What can be written on the command line. The help texts are the reference.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use headwater_deploy::project::duration;

/// Keeps denormalized read models of a PostgreSQL database exact.
#[derive(Debug, Parser)]
#[command(name = "headwater", version, propagate_version = true, after_help = EXIT_CODES)]
pub struct Arguments {
    /// The project's folder, with headwater.toml and models/*.sql
    #[arg(long, global = true, default_value = ".", value_name = "DIR")]
    pub project: PathBuf,
    /// The database; without it DATABASE_URL, then headwater.toml, then a private server in .headwater/
    #[arg(long, global = true, value_name = "URL")]
    pub database: Option<String>,
    /// Print one JSON document instead of text
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str =
    "Exit codes: 0 fine, 1 differences or errors found, 2 wrong usage, 3 the database cannot be reached.";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Compile the models against the database and report every problem; changes nothing
    Check(Check),
    /// Show what apply would do, and how each model is maintained
    Plan(Plan),
    /// Bring the database to the models: build, fill, verify, swap in
    Apply(Apply),
    /// Keep eventual models up to date, let time pass, keep the log: the leader, one at a time; others stand by
    Maintain(Maintain),
    /// Answer over HTTP: JSON pages and live streams of the routes that headwater.toml declares
    Serve(Serve),
    /// Maintain and serve in one process
    Run(Serve),
    /// Return when everything that has committed by now is in the models
    Wait(Wait),
    /// Show every model and whether it is healthy
    Status(Status),
    /// Compare models with their SELECTs
    Verify(Verify),
    /// Build a model anew beside the one that serves, and swap it in
    Refresh(Refresh),
    /// Look for what is wrong or will be: schema, indexes, plans, settings, rights, and Headwater's own state
    Doctor(Doctor),
    /// Measure the declared queries and routes, with parameters drawn from the data
    Bench(Bench),
    /// Send the same requests to an old endpoint and to the new one, and tell what differs
    Compare(Compare),
    /// Remove models, or everything that Headwater installed
    Remove(Remove),
    /// Run an example from nothing: server, data, models, concurrent writers, proof
    Demo(Demo),
}

/// Options of `check`.
#[derive(Debug, Args)]
pub struct Check {
    /// Files to check instead of the project's
    pub files: Vec<PathBuf>,
}

/// Options of `plan`.
#[derive(Debug, Args)]
pub struct Plan {
    /// Print the statements too, with their reasons
    #[arg(long)]
    pub sql: bool,
}

/// Options of `apply`.
#[derive(Debug, Args)]
pub struct Apply {
    /// How long a writer may wait behind one attempt to lock a table
    #[arg(long, default_value = "2s", value_parser = duration, value_name = "TIME")]
    pub lock_timeout: Duration,
    /// How many times a table lock is tried for
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub lock_attempts: u32,
    /// Rows filled in one transaction
    #[arg(long, default_value_t = 5000, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    pub rows_per_range: i64,
}

/// Options of `maintain`.
#[derive(Debug, Args)]
pub struct Maintain {
    /// Run one batch and end, where nothing is to run all the time
    #[arg(long)]
    pub once: bool,
}

/// Options of `serve` and `run`.
#[derive(Debug, Args)]
pub struct Serve {
    /// The address to listen on, instead of the one in headwater.toml; 127.0.0.1:8080 where neither says
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<std::net::SocketAddr>,
}

/// Options of `wait`.
#[derive(Debug, Args)]
pub struct Wait {
    /// For how long at most
    #[arg(long, default_value = "10s", value_parser = duration, value_name = "TIME")]
    pub timeout: Duration,
}

/// Options of `status`.
#[derive(Debug, Args)]
pub struct Status {
    /// Show it again every two seconds until interrupted
    #[arg(long)]
    pub watch: bool,
}

/// Options of `verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// Recompute what differs, while writers go on, and verify again
    #[arg(long)]
    pub repair: bool,
    /// The models; all where none is named
    pub models: Vec<String>,
}

/// Options of `refresh`.
#[derive(Debug, Args)]
pub struct Refresh {
    /// The model
    pub model: String,
}

/// Options of `doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Only findings with this code; may be given several times
    #[arg(long, value_name = "CODE", value_parser = finding_code)]
    pub only: Vec<String>,
    /// No findings with this code; may be given several times
    #[arg(long, value_name = "CODE", value_parser = finding_code)]
    pub ignore: Vec<String>,
    /// From which severity on the exit code is 1
    #[arg(long, value_enum, default_value_t = FailOn::Warning, value_name = "SEVERITY")]
    pub fail_on: FailOn,
}

/// A severity on the command line.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum FailOn {
    /// Anything at all.
    Note,
    /// What works now and will not always.
    Warning,
    /// What does not work.
    Error,
}

impl FailOn {
    /// The severity.
    pub fn severity(self) -> headwater_compile::Severity {
        match self {
            Self::Note => headwater_compile::Severity::Note,
            Self::Warning => headwater_compile::Severity::Warning,
            Self::Error => headwater_compile::Severity::Error,
        }
    }
}

/// `HW0801` to `HW0899`, in any case.
fn finding_code(text: &str) -> Result<String, String> {
    let code = text.to_ascii_uppercase();
    let is_one = code.len() == 6 && code.starts_with("HW08") && code[4..].bytes().all(|byte| byte.is_ascii_digit());
    if is_one { Ok(code) } else { Err("a finding's code such as HW0825".to_owned()) }
}

/// Options of `bench`.
#[derive(Debug, Args)]
pub struct Bench {
    /// How often each query is run
    #[arg(long, default_value_t = 1000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub queries: u32,
    /// How long a query may take; longer is exit code 1. A query's own max_time goes before it
    #[arg(long, value_parser = duration, value_name = "TIME")]
    pub max_time: Option<Duration>,
    /// Which number is held against that
    #[arg(long, value_enum, default_value_t = By::Average, value_name = "NUMBER")]
    pub by: By,
    /// How many queries run at the same time
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub concurrency: u32,
    /// Only queries whose name contains this; may be given several times
    #[arg(long, value_name = "NAME")]
    pub only: Vec<String>,
}

/// Options of `compare`.
#[derive(Debug, Args)]
pub struct Compare {
    /// Where the old endpoint answers: http://127.0.0.1:8000
    pub old: String,
    /// Where the new one does
    pub new: String,
    /// The requests: a path with its query a line, or a web server's log; - for standard input
    #[arg(long, default_value = "-", value_name = "FILE")]
    pub requests: String,
    /// Where the rows stand in the answers, with dots: data.projects
    #[arg(long, default_value = "items", value_name = "PATH")]
    pub items: String,
    /// A field that tells one row from another; may be given several times
    #[arg(long, default_value = "id", value_name = "FIELD")]
    pub key: Vec<String>,
    /// A field that may differ; may be given several times
    #[arg(long, value_name = "FIELD")]
    pub ignore: Vec<String>,
    /// A header for both: 'Authorization: Bearer …'; may be given several times
    #[arg(long, value_name = "HEADER")]
    pub header: Vec<String>,
    /// What differs is asked for again for so long: rows come while one compares
    #[arg(long, default_value = "2s", value_parser = duration, value_name = "TIME")]
    pub patience: Duration,
    /// How many different requests at most
    #[arg(long, default_value_t = 1000, value_name = "N")]
    pub limit: u32,
}

/// A number on the command line.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum By {
    /// The average.
    Average,
    /// Half take no longer.
    P50,
    /// 95 of a hundred take no longer.
    P95,
    /// 99 of a hundred take no longer.
    P99,
    /// The longest.
    Max,
}

impl By {
    /// The number.
    pub fn number(self) -> headwater_doctor::bench::By {
        use headwater_doctor::bench::By as Number;
        match self {
            Self::Average => Number::Average,
            Self::P50 => Number::P50,
            Self::P95 => Number::P95,
            Self::P99 => Number::P99,
            Self::Max => Number::Max,
        }
    }
}

/// Options of `remove`.
#[derive(Debug, Args)]
pub struct Remove {
    /// The models to remove; their files must go too, or the next apply brings them back
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    pub models: Vec<String>,
    /// Remove everything that Headwater installed, its schema included
    #[arg(long)]
    pub all: bool,
}

/// Options of `demo`.
#[derive(Debug, Args)]
#[command(after_long_help = DEMO_COLUMNS)]
pub struct Demo {
    /// The example: showcase, scifi or foodshare
    #[arg(default_value = "showcase")]
    pub example: String,
    /// How long writers write; without it 20s, or until interrupted where the example is served
    #[arg(long = "for", value_parser = duration, value_name = "TIME")]
    pub duration: Option<Duration>,
    /// The address to listen on, where the example is served
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<std::net::SocketAddr>,
    /// Transactions a second, all writers together; 0 for as many as they can
    #[arg(long, value_parser = rate, value_name = "N")]
    pub rate: Option<f64>,
    /// The size of the data; 1, the default, is 300,000 votes on 10,000 projects, or 200,000 events
    #[arg(long, value_parser = scale)]
    pub scale: Option<f64>,
    /// How many connections write at the same time
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=150))]
    pub writers: u32,
    /// Begin with an empty database instead of the last run's
    #[arg(long)]
    pub fresh: bool,
    /// The private server's major version
    #[arg(long, value_name = "MAJOR")]
    pub pg: Option<u32>,
}

const DEMO_COLUMNS: &str = "\
The table:
  rows       rows of the model when it was verified, after the writers stopped
  backfill   how long filling the model took, once, while it was applied
  changes    model rows inserted, updated and deleted while the writers wrote (pg_stat_all_tables)
  µs/change  time spent in the functions of this model, plus its share of the time spent in the trigger functions that
             all models use together, in proportion to its changes; divided by its changes (pg_stat_user_functions,
             self time). Empty where the server does not count function calls (track_functions)
  exact      model and SELECT equal as multisets, compared in one snapshot, and the model not marked broken

Below it, for eventual models: the batches that the leader ran, the changes that it took from the queues and the keys that it
recomputed; and the freshness, that is the time from a commit to the batch that has it, measured by a probe that commits
and waits again and again.

The database is demo_<EXAMPLE> on the private server in .headwater/ (or on the server that --database names) and is kept
for the next run, unless --fresh is given or scale or example differ. DATABASE_URL is not looked at.";

fn rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if (0.0..=1_000_000.0).contains(&rate) => Ok(rate),
        _ => Err("a number from 0 to 1000000".to_owned()),
    }
}

fn scale(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(scale) if scale > 0.0 && scale <= 1000.0 => Ok(scale),
        _ => Err("a number above 0 and up to 1000".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn times_have_units() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("20"), Ok(Duration::from_secs(20)));
        assert_eq!(duration("1.5m"), Ok(Duration::from_secs(90)));
        assert!(duration("5 parsecs").is_err() && duration("").is_err());
    }
}
