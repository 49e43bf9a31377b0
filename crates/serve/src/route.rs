//! Routes: what `[serve]` declares, matched with the models that are there. Nothing else is served.

use std::collections::BTreeSet;
use std::sync::Arc;

use headwater_deploy::project::serve::{Route as Declared, Serve, Sort as DeclaredSort};

use crate::model::{Column, Model};
use crate::page::envelope::Envelope;
use crate::page::search::Search;
use path::Pattern;

pub mod path;

/// The beginning of the paths under which every model with a declared access is read.
pub const GENERIC: &str = "/v1/models";

/// Paths that are the server's own.
const OWN: [&str; 7] = ["/healthz", "/readyz", "/metrics", "/openapi.json", "/session", GENERIC, "/v1"];

/// Who may read a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Everyone.
    Public,
    /// Those whose token names them: each sees the rows with their subject in this column.
    Owner(usize),
    /// Administrators.
    Admin,
}

/// One column of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SortColumn {
    /// Its place among the model's columns.
    pub column: usize,
    /// From the greatest to the least.
    pub descending: bool,
    /// Rows without a value come first.
    pub nulls_first: bool,
}

/// An order in which rows may be read; it ends with the key, so that no two rows are equal in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sort {
    /// Its name.
    pub name: String,
    /// How many of its columns were declared; what follows is the rest of the key.
    pub declared: usize,
    /// Its columns.
    pub columns: Vec<SortColumn>,
}

/// A path under which a model's rows are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The path, as it is declared.
    pub path: Arc<str>,
    /// What paths it answers.
    pub pattern: Pattern,
    /// The columns whose values stand in the path, from left to right.
    pub parameters: Vec<usize>,
    /// The model.
    pub model: Arc<Model>,
    /// Who may read it.
    pub access: Access,
    /// The columns that rows may be chosen by.
    pub filters: Vec<usize>,
    /// The orders; never empty.
    pub sorts: Vec<Sort>,
    /// The columns whose values are read with every row: those of path, filters, owner, orders and key.
    pub tracked: Vec<usize>,
    /// Rows of a page where no number is asked for.
    pub limit: u32,
    /// The most rows of a page.
    pub max_limit: u32,
    /// How many rows may be skipped.
    pub max_offset: u32,
    /// The SQL expression of an item.
    pub item: Option<String>,
    /// What an item says to the viewer.
    pub viewer: Vec<(String, String)>,
    /// The beginning of the names of events.
    pub events: String,
    /// Streams go on after the page.
    pub live: bool,
    /// The answer is one row's item.
    pub single: bool,
    /// The shape of its answers.
    pub envelope: Envelope,
    /// How it is searched, where it is.
    pub search: Option<Search>,
}

impl Route {
    /// Where a column's value stands among the tracked ones.
    #[must_use]
    pub fn tracked_at(&self, column: usize) -> usize {
        self.tracked.iter().position(|tracked| *tracked == column).expect("every column that is asked for is tracked")
    }

    /// No shape of its answers is declared.
    #[must_use]
    pub fn has_usual_shape(&self) -> bool {
        let usual = if self.single { Envelope::of_one() } else { Envelope::of_page(self.live) };
        self.envelope == usual
    }

    /// The parameters that it understands besides its filters.
    pub fn reserved(&self) -> impl Iterator<Item = &str> {
        let all: [&str; 9] = RESERVED;
        all.into_iter().filter(|name| match *name {
            "offset" | "page" => self.max_offset > 0,
            "q" => self.search.is_some(),
            "sort" => !self.single && self.search.is_none(),
            "cursor" | "limit" => !self.single,
            _ => true,
        })
    }

    /// Pages of it may be kept: the log tells when they change, and they are the same for everyone who may see them.
    #[must_use]
    pub fn can_be_cached(&self) -> bool {
        self.model.eventual && self.model.can_be_followed() && self.viewer.is_empty() && self.search.is_none()
    }
}

