//! The pages of a route: the first page in each order, the page after it, and the first page with each filter; of a single row, that row. Values
//! in the path are drawn like those of filters. The statements are the server's own.

use std::collections::BTreeMap;
use std::sync::Arc;

use headwater_deploy::project::Settings;
use headwater_postgres::Client;
use headwater_serve::page::cursor::Cursor;
use headwater_serve::page::request::Request;
use headwater_serve::page::sql::{self, Statement};
use headwater_serve::route::{Access, GENERIC, Route, routes};
use headwater_serve::{Error, model};

/// Values by the place of their column among the model's.
pub type Values = BTreeMap<usize, Option<String>>;

/// A kind of page.
#[derive(Debug, Clone)]
pub struct Shape {
    /// Its route.
    pub route: Arc<Route>,
    /// Which of the route's orders.
    pub sort: usize,
    /// The column that rows are chosen by.
    pub filter: Option<usize>,
    /// It comes after another one.
    pub follows: bool,
}

/// The routes that are declared, and the generic ones; and what is wrong with those declared.
///
/// # Errors
/// Where the installed models cannot be read.
pub async fn all(client: &Client, settings: &Settings) -> Result<(Vec<Arc<Route>>, Vec<String>), Error> {
    let models: Vec<Arc<model::Model>> = model::load(client).await?.into_iter().map(Arc::new).collect();
    Ok(routes(&settings.serve, &models))
}

/// True for a route that the project declares itself.
#[must_use]
pub fn is_declared(route: &Route) -> bool {
    !route.path.starts_with(GENERIC)
}

/// The kinds of its pages.
#[must_use]
pub fn shapes(route: &Arc<Route>) -> Vec<Shape> {
    let shape = |sort, filter, follows| Shape { route: Arc::clone(route), sort, filter, follows };
    let mut found = Vec::new();
    if route.single {
        return vec![shape(0, None, false)];
    }
    for sort in 0..route.sorts.len() {
        found.push(shape(sort, None, false));
        found.push(shape(sort, None, true));
    }
    found.extend(route.filters.iter().map(|column| shape(0, Some(*column), false)));
    found
}

impl Shape {
    /// As one would ask for it.
    #[must_use]
    pub fn label(&self) -> String {
        let mut words = Vec::new();
        if self.sort > 0 {
            words.push(format!("sort={}", self.route.sorts[self.sort].name));
        }
        if let Some(column) = self.filter {
            words.push(format!("{}=…", self.route.model.columns[column].name.as_str()));
        }
        if self.follows {
            words.push("cursor=…".to_owned());
        }
        if words.is_empty() { self.route.path.to_string() } else { format!("{}?{}", self.route.path, words.join("&")) }
    }

    /// The columns whose values it needs.
    #[must_use]
    pub fn columns(&self) -> Vec<usize> {
        let mut columns = self.chosen();
        if self.follows {
            columns.extend(self.route.sorts[self.sort].columns.iter().map(|column| column.column));
        }
        columns.sort_unstable();
        columns.dedup();
        columns
    }

    /// The columns that rows are chosen by: those in the path, the owner's, and the filter's.
    fn chosen(&self) -> Vec<usize> {
        let parameters = self.route.parameters.iter().copied();
        let mut columns: Vec<usize> = parameters.chain(self.filter).chain(self.owner()).collect();
        columns.sort_unstable();
        columns.dedup();
        columns
    }

    fn owner(&self) -> Option<usize> {
        if let Access::Owner(column) = self.route.access { Some(column) } else { None }
    }

    /// The server's statement for these values; none where one that it needs is missing.
    #[must_use]
    pub fn statement(&self, values: &Values) -> Option<Statement> {
        let mut request = Request { sort: self.sort, limit: self.route.limit, ..Request::default() };
        for column in self.chosen() {
            request.chosen.push((column, values.get(&column)?.clone()?));
        }
        if !self.route.viewer.is_empty() {
            request.viewer = self.owner().and_then(|column| values.get(&column).cloned().flatten());
        }
        if self.follows {
            let columns = &self.route.sorts[self.sort].columns;
            let place: Option<Vec<Option<String>>> =
                columns.iter().map(|column| values.get(&column.column).cloned()).collect();
            request.cursor = Some(Cursor(place?));
        }
        Some(sql::page(&self.route, &request))
    }
}
