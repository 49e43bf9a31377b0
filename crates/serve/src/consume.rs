//! Consumer groups over HTTP: `/v1/consumers/{group}/{model}/…`, for whoever `[[serve.consumer]]` names. The groups themselves are in the database
//! (`headwater.poll`, `headwater.commit`), so that members may come by HTTP or by SQL, to any server.
//!
//! | request | does |
//! | --- | --- |
//! | `POST …/poll?member=a&max=100&lease=30&wait=20` | what comes next, as soon as there is something, at the latest after `wait` seconds |
//! | `POST …/commit?member=a&partition=0&position=1.4711` | all of a partition up to there is processed |
//! | `POST …/leave?member=a` | the others take its partitions at once |
//! | `GET …/stream?member=a` | the same as polls, as events; what comes after `max` entries comes once they are committed |

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::Stream;
use headwater_deploy::project::serve::Consumer;
use tokio::time::{Instant, timeout};

use crate::access::Viewer;
use crate::access::client::Client;
use crate::access::limits::Slot;
use crate::http::problem::Problem;
use crate::observe;
use crate::page::request::pairs;
use crate::position::Position;
use crate::server::Server;

/// The longest that a poll waits for something to come, in seconds.
const LONGEST_WAIT: u32 = 60;

/// How often a stream looks whether what it has sent is committed.
const LOOK: Duration = Duration::from_millis(100);

/// A member that waits says so at least this often; the shortest lease is a second.
const ALIVE: Duration = Duration::from_millis(500);

/// A member of a declared group, with what it asks for.
struct Member {
    server: Arc<Server>,
    declared: Consumer,
    name: String,
    max: u32,
    lease: u32,
    wait: Duration,
}

/// What a poll gave.
struct Entry {
    partition: i32,
    position: Position,
    json: String,
}

/// Answers a request of a consumer.
pub async fn answer(
    State(server): State<Arc<Server>>,
    Path((group, model, action)): Path<(String, String, String)>,
    request: Request,
) -> Response {
    let (parts, _) = request.into_parts();
    answered(&server, [&group, &model, &action], &parts).await.unwrap_or_else(|problem| {
        observe::problem(problem.code);
        problem.into_response()
    })
}

async fn answered(server: &Arc<Server>, path: [&str; 3], request: &Parts) -> Result<Response, Problem> {
    let [group, model, action] = path;
    let viewer = server.gate.viewer(&request.headers).await?;
    let declared = server.settings.consumer.iter().find(|declared| declared.group == group && declared.model == model);
    // Who may not consume is not told which groups there are.
    let declared = match (declared, &viewer.subject) {
        (_, None) => return Err(Problem::unauthorized()),
        (Some(declared), Some(subject)) if declared.subject == *subject => declared,
        _ => return Err(Problem::forbidden()),
    };
    let wanted = if action == "stream" { Method::GET } else { Method::POST };
    if request.method != wanted {
        return Err(Problem::new(StatusCode::METHOD_NOT_ALLOWED, 728, format!("{action} is asked for with {wanted}")));
    }
    let mut given = Given::read(request.uri.query())?;
    let mut member = Member {
        server: Arc::clone(server),
        declared: declared.clone(),
        name: given.text("member")?,
        max: 100,
        lease: 30,
        wait: Duration::ZERO,
    };
    match action {
        "poll" => {
            member.max = given.number("max", member.max, 1..=10_000)?;
            member.lease = given.number("lease", member.lease, 1..=3600)?;
            member.wait = Duration::from_secs(given.number("wait", 0, 0..=LONGEST_WAIT)?.into());
            given.nothing_else()?;
            let entries: Vec<_> = member.wait_for_entries().await?.into_iter().map(|entry| entry.json).collect();
            Ok(json(format!("{{\"entries\":[{}]}}", entries.join(","))))
        }
        "commit" => {
            let partition = given.text("partition")?;
            let position = given.text("position")?;
            given.nothing_else()?;
            partition.parse::<i32>().map_err(|_| Problem::bad(724, "a partition is a number"))?;
            let sql = "SELECT headwater.commit($1, $2, $3, $4::int, $5)";
            member.run(sql, &[Some(partition), Some(position)]).await?;
            Ok(json("{\"committed\":true}".to_owned()))
        }
        "leave" => {
            given.nothing_else()?;
            member.run("SELECT headwater.leave($1, $2, $3)", &[]).await?;
            Ok(json("{\"left\":true}".to_owned()))
        }
        "stream" => {
            member.max = given.number("max", member.max, 1..=10_000)?;
            member.lease = given.number("lease", member.lease, 1..=3600)?;
            given.nothing_else()?;
            let slot = server.gate.limits.stream(Client::of(request, &server.gate.limits.proxies))?;
            let first = member.poll().await?;
            Ok(events(member.stream(first, viewer, slot)))
        }
        _ => Err(Problem::not_found()),
    }
}

