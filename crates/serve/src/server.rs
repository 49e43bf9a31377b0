//! The server: its routes, what it knows of the log, and how it begins and ends.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use axum::Router;
use axum::http::StatusCode;
use headwater_deploy::project::Serve;
use headwater_postgres::{Config, connect, describe};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::access::Gate;
use crate::admin::{self, Admin};
use crate::database::Database;
use crate::error::Error;
use crate::http::files::Files;
use crate::http::problem::Problem;
use crate::http::{listen, router};
use crate::model::{self, Model};
use crate::observe::Meters;
use crate::page::answer::Page;
use crate::page::cache::{Cache, Span};
use crate::page::read::{Reading, Values, Way, Where, is_of_server};
use crate::page::request::{Asked, Request};
use crate::page::sql;
use crate::position::Position;
use crate::route::path::Pattern;
use crate::route::{Route, routes};
use crate::tail::entry::Slice;
use crate::tail::follow;
use crate::tail::hub::Hub;
use crate::tail::relay::Relay;

/// Everything that answers.
#[derive(Debug)]
pub struct Server {
    /// What is declared.
    pub settings: Serve,
    /// Where rows come from.
    pub database: Arc<Database>,
    /// Kept pages.
    pub cache: Arc<Cache>,
    /// Who may come in.
    pub gate: Arc<Gate>,
    /// Static files.
    pub files: Files,
    /// What administrators have, where it is declared.
    pub admin: Option<Arc<Admin>>,
    /// Says true when the server is to end.
    pub stop: watch::Receiver<bool>,
    /// The newest position that the log has told.
    pub news: watch::Sender<Position>,
    table: RwLock<Arc<Table>>,
}

/// The routes of one moment: they change when models do.
#[derive(Debug, Default)]
pub struct Table {
    /// The models that they were made from.
    pub models: Vec<Arc<Model>>,
    /// By path.
    pub served: HashMap<Arc<str>, Arc<Served>>,
    /// Those whose paths have parameters, and their streams; the narrowest first.
    patterns: Vec<(Pattern, Form, Arc<Served>)>,
}

/// How a route's rows are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As a page.
    Page,
    /// As a stream.
    Stream,
}

/// What answers a path.
#[derive(Debug)]
pub struct Found<'a> {
    /// The route.
    pub served: &'a Arc<Served>,
    /// What of it.
    pub form: Form,
    /// The values in the path, still encoded.
    pub values: Vec<&'a str>,
}

impl Table {
    fn new(models: Vec<Arc<Model>>, served: HashMap<Arc<str>, Arc<Served>>) -> Self {
        let with_parameters = served.values().filter(|served| !served.route.parameters.is_empty());
        let mut patterns: Vec<_> = with_parameters
            .flat_map(|served| {
                let pattern = &served.route.pattern;
                [
                    (pattern.clone(), Form::Page, Arc::clone(served)),
                    (pattern.of_stream(), Form::Stream, Arc::clone(served)),
                ]
            })
            .collect();
        patterns.sort_by_key(|(pattern, ..)| std::cmp::Reverse(pattern.fixed()));
        Self { models, served, patterns }
    }

    /// What answers a path without parameters.
    #[must_use]
    pub fn fixed(&self, path: &str) -> Option<Found<'_>> {
        let of = |path: &str, form| {
            self.served.get(path).filter(|served| served.route.parameters.is_empty()).map(|served| Found {
                served,
                form,
                values: Vec::new(),
            })
        };
        of(path, Form::Page).or_else(|| of(path.strip_suffix("/stream")?, Form::Stream))
    }

    /// What answers a path with parameters.
    #[must_use]
    pub fn with_parameters<'a>(&'a self, path: &'a str) -> Option<Found<'a>> {
        self.patterns
            .iter()
            .find_map(|(pattern, form, served)| Some(Found { served, form: *form, values: pattern.values(path)? }))
    }
}

/// A route with what the log has told of it.
#[derive(Debug)]
pub struct Served {
    /// The route.
    pub route: Arc<Route>,
    /// Its followers and kept pages.
    pub hub: Hub,
    /// What is measured of it.
    pub meters: Meters,
    cache: Arc<Cache>,
}

