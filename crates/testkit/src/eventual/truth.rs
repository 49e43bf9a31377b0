//! The truth of a batch: every model's SELECT at the batch's snapshot, evaluated in another session that imports the snapshot, and
//! compared afterwards with the rows that the batch has committed.
//!
//! Two things are compared, because `now()` is the importing transaction's own moment and not the batch's:
//!
//! - what readers see with the whole SELECT, for every model in which `now()` does not occur;
//! - the stored rows with the core, for every model. Rows that are due by the moment at which the truth was taken are left out on
//!   both sides: the clock's business, as in `verify`.
//!
//! What `now()` adds (windows at the batch's own moment, values in the finish) is compared inside the batch's transaction, where
//! it means the same on both sides: see [`super::checked`].

use headwater_catalog::{QualifiedName, quote_literal};
use headwater_compile::generate::names::Names;
use headwater_postgres::Client;

use crate::TestDatabase;
use crate::oracle::{Difference, columns};

/// How long the truth waits for a table that somebody truncates. The batch that it belongs to holds its locks meanwhile, and the
/// TRUNCATE may be waiting for just these.
const LOCK_TIMEOUT: &str = "150ms";

/// Rows shown of each side.
const SHOWN: usize = 5;

/// Settings of the session, so that values are computed and printed as the models pin them.
const SETTINGS: &str = "SET search_path = pg_catalog; SET timezone = 'UTC'; SET datestyle = 'ISO, MDY'; \
     SET intervalstyle = 'postgres'; SET extra_float_digits = 1; SET jit = off; SET statement_timeout = '60s'";

/// A session with a place for every model's truth.
#[derive(Debug)]
pub struct Truth {
    session: Client,
    lock: String,
    timed: Vec<String>,
    models: usize,
}

/// A model as it is installed.
struct Model {
    name: QualifiedName,
    names: Names,
    key: Vec<String>,
    /// Of an event log that follows its SELECT: the columns that do.
    followed: Option<Vec<String>>,
    has_due: bool,
    /// `now()` occurs in its SELECT.
    timed: bool,
}

impl Truth {
    /// For all eventual models that serve. Rows of event logs (`retain append`) have no truth, they stay as they were, but for what
    /// `follow` says.
    pub async fn load(database: &TestDatabase) -> Result<Self, tokio_postgres::Error> {
        let session = database.connect().await;
        session.batch_execute(SETTINGS).await?;
        let models = installed(&session).await?;
        let (mut create, mut collect, mut compare) = (String::new(), String::new(), Vec::new());
        for (number, model) in models.iter().enumerate() {
            let mut keep = |place: String, query: String| {
                create.push_str(&format!("CREATE TEMP TABLE {place} AS {query} WITH NO DATA;\n"));
                collect.push_str(&format!("DELETE FROM pg_temp.{place}; INSERT INTO pg_temp.{place} {query};\n"));
            };
            if !model.timed {
                let list = columns(&session, &model.names.full, model.followed.as_deref()).await?.join(", ");
                keep(format!("full_{number}"), format!("SELECT {list} FROM {}", model.names.full));
                compare.push(both_ways(
                    model.name.name.as_str(),
                    &format!("SELECT * FROM pg_temp.full_{number}"),
                    &format!("SELECT {list} FROM {}", model.name),
                ));
            }
            let list = columns(&session, &model.names.core, model.followed.as_deref()).await?.join(", ");
            let key = format!("ROW({})::text", model.key.join(", "));
            keep(format!("core_{number}"), format!("SELECT {key} AS hw_key, {list} FROM {}", model.names.core));
            let table = &model.names.table;
            let later = if model.has_due {
                format!(" WHERE hw_key NOT IN (SELECT {key} FROM {table} WHERE hw_due <= moment)")
            } else {
                String::new()
            };
            compare.push(both_ways(
                &format!("{} (stored)", model.name.name.as_str()),
                &format!("SELECT * FROM pg_temp.core_{number}{later}"),
                &format!("SELECT * FROM (SELECT {key} AS hw_key, {list} FROM {table}) AS s{later}"),
            ));
        }
        session.batch_execute(&create).await?;
        session
            .batch_execute(&format!(
                "CREATE FUNCTION pg_temp.collect() RETURNS timestamptz LANGUAGE plpgsql AS $body$ BEGIN\n{collect}RETURN now();\nEND $body$;\n\
                 CREATE FUNCTION pg_temp.compare(moment timestamptz) RETURNS TABLE (model text, side text, \"row\" text) LANGUAGE plpgsql AS $body$\n\
                 #variable_conflict use_column\nBEGIN\n{}END $body$",
                compare.concat()
            ))
            .await?;
        let row = session
            .query_one(
                "SELECT string_agg(DISTINCT s, ', ') FROM headwater.model AS m, unnest(m.sources) AS s WHERE m.step IS NOT NULL",
                &[],
            )
            .await?;
        let lock = format!("LOCK TABLE {} IN ACCESS SHARE MODE", row.get::<_, String>(0));
        let timed = models.iter().filter(|model| model.timed).map(|model| model.name.name.as_str().to_owned());
        Ok(Self { session, lock, timed: timed.collect(), models: models.len() })
    }