impl Member {
    /// Polls until something comes, or the time is over, or the server ends.
    async fn wait_for_entries(&self) -> Result<Vec<Entry>, Problem> {
        let until = Instant::now() + self.wait;
        let (mut news, mut stop) = (self.server.news.subscribe(), self.server.stop.clone());
        loop {
            news.mark_unchanged();
            let entries = self.poll().await?;
            let left = until.saturating_duration_since(Instant::now());
            if !entries.is_empty() || left.is_zero() || *stop.borrow_and_update() {
                return Ok(entries);
            }
            tokio::select! {
                _ = timeout(left.min(ALIVE), news.changed()) => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// Polls once. A group that is declared and not there yet is made.
    async fn poll(&self) -> Result<Vec<Entry>, Problem> {
        let sql = "SELECT p.partition, p.\"position\", pg_catalog.json_build_object('partition', p.partition, 'position', p.\"position\", 'op', p.op, \
                   'key', p.key, 'row', p.\"row\", 'at', p.at)::text FROM headwater.poll($1, $2, $3, $4::int, pg_catalog.make_interval(secs => $5::int)) AS p";
        let more = [Some(self.max.to_string()), Some(self.lease.to_string())];
        let rows = match self.run(sql, &more).await {
            Err(problem) if problem.code == 762 => {
                let partitions = self.declared.partitions.to_string();
                let subscribe = "SELECT headwater.subscribe($1, $2, $3::int)";
                self.query(
                    subscribe,
                    &[Some(self.declared.group.clone()), Some(self.declared.model.clone()), Some(partitions)],
                )
                .await?;
                self.run(sql, &more).await?
            }
            rows => rows?,
        };
        let entry = |row: &tokio_postgres::Row| {
            let position = row.get::<_, &str>(1).parse().map_err(|_| Problem::unavailable("a position is none"))?;
            Ok(Entry { partition: row.get(0), position, json: row.get(2) })
        };
        rows.iter().map(entry).collect()
    }

    /// Runs a statement whose first parameters are group, model and member.
    async fn run(&self, sql: &str, more: &[Option<String>]) -> Result<Vec<tokio_postgres::Row>, Problem> {
        let own = [&self.declared.group, &self.declared.model, &self.name].map(|text| Some(text.clone()));
        self.query(sql, &[own.as_slice(), more].concat()).await
    }

    async fn query(&self, sql: &str, parameters: &[Option<String>]) -> Result<Vec<tokio_postgres::Row>, Problem> {
        let connection = self.server.database.primary().connection().await?;
        connection.write(sql.to_owned(), parameters.to_vec()).await.map_err(|error| refused(&error))
    }

    /// What polls give, as events; each entry once. It ends with the token, and with the server.
    fn stream(self, first: Vec<Entry>, viewer: Viewer, slot: Slot) -> impl Stream<Item = Bytes> + Send {
        async_stream::stream! {
            let _slot = slot;
            let mut sent: HashMap<i32, Position> = HashMap::new();
            let mut entries = Some(first);
            let (mut news, mut stop) = (self.server.news.subscribe(), self.server.stop.clone());
            let mut spoken = Instant::now();
            loop {
                news.mark_unchanged();
                let found = match entries.take() {
                    Some(found) => Ok(found),
                    None => Box::pin(self.poll()).await,
                };
                let found = match found {
                    Ok(found) => found,
                    Err(problem) => {
                        yield Bytes::from(format!("event: error\ndata: {}\n\n", problem.json()));
                        return;
                    }
                };
                let waits = !found.is_empty();
                for entry in found {
                    if sent.get(&entry.partition).is_none_or(|sent| *sent < entry.position) {
                        sent.insert(entry.partition, entry.position);
                        spoken = Instant::now();
                        yield Bytes::from(format!("event: entry\ndata: {}\n\n", entry.json));
                    }
                }
                if spoken.elapsed() >= self.server.settings.keepalive {
                    spoken = Instant::now();
                    yield Bytes::from_static(b":keepalive\n\n");
                }
                tokio::select! {
                    () = tokio::time::sleep(LOOK), if waits => {}
                    _ = timeout(ALIVE, news.changed()), if !waits => {}
                    _ = stop.wait_for(|stop| *stop) => return,
                }
                if viewer.expires.is_some_and(|expires| expires <= SystemTime::now()) {
                    yield Bytes::from(format!("event: error\ndata: {}\n\n", Problem::unauthorized().json()));
                    return;
                }
            }
        }
    }
}

/// What the functions in the database refuse; their words are meant for whoever calls them.
fn refused(error: &tokio_postgres::Error) -> Problem {
    let Some(told) = error.as_db_error() else { return Problem::of_database(error) };
    let problem = match told.code().code() {
        "22023" => Problem::bad(724, told.message()),
        "55000" => Problem::new(StatusCode::CONFLICT, 761, told.message()),
        "42704" => Problem::new(StatusCode::NOT_FOUND, 762, told.message()),
        _ => return Problem::of_database(error),
    };
    match told.hint() {
        Some(hint) => problem.hint(hint),
        None => problem,
    }
}

fn json(text: String) -> Response {
    let head = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (head, text).into_response()
}

fn events(stream: impl Stream<Item = Bytes> + Send + 'static) -> Response {
    use futures_util::StreamExt as _;
    let mut response = Body::from_stream(stream.map(Ok::<_, Infallible>)).into_response();
    let head = response.headers_mut();
    head.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    head.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    head.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// The parameters of a request, each of which is taken once.
struct Given(BTreeMap<String, String>);

impl Given {
    fn read(query: Option<&str>) -> Result<Self, Problem> {
        let mut given = BTreeMap::new();
        for (name, value) in pairs(query.unwrap_or_default()) {
            if value.contains('\0') {
                return Err(Problem::bad(722, format!("the parameter {name} holds a zero byte")));
            }
            if given.insert(name.clone(), value).is_some() {
                return Err(Problem::bad(721, format!("the parameter {name} is given twice")));
            }
        }
        Ok(Self(given))
    }

    fn text(&mut self, name: &str) -> Result<String, Problem> {
        self.0.remove(name).ok_or_else(|| Problem::bad(724, format!("the parameter {name} is missing")))
    }

    fn number(&mut self, name: &str, otherwise: u32, range: std::ops::RangeInclusive<u32>) -> Result<u32, Problem> {
        let Some(text) = self.0.remove(name) else { return Ok(otherwise) };
        let wrong = || Problem::bad(724, format!("{name} is a number from {} to {}", range.start(), range.end()));
        text.parse().ok().filter(|number| range.contains(number)).ok_or_else(wrong)
    }

    fn nothing_else(self) -> Result<(), Problem> {
        match self.0.into_keys().next() {
            Some(name) => Err(Problem::bad(725, format!("there is no parameter {name} here"))),
            None => Ok(()),
        }
    }
}
