//! `headwater demo EXAMPLE`: from nothing to a proof, with writers of all kinds at work.
//!
//! | step | module |
//! | --- | --- |
//! | find the example's files | [`example`] |
//! | server, database, schema, data, indexes | [`load`] |
//! | apply the models | `headwater-deploy` |
//! | concurrent writers, and the clock of timed models | [`traffic`], [`clock`] |
//! | changes and time per model | [`measure`] |
//! | compare every model with its SELECT, and print | [`report`] |

mod clock;
mod example;
mod load;
mod measure;
mod report;
mod script;
mod traffic;

use std::time::Instant;

use headwater_deploy::status::{Status, status};
use headwater_deploy::verify::{self, Verified, verify};
use headwater_deploy::{Error, Options, apply};
use headwater_postgres::{Config, connect};
use tokio::sync::watch;

use crate::arguments::Demo;
use crate::session::Session;
use crate::{FINE, FOUND, Outcome, draw};
use example::Example;
use report::Report;

pub async fn run(session: &Session, options: &Demo) -> Outcome {
    let example = Example::find(&options.example)?;
    let scale = options.scale.unwrap_or(example.settings.demo.scale);
    let config = load::database(session, &example, options, scale).await?;
    let applied = apply(&config, &example.models(), &Options::default(), &session.bars).await?;
    if !session.json {
        draw::problems(&applied.problems);
    }
    let installed = status(&connect(&config).await?).await?;

    let before = measure::read(&config).await?;
    let (traffic, seconds) = write(session, &example, options, &config, &installed).await?;
    let used = measure::read(&config).await?.since(&before);

    let mut client = connect(&config).await?;
    let verified = verify(&mut client, &verify::Options::default(), &session.bars).await?;
    let report = Report::new(options, scale, &traffic, seconds, &installed, &used, &verified);
    report.print(session.json);
    Ok(if report.is_good() && verified.iter().all(is_good) { FINE } else { FOUND })
}

fn is_good(model: &Verified) -> bool {
    model.exact && model.broken.is_none()
}

/// Lets the writers write for the time asked for, or until interrupted; returns what they did and how long it took.
async fn write(
    session: &Session,
    example: &Example,
    options: &Demo,
    config: &Config,
    installed: &Status,
) -> Result<(traffic::Totals, f64), Error> {
    let transactions = traffic::parse(example.text(&example.settings.demo.traffic).unwrap_or_default());
    let (stop, stopped) = watch::channel(false);
    let clock = tokio::spawn(clock::run(config.clone(), clock::ticks(installed), stopped.clone()));
    let started = Instant::now();
    let writers = traffic::start(config, &transactions, options.writers, &stopped).await?;
    traffic::watch(&session.bars, &writers, options.duration).await;
    let _ = stop.send(true);
    let totals = writers.finish().await;
    let seconds = started.elapsed().as_secs_f64();
    clock.await.expect("the clock does not panic")?;
    Ok((totals, seconds))
}