/// All routes: the declared ones, and a generic one for each model that declares its access itself; and everything that is wrong with the
/// declared ones. What is wrong is not among the routes.
#[must_use]
pub fn routes(settings: &Serve, models: &[Arc<Model>]) -> (Vec<Arc<Route>>, Vec<String>) {
    let mut problems = Vec::new();
    let mut routes = Vec::new();
    let mut paths = BTreeSet::new();
    let mut patterns: Vec<(String, Pattern)> = Vec::new();
    let mut add = |declared: &Declared, is_generic: bool| {
        let mut own = Vec::new();
        if !paths.insert(declared.path.clone()) {
            own.push("is declared twice".to_owned());
        } else if let Ok(pattern) = Pattern::parse(&declared.path) {
            let clash = patterns.iter().find(|(_, other)| pattern.is_ambiguous_with(other));
            own.extend(clash.map(|(path, _)| format!("some paths are both its own and those of {path}")));
            patterns.push((declared.path.clone(), pattern));
        }
        let found = route(declared, settings.envelope.as_deref(), models, is_generic, &mut own);
        routes.extend(found.filter(|_| own.is_empty()).map(Arc::new));
        for problem in own {
            match is_generic {
                // Nobody has asked for this path: the others are served all the same.
                true => tracing::warn!(model = declared.model, problem, "a model cannot be served under {GENERIC}"),
                false => problems.push(format!("route {}: {problem}", declared.path)),
            }
        }
    };
    settings.route.iter().for_each(|declared| add(declared, false));
    models.iter().filter(|model| model.access.is_some()).for_each(|model| add(&generic(model), true));
    (routes, problems)
}

/// What a model that declares its access is served as without further words: filtered by its key, in the key's order.
fn generic(model: &Model) -> Declared {
    let key = model.key.clone().unwrap_or_default();
    let name = |column: &usize| model.columns[*column].name.as_str().to_owned();
    let filters = key.iter().filter(|column| model.columns[**column].filters).map(name).collect();
    Declared {
        path: format!("{GENERIC}/{}", model.name.short()),
        model: model.name.short(),
        access: None,
        filters,
        sorts: Vec::new(),
        limit: 20,
        max_limit: 1000,
        max_offset: 0,
        item: None,
        viewer: std::collections::BTreeMap::new(),
        events: Some("model".to_owned()),
        live: model.can_be_followed(),
        single: false,
        envelope: None,
        message: None,
        search: None,
    }
}

