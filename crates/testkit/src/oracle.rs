//! The oracle: what readers see of a model is what its SELECT gives, as multisets, at this very point.
//!
//! It asks from inside the caller's session, in its open transaction where there is one, so that it sees what the session
//! sees: uncommitted rows included, at whatever isolation level. `verify` compares inside a snapshot of its own and the stored
//! rows first; this looks at the public view alone, and is written apart from the engine on purpose.
//!
//! It leaves no trace: whatever it sets (role, search_path, time zone) ends with a savepoint or a transaction of its own.

use std::fmt;

use headwater_catalog::QualifiedName;
use headwater_compile::generate::names::Names;
use headwater_deploy::installed;
use headwater_postgres::Client;
use tokio_postgres::SimpleQueryMessage;
use tokio_postgres::error::SqlState;

/// Rows shown of each side.
const SHOWN: usize = 5;

/// How the oracle looks, whoever asks: as the session's own user, and in the settings that models pin.
const SETTINGS: &str = "SET LOCAL ROLE none; SET LOCAL search_path = pg_catalog; SET LOCAL timezone = 'UTC'; \
     SET LOCAL datestyle = 'ISO, MDY'; SET LOCAL intervalstyle = 'postgres'; SET LOCAL extra_float_digits = 1; \
     SET LOCAL jit = off";

/// The types that EXCEPT cannot compare: their text is compared.
const WITHOUT_EQUALITY: &str = "'json', 'xml', 'point', 'line', 'lseg', 'box', 'path', 'polygon', 'circle'";

/// What a comparison needs, read once: the models that serve, and the query that compares all of them.
#[derive(Debug, Clone)]
pub struct Oracle {
    sql: String,
    models: usize,
}

/// One thing that is wrong with a model.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// The model.
    pub model: String,
    /// `missing`: a row of the SELECT that the model lacks. `extra`: the other way round. `broken`: marked broken.
    pub side: String,
    /// The row as JSON; why it is broken.
    pub row: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:7} {}", self.model, self.side, self.row)
    }
}

/// The differences as lines.
#[must_use]
pub fn lines(differences: &[Difference]) -> String {
    differences.iter().map(|difference| format!("\n  {difference}")).collect()
}

impl Oracle {
    /// Reads which of the serving models are to be compared: all of them where `names` (without schema) is empty.
    pub async fn load(client: &Client, names: &[&str]) -> Result<Self, headwater_deploy::Error> {
        let installed = installed::load(client).await?;
        let chosen: Vec<_> = installed
            .iter()
            .filter(|model| model.serves() && (names.is_empty() || names.contains(&model.name.name.as_str())))
            .collect();
        let mut comparisons = vec![
            "SELECT m.name AS model, 'broken' AS side, m.reason AS \"row\" FROM headwater.model AS m WHERE m.state = 'broken'"
                .to_owned(),
        ];
        for model in &chosen {
            let full = Names::new(&model.name, &model.version).full;
            let followed = model.follow.as_ref().map(|follow| [model.key_columns.as_slice(), follow].concat());
            let columns =
                columns(client, &model.name, followed.as_deref()).await.expect("the columns of a model's view");
            comparisons.push(comparison(&model.name, &full, &columns));
        }
        Ok(Self { sql: comparisons.join("\nUNION ALL\n"), models: chosen.len() })
    }

    /// How many models it compares.
    #[must_use]
    pub fn models(&self) -> usize {
        self.models
    }

