//! The schema `headwater` and Headwater's own tables in it.

use tokio_postgres::{Client, GenericClient};

use crate::error::{During, Error};
use crate::installed;

/// The version of the objects in `sql/install/`.
pub const SCHEMA_VERSION: i64 = 7;

/// The SQL that installs them, as often as one likes.
pub const INSTALL: &str = concat!(
    include_str!("../sql/install/schema.sql"),
    "\n",
    include_str!("../sql/install/models.sql"),
    "\n",
    include_str!("../sql/install/queues.sql"),
    "\n",
    include_str!("../sql/install/log.sql"),
    "\n",
    include_str!("../sql/install/events.sql"),
    "\n",
    include_str!("../sql/install/steps.sql"),
    "\n",
    include_str!("../sql/install/batch.sql"),
    "\n",
    include_str!("../sql/install/wait.sql"),
    "\n",
    include_str!("../sql/install/consumers.sql"),
    "\n",
    include_str!("../sql/install/rights.sql"),
);

/// The part of it that models may read.
pub const EVENTS: &str =
    concat!(include_str!("../sql/install/schema.sql"), "\n", include_str!("../sql/install/events.sql"));

/// Installs or upgrades them in one transaction; writes nothing where they are up to date.
pub async fn install(client: &mut Client) -> Result<(), Error> {
    match installed_version(client).await? {
        Some(found) if found == SCHEMA_VERSION => return Ok(()),
        Some(found) if found > SCHEMA_VERSION => return Err(Error::NewerSchema { found, known: SCHEMA_VERSION }),
        _ => {}
    }
    let doing = "installing the schema headwater";
    let transaction = client.transaction().await.during(doing)?;
    transaction.batch_execute(INSTALL).await.during(doing)?;
    transaction.commit().await.during(doing)
}

/// The version that is installed, if any.
pub async fn installed_version(client: &impl GenericClient) -> Result<Option<i64>, Error> {
    if !installed::is_present(client).await? {
        return Ok(None);
    }
    let sql = "SELECT value::bigint FROM headwater.meta WHERE key = 'schema_version'";
    let row = client.query_opt(sql, &[]).await.during("reading the installed version")?;
    Ok(row.map(|row| row.get(0)))
}
