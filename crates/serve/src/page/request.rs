//! What is asked of a route, read from the query of the address.

use super::cursor::Cursor;
use super::search::asked;
use crate::access::Viewer;
use crate::http::problem::Problem;
use crate::position::Position;
use crate::route::path::decode;
use crate::route::{Access, Route};

/// A page that is asked for, with only what its route declares.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Request {
    /// Columns, and the values that rows must have there: filters and the owner.
    pub chosen: Vec<(usize, String)>,
    /// Which of the route's orders.
    pub sort: usize,
    /// After which place.
    pub cursor: Option<Cursor>,
    /// How many rows.
    pub limit: u32,
    /// How many rows are skipped.
    pub offset: u32,
    /// What is looked for, where the route is searched.
    pub q: Option<String>,
    /// Who asks, where items depend on it.
    pub viewer: Option<String>,
}

impl Request {
    /// The page's number, counted from 1; `None` where it begins at a cursor or between two such pages.
    #[must_use]
    pub fn number(&self) -> Option<u32> {
        let counted = self.cursor.is_none() && self.offset.is_multiple_of(self.limit);
        counted.then(|| self.offset / self.limit + 1)
    }
}

/// A request with what does not choose rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The page.
    pub page: Request,
    /// The page must be exact at this position or a later one.
    pub after: Option<Position>,
    /// One event for each row, as document 000 has it.
    pub singly: bool,
    /// Where a stream was left, for clients that cannot send the header.
    pub last_event_id: Option<String>,
}

/// Reads the parameters of one request: those in its path, still encoded, and those of its query.
///
/// # Errors
/// HW0721 to HW0725: what is wrong with which parameter.
pub fn read(route: &Route, path: &[&str], query: Option<&str>, viewer: &Viewer) -> Result<Asked, Problem> {
    let mut asked = Asked {
        page: Request { limit: route.limit, ..Request::default() },
        after: None,
        singly: route.single,
        last_event_id: None,
    };
    for (column, text) in route.parameters.iter().zip(path) {
        asked.page.chosen.push((*column, part_of_path(text)?));
    }
    let mut seen: Vec<String> = Vec::new();
    let (mut cursor, mut page) = (None, None);
    for (name, value) in pairs(query.unwrap_or_default()) {
        if seen.contains(&name) {
            return Err(Problem::bad(721, format!("the parameter {name} is given twice")));
        }
        if value.contains('\0') {
            return Err(Problem::bad(722, format!("the parameter {name} holds a zero byte")));
        }
        let known = route.reserved().find(|known| *known == name);
        match known.unwrap_or_default() {
            "cursor" => cursor = Some(value),
            "limit" => asked.page.limit = number(&name, &value, 1, route.max_limit)?,
            "offset" => asked.page.offset = number(&name, &value, 0, route.max_offset)?,
            "page" => page = Some(value),
            "sort" => asked.page.sort = sort(route, &value)?,
            "q" => asked.page.q = asked::text(&value)?,
            "after" => asked.after = Some(position(&name, &value)?),
            "last_event_id" => asked.last_event_id = Some(value),
            "format" => asked.singly = singly(&value)?,
            _ => asked.page.chosen.push((filter(route, &name)?, value)),
        }
        seen.push(name);
    }
    if let Some(text) = page {
        if seen.iter().any(|name| matches!(name.as_str(), "cursor" | "offset")) {
            return Err(Problem::bad(721, "page, offset and cursor each say where a page begins: give one of them"));
        }
        let last = route.max_offset / asked.page.limit + 1;
        asked.page.offset = (number("page", &text, 1, last)? - 1) * asked.page.limit;
    }
    if let Some(text) = cursor.filter(|text| !text.is_empty()) {
        let read = match route.search {
            Some(_) => asked::cursor(route, &text),
            None => Cursor::decode(&text, route.sorts[asked.page.sort].columns.len()),
        };
        asked.page.cursor = Some(read.ok_or_else(|| {
            Problem::bad(723, "the cursor is none of this route and order")
                .hint("take next_cursor of a page with the same sort as it is")
        })?);
    }
    choose_owned(route, viewer, &mut asked.page)?;
    if !route.viewer.is_empty() {
        asked.page.viewer = viewer.subject.clone();
    }
    asked.page.chosen.sort();
    Ok(asked)
}

/// Those whose rows are asked for are those who ask.
fn choose_owned(route: &Route, viewer: &Viewer, page: &mut Request) -> Result<(), Problem> {
    match (&route.access, &viewer.subject) {
        (Access::Public, _) => Ok(()),
        (Access::Admin, _) if viewer.admin => Ok(()),
        (Access::Admin, Some(_)) => Err(Problem::forbidden()),
        (Access::Owner(column), Some(subject)) => {
            let own = route.model.columns[*column].named_by(subject).ok_or_else(Problem::forbidden)?;
            if page.chosen.iter().any(|(chosen, value)| chosen == column && *value != own) {
                return Err(Problem::forbidden());
            }
            page.chosen.retain(|(chosen, _)| chosen != column);
            page.chosen.push((*column, own));
            Ok(())
        }
        (Access::Admin | Access::Owner(_), None) => Err(Problem::unauthorized()),
    }
}

/// A value that stands in a path.
fn part_of_path(text: &str) -> Result<String, Problem> {
    let value = decode(text).filter(|value| !value.contains('\0'));
    value.ok_or_else(|| Problem::bad(722, "a part of the path holds a zero byte, or is not UTF-8"))
}

/// The names and values of a query, percent-decoded.
pub(crate) fn pairs(query: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

fn number(name: &str, value: &str, least: u32, most: u32) -> Result<u32, Problem> {
    let found = value.parse().ok().filter(|number| (least..=most).contains(number));
    found.ok_or_else(|| Problem::bad(724, format!("{name} is a whole number from {least} to {most}")))
}

fn position(name: &str, value: &str) -> Result<Position, Problem> {
    value.parse().map_err(|_| Problem::bad(724, format!("{name} is a position such as 1.4711")))
}

fn sort(route: &Route, value: &str) -> Result<usize, Problem> {
    let names = || route.sorts.iter().map(|sort| sort.name.as_str()).collect::<Vec<_>>().join(", ");
    let found = route.sorts.iter().position(|sort| sort.name == value);
    found.ok_or_else(|| Problem::bad(724, format!("sort is one of: {}", names())))
}

fn singly(value: &str) -> Result<bool, Problem> {
    match value {
        "items" => Ok(false),
        "item" => Ok(true),
        _ => Err(Problem::bad(724, "format is items, or item for one event for each row")),
    }
}

fn filter(route: &Route, name: &str) -> Result<usize, Problem> {
    let columns = &route.model.columns;
    let found = route.filters.iter().copied().find(|column| columns[*column].name.as_str() == name);
    found.ok_or_else(|| {
        let mut known: Vec<&str> = route.filters.iter().map(|column| columns[*column].name.as_str()).collect();
        known.extend(route.reserved());
        Problem::bad(725, "there is a parameter that this route does not have")
            .hint(format!("it has: {}", known.join(", ")))
    })
}
