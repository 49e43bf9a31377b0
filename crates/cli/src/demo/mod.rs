//! `headwater demo EXAMPLE`: from nothing to a proof, with writers of all kinds at work.
//!
//! | step | module |
//! | --- | --- |
//! | find the example's files | [`example`] |
//! | server, database, schema, data, indexes | [`load`] |
//! | apply the models | `headwater-deploy` |
//! | concurrent writers, the leader beside them, and how fresh its models are | [`traffic`], [`leader`], [`freshness`] |
//! | serve it, where it has routes | [`site`] |
//! | the application that the showcase's site writes through | [`backend`] |
//! | changes and time per model | [`measure`] |
//! | compare every model with its SELECT, and print | [`report`] |

mod backend;
mod example;
mod freshness;
mod leader;
mod load;
mod measure;
mod report;
mod site;
mod traffic;

use std::time::{Duration, Instant};

use headwater_deploy::status::status;
use headwater_deploy::verify::{self, Verified, verify};
use headwater_deploy::{Error, Options, apply};
use headwater_postgres::{Config, connect};
use tokio::sync::watch;

use crate::arguments::Demo;
use crate::interrupt::interrupted;
use crate::session::Session;
use crate::{FINE, FOUND, Outcome, draw};
use example::Example;
use report::Report;

/// How long writers write where nobody watches them.
const UNSERVED: Duration = Duration::from_secs(20);

pub async fn run(session: &Session, options: &Demo) -> Outcome {
    let example = Example::find(&options.example)?;
    let scale = options.scale.unwrap_or(example.settings.demo.scale);
    let config = load::database(session, &example, options, scale).await?;
    let applied = apply(&config, &example.models(), &Options::default(), &session.bars).await?;
    if !session.json {
        draw::problems(&applied.problems);
    }
    let installed = status(&connect(&config).await?).await?;

    let interrupted = interrupted();
    let served = site::open(session, &example, options, &config).await?;
    let before = measure::read(&config).await?;
    let run = write(session, &example, options, &config, interrupted).await?;
    let used = measure::read(&config).await?.since(&before);
    if let Some(site) = served {
        site.close().await;
    }

    let mut client = connect(&config).await?;
    let verified = verify(&mut client, &verify::Options::default(), &session.bars).await?;
    let report = Report::new(options, scale, run, &installed, &used, &verified);
    report.print(session.json);
    Ok(if report.is_good() && verified.iter().all(is_good) { FINE } else { FOUND })
}

fn is_good(model: &Verified) -> bool {
    model.exact && model.broken.is_none()
}

/// What happened while the writers wrote.
struct Run {
    traffic: traffic::Totals,
    seconds: f64,
    work: leader::Work,
    freshness: Option<freshness::Freshness>,
}

/// Lets the writers write for the time asked for, or until interrupted.
async fn write(
    session: &Session,
    example: &Example,
    options: &Demo,
    config: &Config,
    interrupted: watch::Receiver<bool>,
) -> Result<Run, Error> {
    let transactions = traffic::parse(example.text(&example.settings.demo.traffic).unwrap_or_default());
    let (stop, stopped) = watch::channel(false);
    let (end, ended) = watch::channel(false);
    let leader = tokio::spawn(leader::run(config.clone(), ended));
    let probe = tokio::spawn(freshness::probe(config.clone(), stopped.clone()));
    let started = Instant::now();
    let rate = options.rate.or(example.settings.demo.rate).filter(|rate| *rate > 0.0);
    let writers =
        traffic::start(config, &transactions, traffic::Pace { count: options.writers, rate }, &stopped).await?;
    let duration = options.duration.or_else(|| (!site::is_served(example)).then_some(UNSERVED));
    traffic::watch(&session.bars, &writers, duration, interrupted).await;
    let _ = stop.send(true);
    let traffic = writers.finish().await;
    let seconds = started.elapsed().as_secs_f64();
    // The probe waits for a batch to have its last commit, so the leader ends after it.
    let freshness = probe.await.expect("the probe does not panic")?;
    let _ = end.send(true);
    let work = leader.await.expect("the leader does not panic")?;
    Ok(Run { traffic, seconds, work, freshness })
}