impl Server {
    /// The routes as they are now.
    #[must_use]
    pub fn table(&self) -> Arc<Table> {
        Arc::clone(&self.table.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes the routes anew where the models have changed. Who follows a model that has changed or gone is told to read it anew.
    ///
    /// # Errors
    /// Where declarations do not fit the models any more. What does not fit is not served from then on: a model whose access is not declared
    /// any more, for one. The others are.
    pub fn remake(&self, models: Vec<Model>, position: Position) -> Result<(), Error> {
        let old = self.table();
        if old.models.len() == models.len()
            && old.models.iter().zip(&models).all(|(old, new)| **old == *new)
            && !old.served.is_empty()
        {
            return Ok(());
        }
        let models: Vec<_> = models.into_iter().map(Arc::new).collect();
        let (routes, problems) = routes(&self.settings, &models);
        let mut served = HashMap::new();
        for route in routes {
            let kept = old.served.get(&route.path).filter(|served| *served.route == *route);
            let entry = kept.map_or_else(|| Arc::new(Served::new(route, &self.cache, position)), Arc::clone);
            served.insert(Arc::clone(&entry.route.path), entry);
        }
        for gone in
            old.served.values().filter(|old| served.get(&old.route.path).is_none_or(|new| !Arc::ptr_eq(new, old)))
        {
            gone.hub.close(position);
        }
        *self.table.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Table::new(models, served));
        if problems.is_empty() { Ok(()) } else { Err(Error::Settings(problems)) }
    }
}

impl Server {
    /// Behind a pooler nothing can be set for a session, and times must be written in UTC everywhere.
    async fn check_time_zone(&self) -> Result<(), Error> {
        let connection =
            self.database.primary().connection().await.map_err(|problem| Error::Settings(vec![problem.message]))?;
        let rows =
            connection.query("SELECT pg_catalog.current_setting('TimeZone')", &[]).await.map_err(Error::Models)?;
        let zone: &str = rows.first().map_or("", |row| row.get(0));
        let is_utc = matches!(zone, "UTC" | "Etc/UTC" | "GMT" | "Etc/GMT" | "Etc/UCT" | "UCT" | "Zulu" | "Etc/Zulu");
        if is_utc { Ok(()) } else { Err(Error::TimeZone(zone.to_owned())) }
    }

    /// The way to the other servers, where it is declared. Databases are told apart by their server's identity and their name.
    async fn relay(&self) -> Result<Option<Relay>, Error> {
        let Some(declared) = &self.settings.redis else { return Ok(None) };
        let connection =
            self.database.primary().connection().await.map_err(|problem| Error::Settings(vec![problem.message]))?;
        let sql = "SELECT pg_catalog.concat(b.system, ':', pg_catalog.current_database()) FROM headwater.batch AS b ORDER BY b.number DESC LIMIT 1";
        let rows = connection.query(sql, &[]).await.map_err(Error::Models)?;
        let identity: &str = rows.first().map_or("", |row| row.get(0));
        Relay::begin(declared, identity, self.stop.clone()).map(Some)
    }

    /// Lets the database plan every route's page, so that a wrong expression is found when the server starts.
    async fn check(&self) -> Result<(), Error> {
        let table = self.table();
        let mut problems = Vec::new();
        for consumer in &self.settings.consumer {
            let model = table.models.iter().find(|model| model.name.short() == consumer.model);
            if !model.is_some_and(|model| model.retained) {
                let why = if model.is_some() {
                    "does not keep its changes (-- headwater: retain live)"
                } else {
                    "is not there"
                };
                problems.push(format!("consumer {}: the model {} {why}", consumer.group, consumer.model));
            }
        }
        let connection =
            self.database.primary().connection().await.map_err(|problem| Error::Settings(vec![problem.message]))?;
        for served in table.served.values() {
            let route = &served.route;
            let q = route.search.as_ref().map(|_| "a".to_owned());
            let statement = sql::page(route, &Request { limit: route.limit, q, ..Request::default() });
            if let Err(error) = connection.query(&format!("EXPLAIN {}", statement.sql), &statement.parameters).await {
                let hint = route.search.as_ref().and_then(|search| search.hint(&error)).unwrap_or_default();
                problems.push(format!("route {}: {}{hint}", route.path, describe(&error)));
            }
        }
        problems.sort();
        if problems.is_empty() { Ok(()) } else { Err(Error::Settings(problems)) }
    }
}

impl Served {
    fn new(route: Arc<Route>, cache: &Arc<Cache>, position: Position) -> Self {
        let meters = Meters::of(&route.path);
        Self { hub: Hub::new(Arc::clone(&route), Arc::clone(cache), position), meters, route, cache: Arc::clone(cache) }
    }

    fn is_cached(&self) -> bool {
        self.cache.is_on() && self.route.can_be_cached()
    }

    /// The page, where it is kept, and the position it is exact at.
    #[must_use]
    pub fn kept(&self, asked: &Asked) -> Option<(Page, Position)> {
        if !self.is_cached() {
            return None;
        }
        // In this order: a page that is found now has been touched by nothing up to this position.
        let position = self.hub.position();
        let page = self.cache.get(&self.route, &asked.page)?;
        let position = position.max(page.position);
        asked.after.is_none_or(|after| after <= position).then_some((page, position))
    }

    /// Begins to read the page.
    ///
    /// # Errors
    /// What keeps it from being read.
    pub async fn open(&self, server: &Server, asked: &Asked, way: Way, place: Where) -> Result<Reading, Problem> {
        if self.is_cached() || self.route.live {
            self.hub.want();
        }
        let statement = sql::page(&self.route, &asked.page);
        let has_it = |reading: &Reading| asked.after.is_none_or(|after| after <= reading.position);
        if place == Where::Anywhere
            && let Some(read) = of_replica(server, asked, &statement, way).await
        {
            match read {
                Ok(reading) if has_it(&reading) => return Ok(reading),
                Err(problem) if !is_of_server(&problem) => return Err(problem),
                _ => {}
            }
        }
        let reading = Reading::begin(server.database.primary().connection().await?, statement, way).await?;
        if has_it(&reading) {
            Ok(reading)
        } else {
            Err(Problem::unavailable("the position asked for is not reached yet"))
        }
    }

