//! The backfill: an empty model table is filled in ranges of its key while writers go on. Its triggers are in place
//! before the first range, so a change that a range does not see reaches the model through them.
//!
//! Each range is one REPEATABLE READ transaction that also records how far the fill is: a fill that was interrupted
//! goes on with the next range, and no range is ever half done.
//!
//! A range that meets a writer on one of its keys is lost and repeated. Waiting does not help against writers who never
//! pause: what counts is how many keys a range holds and for how long. So the key space is cut into fine grains, a range
//! takes many of them, half as many after each loss and twice as many after each success. In batches a range that takes long is
//! followed by a smaller one, too.

use std::time::{Duration, Instant};

use headwater_compile::{CompiledModel, Mode};
use headwater_postgres::retry::{ATTEMPTS, Attempts};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, IsolationLevel};

use crate::batch;
use crate::error::{During, Error, is_conflict};
use crate::progress::Progress;

/// How many grains a range takes at most.
const GRAINS: usize = 32;

/// A range of an eventual model is part of a batch, and the other models wait for it.
const LONGEST_BATCH: Duration = Duration::from_millis(100);

/// How often the same key may be found twice before it is called no key. A row that a writer added after the range's
/// snapshot is seen by the next one, so a writer is in the way once; rows that are not unique by themselves always are.
const DUPLICATES: u32 = 3;

/// How far a fill is.
struct Position {
    /// The upper ends of all grains but the last, in key order.
    boundaries: Vec<String>,
    /// How many grains are done.
    done: usize,
}

impl Position {
    fn grains(&self) -> usize {
        self.boundaries.len() + 1
    }

    /// The keys of the next `grains` grains: above the first, up to the second.
    fn range(&self, grains: usize) -> (Option<&str>, Option<&str>) {
        let from = self.done.checked_sub(1).map(|before| self.boundaries[before].as_str());
        (from, self.boundaries.get(self.done + grains - 1).map(String::as_str))
    }
}

/// Fills the model from where it stopped, and gathers statistics on it. Returns how long it took in all.
pub async fn fill(
    client: &mut Client,
    model: &CompiledModel,
    rows_per_range: i64,
    progress: &dyn Progress,
) -> Result<Duration, Error> {
    let mut position = position(client, model, rows_per_range).await?;
    progress.begin(&format!("filling {}", model.name.short()), position.grains() as u64);
    let most = usize::try_from(rows_per_range / rows_per_grain(rows_per_range)).unwrap_or(GRAINS).clamp(1, GRAINS);
    let mut pace = most;
    let mut losses = Losses::default();
    while position.done < position.grains() {
        progress.done(position.done as u64);
        let grains = pace.min(position.grains() - position.done);
        let began = Instant::now();
        match fill_range(client, model, &position, grains).await {
            Ok(()) => {
                position.done += grains;
                let holds_up_others = model.mode == Mode::Eventual && began.elapsed() > LONGEST_BATCH;
                pace = if holds_up_others { (grains / 2).max(1) } else { (pace * 2).min(most) };
                losses = Losses::default();
            }
            Err(loss) => {
                losses.bear(model, loss, grains == 1).await?;
                pace = (grains / 2).max(1);
            }
        }
    }
    progress.end();
    let analyze = format!("ANALYZE {}", model.table);
    client.batch_execute(&analyze).await.during(analyze.as_str())?;
    recorded_time(client, model).await
}

/// The losses of one range in a row.
#[derive(Default)]
struct Losses {
    attempts: Attempts,
    duplicate: Option<String>,
    duplicates: u32,
}

impl Losses {
    /// Bears a loss that a smaller range or another try may avoid; gives the others back. Where the range is as small
    /// as it gets, only time can help, and not for ever.
    async fn bear(&mut self, model: &CompiledModel, loss: Error, smallest: bool) -> Result<(), Error> {
        let Error::Statement { source, .. } = loss else { return Err(loss) };
        if is_duplicate(&source) {
            let key = source.as_db_error().and_then(|db| db.detail()).map(str::to_owned);
            self.duplicates = if key == self.duplicate { self.duplicates + 1 } else { 1 };
            self.duplicate = key;
            if self.duplicates > DUPLICATES {
                return Err(Error::NotUnique { model: model.name.short(), key: model.key.join(", "), source });
            }
        } else if !is_conflict(&source) {
            return Err(Error::Statement { doing: format!("filling {}", model.name.short()), source });
        }
        let conflict =
            Error::Conflicts { doing: format!("filling {}", model.name.short()), attempts: ATTEMPTS, source };
        if !smallest || self.attempts.again_after(&conflict).await { Ok(()) } else { Err(conflict) }
    }
}

