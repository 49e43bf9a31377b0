//! Reads a page, row by row, as the database finds them.

use std::pin::Pin;

use futures_util::StreamExt as _;
use tokio_postgres::{CancelToken, NoTls, Row, RowStream};

use super::sql::{ITEM, KEY, POSITION, Statement, VALUES};
use crate::database::Connection;
use crate::http::problem::Problem;
use crate::position::Position;

/// The texts of a route's tracked columns in one row; `None` is NULL.
pub type Values = Box<[Option<Box<str>>]>;

/// A page that is being read. Dropped before its end, the statement is cancelled: nobody waits for it any more.
pub struct Reading {
    rows: Pin<Box<RowStream>>,
    connection: Option<Connection>,
    done: bool,
    /// Where the page is exact.
    pub position: Position,
    /// The values by which its rows were chosen, as the database writes them.
    pub chosen: Values,
}

impl Reading {
    /// Runs the statement, and reads its first row.
    ///
    /// # Errors
    /// What keeps the page from being read.
    pub async fn begin(connection: Connection, statement: &Statement) -> Result<Self, Problem> {
        let refused = |error: tokio_postgres::Error| Problem::of_database(&error);
        let rows = connection.stream(&statement.sql, &statement.parameters).await.map_err(refused)?;
        let mut reading = Self {
            rows: Box::pin(rows),
            connection: Some(connection),
            done: false,
            position: Position::default(),
            chosen: Values::default(),
        };
        let first =
            reading.next().await?.ok_or_else(|| Problem::unavailable("nothing is installed in the database"))?;
        let position: Option<&str> = first.get(POSITION);
        reading.position = position.and_then(|text| text.parse().ok()).unwrap_or_default();
        reading.chosen = values(&first);
        Ok(reading)
    }

    /// The next row; `None` after the last.
    ///
    /// # Errors
    /// What keeps the rest from being read.
    pub async fn next(&mut self) -> Result<Option<Row>, Problem> {
        match self.rows.next().await {
            Some(Ok(row)) => Ok(Some(row)),
            Some(Err(error)) => {
                self.done = true;
                Err(Problem::of_database(&error))
            }
            None => {
                self.done = true;
                Ok(None)
            }
        }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        if let (false, Some(connection)) = (self.done, self.connection.take()) {
            let token: CancelToken = connection.cancel_token();
            // It does not go back to the pool: the cancellation might come late and meet another statement.
            let client = connection.leave_pool();
            tokio::spawn(async move {
                let _ = token.cancel_query(NoTls).await;
                drop(client);
            });
        }
    }
}

/// The item of a row.
#[must_use]
pub fn item(row: &Row) -> &str {
    row.get::<_, Option<&str>>(ITEM).unwrap_or("null")
}

/// The key of a row as the log writes it.
#[must_use]
pub fn key(row: &Row) -> &str {
    row.get::<_, Option<&str>>(KEY).unwrap_or("null")
}

/// The tracked values of a row.
#[must_use]
pub fn values(row: &Row) -> Values {
    (VALUES..row.len()).map(|place| row.get::<_, Option<&str>>(place).map(Into::into)).collect()
}