fn route(
    declared: &Declared,
    envelope: Option<&str>,
    models: &[Arc<Model>],
    is_generic: bool,
    problems: &mut Vec<String>,
) -> Option<Route> {
    let pattern = pattern(declared, is_generic, problems)?;
    let named = |model: &&Arc<Model>| {
        let full = format!("{}.{}", model.name.schema.as_str(), model.name.name.as_str());
        model.name.short() == declared.model || full == declared.model
    };
    let Some(model) = models.iter().find(named) else {
        let known: Vec<_> = models.iter().map(|model| model.name.short()).collect();
        problems.push(format!("there is no model \"{}\" (there are: {})", declared.model, known.join(", ")));
        return None;
    };
    let Some(key) = &model.key else {
        problems.push(format!(
            "the model {} does not show a key, so its rows cannot be paged; add columns to its SELECT that tell its rows apart",
            model.name.short()
        ));
        return None;
    };
    let access = access(declared, model, problems)?;
    let parameters = parameters(&pattern, declared, model, problems);
    let filters = filters(declared, model, problems);
    let sorts = sorts(declared, model, key, problems)?;
    let search = Search::declared(declared, model, problems);
    if declared.live && !model.can_be_followed() {
        problems.push(format!(
            "live needs a model whose changes are kept (-- headwater: retain live) and whose rows are shown as they are stored; {} {}",
            model.name.short(),
            if model.retained { "computes some of its columns when it is read" } else { "does not keep its changes" }
        ));
    }
    let envelope = shape(declared, envelope.filter(|_| !is_generic), problems);
    if declared.limit == 0 || declared.limit > declared.max_limit || declared.max_limit > 10_000 {
        problems.push("limit must lie between 1 and max_limit, and max_limit must not exceed 10000".to_owned());
    }
    let owner = if let Access::Owner(column) = access { Some(column) } else { None };
    let mut tracked: Vec<usize> = parameters.iter().chain(&filters).chain(&owner).copied().collect();
    tracked.extend(sorts.iter().flat_map(|sort| &sort.columns).map(|column| column.column));
    tracked.extend(key);
    tracked.sort_unstable();
    tracked.dedup();
    let last = pattern.last_word().unwrap_or("row").to_owned();
    let one = |number: u32| if declared.single { 1 } else { number };
    Some(Route {
        path: declared.path.as_str().into(),
        pattern,
        parameters,
        model: Arc::clone(model),
        access,
        filters,
        sorts,
        tracked,
        limit: one(declared.limit),
        max_limit: one(declared.max_limit),
        max_offset: if declared.single { 0 } else { declared.max_offset },
        item: declared.item.clone(),
        viewer: declared.viewer.iter().map(|(name, sql)| (name.clone(), sql.clone())).collect(),
        events: declared.events.clone().unwrap_or(last),
        live: declared.live,
        single: declared.single,
        envelope,
        search,
    })
}

fn pattern(declared: &Declared, is_generic: bool, problems: &mut Vec<String>) -> Option<Pattern> {
    let path = &declared.path;
    let pattern = Pattern::parse(path).map_err(|problem| problems.push(problem)).ok();
    if !is_generic && (OWN.contains(&path.as_str()) || path.starts_with(GENERIC) || path.ends_with("/stream")) {
        problems.push("this path is the server's own".to_owned());
    }
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if declared.events.as_ref().is_some_and(|events| events.is_empty() || !events.chars().all(word)) {
        problems.push("events is a word of letters, digits, - and _".to_owned());
    }
    pattern
}

/// The columns that the path names.
fn parameters(pattern: &Pattern, declared: &Declared, model: &Model, problems: &mut Vec<String>) -> Vec<usize> {
    let mut found = Vec::new();
    for name in pattern.parameters() {
        match chooses(model, name) {
            Ok(place) if found.contains(&place) => problems.push(format!("the path names {name} twice")),
            Ok(place) => found.push(place),
            Err(problem) => problems.push(problem),
        }
        if declared.filters.iter().any(|filter| filter == name) {
            problems.push(format!("{name} is in the path, so it cannot be a filter too"));
        }
    }
    found
}

/// The shape of the route's answers.
fn shape(declared: &Declared, common: Option<&str>, problems: &mut Vec<String>) -> Envelope {
    let usual = || if declared.single { Envelope::of_one() } else { Envelope::of_page(declared.live) };
    match declared.envelope.as_deref().or(common) {
        None => usual(),
        Some(text) => Envelope::parse(text, declared.message.as_deref()).unwrap_or_else(|problem| {
            problems.push(problem);
            usual()
        }),
    }
}

fn access(declared: &Declared, model: &Model, problems: &mut Vec<String>) -> Option<Access> {
    let words = declared.access.as_ref().or(model.access.as_ref());
    let Some(words) = words else {
        problems.push(format!(
            "access is not declared; write access = \"public\", \"owner(column)\" or \"admin\" here, or -- headwater: access … before {}",
            model.name.short()
        ));
        return None;
    };
    let found = match words.trim() {
        "public" => Ok(Access::Public),
        "admin" => Ok(Access::Admin),
        words => match words.strip_prefix("owner(").and_then(|rest| rest.strip_suffix(')')) {
            Some(name) => column(model, name.trim()).and_then(|column| {
                let fits = model.columns[column].can_own();
                let refused =
                    || format!("rows cannot belong to {name}, which has the type {}", model.columns[column].cast);
                if fits { Ok(Access::Owner(column)) } else { Err(refused()) }
            }),
            None => Err(format!("access is public, owner(column) or admin, not \"{words}\"")),
        },
    };
    found.map_err(|problem| problems.push(problem)).ok()
}

