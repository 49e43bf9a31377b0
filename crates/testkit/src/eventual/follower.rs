//! A follower of the log: it copies the rows of all models whose changes are kept, with the position at which they are so, and from
//! there on only reads `headwater.log`. It insists on every position, once and in order, and what it has made of the entries must in
//! the end be the models' rows.
//!
//! Beside them it keeps the rows that pass a filter, as a follower would who may see no others: he looks at an entry only where one of
//! its images passes.

use std::collections::BTreeMap;

use headwater_postgres::Client;
use tokio_postgres::Row;

/// One entry of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its position.
    pub pos: i64,
    /// The model.
    pub model: String,
    /// `put`, `gone` or `reset`.
    pub op: String,
    /// The key as JSON.
    pub key: Option<String>,
    /// The row as JSON; of a model without a key, all rows that share it, sorted. None where it is gone.
    pub row: Vec<String>,
    /// The other images that the row has had since the batch before; `None` where there was no row.
    pub old: Option<Vec<String>>,
}

/// The rows of models, by model and key.
type Rows = BTreeMap<(String, String), Vec<String>>;

/// What it knows.
#[derive(Debug, Clone, Default)]
pub struct Follower {
    epoch: i32,
    pos: i64,
    rows: Rows,
    passing: Rows,
    /// The entries that it has read.
    pub entries: Vec<Entry>,
}

/// The rows in a column of the log, one or an array of them, in one order.
fn images(column: &str) -> String {
    format!(
        "(SELECT array_agg(e::text ORDER BY e::text) FROM jsonb_array_elements(CASE jsonb_typeof({column}) WHEN 'array' THEN {column} ELSE jsonb_build_array({column}) END) AS e)"
    )
}

/// The filter: a third of all rows, and every change of a value is likely to change the verdict.
fn passes(row: &str) -> bool {
    row.bytes().map(u64::from).sum::<u64>() % 3 == 0
}

fn passing(rows: &[String]) -> Vec<String> {
    rows.iter().filter(|row| passes(row.as_str())).cloned().collect()
}

fn all_passing(rows: &Rows) -> Rows {
    let kept = rows.iter().map(|(key, rows)| (key.clone(), passing(rows)));
    kept.filter(|(_, rows)| !rows.is_empty()).collect()
}

impl Follower {
    /// Copies the rows.
    pub async fn begin(client: &Client) -> Result<Self, tokio_postgres::Error> {
        client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ").await?;
        let place = place(client).await?;
        let rows = rows(client, None).await;
        client.batch_execute("COMMIT").await?;
        let rows = rows?;
        Ok(Self { epoch: place.0, pos: place.1, passing: all_passing(&rows), rows, entries: Vec::new() })
    }

    /// The last position that it has read.
    #[must_use]
    pub fn position(&self) -> i64 {
        self.pos
    }

    /// Reads on. The problem, where a position is missing, comes twice or out of order.
    pub async fn poll(&mut self, client: &Client) -> Result<Result<usize, String>, tokio_postgres::Error> {
        let sql = format!(
            "SELECT l.pos, l.model, l.op, l.key::text, {}, l.old IS NOT NULL, {}, l.epoch \
             FROM headwater.log AS l WHERE l.epoch >= $1 AND (l.epoch > $1 OR l.pos > $2) ORDER BY l.epoch, l.pos",
            images("l.\"row\""),
            images("l.old"),
        );
        let found = client.query(&sql, &[&self.epoch, &self.pos]).await?;
        for row in &found {
            let entry = entry(row);
            if (row.get::<_, i32>("epoch"), entry.pos) != (self.epoch, self.pos + 1) {
                return Ok(Err(format!(
                    "after {}.{} comes {}.{entry:?}",
                    self.epoch,
                    self.pos,
                    row.get::<_, i32>("epoch")
                )));
            }
            self.pos = entry.pos;
            self.apply(client, &entry).await?;
            self.entries.push(entry);
        }
        Ok(Ok(found.len()))
    }

    async fn apply(&mut self, client: &Client, entry: &Entry) -> Result<(), tokio_postgres::Error> {
        if entry.op == "reset" {
            // What is read now may be ahead of this entry; the entries in between say the same again.
            let anew = rows(client, Some(&entry.model)).await?;
            for rows in [&mut self.rows, &mut self.passing] {
                rows.retain(|(model, _), _| *model != entry.model);
            }
            self.passing.extend(all_passing(&anew));
            self.rows.extend(anew);
            return Ok(());
        }
        let key = (entry.model.clone(), entry.key.clone().unwrap_or_default());
        let (now, before) = (passing(&entry.row), passing(entry.old.as_deref().unwrap_or_default()));
        match (now.is_empty(), before.is_empty()) {
            (false, _) => drop(self.passing.insert(key.clone(), now)),
            (true, false) => drop(self.passing.remove(&key)),
            (true, true) => {}
        }
        match entry.op.as_str() {
            "put" => drop(self.rows.insert(key, entry.row.clone())),
            _ => drop(self.rows.remove(&key)),
        }
        Ok(())
    }

