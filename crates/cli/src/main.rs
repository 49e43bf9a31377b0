//! The headwater program.
//!
//! | module | does |
//! | --- | --- |
//! | [`arguments`] | what can be written on the command line |
//! | [`session`] | the project, the database and the progress bars of one run |
//! | [`commands`] | one module per command: calls `headwater-deploy` and the others, prints what it found |
//! | [`demo`] | `demo`: an example from nothing to a proof |
//! | [`failure`], [`interrupt`] | why a command failed; the end that the user asks for |
//! | [`draw`] | diagnostics and errors, drawn for people or as JSON |
//! | [`bars`] | progress bars |
//! | [`telemetry`] | what goes on inside, for operators: log lines and traces |
//!
//! Results go to standard output, everything else to standard error. Exit codes: 0 fine, 1 differences or errors found,
//! 2 wrong usage, 3 the database cannot be reached.

/// Writes to standard output. Whoever reads may stop reading (`headwater plan | head`): that is no fault.
macro_rules! out {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = write!(std::io::stdout(), $($text)*);
    }};
}

/// [`out`] with a line's end.
macro_rules! outln {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($text)*);
    }};
}

mod arguments;
mod bars;
mod commands;
mod demo;
mod draw;
mod failure;
mod interrupt;
mod session;
mod telemetry;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};
use session::Session;

/// Found nothing wrong.
const FINE: u8 = 0;
/// Found differences or errors.
const FOUND: u8 = 1;
/// The database cannot be reached.
const UNREACHABLE: u8 = 3;

/// What a command ends with: an exit code.
type Outcome = Result<u8, failure::Failure>;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let session = Session::new(&arguments);
    let telemetry = telemetry::begin(session.json);
    let outcome = run(&session, arguments.command).await;
    telemetry.end();
    ExitCode::from(outcome.unwrap_or_else(|error| {
        draw::error(&error, session.json);
        if error.is_unreachable() { UNREACHABLE } else { FOUND }
    }))
}

async fn run(session: &Session, command: Command) -> Outcome {
    match command {
        Command::Check(options) => commands::check::run(session, &options).await,
        Command::Plan(options) => commands::plan::run(session, &options).await,
        Command::Apply(options) => commands::apply::run(session, &options).await,
        Command::Maintain(options) => commands::maintain::run(session, &options).await,
        Command::Serve(options) => commands::serve::run(session, &options).await,
        Command::Run(options) => commands::serve::run_all(session, &options).await,
        Command::Wait(options) => commands::wait::run(session, &options).await,
        Command::Status(options) => commands::status::run(session, &options).await,
        Command::Verify(options) => commands::verify::run(session, options).await,
        Command::Refresh(options) => commands::refresh::run(session, &options).await,
        Command::Doctor(options) => commands::doctor::run(session, &options).await,
        Command::Bench(options) => commands::bench::run(session, &options).await,
        Command::Compare(options) => commands::compare::run(session, &options).await,
        Command::Remove(options) => commands::remove::run(session, &options).await,
        Command::Demo(options) => demo::run(session, &options).await,
    }
}