fn column(model: &Model, name: &str) -> Result<usize, String> {
    let known = || model.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ");
    model
        .column(name.trim_matches('"'))
        .ok_or_else(|| format!("{} has no column \"{name}\" (it has: {})", model.name.short(), known()))
}

fn filters(declared: &Declared, model: &Model, problems: &mut Vec<String>) -> Vec<usize> {
    let mut found = Vec::new();
    for name in &declared.filters {
        match chooses(model, name) {
            Ok(place) => found.push(place),
            Err(problem) => problems.push(problem),
        }
        if RESERVED.contains(&name.as_str()) {
            problems.push(format!("a filter cannot be called {name}: the parameter means something else"));
        }
    }
    found
}

/// The column of this name, by which rows can be chosen.
fn chooses(model: &Model, name: &str) -> Result<usize, String> {
    let place = column(model, name)?;
    let Column { filters, cast, .. } = &model.columns[place];
    let refused =
        || format!("rows cannot be chosen by {name}: equal values of the type {cast} may be written differently");
    if *filters { Ok(place) } else { Err(refused()) }
}

/// Parameters that are not filters.
pub const RESERVED: [&str; 9] = ["q", "cursor", "limit", "sort", "offset", "page", "after", "format", "last_event_id"];

fn sorts(declared: &Declared, model: &Model, key: &[usize], problems: &mut Vec<String>) -> Option<Vec<Sort>> {
    let mut sorts = Vec::new();
    for sort in &declared.sorts {
        match parse_sort(sort, model) {
            Ok(columns) => sorts.push(with_key(sort.name.clone(), columns, key)),
            Err(problem) => problems.push(format!("sort {}: {problem}", sort.name)),
        }
    }
    if declared.sorts.is_empty() {
        sorts.push(with_key("key".to_owned(), Vec::new(), key));
    }
    (!sorts.is_empty()).then_some(sorts)
}

/// The key's columns run the way of the last declared one, so that one index serves all.
fn with_key(name: String, mut columns: Vec<SortColumn>, key: &[usize]) -> Sort {
    let declared = columns.len();
    let descending = columns.last().is_some_and(|last| last.descending);
    for column in key {
        if columns.iter().all(|sorted| sorted.column != *column) {
            columns.push(SortColumn { column: *column, descending, nulls_first: descending });
        }
    }
    Sort { name, declared, columns }
}

fn parse_sort(sort: &DeclaredSort, model: &Model) -> Result<Vec<SortColumn>, String> {
    sort.by.split(',').map(|part| parse_sort_column(part, model)).collect()
}

/// `column [asc | desc] [nulls first | nulls last]`; NULLs stand where PostgreSQL puts them by itself.
fn parse_sort_column(text: &str, model: &Model) -> Result<SortColumn, String> {
    let lower = text.to_ascii_lowercase();
    let mut words: Vec<&str> = lower.split_whitespace().collect();
    let nulls = match words.as_slice() {
        [.., "nulls", place @ ("first" | "last")] => Some(*place == "first"),
        _ => None,
    };
    if nulls.is_some() {
        words.truncate(words.len() - 2);
    }
    let descending = match words.as_slice() {
        [_, "desc"] => true,
        [_] | [_, "asc"] => false,
        _ => return Err(format!("\"{}\" is not written as: column [desc] [nulls first | nulls last]", text.trim())),
    };
    let column = column(model, text.split_whitespace().next().unwrap_or_default())?;
    Ok(SortColumn { column, descending, nulls_first: nulls.unwrap_or(descending) })
}
