//! The queries of `[[bench.query]]` and the rows that give their parameters.

use headwater_deploy::Error;
use headwater_deploy::error::During;
use headwater_deploy::project::bench::Query;
use headwater_postgres::Client;
use tokio_postgres::SimpleQueryMessage;

use super::Written;

/// Which rows are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Draw {
    /// The first one that is found.
    First,
    /// So many, by chance.
    Random(u32),
}

/// Rows of parameters: each run takes the next row of every SELECT. One empty row where the query has none; no row where a SELECT finds none.
///
/// # Errors
/// Where a SELECT fails.
pub async fn parameters(client: &Client, query: &Query, draw: Draw) -> Result<Vec<Vec<Written>>, Error> {
    let mut lists = Vec::new();
    for select in &query.parameters {
        let select = select.trim().trim_end_matches(';');
        let end = match draw {
            Draw::First => "LIMIT 1".to_owned(),
            Draw::Random(rows) => format!("ORDER BY pg_catalog.random() LIMIT {rows}"),
        };
        let sql = format!("SELECT hw_drawn.* FROM (\n{select}\n) AS hw_drawn {end}");
        let messages = client.simple_query(&sql).await.during(format!("drawing parameters of {}", query.name))?;
        let rows: Vec<Vec<Written>> = messages
            .iter()
            .filter_map(|message| match message {
                SimpleQueryMessage::Row(row) => {
                    Some((0..row.len()).map(|column| Written(row.get(column).map(str::to_owned))).collect())
                }
                _ => None,
            })
            .collect();
        lists.push(rows);
    }
    if lists.iter().any(Vec::is_empty) {
        return Ok(Vec::new());
    }
    let longest = lists.iter().map(Vec::len).max().unwrap_or(1);
    let row = |at: usize| lists.iter().flat_map(|list| list[at % list.len()].clone()).collect();
    Ok((0..longest).map(row).collect())
}