    /// How many models it knows.
    #[must_use]
    pub fn models(&self) -> usize {
        self.models
    }

    /// The models in which `now()` occurs.
    #[must_use]
    pub fn timed(&self) -> Vec<&str> {
        self.timed.iter().map(String::as_str).collect()
    }

    /// Sees what an exported snapshot sees, from now until [`Truth::collect`]; whoever exported it may end. False where a table is
    /// being truncated: TRUNCATE does not heed snapshots, so the truth would be lost.
    pub async fn import(&self, exported: &str) -> Result<bool, tokio_postgres::Error> {
        self.session.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ").await?;
        // LOCK takes no snapshot, so it may stand before the import.
        let found =
            self.session.batch_execute(&format!("SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'; {}", self.lock)).await;
        match found {
            Err(error) if headwater_deploy::error::is_lock_timeout(&error) => {
                self.session.batch_execute("ROLLBACK").await?;
                Ok(false)
            }
            Err(error) => Err(error),
            Ok(()) => {
                self.session.batch_execute(&format!("SET TRANSACTION SNAPSHOT {}", quote_literal(exported))).await?;
                Ok(true)
            }
        }
    }

    /// The imported snapshot.
    pub async fn snapshot(&self) -> Result<String, tokio_postgres::Error> {
        Ok(self.session.query_one("SELECT pg_current_snapshot()::text", &[]).await?.get(0))
    }

    /// Evaluates every SELECT at the imported snapshot and keeps the rows; gives the moment that `now()` was.
    pub async fn collect(&self) -> Result<String, tokio_postgres::Error> {
        let moment = self.session.query_one("SELECT pg_temp.collect()::text", &[]).await?.get(0);
        self.session.batch_execute("COMMIT").await?;
        Ok(moment)
    }

    /// What the models as they are now differ in from what was collected at `moment`.
    pub async fn differences(&self, moment: &str) -> Result<Vec<Difference>, tokio_postgres::Error> {
        let rows = self.session.query("SELECT * FROM pg_temp.compare($1::text::timestamptz)", &[&moment]).await?;
        let mut found: Vec<Difference> =
            rows.iter().map(|row| Difference { model: row.get(0), side: row.get(1), row: row.get(2) }).collect();
        found.sort();
        Ok(found)
    }
}

async fn installed(session: &Client) -> Result<Vec<Model>, tokio_postgres::Error> {
    let sql = "SELECT m.schema_name, m.name, m.version, ARRAY(SELECT quote_ident(k) FROM unnest(m.key_columns) AS k),
            EXISTS (SELECT FROM pg_attribute AS a
                    WHERE a.attrelid = ('headwater.' || quote_ident(m.table_name))::regclass AND a.attname = 'hw_due'),
            CASE WHEN m.follow IS NOT NULL THEN m.key_columns || m.follow END
        FROM headwater.model AS m
        WHERE m.step IS NOT NULL AND m.installed_at IS NOT NULL AND m.state <> 'retired'
            AND (m.retain IS DISTINCT FROM 'append' OR m.follow IS NOT NULL)
        ORDER BY m.table_name";
    let mut models = Vec::new();
    for row in session.query(sql, &[]).await? {
        let name = QualifiedName::parse(row.get(0), row.get(1)).expect("the name of an installed model");
        let names = Names::new(&name, row.get(2));
        let timed = "SELECT pg_get_viewdef($1::text::regclass) ~* '\\m(now\\(\\)|current_timestamp|localtimestamp|current_date|current_time|localtime|transaction_timestamp|statement_timestamp|clock_timestamp)'";
        let timed = session.query_one(timed, &[&names.full.to_string()]).await?.get(0);
        models.push(Model { name, names, key: row.get(3), followed: row.get(5), has_due: row.get(4), timed });
    }
    Ok(models)
}

/// What one side has more than the other, of rows as records.
fn both_ways(name: &str, truth: &str, model: &str) -> String {
    let name = quote_literal(name);
    format!(
        "RETURN QUERY WITH truth AS MATERIALIZED ({truth}), model AS MATERIALIZED ({model})
         (SELECT {name}, 'missing', to_json(r)::text FROM (SELECT * FROM truth EXCEPT ALL SELECT * FROM model) AS r LIMIT {SHOWN})
         UNION ALL
         (SELECT {name}, 'extra', to_json(r)::text FROM (SELECT * FROM model EXCEPT ALL SELECT * FROM truth) AS r LIMIT {SHOWN});\n"
    )
}
