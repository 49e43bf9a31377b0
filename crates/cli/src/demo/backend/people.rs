//! Who may be signed in as, and tokens: what an identity provider does elsewhere.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde_json::{Value, json};
use tokio_postgres::types::Type;

use super::Backend;
use super::asked::{Id, own};
use super::refusal::Refusal;

/// How long somebody stays signed in.
const LIFE: Duration = Duration::from_secs(12 * 3600);

/// Those who get the most messages, of each kind some: on their pages something happens.
const CAST: &str = "
WITH post AS (
    SELECT recipient_id AS id, count(*) AS messages FROM direct_messages WHERE sender_id <> recipient_id GROUP BY recipient_id
), person AS (
    SELECT u.id, coalesce(post.messages, 0) AS messages,
           CASE WHEN u.is_admin THEN 4
                WHEN u.is_validator THEN 2
                WHEN EXISTS (SELECT FROM investor_requests r WHERE r.user_id = u.id AND r.status = 'approved') THEN 3
                ELSE 1 END AS kind
    FROM users u LEFT JOIN post USING (id)
    WHERE u.is_active
), placed AS (
    SELECT id, kind, messages, row_number() OVER (PARTITION BY kind ORDER BY messages DESC, id) AS place FROM person
)
SELECT id::text FROM placed WHERE place <= CASE kind WHEN 1 THEN 4 ELSE 2 END ORDER BY kind, place";

/// People as the site shows them.
const PEOPLE: &str = "
SELECT u.id::text, u.username, u.is_verified, u.is_admin, u.is_validator,
       EXISTS (SELECT FROM investor_requests r WHERE r.user_id = u.id AND r.status = 'approved') AS is_investor
FROM unnest($1) WITH ORDINALITY AS wanted (id, place)
JOIN users u ON u.id = wanted.id::uuid
WHERE u.is_active
ORDER BY wanted.place";

/// Who asks.
#[derive(serde::Serialize, serde::Deserialize)]
pub struct Viewer {
    /// The user's id.
    #[serde(rename = "sub")]
    pub id: String,
    /// `admin`, or `user`.
    role: String,
    /// When the token ends, in seconds since 1970.
    exp: u64,
}

#[derive(serde::Deserialize)]
struct SignIn {
    user_id: Id,
}

/// Whom the site offers to be, and who the browser is now.
pub async fn users(State(backend): State<Arc<Backend>>, headers: HeaderMap) -> Result<Json<Value>, Refusal> {
    let cast = backend.cast.get_or_try_init(|| cast(&backend)).await?;
    let you = match viewer(&backend, &headers) {
        Some(viewer) => people(&backend, &[viewer.id]).await?.pop(),
        None => None,
    };
    Ok(Json(json!({ "users": people(&backend, cast).await?, "you": you })))
}

/// A token for anybody: this is a demo.
pub async fn sign_in(State(backend): State<Arc<Backend>>, request: Request) -> Result<Json<Value>, Refusal> {
    let SignIn { user_id } = own(request, &backend).await?;
    let found = people(&backend, &[user_id.0]).await?.pop();
    let user = found.ok_or_else(|| Refusal(StatusCode::NOT_FOUND, "there is no such user any more".to_owned()))?;
    let token = token(&backend, &user);
    Ok(Json(json!({ "user": user, "token": token })))
}

/// Who the token in the cookie names.
pub fn viewer(backend: &Backend, headers: &HeaderMap) -> Option<Viewer> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = cookies.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let (_, token) = pairs.into_iter().find(|(name, _)| *name == backend.cookie)?;
    let key = DecodingKey::from_secret(backend.secret.as_bytes());
    decode::<Viewer>(token, &key, &Validation::new(Algorithm::HS256)).ok().map(|token| token.claims)
}

fn token(backend: &Backend, user: &Value) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let role = if user["is_admin"] == true { "admin" } else { "user" };
    let id = user["id"].as_str().unwrap_or_default().to_owned();
    let claims = Viewer { id, role: role.to_owned(), exp: (now + LIFE).as_secs() };
    let key = EncodingKey::from_secret(backend.secret.as_bytes());
    encode(&Header::default(), &claims, &key).expect("these claims can be signed")
}

async fn cast(backend: &Backend) -> Result<Vec<String>, Refusal> {
    let client = backend.pool.get().await.map_err(|_| Refusal::unreachable())?;
    let rows = client.query(CAST, &[]).await.map_err(|error| Refusal::of_database(&error))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

async fn people(backend: &Backend, ids: &[String]) -> Result<Vec<Value>, Refusal> {
    let client = backend.pool.get().await.map_err(|_| Refusal::unreachable())?;
    let found = async {
        let statement = client.prepare_typed_cached(PEOPLE, &[Type::TEXT_ARRAY]).await?;
        client.query(&statement, &[&ids]).await
    };
    let rows = found.await.map_err(|error| Refusal::of_database(&error))?;
    let person = |row: &tokio_postgres::Row| {
        json!({
            "id": row.get::<_, &str>("id"),
            "username": row.get::<_, &str>("username"),
            "is_verified": row.get::<_, bool>("is_verified"),
            "is_admin": row.get::<_, bool>("is_admin"),
            "is_validator": row.get::<_, bool>("is_validator"),
            "is_investor": row.get::<_, bool>("is_investor"),
        })
    };
    Ok(rows.iter().map(person).collect())
}
