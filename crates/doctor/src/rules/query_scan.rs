//! HW0833: a query that the project declares (`[[bench.query]]`) reads a large table from end to end.
//!
//! Its parameters are the first row that its SELECTs find; the planner sees them, as it sees the application's.

use headwater_deploy::Error;

use crate::finding::Finding;
use crate::look::Look;
use crate::queries::declared::{Draw, parameters};
use crate::queries::explain::{Query, add, finding, judge};

/// Looks at every declared query. One that fails is a finding; the others go on.
///
/// # Errors
/// Where the database goes away.
pub async fn find(look: &Look) -> Result<Vec<Finding>, Error> {
    let mut found = Vec::new();
    for query in &look.settings.bench.query {
        match look_at(look, query, &mut found).await {
            Err(error) if error.is_unreachable() => return Err(error),
            Err(error) => found.push(
                Finding::error(801, &query.name, format!("the query {} could not be planned: {error}", query.name))
                    .why("it fails like this where the application runs it")
                    .advice("correct its sql or its parameters in headwater.toml"),
            ),
            Ok(()) => {}
        }
    }
    Ok(found)
}

async fn look_at(
    look: &Look,
    query: &headwater_deploy::project::bench::Query,
    found: &mut Vec<Finding>,
) -> Result<(), Error> {
    let drawn = parameters(&look.client, query, Draw::First).await?;
    // Nothing to ask with: the tables are empty.
    let Some(parameters) = drawn.into_iter().next() else { return Ok(()) };
    let asked = Query { sql: query.sql.clone(), parameters, texts: false };
    for judged in judge(look, &asked, &format!("planning {}", query.name)).await? {
        add(found, finding(look, 833, &query.name, &format!("the query {}", query.name), &judged));
    }
    Ok(())
}
