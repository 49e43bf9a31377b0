//! A batch that is compared with the truth before the next one may run.
//!
//! ```text
//! batch's session                                    truth's session
//! BEGIN; LOCK …; run_batch; pg_export_snapshot()
//!                                                    BEGIN; LOCK …; SET TRANSACTION SNAPSHOT
//! models with now() compared here: both sides mean the same by it
//! COMMIT
//!                                                    every SELECT at that snapshot; COMMIT
//!                                                    the models as they now are, against these
//! ```

use headwater_deploy::batch::{self, Batch, How};
use headwater_deploy::error::{is_conflict, is_lock_timeout};
use headwater_postgres::Client;

use super::truth::Truth;
use crate::TestDatabase;
use crate::oracle::{Difference, Oracle};

/// How a batch that was looked at ended.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// It is done, and this differs: nothing, where all is well.
    Done(Batch, Vec<Difference>),
    /// A lock was not to be had in time, or the truth could not be taken; everything was rolled back.
    GaveWay,
}

/// Runs batches and looks at them.
#[derive(Debug)]
pub struct Checked {
    batches: Client,
    truth: Truth,
    /// The models in which `now()` occurs.
    timed: Option<Oracle>,
}

impl Checked {
    /// For the models that serve in this database.
    ///
    /// # Panics
    /// Where they cannot be read.
    pub async fn load(database: &TestDatabase) -> Self {
        let batches = database.connect().await;
        batches.batch_execute("SET deadlock_timeout = '50ms'").await.expect("a setting");
        let truth =
            Truth::load(database).await.unwrap_or_else(|error| panic!("{}", headwater_postgres::describe(&error)));
        let timed = match truth.timed().as_slice() {
            [] => None,
            names => Some(Oracle::load(&batches, names).await.unwrap_or_else(|error| panic!("{error}"))),
        };
        Self { batches, truth, timed }
    }

    /// How many models are compared.
    #[must_use]
    pub fn models(&self) -> usize {
        self.truth.models()
    }

    /// One batch. An error is none that a batch may end with.
    pub async fn batch(&mut self) -> Result<Verdict, String> {
        let how = How { careful: false, force: true };
        let (transaction, batch) = match batch::begin(&mut self.batches, how).await {
            Ok(begun) => begun,
            Err(headwater_deploy::Error::Statement { source, .. })
                if is_lock_timeout(&source) || is_conflict(&source) =>
            {
                return Ok(Verdict::GaveWay);
            }
            Err(error) => return Err(error.to_string()),
        };
        let seen = judge(&transaction, &self.truth, self.timed.as_ref(), &batch).await.map_err(describe)?;
        let Some(mut found) = seen else {
            transaction.rollback().await.map_err(describe)?;
            return Ok(Verdict::GaveWay);
        };
        transaction.commit().await.map_err(describe)?;
        let moment = self.truth.collect().await.map_err(describe)?;
        found.extend(self.truth.differences(&moment).await.map_err(describe)?);
        Ok(Verdict::Done(batch, found))
    }
}

/// What is wrong as the batch's own transaction sees it, and with the snapshot that it recorded. `None` where the truth gives way.
async fn judge(
    transaction: &tokio_postgres::Transaction<'_>,
    truth: &Truth,
    timed: Option<&Oracle>,
    batch: &Batch,
) -> Result<Option<Vec<Difference>>, tokio_postgres::Error> {
    let row = transaction.query_one("SELECT pg_export_snapshot(), pg_current_snapshot()::text", &[]).await?;
    let (exported, current): (String, String) = (row.get(0), row.get(1));
    if !truth.import(&exported).await? {
        return Ok(None);
    }
    let mut found = match timed {
        Some(oracle) => oracle.differences(transaction.client()).await?,
        None => Vec::new(),
    };
    let sql = "SELECT snapshot::text, number, at = now() FROM headwater.batch ORDER BY number DESC LIMIT 1";
    let recorded = transaction.query_one(sql, &[]).await?;
    let snapshot: String = recorded.get(0);
    let imported = truth.snapshot().await?;
    // A batch that found nothing to do records nothing.
    let is_recorded =
        !batch.done || snapshot == current && recorded.get::<_, i64>(1) == batch.number && recorded.get(2);
    if !is_recorded || imported != current {
        found.push(Difference {
            model: "headwater.batch".to_owned(),
            side: "snapshot".to_owned(),
            row: format!("recorded {snapshot}, current {current}, imported {imported}"),
        });
    }
    Ok(Some(found))
}

fn describe(error: tokio_postgres::Error) -> String {
    headwater_postgres::describe(&error)
}
