//! What administrators see and do, where `[serve.admin]` is declared: the health of the models, and the console.
//!
//! | module | does |
//! | --- | --- |
//! | [`look`] | reads how everything is |
//! | [`watch`] | looks every second, and remembers: what waits since when, how much changes |
//! | [`overview`] | all of it as JSON, and as a series |
//! | [`model`] | one model: its SELECT, its plan, what is installed of it |
//! | [`health`] | document 003's health check |
//! | [`operations`] | verify, repair, refresh |
//! | [`console`] | the page |
//! | [`document`] | the paths in `/openapi.json` |
//!
//! Everything but the page itself is told to administrators only. What changes something is a POST that carries nothing, and is refused
//! where a page of another site sends it.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use headwater_deploy::project::Serve;
use headwater_deploy::project::serve::{Admin as Settings, Pool as PoolSettings};
use headwater_postgres::{Config, parse_url};
use serde_json::Value;

use crate::database::{Connection, Pool};
use crate::error::Error;
use crate::http::files::Files;
use crate::http::problem::Problem;
use crate::observe;
use crate::server::Server;
use operations::Operations;
use watch::Watch;

pub mod console;
pub mod document;
pub mod health;
pub mod look;
pub mod model;
pub mod operations;
pub mod overview;
pub mod watch;

/// Connections for looking.
const CONNECTIONS: usize = 2;

/// How many rows of the refresh log are shown.
const REFRESHES: i64 = 40;

/// What administrators have.
#[derive(Debug)]
pub struct Admin {
    settings: Settings,
    /// How operations connect.
    config: Config,
    pool: Pool,
    watch: Watch,
    operations: Operations,
    page: Files,
}

impl Admin {
    /// With what `[serve.admin]` declares; nothing where it is not declared.
    ///
    /// # Errors
    /// Everything that is wrong with the declaration, at once.
    pub fn declared(config: &Config, settings: &Serve) -> Result<Option<Self>, Error> {
        let Some(declared) = &settings.admin else { return Ok(None) };
        let problems = problems(declared, settings);
        if !problems.is_empty() {
            return Err(Error::Settings(problems));
        }
        let config = declared.database.as_deref().map_or_else(|| Ok(config.clone()), parse_url)?;
        let sizes = PoolSettings { size: CONNECTIONS, overflow: CONNECTIONS, ..settings.pool.clone() };
        Ok(Some(Self {
            settings: declared.clone(),
            pool: Pool::new(&config, &sizes, settings.timeout)?,
            config,
            watch: Watch::default(),
            operations: Operations::default(),
            page: console::files(),
        }))
    }

    /// The paths, as OpenAPI describes them.
    #[must_use]
    pub fn document(&self) -> Vec<(String, Value)> {
        document::paths(&self.settings)
    }

    async fn connection(&self) -> Result<Connection, Problem> {
        self.pool.connection().await
    }
}

/// What is wrong with the declaration.
fn problems(declared: &Settings, serve: &Serve) -> Vec<String> {
    let mut problems = Vec::new();
    if serve.auth.secret_env.is_none() && serve.auth.jwks.is_none() {
        problems
            .push("admin: administrators prove who they are; declare secret_env or jwks in [serve.auth]".to_owned());
    } else if declared.console && serve.auth.cookie.is_none() {
        problems.push(
            "admin: the console signs in with a cookie; declare cookie in [serve.auth], or console = false".to_owned(),
        );
    }
    let path = &declared.health;
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_' | '.');
    let taken = ["/console", "/v1/", "/session/", "/healthz/", "/readyz/", "/metrics/", "/openapi.json/"];
    let is_taken = taken.iter().any(|own| format!("{path}/").starts_with(own));
    if !path.starts_with('/') || path.ends_with('/') || path.contains("//") || !path.chars().all(word) || is_taken {
        problems.push("admin: health is a path of its own such as /admin/denormalization-health".to_owned());
    }
    for route in &serve.route {
        let below = format!("{}/", route.path);
        let is_console = declared.console && below.starts_with("/console/");
        if route.path == *path || is_console || below.starts_with("/v1/admin/") {
            problems.push(format!("route {}: this path is the administrators'", route.path));
        }
    }
    problems
}

/// Looks for the first time, so that a role that may not is found out at once, and then every second.
///
/// # Errors
/// Where the role may not read what it must.
pub async fn begin(server: &Arc<Server>) -> Result<(), Error> {
    let Some(admin) = &server.admin else { return Ok(()) };
    watch::look(server, admin).await.map_err(|problem| {
        let hint = "the role must be the one that runs apply; name its address as database in [serve.admin]";
        Error::Settings(vec![format!("admin: {}; {hint}", problem.message)])
    })?;
    tokio::spawn(watch::keep(Arc::clone(server), Arc::clone(admin)));
    Ok(())
}

