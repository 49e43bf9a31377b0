//! HW0831: a page of a route reads a large table from end to end.
//!
//! The pages are the server's own statements, with values from the statistics: `?world=…` of a model without an index on `world` reads the
//! whole model for each page. The statement that helps goes into the model's file.

use headwater_deploy::Error;
use headwater_deploy::error::During;
use headwater_deploy::installed::InstalledModel;

use crate::finding::Finding;
use crate::look::Look;
use crate::queries::Written;
use crate::queries::explain::{Query, add, finding, judge};
use crate::queries::routes::{Shape, Values, all, shapes};

/// A value in the middle of a column's distribution, else its most common one.
const VALUES: &str = "SELECT s.attname::text, coalesce(b.bounds[(pg_catalog.cardinality(b.bounds) + 1) / 2], c.common[1]) \
  FROM pg_catalog.pg_stats AS s, \
       LATERAL (SELECT s.histogram_bounds::text::text[] AS bounds) AS b, LATERAL (SELECT s.most_common_vals::text::text[] AS common) AS c \
 WHERE s.schemaname = 'headwater' AND s.tablename = $1";

/// Looks at every page of every route.
///
/// # Errors
/// The server's.
pub async fn find(look: &Look) -> Result<Vec<Finding>, Error> {
    // Before the first apply has come to its end nothing can be served, which is no fault of the routes.
    if !look.models.iter().any(InstalledModel::serves) {
        return Ok(Vec::new());
    }
    let (routes, problems) = match all(&look.client, &look.settings).await {
        Ok(found) => found,
        Err(headwater_serve::Error::Models(source)) => return Err(source).during("reading the models that serve"),
        Err(error) => return Ok(vec![not_served(&error.to_string())]),
    };
    let mut found: Vec<Finding> = problems.iter().map(|problem| not_served(problem)).collect();
    for route in &routes {
        let Some(model) = look.models.iter().find(|model| model.name == route.model.name && model.serves()) else {
            continue;
        };
        let rows = look.client.query(VALUES, &[&model.table_name]).await.during("reading statistics of a model")?;
        let column = |row: &tokio_postgres::Row| Some((route.model.column(row.get(0))?, row.get(1)));
        let values: Values = rows.iter().filter_map(column).collect();
        for shape in shapes(route) {
            look_at(look, &shape, &values, &mut found).await?;
        }
    }
    Ok(found)
}

fn not_served(problem: &str) -> Finding {
    Finding::error(801, "routes", format!("not every route can be looked at: {problem}"))
        .why("the server does not start with it (HW0701)")
        .advice("correct [serve] in headwater.toml, or the model")
}

async fn look_at(look: &Look, shape: &Shape, values: &Values, found: &mut Vec<Finding>) -> Result<(), Error> {
    // Without statistics there is nothing to choose rows by; an empty table is no large one.
    let Some(statement) = shape.statement(values) else { return Ok(()) };
    let parameters = statement.parameters.into_iter().map(Written).collect();
    let query = Query { sql: statement.sql, parameters, texts: true };
    let label = shape.label();
    for judged in judge(look, &query, &format!("planning {label}")).await? {
        add(found, finding(look, 831, &shape.route.path, &label, &judged));
    }
    Ok(())
}