    /// What is wrong now, as this session sees it. Nothing is looked at in a transaction that has failed.
    pub async fn differences(&self, client: &Client) -> Result<Vec<Difference>, tokio_postgres::Error> {
        let within = format!(
            "SAVEPOINT hw_oracle; {SETTINGS}; {}; ROLLBACK TO SAVEPOINT hw_oracle; RELEASE SAVEPOINT hw_oracle",
            self.sql
        );
        let messages = match client.simple_query(&within).await {
            Err(error) if error.code() == Some(&SqlState::NO_ACTIVE_SQL_TRANSACTION) => {
                match client.simple_query(&format!("BEGIN; {SETTINGS}; {}; ROLLBACK", self.sql)).await {
                    Ok(messages) => messages,
                    Err(error) => {
                        let _ = client.batch_execute("ROLLBACK").await;
                        return Err(error);
                    }
                }
            }
            Err(error) if error.code() == Some(&SqlState::IN_FAILED_SQL_TRANSACTION) => return Ok(Vec::new()),
            other => other?,
        };
        let text = |row: &tokio_postgres::SimpleQueryRow, column| row.get(column).unwrap_or_default().to_owned();
        let mut found: Vec<_> = messages
            .iter()
            .filter_map(|message| match message {
                SimpleQueryMessage::Row(row) => {
                    Some(Difference { model: text(row, 0), side: text(row, 1), row: text(row, 2) })
                }
                _ => None,
            })
            .collect();
        found.sort();
        Ok(found)
    }
}

/// Panics with the differing rows where one of `models` (all that serve, where none is given) is not exact or is broken.
///
/// # Panics
/// So that a test fails.
pub async fn assert_exact(client: &Client, models: &[&str]) {
    let oracle = Oracle::load(client, models).await.unwrap_or_else(|error| panic!("{error}"));
    assert!(oracle.models() >= models.len().max(1), "not all of these serve: {models:?}");
    let found =
        oracle.differences(client).await.unwrap_or_else(|error| panic!("{}", headwater_postgres::describe(&error)));
    assert!(found.is_empty(), "not exact:{}", lines(&found));
}

/// The view's columns, printed as they are to be compared, each with its name; of an event log that follows its SELECT only those
/// that do.
pub(crate) async fn columns(
    client: &Client,
    view: &QualifiedName,
    only: Option<&[String]>,
) -> Result<Vec<String>, tokio_postgres::Error> {
    let sql = format!(
        "SELECT quote_ident(a.attname),
                coalesce(e.typname, b.typname, t.typname) IN ({WITHOUT_EQUALITY}) OR coalesce(e.typtype, b.typtype, t.typtype) = 'c'
         FROM pg_attribute a
         JOIN pg_type t ON t.oid = a.atttypid
         LEFT JOIN pg_type b ON b.oid = nullif(t.typbasetype, 0)
         LEFT JOIN pg_type e ON e.oid = nullif(coalesce(b.typelem, t.typelem), 0) AND coalesce(b.typcategory, t.typcategory) = 'A'
         WHERE a.attrelid = $1::text::regclass AND a.attnum > 0 AND NOT a.attisdropped AND ($2::text[] IS NULL OR a.attname = ANY ($2))
         ORDER BY a.attnum"
    );
    let rows = client.query(&sql, &[&view.to_string(), &only]).await?;
    let column = |row: &tokio_postgres::Row| {
        let name: &str = row.get(0);
        if row.get(1) { format!("{name}::text AS {name}") } else { name.to_owned() }
    };
    Ok(rows.iter().map(column).collect())
}

fn comparison(model: &QualifiedName, full: &QualifiedName, columns: &[String]) -> String {
    let list = columns.join(", ");
    let name = headwater_catalog::quote_literal(model.name.as_str());
    format!(
        "(WITH truth AS MATERIALIZED (SELECT {list} FROM {full}), shown AS MATERIALIZED (SELECT {list} FROM {model})
(SELECT {name}, 'missing', row_to_json(hw_row)::text FROM (SELECT * FROM truth EXCEPT ALL SELECT * FROM shown) AS hw_row LIMIT {SHOWN})
UNION ALL
(SELECT {name}, 'extra', row_to_json(hw_row)::text FROM (SELECT * FROM shown EXCEPT ALL SELECT * FROM truth) AS hw_row LIMIT {SHOWN}))"
    )
}