/// The administrators' paths; none where they are not declared.
pub fn router(server: &Arc<Server>) -> Router<Arc<Server>> {
    let Some(admin) = &server.admin else { return Router::new() };
    let router = Router::new()
        .route(&admin.settings.health, get(self::health::check))
        .route("/v1/admin/overview", get(see_overview))
        .route("/v1/admin/series", get(see_series))
        .route("/v1/admin/refreshes", get(see_refreshes))
        .route("/v1/admin/models/{name}", get(see_model))
        .route("/v1/admin/models/{name}/{operation}", post(operate))
        .route("/v1/admin/operations/{number}", get(see_operation));
    if !admin.settings.console {
        return router;
    }
    let page = get(console::page);
    router.route("/console", get(console::enter)).route("/console/", page.clone()).route("/console/{*file}", page)
}

async fn see_overview(State(server): State<Arc<Server>>, headers: HeaderMap) -> Response {
    told(overview(&server, &headers).await)
}

async fn overview(server: &Arc<Server>, headers: &HeaderMap) -> Result<Response, Problem> {
    let viewer = server.gate.admin(headers).await?;
    Ok(json(overview::now(server, here(server)?, &viewer)))
}

async fn see_series(State(server): State<Arc<Server>>, uri: Uri, headers: HeaderMap) -> Response {
    told(series(&server, &uri, &headers).await)
}

async fn series(server: &Arc<Server>, uri: &Uri, headers: &HeaderMap) -> Result<Response, Problem> {
    server.gate.admin(headers).await?;
    let since = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).find(|(name, _)| name == "since");
    let since = match since {
        None => 0,
        Some((_, text)) => text.parse::<u64>().map_err(|_| Problem::bad(724, "since is the n of a sample"))?,
    };
    Ok(json(here(server)?.watch.series(since)))
}

async fn see_refreshes(State(server): State<Arc<Server>>, headers: HeaderMap) -> Response {
    told(refreshes(&server, &headers).await)
}

async fn refreshes(server: &Arc<Server>, headers: &HeaderMap) -> Result<Response, Problem> {
    server.gate.admin(headers).await?;
    let connection = here(server)?.connection().await?;
    let client = connection.client();
    Ok(json(serde_json::json!({
        "refreshes": look::refreshes(client, None, None, REFRESHES).await?,
        "batches": look::refreshes(client, Some("batches"), None, REFRESHES / 4).await?,
    })))
}

async fn see_model(State(server): State<Arc<Server>>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    told(model(&server, &name, &headers).await)
}

async fn model(server: &Arc<Server>, name: &str, headers: &HeaderMap) -> Result<Response, Problem> {
    server.gate.admin(headers).await?;
    let admin = here(server)?;
    let connection = admin.connection().await?;
    Ok(json(model::read(connection.client(), name).await?))
}

async fn see_operation(State(server): State<Arc<Server>>, Path(number): Path<u64>, headers: HeaderMap) -> Response {
    told(operation(&server, number, &headers).await)
}

async fn operation(server: &Arc<Server>, number: u64, headers: &HeaderMap) -> Result<Response, Problem> {
    server.gate.admin(headers).await?;
    Ok(json(here(server)?.operations.get(number).ok_or_else(operations::unknown)?))
}

async fn operate(
    State(server): State<Arc<Server>>,
    Path((name, kind)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    told(begin_operation(&server, &name, &kind, &headers).await)
}

async fn begin_operation(
    server: &Arc<Server>,
    name: &str,
    kind: &str,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    server.gate.own_page(headers)?;
    let viewer = server.gate.admin(headers).await?;
    let operation = operations::begin(server, here(server)?, name, kind, viewer.subject.as_deref())?;
    Ok((StatusCode::ACCEPTED, json(operation)).into_response())
}

/// The administrators' part; there are no paths without it.
fn here(server: &Server) -> Result<&Arc<Admin>, Problem> {
    server.admin.as_ref().ok_or_else(Problem::not_found)
}

fn json(value: impl serde::Serialize) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], Json(value)).into_response()
}

fn told(answer: Result<Response, Problem>) -> Response {
    answer.unwrap_or_else(|problem| {
        observe::problem(problem.code);
        problem.into_response()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_declared_must_fit() {
        let auth = "[serve.auth]\nsecret_env = \"X\"\ncookie = \"s\"\n";
        let found = |text: &str| {
            let settings =
                headwater_deploy::project::parse_settings("headwater.toml", text.to_owned()).expect("settings");
            let serve = settings.serve;
            serve.admin.as_ref().map(|admin| problems(admin, &serve).len())
        };
        assert_eq!(found("[serve]\n"), None);
        assert_eq!(found("[serve.admin]\n"), Some(1));
        assert_eq!(found(&format!("[serve.admin]\n{auth}")), Some(0));
        assert_eq!(found("[serve.admin]\n[serve.auth]\nsecret_env = \"X\"\n"), Some(1));
        assert_eq!(found("[serve.admin]\nconsole = false\n[serve.auth]\nsecret_env = \"X\"\n"), Some(0));
        for path in ["", "health", "/", "/console/x", "/v1/admin/x", "/metrics", "/a//b", "/{x}", "/a/"] {
            assert_eq!(found(&format!("[serve.admin]\nhealth = \"{path}\"\n{auth}")), Some(1), "{path}");
        }
        let route = "[[serve.route]]\npath = \"/admin/denormalization-health\"\nmodel = \"m\"\n";
        assert_eq!(found(&format!("[serve.admin]\n{auth}{route}")), Some(1));
    }
}
