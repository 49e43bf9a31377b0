//! `headwater remove`.

use headwater_deploy::{Options, remove};
use serde_json::json;

use crate::arguments::Remove;
use crate::session::Session;
use crate::{FINE, Outcome};

pub async fn run(session: &Session, options: &Remove) -> Outcome {
    let target = session.target().await?;
    let how = Options::default();
    let removed = if options.all {
        remove::remove_all(&target.config, &how, &session.bars).await?
    } else {
        remove::remove(&target.config, &options.models, &how, &session.bars).await?;
        options.models.clone()
    };
    if session.json {
        outln!("{}", json!({ "removed": removed }));
    } else if removed.is_empty() {
        outln!("nothing was installed");
    } else {
        outln!("removed {}", removed.join(", "));
    }
    Ok(FINE)
}
