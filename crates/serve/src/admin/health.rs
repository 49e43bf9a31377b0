//! Document 003's `GET /admin/denormalization-health`: its envelope and its fields, for every model, with what is true.
//!
//! Eventual models are what 003 calls materialized views, realtime ones what it calls denormalized tables. `row_count` is counted where
//! that is quick, and estimated where the model is large; `row_count_exact` says which.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use headwater_catalog::QualifiedName;
use headwater_deploy::health::Versions;
use headwater_deploy::status::ModelStatus;
use headwater_postgres::Client;
use serde_json::{Map, Value, json};

use super::look::{Look, refreshes};
use super::{Admin, overview, watch};
use crate::http::problem::Problem;
use crate::observe;
use crate::server::Server;

/// The largest model whose rows are counted, in bytes with its indexes: some tens of milliseconds.
const COUNTED: i64 = 64 << 20;

/// How many refreshes are told of.
const RECENT: i64 = 10;

/// Answers.
pub async fn check(State(server): State<Arc<Server>>, headers: HeaderMap) -> Response {
    let found = match server.gate.admin(&headers).await {
        Ok(_) => read(&server).await,
        Err(problem) => Err(problem),
    };
    match found {
        Ok(health) => {
            let envelope = json!({ "status": "success", "message": "Denormalization health check", "data": health });
            ([(header::CACHE_CONTROL, "no-store")], Json(envelope)).into_response()
        }
        Err(problem) => {
            observe::problem(problem.code);
            refused(&problem)
        }
    }
}

/// A problem in 003's words, with the code and the hint besides.
fn refused(problem: &Problem) -> Response {
    let (error, message) = match problem.status {
        StatusCode::UNAUTHORIZED => ("Unauthorized", problem.message.as_str()),
        StatusCode::FORBIDDEN => ("Forbidden", "Admin only"),
        _ => ("Unavailable", problem.message.as_str()),
    };
    let code = format!("HW{:04}", problem.code);
    let body = json!({ "status": "error", "error": error, "message": message, "code": code, "hint": problem.hint });
    let (mut parts, _) = problem.clone().into_response().into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, body.to_string().into())
}

async fn read(server: &Server) -> Result<Value, Problem> {
    let Some(admin) = &server.admin else { return Err(Problem::not_found()) };
    let look = watch::look(server, admin).await?;
    let connection = admin.connection().await?;
    let client = connection.client();
    let (mut views, mut tables) = (Map::new(), Map::new());
    for (name, versions) in look.models() {
        let Some(main) = versions.main() else { continue };
        let shown = model(client, admin, &look, name, &versions, main).await;
        if main.mode == "eventual" { &mut views } else { &mut tables }.insert(name.to_owned(), shown);
    }
    let batches = look.status.batches.as_ref();
    Ok(json!({
        "status": overview::worst(admin, &look),
        "materialized_views": views,
        "denormalized_tables": tables,
        "recent_refreshes": refreshes(client, None, Some("completed"), RECENT).await?,
        "recent_failures": refreshes(client, None, Some("failed"), RECENT).await?,
        "batches": batches.map_or(Value::Null, overview::batches),
        "batches_by_minute": refreshes(client, Some("batches"), None, RECENT).await?,
    }))
}

async fn model(
    client: &Client,
    admin: &Admin,
    look: &Look,
    name: &str,
    versions: &Versions<'_>,
    main: &ModelStatus,
) -> Value {
    let health = look.health(versions, admin.watch.clean(&main.table));
    let counted = if main.bytes <= COUNTED && versions.serving.is_some() { count(client, name).await } else { None };
    let estimated = look.tables.get(&main.table).and_then(|counted| counted.rows);
    json!({
        "row_count": counted.or(estimated),
        "row_count_exact": counted.is_some(),
        "status": health.status,
        "lag_ms": health.lag_ms,
        "allowed_lag_ms": health.allowed_lag_ms,
        "reason": health.reason,
        "fix": health.fix,
        "tier": main.tier,
        "last_verify": overview::verified(main),
    })
}

/// The rows that readers see; none where they cannot be counted, for want of a right or of time.
async fn count(client: &Client, name: &str) -> Option<i64> {
    let (schema, name) = name.split_once('.').unwrap_or(("public", name));
    let view = QualifiedName::parse(schema, name).ok()?;
    let row = client.query_one(&format!("SELECT count(*) FROM {view}"), &[]).await;
    row.map_err(|error| tracing::warn!(%view, error = %headwater_postgres::describe(&error), "rows cannot be counted"))
        .ok()
        .map(|row| row.get(0))
}
