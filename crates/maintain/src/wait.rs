//! Returns when all that had committed is in the models.

use std::time::Duration;

use headwater_deploy::Error;
use headwater_deploy::error::During;
use headwater_postgres::Client;

/// Waits until everything that had committed before the call is in the models; gives the number of the batch. Fails after `timeout`.
pub async fn wait(client: &Client, timeout: Duration) -> Result<i64, Error> {
    let sql = "SELECT headwater.wait(make_interval(secs => $1))";
    let row = client.query_one(sql, &[&timeout.as_secs_f64()]).await.during("waiting for the models")?;
    Ok(row.get(0))
}
