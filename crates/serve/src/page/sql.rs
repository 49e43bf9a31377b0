//! The one statement that reads a page.
//!
//! Its first row names the position at which the page is exact: one statement has one snapshot, so rows and position belong together. The
//! rows follow in the order asked for. Every value comes as text, as PostgreSQL writes it.
//!
//! The rows after a cursor are those that come after it in the order. Where an index can tell by one comparison of rows, it is one:
//!
//! ```sql
//! WHERE (created_at, id) < ($1, $2) ORDER BY created_at DESC, id DESC
//! ```
//!
//! Else they are segments, from the nearest to the farthest, each of which an index can find: equal in all columns but the last and after
//! it in that; equal in all but the last two; and so on. NULLs stand where the order says. The segments are joined by UNION ALL, whose parts
//! run one after the other, and end as soon as there are enough rows. (PostgreSQL never runs a part with LIMIT in parallel.)

use std::fmt::Write as _;

use super::cursor::Cursor;
use super::request::Request;
use crate::route::{Route, Sort, SortColumn};

/// A statement whose parameters are all of type text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Its text.
    pub sql: String,
    /// The parameters.
    pub parameters: Vec<Option<String>>,
}

/// The place of the position among the columns of the answer.
pub const POSITION: usize = 0;
/// The place of an item; NULL in the first row.
pub const ITEM: usize = 1;
/// The place of the key as the log writes it, where the route is live.
pub const KEY: usize = 2;
/// The place of the first tracked value.
pub const VALUES: usize = 3;

/// The newest position, as a sub-select.
pub(super) const NEWEST: &str =
    "(SELECT b.epoch || '.' || b.pos FROM headwater.batch AS b ORDER BY b.number DESC LIMIT 1)";

/// The page that is asked for, and one row more, which tells whether there are more.
#[must_use]
pub fn page(route: &Route, request: &Request) -> Statement {
    if let Some(search) = &route.search {
        return super::search::sql::page(route, search, request);
    }
    let mut writer = Writer { route, parameters: Vec::new() };
    let first = writer.first(request);
    let conditions: Vec<String> = writer.conditions(request);
    let viewer = (!route.viewer.is_empty()).then(|| writer.parameter(request.viewer.as_deref()));
    let sort = &route.sorts[request.sort];
    // The number of skipped rows is a parameter, so that it does not make another statement.
    let skipped = (request.offset > 0).then(|| writer.parameter(Some(&request.offset.to_string())));
    let rows = rows(route.fetched(request.limit));
    let mut parts = Vec::new();
    let places = request.cursor.as_ref().map_or_else(|| vec![Vec::new()], |cursor| writer.after(sort, cursor));
    for place in places {
        let conditions: Vec<String> = conditions.iter().cloned().chain(place).collect();
        parts.push(part(&writer, sort, &conditions, viewer.as_deref(), &rows, skipped.as_deref()));
    }
    let body = match parts.as_slice() {
        [one] => one.clone(),
        several => format!("(SELECT * FROM (\n{}\n) AS hw_parts\n{rows})", several.join("\nUNION ALL\n")),
    };
    Statement { sql: format!("SELECT {}\nUNION ALL\n{body}", first.join(", ")), parameters: writer.parameters }
}

/// The values by which rows are chosen, as the database writes them: one row, shaped like the first one of a page.
#[must_use]
pub fn chosen(route: &Route, request: &Request) -> Statement {
    let mut writer = Writer { route, parameters: Vec::new() };
    let first = writer.first(request);
    Statement { sql: format!("SELECT {}", first.join(", ")), parameters: writer.parameters }
}

impl Route {
    /// How many rows are read for a page: few different numbers, so that few statements have to be prepared, and one row more than a page has.
    #[must_use]
    pub fn fetched(&self, limit: u32) -> u32 {
        if self.single {
            return 1;
        }
        1 + if limit <= self.limit { self.limit } else { self.max_limit }
    }
}

