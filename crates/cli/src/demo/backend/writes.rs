//! What people do, as ordinary statements on the application's tables: one function and one statement for each.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use deadpool_postgres::Object;
use serde_json::{Value, json};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};

use super::Backend;
use super::asked::{Asked, Id, Text};
use super::people::viewer;
use super::refusal::Refusal;

/// How often a statement is tried that meets others in the database.
const ATTEMPTS: usize = 5;

type Answer = Result<Json<Value>, Refusal>;

const VOTE: &str = "\
INSERT INTO upvotes (user_id, project_id, is_upvote)
VALUES ($1::uuid, $2::uuid, TRUE)
ON CONFLICT (user_id, project_id) DO UPDATE SET is_upvote = TRUE
RETURNING id::text";

const UNVOTE: &str = "\
DELETE FROM upvotes
WHERE user_id = $1::uuid AND project_id = $2::uuid
RETURNING id::text";

#[derive(serde::Deserialize)]
pub struct Vote {
    project_id: Id,
    voted: bool,
}

/// An upvote, or its end.
pub async fn vote(State(backend): State<Arc<Backend>>, Asked { viewer, what }: Asked<Vote>) -> Answer {
    run(&backend, if what.voted { VOTE } else { UNVOTE }, &[&viewer.id, &what.project_id.0]).await
}

const VOTED: &str = "\
SELECT EXISTS (SELECT FROM upvotes WHERE user_id = $1::uuid AND project_id = $2::uuid AND is_upvote)";

#[derive(serde::Deserialize)]
pub struct OfProject {
    project_id: Id,
}

/// Whether the one who asks has voted for a project.
pub async fn voted(State(backend): State<Arc<Backend>>, headers: HeaderMap, Query(of): Query<OfProject>) -> Answer {
    let viewer = viewer(&backend, &headers).ok_or_else(Refusal::nobody)?;
    let client = backend.pool.get().await.map_err(|_| Refusal::unreachable())?;
    let found = async {
        let statement = client.prepare_typed_cached(VOTED, &[Type::TEXT, Type::TEXT]).await?;
        client.query_one(&statement, &[&viewer.id, &of.project_id.0]).await
    };
    let row = found.await.map_err(|error| Refusal::of_database(&error))?;
    Ok(Json(json!({ "voted": row.get::<_, bool>(0) })))
}

const COMMENT: &str = "\
INSERT INTO comments (user_id, project_id, content)
VALUES ($1::uuid, $2::uuid, $3)
RETURNING id::text";

#[derive(serde::Deserialize)]
pub struct Comment {
    project_id: Id,
    content: Text,
}

/// A comment on a project.
pub async fn comment(State(backend): State<Arc<Backend>>, Asked { viewer, what }: Asked<Comment>) -> Answer {
    run(&backend, COMMENT, &[&viewer.id, &what.project_id.0, &what.content.0]).await
}

const MESSAGE: &str = "\
INSERT INTO direct_messages (sender_id, recipient_id, message)
VALUES ($1::uuid, $2::uuid, $3)
RETURNING id::text";

#[derive(serde::Deserialize)]
pub struct Message {
    recipient_id: Id,
    message: Text,
}

/// A message to somebody.
pub async fn message(State(backend): State<Arc<Backend>>, Asked { viewer, what }: Asked<Message>) -> Answer {
    run(&backend, MESSAGE, &[&viewer.id, &what.recipient_id.0, &what.message.0]).await
}

const FOLLOW: &str = "\
INSERT INTO chain_followers (user_id, chain_id)
SELECT $1::uuid, c.id FROM chains c
WHERE c.id = $2::uuid AND c.is_active AND (c.is_public OR c.creator_id = $1::uuid)
ON CONFLICT (chain_id, user_id) DO NOTHING
RETURNING id::text";

const UNFOLLOW: &str = "\
DELETE FROM chain_followers
WHERE user_id = $1::uuid AND chain_id = $2::uuid
RETURNING id::text";

