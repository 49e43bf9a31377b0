//! What is measured: the declared queries, then the pages of the declared routes, each with rows of parameters drawn from the data by chance.

use std::time::Duration;

use headwater_deploy::project::Settings;
use headwater_deploy::project::bench::Query;
use headwater_postgres::Client;
use headwater_serve::Error;

use super::failed;
use crate::queries::Written;
use crate::queries::declared::{Draw, parameters};
use crate::queries::routes::{Shape, Values, all as all_routes, is_declared, shapes};

/// How many rows of parameters are drawn.
const DRAWN: u32 = 1000;

/// One query.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Its name.
    pub name: String,
    /// What it may take, where it says so itself.
    pub max_time: Option<Duration>,
    /// Why it cannot be run.
    pub refused: Option<String>,
    /// What is run, in turn.
    pub runs: Vec<Run>,
}

/// A statement with its parameters.
#[derive(Debug, Clone)]
pub struct Run {
    /// The statement.
    pub sql: String,
    /// Its parameters.
    pub parameters: Vec<Written>,
    /// They are all of type text.
    pub texts: bool,
}

/// All of them. What cannot be drawn is said by the subject.
///
/// # Errors
/// Where the database goes away, or the routes are wrong.
pub async fn all(client: &Client, settings: &Settings) -> Result<Vec<Subject>, Error> {
    // As the server's sessions: pages are drawn and asked for with the same texts.
    let session =
        "SET default_transaction_read_only = on; SET timezone = 'UTC'; SET datestyle = 'ISO'; SET search_path = public";
    client.batch_execute(session).await.map_err(Error::Models)?;
    let mut subjects = Vec::new();
    for query in &settings.bench.query {
        subjects.push(declared(client, query).await?);
    }
    if !settings.serve.route.is_empty() {
        let (routes, problems) = all_routes(client, settings).await?;
        if !problems.is_empty() {
            return Err(Error::Settings(problems));
        }
        for route in routes.iter().filter(|route| is_declared(route)) {
            for shape in shapes(route) {
                subjects.push(page(client, &shape).await?);
            }
        }
    }
    Ok(subjects)
}

async fn declared(client: &Client, query: &Query) -> Result<Subject, Error> {
    let mut subject = Subject { name: query.name.clone(), max_time: query.max_time, refused: None, runs: Vec::new() };
    match parameters(client, query, Draw::Random(DRAWN)).await {
        Err(error) if error.is_unreachable() => return Err(failed(error)),
        Err(error) => subject.refused = Some(error.to_string()),
        Ok(rows) if rows.is_empty() => subject.refused = Some("its parameters' SELECTs find no rows".to_owned()),
        Ok(rows) => {
            let run = |parameters| Run { sql: query.sql.clone(), parameters, texts: false };
            subject.runs = rows.into_iter().map(run).collect();
        }
    }
    Ok(subject)
}

async fn page(client: &Client, shape: &Shape) -> Result<Subject, Error> {
    let columns = shape.columns();
    let mut subject = Subject { name: shape.label(), max_time: None, refused: None, runs: Vec::new() };
    for values in draw(client, shape, &columns).await? {
        if let Some(statement) = shape.statement(&values) {
            let parameters = statement.parameters.into_iter().map(Written).collect();
            subject.runs.push(Run { sql: statement.sql, parameters, texts: true });
        }
    }
    if subject.runs.is_empty() {
        subject.refused = Some("the model has no rows to draw parameters from".to_owned());
    }
    Ok(subject)
}

/// Values of these columns in rows of the model; nothing but one empty row where there are none to draw.
async fn draw(client: &Client, shape: &Shape, columns: &[usize]) -> Result<Vec<Values>, Error> {
    if columns.is_empty() {
        return Ok(vec![Values::new()]);
    }
    let model = &shape.route.model;
    let list: Vec<String> = columns.iter().map(|column| format!("m.{}::text", model.columns[*column].name)).collect();
    let sql = format!("SELECT {} FROM {} AS m ORDER BY pg_catalog.random() LIMIT {DRAWN}", list.join(", "), model.name);
    let rows = client.query(&sql, &[]).await.map_err(Error::Models)?;
    let values = |row: &tokio_postgres::Row| {
        columns.iter().enumerate().map(|(place, column)| (*column, row.get(place))).collect()
    };
    Ok(rows.iter().map(values).collect())
}