fn rows(number: u32) -> String {
    format!("LIMIT {number}")
}

/// One run of rows.
fn part(
    writer: &Writer<'_>,
    sort: &Sort,
    conditions: &[String],
    viewer: Option<&str>,
    rows: &str,
    skipped: Option<&str>,
) -> String {
    let route = writer.route;
    let item = if viewer.is_some() { item_for_viewer(route) } else { item(route) };
    let mut sql = format!("(SELECT NULL::text, {item}, {}", writer.key());
    for column in &route.tracked {
        let _ = write!(sql, ", {}::text", writer.name(*column));
    }
    let mut found = String::new();
    if let Some(viewer) = viewer {
        let _ = write!(found, " CROSS JOIN (SELECT {viewer} AS subject) AS viewer");
    }
    if !conditions.is_empty() {
        let _ = write!(found, "\n  WHERE {}", conditions.join(" AND "));
    }
    let order: Vec<_> = sort.columns.iter().map(|column| writer.order(column)).collect();
    let _ = write!(found, "\n  ORDER BY {}\n  {rows}", order.join(", "));
    if let Some(skipped) = skipped {
        let _ = write!(found, " OFFSET ({skipped})::bigint");
    }
    let model = &route.model.name;
    if route.item.is_none() && viewer.is_none() {
        // JSON is made of the rows that are sent, not of all that are sorted to find them. Declared expressions may need `item` in the model's own
        // type, which a sub-select's row has not.
        let _ = write!(sql, "\n   FROM (SELECT item.* FROM {model} AS item{found}) AS item");
    } else {
        let _ = write!(sql, "\n   FROM {model} AS item{found}");
    }
    sql.push(')');
    sql
}

/// What is sent of a row called `item`, as text.
#[must_use]
pub fn item(route: &Route) -> String {
    format!("({})::text", expression(route))
}

/// The same with what it says to the viewer.
fn item_for_viewer(route: &Route) -> String {
    format!("(({})::jsonb || pg_catalog.jsonb_build_object({}))::text", expression(route), viewer_pairs(route))
}

/// The names and expressions of what an item says to the viewer.
pub(super) fn viewer_pairs(route: &Route) -> String {
    let pair = |(name, sql): &(String, String)| format!("{}, ({sql})", headwater_catalog::quote_literal(name));
    route.viewer.iter().map(pair).collect::<Vec<_>>().join(", ")
}

pub(super) fn expression(route: &Route) -> &str {
    route.item.as_deref().unwrap_or("pg_catalog.to_json(item.*)")
}

/// Writes the parts that need parameters.
pub(super) struct Writer<'r> {
    pub(super) route: &'r Route,
    pub(super) parameters: Vec<Option<String>>,
}

