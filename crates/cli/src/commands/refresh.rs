//! `headwater refresh MODEL`.

use headwater_deploy::{Options, refresh};

use super::apply;
use crate::arguments::Refresh;
use crate::session::Session;
use crate::{FINE, Outcome};

pub async fn run(session: &Session, options: &Refresh) -> Outcome {
    let target = session.target().await?;
    let applied = refresh::refresh(&target.config, &options.model, &Options::default(), &session.bars).await?;
    apply::report(&applied, session.json);
    Ok(FINE)
}