fn is_duplicate(error: &tokio_postgres::Error) -> bool {
    error.code() == Some(&SqlState::UNIQUE_VIOLATION)
}

/// Where the fill is; fixes the grains when it begins.
async fn position(client: &Client, model: &CompiledModel, rows_per_range: i64) -> Result<Position, Error> {
    let doing = format!("dividing {} into ranges", model.name.short());
    let table = model.table.name.as_str();
    let sql = "SELECT boundaries, filled_ranges FROM headwater.model WHERE table_name = $1";
    let row = client.query_one(sql, &[&table]).await.during(&doing)?;
    if let Some(boundaries) = row.get(0) {
        return Ok(Position { boundaries, done: usize::try_from(row.get::<_, i32>(1)).unwrap_or_default() });
    }
    let started = Instant::now();
    let boundaries: Vec<String> = match &model.fill.boundaries {
        None => Vec::new(),
        Some(query) => client
            .query(query, &[&rows_per_grain(rows_per_range)])
            .await
            .during(&doing)?
            .iter()
            .map(|row| row.get(0))
            .collect(),
    };
    let sql = "UPDATE headwater.model SET boundaries = $2, filled_ranges = 0, filled = false, backfill_ms = $3 WHERE table_name = $1";
    client.execute(sql, &[&table, &boundaries, &milliseconds(started)]).await.during(&doing)?;
    Ok(Position { boundaries, done: 0 })
}

fn rows_per_grain(rows_per_range: i64) -> i64 {
    (rows_per_range / GRAINS as i64).max(1)
}

async fn fill_range(
    client: &mut Client,
    model: &CompiledModel,
    position: &Position,
    grains: usize,
) -> Result<(), Error> {
    let started = Instant::now();
    let done = position.done + grains;
    let doing = format!("filling {}, up to {done} of {} parts", model.name.short(), position.grains());
    // An eventual model's range is part of a batch: filled at its snapshot, after everything filled before was brought there.
    let transaction = match model.mode {
        Mode::Eventual => batch::begin(client, batch::How::default()).await?.0,
        Mode::Realtime => {
            client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).start().await.during(&doing)?
        }
    };
    let (from, to) = position.range(grains);
    for step in &model.fill.step {
        transaction.query(step, &[&from, &to]).await.during(&doing)?;
    }
    let (all, done) = (done == position.grains(), i32::try_from(done).unwrap_or(i32::MAX));
    let sql = "UPDATE headwater.model SET filled_ranges = $2, filled = $3, backfill_ms = backfill_ms + $4 WHERE table_name = $1";
    transaction
        .execute(sql, &[&model.table.name.as_str(), &done, &all, &milliseconds(started)])
        .await
        .during(&doing)?;
    transaction.commit().await.during(&doing)
}

async fn recorded_time(client: &Client, model: &CompiledModel) -> Result<Duration, Error> {
    let sql = "SELECT backfill_ms FROM headwater.model WHERE table_name = $1";
    let row = client.query_one(sql, &[&model.table.name.as_str()]).await.during("reading the time a fill took")?;
    Ok(Duration::from_millis(u64::try_from(row.get::<_, i64>(0)).unwrap_or_default()))
}

fn milliseconds(since: Instant) -> i64 {
    i64::try_from(since.elapsed().as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_meet_and_cover_everything() {
        let mut position = Position { boundaries: ["10", "20", "30"].map(String::from).to_vec(), done: 0 };
        assert_eq!(position.range(4), (None, None));
        assert_eq!(position.range(1), (None, Some("10")));
        position.done = 1;
        assert_eq!(position.range(2), (Some("10"), Some("30")));
        position.done = 3;
        assert_eq!(position.range(1), (Some("30"), None));
        let whole = Position { boundaries: Vec::new(), done: 0 };
        assert_eq!((whole.grains(), whole.range(1)), (1, (None, None)));
    }
}
