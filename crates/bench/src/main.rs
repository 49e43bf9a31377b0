//! What Headwater costs, measured against the same writes without it and against what teams write by hand.
//!
//! `cargo run --release -p headwater-bench -- [SUITE…]`, or `./dev bench`. `benches/README.md` says what each suite compares
//! and how to read the tables.
//!
//! | module | does |
//! | --- | --- |
//! | [`arena`] | the private server and the databases: one copy of the same data per variant |
//! | [`models`] | the showcase's models, chosen by name, as declared or all eventual |
//! | [`load`] | clients that write for a while; latencies, and the CPU time of their backends ([`cpu`]) |
//! | [`paced`] | clients that write so many times a second, whatever the server does |
//! | [`leader`], [`probe`] | who maintains eventual models, and how soon a commit is in them |
//! | [`site`] | servers to ask over HTTP, and those who ask |
//! | [`crowd`] | thousands of users who look at the showcase's pages, each at a pace of their own |
//! | [`plain`] | the showcase's pages as document 003 reads them |
//! | [`compare`] | variants in turns, and their ratios |
//! | [`suites`] | one module per suite |
//! | [`report`], [`plot`], [`curves`] | tables, JSON, SVG |

mod arena;
mod compare;
mod cpu;
mod crowd;
mod curves;
mod leader;
mod load;
mod models;
mod paced;
mod plain;
mod plot;
mod probe;
mod report;
mod site;
mod suites;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use arena::Arena;
use report::Report;
use suites::Suite;

/// Any failure: a benchmark has nobody to handle it.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Measures what Headwater costs.
#[derive(Debug, Parser)]
#[command(name = "headwater-bench", version)]
struct Arguments {
    /// The suites; all where none is named
    #[arg(value_enum)]
    suites: Vec<Suite>,
    /// The size of the showcase's data; 1 is 10,000 projects with 300,000 votes. Several are measured one after the other
    #[arg(long, value_delimiter = ',', default_value = "1", value_name = "N,…")]
    scale: Vec<f64>,
    /// How long one variant is measured at a time
    #[arg(long, default_value_t = 5.0, value_name = "S")]
    seconds: f64,
    /// How many times each variant has its turn; medians are over these
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// See that everything works: small data, short turns; the figures mean nothing
    #[arg(long)]
    quick: bool,
    /// Where JSON and plots go [default: benches/results, with --quick .headwater/bench/results]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The server's major version; any that is installed otherwise
    #[arg(long, value_name = "MAJOR")]
    pg: Option<u32>,
}

/// How long and how often to measure.
#[derive(Debug, Clone, Copy)]
struct Effort {
    turn: Duration,
    rounds: u32,
    quick: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    if let Some(ended) = another().await {
        return match ended {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => panic!("{error}"),
        };
    }
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("headwater-bench: {error}");
            let mut source = error.source();
            while let Some(cause) = source {
                eprintln!("  {cause}");
                source = cause.source();
            }
            ExitCode::FAILURE
        }
    }
}

/// A server to compare with, where this process is to be one.
async fn another() -> Option<Result<(), Failure>> {
    let told = |name: &str| std::env::var(name).ok();
    if let Some(path) = told(site::STATIC_VARIABLE) {
        Some(site::answer_with(&path).await)
    } else if told(site::SOCKETS_VARIABLE).is_some() {
        Some(site::write_to_all().await)
    } else if let Some((database, pages)) = told(plain::DATABASE_VARIABLE).zip(told(plain::PAGES_VARIABLE)) {
        Some(plain::serve(&database, &pages).await)
    } else {
        None
    }
}

async fn run(mut arguments: Arguments) -> Result<(), Failure> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    if arguments.quick {
        (arguments.scale, arguments.seconds, arguments.rounds) = (vec![0.1], arguments.seconds.min(1.0), 2);
    }
    if arguments.suites.is_empty() {
        arguments.suites = Suite::all();
    }
    let folder = if arguments.quick { ".headwater/bench/results" } else { "benches/results" };
    let out = arguments.out.clone().unwrap_or_else(|| root.join(folder));
    let effort =
        Effort { turn: Duration::from_secs_f64(arguments.seconds), rounds: arguments.rounds, quick: arguments.quick };

    let arena = Arena::open(&root, arguments.pg, effort).await?;
    let mut report = Report::new(&arena, effort).await?;
    for (position, scale) in arguments.scale.iter().enumerate() {
        for suite in &arguments.suites {
            if position > 0 && !suite.depends_on_scale() {
                continue;
            }
            report.begin(*suite, *scale);
            match suite.run(&arena, *scale).await {
                Ok(outcome) => report.add(*suite, *scale, outcome),
                // The other suites go on.
                Err(error) => report.failed(*suite, *scale, &error),
            }
            report.write(&out)?;
        }
    }
    report.conclude();
    arena.close().await
}