impl Writer<'_> {
    pub(super) fn name(&self, column: usize) -> String {
        format!("item.{}", self.route.model.columns[column].name)
    }

    /// The first row: the position, and the values by which rows are chosen.
    fn first(&mut self, request: &Request) -> Vec<String> {
        let mut first = vec![format!("{NEWEST} AS hw_position"), "NULL::text".to_owned(), "NULL::text".to_owned()];
        first.extend(self.route.tracked.iter().map(|_| "NULL::text".to_owned()));
        for (column, value) in &request.chosen {
            let wanted = self.value(*column, Some(value));
            first[VALUES + self.route.tracked_at(*column)] = format!("({wanted})::text");
        }
        first
    }

    pub(super) fn conditions(&mut self, request: &Request) -> Vec<String> {
        let condition = |(column, value): &(usize, String)| {
            let wanted = self.value(*column, Some(value));
            format!("{} = {wanted}", self.name(*column))
        };
        request.chosen.iter().map(condition).collect()
    }

    /// The key as the log writes it.
    fn key(&self) -> String {
        let model = &self.route.model;
        if !self.route.live {
            return "NULL::text".to_owned();
        }
        let pair = |column: &usize| {
            let name = headwater_catalog::quote_literal(model.columns[*column].name.as_str());
            format!("{name}, {}", self.name(*column))
        };
        let pairs: Vec<_> = model.key.iter().flatten().map(pair).collect();
        format!("pg_catalog.jsonb_build_object({})::text", pairs.join(", "))
    }

    pub(super) fn parameter(&mut self, value: Option<&str>) -> String {
        self.parameters.push(value.map(ToOwned::to_owned));
        format!("${}::text", self.parameters.len())
    }

    /// A value of a column's type.
    pub(super) fn value(&mut self, column: usize, value: Option<&str>) -> String {
        let parameter = self.parameter(value);
        let cast = &self.route.model.columns[column].cast;
        if cast == "text" { parameter } else { format!("({parameter})::{cast}") }
    }

    fn order(&self, column: &SortColumn) -> String {
        let direction = if column.descending { " DESC" } else { "" };
        let nulls = match (column.nulls_first, column.descending) {
            (true, false) => " NULLS FIRST",
            (false, true) => " NULLS LAST",
            _ => "",
        };
        format!("{}{direction}{nulls}", self.name(column.column))
    }

    /// The conditions of the segments of rows that come after the cursor.
    fn after(&mut self, sort: &Sort, cursor: &Cursor) -> Vec<Vec<String>> {
        let columns = &sort.columns[..cursor.0.len()];
        if let Some(values) = self.comparable(columns, cursor) {
            return vec![vec![self.row_comparison(columns, &values)]];
        }
        let mut segments = Vec::new();
        for last in (0..columns.len()).rev() {
            let (column, value) = (columns[last], cursor.0[last].as_deref());
            for end in self.beyond(column, value) {
                let mut conditions: Vec<String> = (0..last).map(|at| self.same(columns[at], &cursor.0[at])).collect();
                conditions.push(end);
                segments.push(conditions);
            }
        }
        if segments.is_empty() {
            // Nothing comes after the last place of an order that ends with NULLs.
            segments.push(vec!["false".to_owned()]);
        }
        segments
    }

    /// The cursor's values, where one comparison of rows tells what comes after: all columns run the same way, none is NULL there, and
    /// rows with NULLs, if there can be any, come before.
    fn comparable(&self, columns: &[SortColumn], cursor: &Cursor) -> Option<Vec<String>> {
        let uniform = columns.iter().all(|column| {
            let nulls_before = column.nulls_first || self.route.model.columns[column.column].not_null;
            column.descending == columns[0].descending && nulls_before
        });
        if uniform { cursor.0.iter().cloned().collect() } else { None }
    }

    fn row_comparison(&mut self, columns: &[SortColumn], values: &[String]) -> String {
        let names: Vec<_> = columns.iter().map(|column| self.name(column.column)).collect();
        let values: Vec<_> =
            columns.iter().zip(values).map(|(column, value)| self.value(column.column, Some(value))).collect();
        let operator = if columns[0].descending { "<" } else { ">" };
        format!("({}) {operator} ({})", names.join(", "), values.join(", "))
    }

    fn same(&mut self, column: SortColumn, value: &Option<String>) -> String {
        let name = self.name(column.column);
        match value {
            Some(value) => format!("{name} = {}", self.value(column.column, Some(value))),
            None => format!("{name} IS NULL"),
        }
    }

    /// The rows whose value in this column comes after a value; those without a value are a segment of their own.
    fn beyond(&mut self, column: SortColumn, value: Option<&str>) -> Vec<String> {
        let name = self.name(column.column);
        match value {
            Some(value) => {
                let operator = if column.descending { "<" } else { ">" };
                let mut segments = vec![format!("{name} {operator} {}", self.value(column.column, Some(value)))];
                if !column.nulls_first && !self.route.model.columns[column.column].not_null {
                    segments.push(format!("{name} IS NULL"));
                }
                segments
            }
            None if column.nulls_first => vec![format!("{name} IS NOT NULL")],
            None => Vec::new(),
        }
    }
}
