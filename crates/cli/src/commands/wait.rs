//! `headwater wait`.

use std::time::Instant;

use headwater_maintain::wait;
use serde_json::json;

use crate::arguments::Wait;
use crate::session::Session;
use crate::{FINE, Outcome};

pub async fn run(session: &Session, options: &Wait) -> Outcome {
    let client = session.target().await?.connect().await?;
    let began = Instant::now();
    let batch = wait(&client, options.timeout).await?;
    if session.json {
        outln!("{}", json!({ "batch": batch, "waited_ms": began.elapsed().as_secs_f64() * 1000.0 }));
    } else {
        outln!("everything that had committed is in the models as of batch {batch}");
    }
    Ok(FINE)
}
