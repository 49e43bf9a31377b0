//! The backfill: an empty model table is filled in ranges of its key while writers go on. Its triggers are in place
//! before the first range, so a change that a range does not see reaches the model through them.
//!
//! Each range is one REPEATABLE READ transaction that also records how far the fill is: a fill that was interrupted
//! goes on with the next range, and no range is ever half done.

use std::time::{Duration, Instant};

use headwater_compile::CompiledModel;
use headwater_postgres::retry::{ATTEMPTS, Attempts};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, IsolationLevel};

use crate::error::{During, Error, is_conflict};
use crate::progress::Progress;

/// How often a range is repeated after a unique violation: the same writer's row cannot be in the way twice.
const DUPLICATES: u32 = 5;

/// How far a fill is.
struct Position {
    /// The upper ends of all ranges but the last, in key order.
    boundaries: Vec<String>,
    /// How many ranges are done.
    done: usize,
}

impl Position {
    fn ranges(&self) -> usize {
        self.boundaries.len() + 1
    }

    /// The keys of range `n`: above the first, up to the second.
    fn range(&self, n: usize) -> (Option<&str>, Option<&str>) {
        let from = n.checked_sub(1).map(|before| self.boundaries[before].as_str());
        (from, self.boundaries.get(n).map(String::as_str))
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
    progress.begin(&format!("filling {}", model.name.short()), position.ranges() as u64);
    while position.done < position.ranges() {
        progress.done(position.done as u64);
        fill_range_repeatedly(client, model, &position).await?;
        position.done += 1;
    }
    progress.end();
    let analyze = format!("ANALYZE {}", model.table);
    client.batch_execute(&analyze).await.during(analyze.as_str())?;
    recorded_time(client, model).await
}

/// Where the fill is; fixes the ranges when it begins.
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
        Some(query) => {
            client.query(query, &[&rows_per_range]).await.during(&doing)?.iter().map(|row| row.get(0)).collect()
        }
    };
    let sql = "UPDATE headwater.model SET boundaries = $2, filled_ranges = 0, filled = false, backfill_ms = $3 WHERE table_name = $1";
    client.execute(sql, &[&table, &boundaries, &milliseconds(started)]).await.during(&doing)?;
    Ok(Position { boundaries, done: 0 })
}

/// Repeats a range that met writers. A row that a writer added after the range's snapshot was taken shows as a unique
/// violation (the range cannot see it); the next snapshot has it. Rows that are not unique by themselves stay so.
async fn fill_range_repeatedly(client: &mut Client, model: &CompiledModel, position: &Position) -> Result<(), Error> {
    let (mut attempts, mut duplicates) = (Attempts::default(), 0);
    loop {
        match fill_range(client, model, position).await {
            Err(failure) if attempts.again_after(&failure).await => {}
            Err(Error::Statement { source, .. }) if is_duplicate(&source) && duplicates < DUPLICATES => duplicates += 1,
            outcome => return outcome.map_err(|error| gave_up(model, error)),
        }
    }
}

fn is_duplicate(error: &tokio_postgres::Error) -> bool {
    error.code() == Some(&SqlState::UNIQUE_VIOLATION)
}

async fn fill_range(client: &mut Client, model: &CompiledModel, position: &Position) -> Result<(), Error> {
    let started = Instant::now();
    let doing = format!("filling {}, range {} of {}", model.name.short(), position.done + 1, position.ranges());
    let transaction =
        client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).start().await.during(&doing)?;
    let (from, to) = position.range(position.done);
    for step in &model.fill.step {
        transaction.query(step, &[&from, &to]).await.during(&doing)?;
    }
    let done = i32::try_from(position.done + 1).unwrap_or(i32::MAX);
    let sql = "UPDATE headwater.model SET filled_ranges = $2, filled = $3, backfill_ms = backfill_ms + $4 WHERE table_name = $1";
    let all = position.done + 1 == position.ranges();
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

/// A conflict that outlasted all repetitions, or a key that is none.
fn gave_up(model: &CompiledModel, error: Error) -> Error {
    match error {
        Error::Statement { source, .. } if is_conflict(&source) => {
            Error::Conflicts { doing: format!("filling {}", model.name.short()), attempts: ATTEMPTS, source }
        }
        Error::Statement { source, .. } if is_duplicate(&source) => {
            Error::NotUnique { model: model.name.short(), key: model.key.join(", "), source }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_meet_and_cover_everything() {
        let position = Position { boundaries: vec!["10".into(), "20".into()], done: 0 };
        let ranges: Vec<_> = (0..position.ranges()).map(|n| position.range(n)).collect();
        assert_eq!(ranges, [(None, Some("10")), (Some("10"), Some("20")), (Some("20"), None)]);
        let whole = Position { boundaries: Vec::new(), done: 0 };
        assert_eq!((whole.ranges(), whole.range(0)), (1, (None, None)));
    }
}