#[derive(serde::Deserialize)]
pub struct Follow {
    chain_id: Id,
    following: bool,
}

/// Follows a chain, or stops that. Private chains are followed by their creators only.
pub async fn follow(State(backend): State<Arc<Backend>>, Asked { viewer, what }: Asked<Follow>) -> Answer {
    run(&backend, if what.following { FOLLOW } else { UNFOLLOW }, &[&viewer.id, &what.chain_id.0]).await
}

const READ_CONVERSATION: &str = "\
UPDATE direct_messages SET is_read = TRUE, updated_at = now()
WHERE recipient_id = $1::uuid AND sender_id = $2::uuid AND NOT is_read
RETURNING id::text";

const READ_NOTIFICATION: &str = "\
UPDATE notifications SET is_read = TRUE
WHERE user_id = $1::uuid AND id = $2::uuid AND NOT is_read
RETURNING id::text";

const READ_NOTIFICATIONS: &str = "\
UPDATE notifications SET is_read = TRUE
WHERE user_id = $1::uuid AND NOT is_read
RETURNING id::text";

#[derive(serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Read {
    /// All that this user has written to the one who asks.
    Conversation(Id),
    Notification(Id),
    AllNotifications,
}

/// Marks as read.
pub async fn read(State(backend): State<Arc<Backend>>, Asked { viewer, what }: Asked<Read>) -> Answer {
    match what {
        Read::Conversation(Id(other)) => run(&backend, READ_CONVERSATION, &[&viewer.id, &other]).await,
        Read::Notification(Id(id)) => run(&backend, READ_NOTIFICATION, &[&viewer.id, &id]).await,
        Read::AllNotifications => run(&backend, READ_NOTIFICATIONS, &[&viewer.id]).await,
    }
}

const ANSWER: &str = "\
UPDATE intro_requests SET status = $3, updated_at = now()
WHERE builder_id = $1::uuid AND id = $2::uuid
RETURNING id::text";

#[derive(serde::Deserialize)]
pub struct Answered {
    intro_id: Id,
    approved: bool,
}

/// A builder's answer to an investor.
pub async fn answer(State(backend): State<Arc<Backend>>, Asked { viewer, what }: Asked<Answered>) -> Answer {
    let status = if what.approved { "approved" } else { "rejected" };
    run(&backend, ANSWER, &[&viewer.id, &what.intro_id.0, status]).await
}

/// Runs a statement, again where it meets others, and tells what was run.
async fn run(backend: &Backend, sql: &'static str, parameters: &[&str]) -> Answer {
    let client = backend.pool.get().await.map_err(|_| Refusal::unreachable())?;
    let began = Instant::now();
    let mut attempts = 1;
    let ids = loop {
        match attempt(&client, sql, parameters).await {
            Ok(ids) => break ids,
            Err(error) if attempts < ATTEMPTS && is_conflict(&error) => attempts += 1,
            Err(error) => return Err(Refusal::of_database(&error)),
        }
    };
    let milliseconds = began.elapsed().as_secs_f64() * 1000.0;
    Ok(Json(json!({
        "sql": sql,
        "parameters": parameters,
        "rows": ids.len(),
        "id": ids.first(),
        "milliseconds": (milliseconds * 100.0).round() / 100.0,
    })))
}

/// All parameters are texts; the statements say what they are made into.
async fn attempt(
    client: &Object,
    sql: &'static str,
    parameters: &[&str],
) -> Result<Vec<String>, tokio_postgres::Error> {
    let statement = client.prepare_typed_cached(sql, &vec![Type::TEXT; parameters.len()]).await?;
    let parameters: Vec<&(dyn ToSql + Sync)> = parameters.iter().map(|text| text as _).collect();
    let rows = client.query(&statement, &parameters).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Others wanted the same rows: it may be tried again.
fn is_conflict(error: &tokio_postgres::Error) -> bool {
    matches!(error.code(), Some(&SqlState::T_R_SERIALIZATION_FAILURE | &SqlState::T_R_DEADLOCK_DETECTED))
}