    /// Keeps a page that was read.
    pub fn keep(&self, asked: &Asked, chosen: &Values, span: Span, page: Page) {
        if self.is_cached() {
            let slice = self.slice(&asked.page, chosen);
            self.hub.keep(&slice, &asked.page, span, page.position, page);
        }
    }

    /// What the request is about; `chosen` are the values as the database writes them.
    #[must_use]
    pub fn slice(&self, request: &Request, chosen: &Values) -> Slice {
        let mut columns: Vec<usize> = request.chosen.iter().map(|(column, _)| self.route.tracked_at(*column)).collect();
        columns.sort_unstable();
        let values = columns.iter().map(|column| chosen[*column].clone()).collect();
        Slice { columns: columns.into(), values }
    }
}

/// Begins to read the page from a replica; `None` where none can be read from.
async fn of_replica(
    server: &Server,
    asked: &Asked,
    statement: &sql::Statement,
    way: Way,
) -> Option<Result<Reading, Problem>> {
    let (replica, connection) = server.database.replica(asked.after).await?;
    let read = tokio::select! {
        read = Reading::begin(connection, statement.clone(), way) => read,
        // One that says nothing any more would be waited for until the page's time is over.
        () = replica.left_out() => return None,
    };
    // Others need not find out, too.
    if read.as_ref().is_err_and(|problem| problem.status == StatusCode::SERVICE_UNAVAILABLE) {
        replica.leave_out();
    }
    Some(read)
}

/// Where a server listens, and how it ends.
#[derive(Debug)]
pub struct Running {
    /// The address.
    pub address: std::net::SocketAddr,
    /// The server.
    pub server: Arc<Server>,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    /// Returns when the server has ended.
    pub async fn ended(self) {
        let _ = self.task.await;
    }
}

/// What a server needs besides its settings.
#[derive(Debug)]
pub struct Site<'a> {
    /// The folder that paths in the settings are relative to.
    pub root: &'a std::path::Path,
    /// Static files.
    pub files: Files,
    /// Paths that an application in the same program answers itself. None may be one of the server's own.
    pub beside: Router,
}

impl<'a> Site<'a> {
    /// The site of a project's folder.
    ///
    /// # Errors
    /// Where its static files cannot be read.
    pub fn of_folder(root: &'a std::path::Path, settings: &Serve) -> Result<Self, Error> {
        let files = settings
            .files
            .as_ref()
            .map_or_else(|| Ok(Files::default()), |folder| Files::of_folder(&root.join(folder)))?;
        Ok(Self { root, files, beside: Router::new() })
    }
}

/// Reads the models, makes the routes, and listens, until `stop` says true.
///
/// # Errors
/// Where the declarations do not fit the models, the database cannot be asked, or the address is taken.
pub async fn start(
    config: &Config,
    settings: Serve,
    site: Site<'_>,
    stop: watch::Receiver<bool>,
) -> Result<Running, Error> {
    let client = connect(config).await?;
    let models = model::load(&client).await?;
    drop(client);
    let database = Arc::new(Database::new(config, &settings)?);
    let cache = Arc::new(Cache::new(settings.cache_megabytes << 20));
    let gate = Arc::new(Gate::new(&settings, site.root)?);
    let admin = Admin::declared(config, &settings)?.map(Arc::new);
    let listener = TcpListener::bind(settings.listen)
        .await
        .map_err(|source| Error::Listen { address: settings.listen, source })?;
    let address = listener.local_addr().map_err(|source| Error::Listen { address: settings.listen, source })?;
    let position = database.primary().newest().await.map_err(|problem| Error::Settings(vec![problem.message]))?;
    let server = Arc::new(Server {
        settings,
        database,
        cache,
        gate,
        files: site.files,
        admin,
        stop: stop.clone(),
        news: watch::Sender::new(position),
        table: RwLock::default(),
    });
    server.remake(models, position)?;
    server.check_time_zone().await?;
    server.check().await?;
    let relay = server.relay().await?;
    admin::begin(&server).await?;
    tokio::spawn(Arc::clone(&server.database).keep(server.news.subscribe(), stop.clone()));
    tokio::spawn(Arc::clone(&server.gate).keep(stop.clone()));
    tokio::spawn(follow::follow(Arc::clone(&server), config.clone(), position, relay));
    let router = router::router(&server, site.beside);
    let keeping = listen::Keeping {
        gate: Arc::clone(&server.gate),
        head_timeout: server.settings.limits.head_timeout,
        grace: server.settings.grace,
    };
    let task = tokio::spawn(listen::serve(listener, router, keeping, stop));
    Ok(Running { address, server, task })
}
