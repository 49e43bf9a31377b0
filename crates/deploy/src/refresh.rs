//! `refresh MODEL`: the same definition built beside and swapped in, as a changed one is. Readers and writers go on.

use headwater_postgres::{Client, Config};

use crate::apply::{Applied, Built, Options, apply_installed, take_lock};
use crate::error::{During, Error};
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
    let applied = apply_installed(&mut lock, |_| true, generation, options, progress).await?;
    for built in &applied.built {
        log(&lock, built).await?;
    }
    Ok(applied)
}

/// A row of the refresh log, as rebuilds have.
async fn log(client: &Client, built: &Built) -> Result<(), Error> {
    let sql = "INSERT INTO headwater.mv_refresh_log (view_name, refresh_started_at, refresh_completed_at, duration_ms, row_count, triggered_by, status) \
               VALUES ($1, clock_timestamp() - make_interval(secs => $2::bigint / 1000.0), clock_timestamp(), $2, $3, 'refresh', 'completed')";
    let took = i64::try_from(built.backfill_ms).unwrap_or(i64::MAX);
    client.execute(sql, &[&built.name, &took, &built.rows]).await.during("writing the refresh log")?;
    Ok(())
}
