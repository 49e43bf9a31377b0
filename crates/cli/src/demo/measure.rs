//! What the models cost while the writers wrote, from the server's own statistics.

use std::collections::BTreeMap;
use std::time::Duration;

use headwater_deploy::Error;
use headwater_deploy::error::During;
use headwater_postgres::{Config, connect};

/// Statistics of a backend are certain to be visible this long after it ended (PostgreSQL 14 gathers them half-secondly).
const SETTLE: Duration = Duration::from_millis(1200);

/// Counters since the server began to count.
#[derive(Debug, Clone, Default)]
pub struct Counters {
    /// Model table → rows inserted, updated and deleted.
    changes: BTreeMap<String, i64>,
    /// Function → milliseconds in it, without the functions that it called.
    functions: BTreeMap<String, f64>,
}

/// Reads the counters of the schema `headwater`.
pub async fn read(config: &Config) -> Result<Counters, Error> {
    tokio::time::sleep(SETTLE).await;
    let client = connect(config).await?;
    let doing = "reading the server's statistics";
    let tables = "SELECT relname::text, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_all_tables WHERE schemaname = 'headwater'";
    let functions = "SELECT funcname::text, sum(self_time)::float8 FROM pg_stat_user_functions WHERE schemaname = 'headwater' GROUP BY 1";
    Ok(Counters {
        changes: client.query(tables, &[]).await.during(doing)?.iter().map(|row| (row.get(0), row.get(1))).collect(),
        functions: client
            .query(functions, &[])
            .await
            .during(doing)?
            .iter()
            .map(|row| (row.get(0), row.get(1)))
            .collect(),
    })
}

impl Counters {
    /// What was counted since `before`.
    pub fn since(&self, before: &Self) -> Self {
        let changes =
            self.changes.iter().map(|(name, now)| (name.clone(), now - before.changes.get(name).unwrap_or(&0)));
        let functions =
            self.functions.iter().map(|(name, now)| (name.clone(), now - before.functions.get(name).unwrap_or(&0.0)));
        Self { changes: changes.collect(), functions: functions.collect() }
    }

    /// Changed rows of one model.
    pub fn changes(&self, table: &str) -> i64 {
        self.changes.get(table).copied().unwrap_or_default()
    }

    /// Microseconds per change of each of `models` (table and version): the time in functions whose name carries its version, plus the
    /// model's share, by changes, of the time in the functions of no model; divided by its changes. `None` where
    /// nothing was counted.
    #[expect(clippy::cast_precision_loss, reason = "counters stay far below 2^52")]
    pub fn us_per_change(&self, models: &[(&str, &str)]) -> BTreeMap<String, Option<f64>> {
        let owner = |function: &str| models.iter().find(|(_, version)| function.contains(&format!("_{version}_")));
        let mut own: BTreeMap<&str, f64> = BTreeMap::new();
        let mut shared = 0.0;
        for (function, time) in &self.functions {
            match owner(function) {
                Some((table, _)) => *own.entry(table).or_default() += time,
                None => shared += time,
            }
        }
        let all: i64 = models.iter().map(|(table, _)| self.changes(table)).sum();
        let each = |(table, _): &(&str, &str)| {
            let changes = self.changes(table) as f64;
            let time = own.get(table).copied().unwrap_or_default() + shared * changes / (all.max(1) as f64);
            ((*table).to_owned(), (changes > 0.0 && time > 0.0).then(|| time * 1000.0 / changes))
        };
        models.iter().map(each).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_time_follows_changes() {
        let used = Counters {
            changes: [("feed_a1".to_owned(), 300), ("stats_b2".to_owned(), 100), ("idle_c3".to_owned(), 0)].into(),
            functions: [("feed_a1_recompute".to_owned(), 30.0), ("on_votes_insert".to_owned(), 40.0)].into(),
        };
        let found = used.us_per_change(&[("feed_a1", "a1"), ("stats_b2", "b2"), ("idle_c3", "c3")]);
        assert_eq!(found["feed_a1"], Some(200.0));
        assert_eq!(found["stats_b2"], Some(100.0));
        assert_eq!(found["idle_c3"], None);
    }
}