    /// What is wrong with what it made of the log, while nobody writes and after the last batch.
    pub async fn problems(&mut self, client: &Client) -> Result<Vec<String>, tokio_postgres::Error> {
        let mut problems: Vec<String> = self.poll(client).await?.err().into_iter().collect();
        let (epoch, pos) = place(client).await?;
        if (epoch, pos) != (self.epoch, self.pos) {
            problems.push(format!("it is at {}.{}, the last batch at {epoch}.{pos}", self.epoch, self.pos));
        }
        let models = rows(client, None).await?;
        problems.extend(differing(&self.rows, &models, "only replayed").take(5));
        problems.extend(differing(&models, &self.rows, "only in the model").take(5));
        let filtered = all_passing(&models);
        problems.extend(differing(&self.passing, &filtered, "passes the filter only where replayed").take(5));
        problems.extend(differing(&filtered, &self.passing, "passes the filter only in the model").take(5));
        Ok(problems)
    }

    /// The entries that it has read, which the log has otherwise now.
    pub async fn changed(&self, client: &Client) -> Result<Vec<String>, tokio_postgres::Error> {
        let Some(first) = self.entries.first() else { return Ok(Vec::new()) };
        let mut again = Self { epoch: self.epoch, pos: first.pos - 1, ..Self::default() };
        if let Err(problem) = again.poll(client).await? {
            return Ok(vec![problem]);
        }
        let pairs = self.entries.iter().zip(again.entries.iter().map(Some).chain(std::iter::repeat(None)));
        let differ = pairs.filter(|(one, other)| Some(*one) != *other);
        Ok(differ.map(|(one, other)| format!("read {one:?}, now {other:?}")).collect())
    }
}

/// Positions of the log that are missing or there twice, in the last epoch.
pub async fn gaps(client: &Client) -> Result<Vec<String>, tokio_postgres::Error> {
    let (epoch, pos) = place(client).await?;
    let sql = "SELECT format('%s entries from %s to %s, %s different ones, the last batch at %s', count(*), min(l.pos), max(l.pos), count(DISTINCT l.pos), $2::bigint)
        FROM headwater.log AS l WHERE l.epoch = $1
        HAVING (count(*), count(DISTINCT l.pos), coalesce(min(l.pos), 1), coalesce(max(l.pos), 0)) IS DISTINCT FROM ($2::bigint, $2::bigint, 1::bigint, $2::bigint)";
    Ok(client.query(sql, &[&epoch, &pos]).await?.iter().map(|row| row.get(0)).collect())
}

/// Epoch and position of the last batch.
pub async fn place(client: &Client) -> Result<(i32, i64), tokio_postgres::Error> {
    let row = client.query_one("SELECT epoch, pos FROM headwater.batch ORDER BY number DESC LIMIT 1", &[]).await?;
    Ok((row.get(0), row.get(1)))
}

fn entry(row: &Row) -> Entry {
    let images = |column: usize| row.get::<_, Option<Vec<String>>>(column).unwrap_or_default();
    let old = row.get::<_, bool>(5).then(|| images(6));
    Entry { pos: row.get(0), model: row.get(1), op: row.get(2), key: row.get(3), row: images(4), old }
}

fn differing<'r>(one: &'r Rows, other: &'r Rows, side: &'r str) -> impl Iterator<Item = String> + 'r {
    one.iter()
        .filter(move |(key, row)| other.get(*key) != Some(*row))
        .map(move |((model, key), row)| format!("{model} {side}: {key} {row:?}"))
}

/// The rows of one model, or of all whose changes are kept, as the log writes them.
async fn rows(client: &Client, only: Option<&str>) -> Result<Rows, tokio_postgres::Error> {
    let sql = "SELECT m.name, format(
            'SELECT to_jsonb(ROW(%s)::headwater.%I)::text, (SELECT jsonb_object_agg(e.key, e.value) FROM jsonb_each(to_jsonb(hw_row)) AS e WHERE e.key NOT LIKE ''hw\\_%%'')::text, %L::text FROM headwater.%I AS hw_row',
            (SELECT string_agg(format('hw_row.%I', k), ', ' ORDER BY n) FROM unnest(m.key_columns) WITH ORDINALITY AS u (k, n)),
            m.table_name || '_key', m.name, m.table_name)
        FROM headwater.model AS m
        WHERE m.changes IS NOT NULL AND m.installed_at IS NOT NULL AND m.state <> 'retired' AND ($1::text IS NULL OR m.name = $1)";
    let mut found = Rows::default();
    for model in client.query(sql, &[&only]).await? {
        let (name, select): (String, String) = (model.get(0), model.get(1));
        let select = format!(
            "SELECT k, array_agg(r::jsonb::text ORDER BY r::jsonb::text) FROM ({select}) AS m (k, r, name) GROUP BY k"
        );
        for row in client.query(&select, &[]).await? {
            found.insert((name.clone(), row.get(0)), row.get(1));
        }
    }
    Ok(found)
}
