//! Reads a page, row by row, as the database finds them.

use std::pin::Pin;
use std::sync::Arc;

use axum::http::StatusCode;
use futures_util::StreamExt as _;
use tokio_postgres::{Row, RowStream};

use super::sql::{ITEM, KEY, POSITION, Statement, VALUES};
use crate::database::Connection;
use crate::http::problem::Problem;
use crate::position::Position;

/// The texts of a route's tracked columns in one row; `None` is NULL.
pub type Values = Box<[Option<Box<str>>]>;

/// How the rows of a page are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// All at once.
    Whole,
    /// The first one as soon as it is found: through a cursor.
    FirstSoon,
}

/// Where a page may be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Where {
    /// From a replica, if there is one that has what is asked for.
    Anywhere,
    /// From the primary.
    Primary,
}

type Rows = Pin<Box<RowStream>>;
type Answer<T> = Pin<Box<dyn Future<Output = Result<T, tokio_postgres::Error>> + Send>>;

/// Where the reading stands.
enum State {
    /// Rows come.
    Rows(Rows, After),
    /// Rows were asked for.
    Opening(Answer<Rows>, After),
    /// The end of a cursor was asked for.
    Closing(Answer<()>),
    /// There are no more rows.
    Done,
}

/// What follows the last of some rows.
#[derive(Debug, Clone, Copy)]
enum After {
    /// The rest of the cursor.
    Rest,
    /// The end of the cursor.
    Close,
    /// Nothing.
    Nothing,
}

/// A page that is being read. Dropped before its end, the statement is cancelled: nobody waits for it any more.
pub struct Reading {
    connection: Option<Arc<Connection>>,
    of_replica: bool,
    state: State,
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
    pub async fn begin(connection: Connection, statement: Statement, way: Way) -> Result<Self, Problem> {
        let (of_replica, connection) = (connection.is_to_replica(), Arc::new(connection));
        let (asking, Statement { sql, parameters }) = (Arc::clone(&connection), statement);
        let state = match way {
            Way::Whole => {
                let opening = async move { asking.stream(&sql, &parameters).await.map(Box::pin) };
                State::Opening(Box::pin(opening), After::Nothing)
            }
            Way::FirstSoon => {
                let opening = async move { asking.open_cursor(&sql, &parameters).await.map(Box::pin) };
                State::Opening(Box::pin(opening), After::Rest)
            }
        };
        let mut reading = Self {
            connection: Some(connection),
            of_replica,
            state,
            position: Position::default(),
            chosen: Values::default(),
        };
        let first = reading.next().await?;
        let first = first.ok_or_else(|| Problem::unavailable("nothing is installed in the database"))?;
        let position: Option<&str> = first.get(POSITION);
        reading.position = position.and_then(|text| text.parse().ok()).unwrap_or_default();
        reading.chosen = values(&first);
        Ok(reading)
    }

    /// The next row; `None` after the last. May be given up and called again: nothing is lost.
    ///
    /// # Errors
    /// What keeps the rest from being read.
    pub async fn next(&mut self) -> Result<Option<Row>, Problem> {
        loop {
            match &mut self.state {
                State::Rows(rows, after) => match rows.next().await {
                    Some(Ok(row)) => return Ok(Some(row)),
                    Some(Err(error)) => return Err(self.failed(&error)),
                    None => {
                        let after = *after;
                        self.go_on(after);
                    }
                },
                State::Opening(opening, after) => match opening.await {
                    Ok(rows) => self.state = State::Rows(rows, *after),
                    Err(error) => return Err(self.failed(&error)),
                },
                State::Closing(closing) => match closing.await {
                    Ok(()) => self.state = State::Done,
                    Err(error) => return Err(self.failed(&error)),
                },
                State::Done => return Ok(None),
            }
        }
    }

    /// On to the rest of a cursor, or to its end.
    fn go_on(&mut self, after: After) {
        let Some(connection) = self.connection.clone() else { return };
        self.state = match after {
            After::Rest => {
                State::Opening(Box::pin(async move { connection.rest_of_cursor().await.map(Box::pin) }), After::Close)
            }
            After::Close => State::Closing(Box::pin(async move { connection.close_cursor().await })),
            After::Nothing => State::Done,
        };
    }

    /// A connection whose transaction has failed is not used again.
    fn failed(&mut self, error: &tokio_postgres::Error) -> Problem {
        let whole = matches!(self.state, State::Rows(_, After::Nothing) | State::Opening(_, After::Nothing));
        self.state = State::Done;
        if !whole {
            drop(self.leave_pool());
        }
        Problem::of_database(error)
    }

    /// True where the primary may answer what failed here: the replica was lost, was behind with the models, or ended the statement
    /// because the primary had removed what it read.
    #[must_use]
    pub fn may_succeed_elsewhere(&self, problem: &Problem) -> bool {
        self.of_replica && is_of_server(problem)
    }

    /// The connection alone, out of the pool.
    fn leave_pool(&mut self) -> Option<impl Send + use<>> {
        let connection = self.connection.take()?;
        Some(Arc::into_inner(connection)?.leave_pool())
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        if matches!(self.state, State::Done) {
            return;
        }
        let cancelling = self.connection.as_ref().map(|connection| connection.cancelling());
        self.state = State::Done;
        // It does not go back to the pool: the cancellation might come late and meet another statement.
        if let (Some(cancelling), Some(client)) = (cancelling, self.leave_pool()) {
            tokio::spawn(async move {
                cancelling.await;
                drop(client);
            });
        }
    }
}

/// True where it is the server's trouble, and not that of what was asked for or of the time that it takes.
#[must_use]
pub fn is_of_server(problem: &Problem) -> bool {
    matches!(problem.status, StatusCode::INTERNAL_SERVER_ERROR | StatusCode::SERVICE_UNAVAILABLE)
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
