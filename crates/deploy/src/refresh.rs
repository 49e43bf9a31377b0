//! `refresh MODEL`: the same definition built beside and swapped in, as a changed one is. Readers and writers go on.

use headwater_postgres::Config;

use crate::apply::{Applied, Options, apply_installed, take_lock};
use crate::error::Error;
use crate::installed;
use crate::progress::Progress;
use crate::verify::choose_declared;

/// Builds one installed model anew and swaps it in.
pub async fn refresh(
    config: &Config,
    model: &str,
    options: &Options,
    progress: &dyn Progress,
) -> Result<Applied, Error> {
    let mut lock = take_lock(config, options, progress).await?;
    let installed = installed::load(&*lock).await?;
    let chosen = choose_declared(&installed, &[model.to_owned()])?[0].name.clone();
    let generation = |model: &installed::InstalledModel| model.generation + i32::from(model.name == chosen);
    apply_installed(&mut lock, |_| true, generation, options, progress).await
}
