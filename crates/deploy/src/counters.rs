//! What models cost, from the server's own statistics. PostgreSQL counts rows always, and time in functions where `track_functions` is on.

use std::collections::BTreeMap;

use tokio_postgres::GenericClient;

use crate::error::{During, Error};
use crate::status::ModelStatus;

/// Counters since the server began to count.
#[derive(Debug, Clone, Default)]
pub struct Counters {
    /// Model table → rows inserted, updated and deleted.
    changes: BTreeMap<String, i64>,
    /// Function → milliseconds in it, without the functions that it called.
    functions: BTreeMap<String, f64>,
}

/// Reads the counters of the schema `headwater`, but for functions that no change calls: those that fill and compare.
pub async fn read(client: &impl GenericClient) -> Result<Counters, Error> {
    let doing = "reading the server's statistics";
    let tables = "SELECT relname::text, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_all_tables WHERE schemaname = 'headwater'";
    let functions = "SELECT funcname::text, sum(self_time)::float8 FROM pg_stat_user_functions WHERE schemaname = 'headwater' AND funcname !~ '_(fill|compare|sample|repair)$' GROUP BY 1";
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
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let changes =
            self.changes.iter().map(|(name, now)| (name.clone(), now - before.changes.get(name).unwrap_or(&0)));
        let functions =
            self.functions.iter().map(|(name, now)| (name.clone(), now - before.functions.get(name).unwrap_or(&0.0)));
        Self { changes: changes.collect(), functions: functions.collect() }
    }

    /// True where the table is counted.
    #[must_use]
    pub fn knows(&self, table: &str) -> bool {
        self.changes.contains_key(table)
    }

    /// Changed rows of one model.
    #[must_use]
    pub fn changes(&self, table: &str) -> i64 {
        self.changes.get(table).copied().unwrap_or_default()
    }

    /// Microseconds per change of each model, by its table: the time in functions whose name carries its version, plus its share, by
    /// changes, of the time in functions that serve several: trigger functions all models, those of batches the eventual ones.
    /// `None` where nothing was counted.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counters stay far below 2^52")]
    pub fn us_per_change(&self, models: &[ModelStatus]) -> BTreeMap<String, Option<f64>> {
        let owner = |function: &str| models.iter().find(|model| function.contains(&format!("_{}_", model.version)));
        let mut own: BTreeMap<&str, f64> = BTreeMap::new();
        let (mut triggers, mut batches) = (0.0, 0.0);
        for (function, time) in &self.functions {
            match owner(function) {
                Some(model) => *own.entry(&model.table).or_default() += time,
                None if function.starts_with("on_") => triggers += time,
                None => batches += time,
            }
        }
        let is_eventual = |model: &ModelStatus| model.mode == "eventual";
        let changed = |chosen: &dyn Fn(&ModelStatus) -> bool| {
            let changes: i64 =
                models.iter().filter(|model| chosen(model)).map(|model| self.changes(&model.table)).sum();
            changes.max(1) as f64
        };
        let each_trigger = triggers / changed(&|_| true);
        let each_batch = batches / changed(&is_eventual);
        let each = |model: &ModelStatus| {
            let changes = self.changes(&model.table) as f64;
            let shared = each_trigger + if is_eventual(model) { each_batch } else { 0.0 };
            let time = own.get(model.table.as_str()).copied().unwrap_or_default() + shared * changes;
            (model.table.clone(), (changes > 0.0 && time > 0.0).then(|| time * 1000.0 / changes))
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
            functions: [
                ("feed_a1_recompute".to_owned(), 30.0),
                ("on_votes_insert".to_owned(), 40.0),
                ("run_batch".to_owned(), 9.0),
            ]
            .into(),
        };
        let model = |table: &str, mode: &str| ModelStatus {
            table: table.to_owned(),
            version: table.rsplit('_').next().unwrap_or_default().to_owned(),
            mode: mode.to_owned(),
            ..ModelStatus::default()
        };
        let models = [model("feed_a1", "eventual"), model("stats_b2", "realtime"), model("idle_c3", "eventual")];
        let found = used.us_per_change(&models);
        assert_eq!(found["feed_a1"], Some(230.0));
        assert_eq!(found["stats_b2"], Some(100.0));
        assert_eq!(found["idle_c3"], None);
    }
}
