//! `headwater compare`: an old endpoint with its own mind beside a real server.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::routing::get;
use headwater_testkit::TestDatabase;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

const SETTINGS: &str = r#"
[[serve.route]]
path = "/api/notes"
model = "notes"
access = "public"
filters = ["kind"]
sorts = [{ name = "newest", by = "at desc" }]
"#;

const MODEL: &str = "CREATE MATERIALIZED VIEW notes AS SELECT n.id, n.kind, n.at, n.text FROM note n;
CREATE UNIQUE INDEX ON notes (id);";

/// The old endpoint: right but for `kind=wrong`, late by one request for `kind=late`, broken for `kind=broken`.
async fn old(State(asked): State<Arc<AtomicU32>>, RawQuery(query): RawQuery) -> axum::response::Response {
    let note = |id: u32, kind: &str, text: &str| json!({ "id": id, "kind": kind, "at": format!("2026-01-0{id}T00:00:00Z"), "text": text, "secret": 1 });
    let items = match query.as_deref() {
        Some("kind=a") => vec![note(2, "a", "two"), note(1, "a", "one")],
        Some("kind=wrong") => vec![note(3, "wrong", "3"), note(9, "wrong", "nine")],
        Some("kind=late") if asked.fetch_add(1, Ordering::Relaxed) == 0 => Vec::new(),
        Some("kind=late") => vec![note(5, "late", "five")],
        _ => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    };
    axum::Json(json!({ "items": items })).into_response()
}

async fn serve_old() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route("/api/notes", get(old)).with_state(Arc::new(AtomicU32::new(0)));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = hyper_util::service::TowerToHyperService::new(router.clone());
            let builder = hyper::server::conn::http1::Builder::new();
            tokio::spawn(builder.serve_connection(hyper_util::rt::TokioIo::new(stream), service));
        }
    });
    address
}

async fn serve_new(project: &Path, url: &str) -> (Child, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_headwater"))
        .args(["serve", "--json", "--listen", "127.0.0.1:0", "--database", url, "--project"])
        .arg(project)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(program.stdout.take().unwrap()).read_line(&mut line).await.unwrap();
    let said: Value = serde_json::from_str(&line).unwrap();
    (program, format!("http://{}", said["address"].as_str().unwrap()))
}

async fn compare(arguments: &[&str], requests: &str) -> (Option<i32>, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_headwater"))
        .arg("compare")
        .args(arguments)
        .args(["--ignore", "secret", "--patience", "500ms"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    program.stdin.take().unwrap().write_all(requests.as_bytes()).await.unwrap();
    let output = program.wait_with_output().await.unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_differs_is_told_and_what_is_only_late_is_not() {
    let database = TestDatabase::create("cli_compare").await;
    let rows = "CREATE TABLE note (id int PRIMARY KEY, kind text, at timestamptz, text text);
        INSERT INTO note VALUES (1, 'a', '2026-01-01Z', 'one'), (2, 'a', '2026-01-02Z', 'two'), (3, 'wrong', '2026-01-03Z', 'three'),
            (4, 'wrong', '2026-01-04Z', 'four'), (5, 'late', '2026-01-05Z', 'five');";
    database.connect().await.batch_execute(rows).await.unwrap();
    let project = std::env::temp_dir().join(format!("headwater-cli-compare-{}", std::process::id()));
    std::fs::create_dir_all(project.join("models")).unwrap();
    std::fs::write(project.join("headwater.toml"), SETTINGS).unwrap();
    std::fs::write(project.join("models/notes.sql"), MODEL).unwrap();
    let mut apply = Command::new(env!("CARGO_BIN_EXE_headwater"));
    let applied =
        apply.args(["apply", "--database", &database.url(), "--project"]).arg(&project).output().await.unwrap();
    assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
    let (old, (_program, new)) = (serve_old().await, serve_new(&project, &database.url()).await);

    let (code, text) = compare(&[&old, &new], "/api/notes?kind=a\n/api/notes?kind=late\n").await;
    assert!(text.starts_with("2 of 2 requests have the same answer"), "{text}");
    assert_eq!(code, Some(0));

    let log = "10.0.0.1 - - [x] \"GET /api/notes?kind=wrong HTTP/1.1\" 200 5\nGET /api/notes?kind=broken\n";
    let (code, text) = compare(&[&old, &new], log).await;
    let expected = "✗ /api/notes?kind=wrong
    3: text is \"3\" (old), \"three\" (new)
    9: only old
    4: only new
✗ /api/notes?kind=broken
    old: status 500; new: 0 items
0 of 2 requests have the same answer";
    assert!(text.starts_with(expected), "{text}");
    assert_eq!(code, Some(1));

    let (code, json) = compare(&["--json", &old, &new, "--ignore", "text"], log).await;
    let said: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, &said["good"]), (Some(1), &json!(false)));
    assert_eq!(
        said["requests"][0]["differences"],
        json!([{ "kind": "only_old", "item": "9" }, { "kind": "only_new", "item": "4" }])
    );

    let (code, text) = compare(&["http://127.0.0.1:1", &new], "/api/notes").await;
    assert!(code == Some(1) && text.contains("old: no answer: "), "{text}");
    assert_eq!(compare(&[&old, &new], "nothing\n").await.0, Some(1));
    let _ = std::fs::remove_dir_all(&project);
}
