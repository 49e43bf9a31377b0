//! Traces, as a collector gets them from the program: what requests and batches leave there.

use std::collections::HashMap;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use headwater_testkit::TestDatabase;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost_of_otlp::Message as _;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

const SETTINGS: &str = r#"
[serve]
cache_megabytes = 1
[[serve.route]]
path = "/api/feed"
model = "feed"
access = "public"
live = true
sorts = [{ name = "newest", by = "id desc" }]
"#;

const MODEL: &str = "-- headwater: eventual
-- headwater: retain live
CREATE MATERIALIZED VIEW feed AS SELECT n.id, n.name FROM notes n;
CREATE UNIQUE INDEX feed_id ON feed (id);
CREATE INDEX feed_newest ON feed (id DESC);";

/// The trace of whoever asks.
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// What came in, with the service that it came from.
type Spans = Arc<Mutex<Vec<(HashMap<String, String>, Span)>>>;

/// A collector on a port of its own.
async fn collector() -> (u16, Spans) {
    async fn take(State(spans): State<Spans>, headers: HeaderMap, body: Bytes) -> StatusCode {
        assert_eq!(headers["content-type"], "application/x-protobuf");
        let request = ExportTraceServiceRequest::decode(body).expect("a request of the protocol");
        for resource in request.resource_spans {
            let service = attributes(&resource.resource.expect("a resource").attributes);
            let found = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
            spans.lock().unwrap().extend(found.map(|span| (service.clone(), span)));
        }
        StatusCode::OK
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let spans = Spans::default();
    let router = Router::new().route("/v1/traces", post(take)).with_state(Arc::clone(&spans));
    tokio::spawn(async move { axum_serve(listener, router).await });
    (port, spans)
}

/// One connection after the other is enough for one exporter.
async fn axum_serve(listener: TcpListener, router: Router) {
    while let Ok((stream, _)) = listener.accept().await {
        let service = hyper_util::service::TowerToHyperService::new(router.clone());
        let connection = hyper::server::conn::http1::Builder::new();
        tokio::spawn(connection.serve_connection(hyper_util::rt::TokioIo::new(stream), service));
    }
}

fn attributes(pairs: &[opentelemetry_proto::tonic::common::v1::KeyValue]) -> HashMap<String, String> {
    let text = |value: &Value| match value {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        other => format!("{other:?}"),
    };
    let value = |pair: &opentelemetry_proto::tonic::common::v1::KeyValue| {
        pair.value.as_ref().and_then(|value| value.value.as_ref()).map(text)
    };
    pairs.iter().map(|pair| (pair.key.clone(), value(pair).unwrap_or_default())).collect()
}

/// `headwater run`, and the address that it listens on.
async fn run(project: &Path, url: &str, collector: u16) -> (Child, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_headwater"))
        .args(["run", "--json", "--listen", "127.0.0.1:0", "--database", url, "--project"])
        .arg(project)
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://127.0.0.1:{collector}"))
        .env("OTEL_SERVICE_NAME", "feeds")
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the program runs");
    let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
    loop {
        let line = lines.next_line().await.unwrap().expect("it listens");
        let Ok(said) = serde_json::from_str::<serde_json::Value>(&line) else { continue };
        if said["event"] == "listening" {
            let address = said["address"].as_str().unwrap().to_owned();
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return (program, address);
        }
    }
}

/// Asks, and reads until the other side has said `until`, or all.
async fn ask(address: &str, path: &str, parent: &str, until: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: {address}\r\ntraceparent: {parent}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let (mut said, mut buffer) = (String::new(), [0; 4096]);
    while !said.contains(until) {
        let read = stream.read(&mut buffer).await.unwrap();
        assert!(read > 0, "{said}");
        said.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_and_batches_reach_the_collector() {
    let database = TestDatabase::create("cli_traces").await;
    let client = database.connect().await;
    client
        .batch_execute("CREATE TABLE notes (id int PRIMARY KEY, name text); INSERT INTO notes VALUES (1, 'a');")
        .await
        .unwrap();
    let project = std::env::temp_dir().join(format!("headwater-cli-traces-{}", std::process::id()));
    std::fs::create_dir_all(project.join("models")).unwrap();
    std::fs::write(project.join("headwater.toml"), SETTINGS).unwrap();
    std::fs::write(project.join("models/feed.sql"), MODEL).unwrap();
    let applied = Command::new(env!("CARGO_BIN_EXE_headwater"))
        .args(["apply", "--database", &database.url(), "--project"])
        .arg(&project)
        .output()
        .await
        .unwrap();
    assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));

    let (port, spans) = collector().await;
    let (mut program, address) = run(&project, &database.url(), port).await;
    client.batch_execute("INSERT INTO notes VALUES (2, 'b')").await.unwrap();
    client.batch_execute("SELECT headwater.wait('30 seconds')").await.unwrap();
    let parent = format!("00-{TRACE}-b7ad6b7169203331-01");
    // A page that is kept from its first reading on, in a while: the server must have seen the log before.
    ask(&address, "/api/feed?limit=1", &parent, "next_cursor").await;
    let mut tries = 0;
    let kept =
        |spans: &Spans| {
            spans.lock().unwrap().iter().any(|(_, span)| {
                attributes(&span.attributes).get("headwater.cache").is_some_and(|cache| cache == "hit")
            })
        };
    while !kept(&spans) && tries < 100 {
        ask(&address, "/api/feed?limit=1", &parent, "next_cursor").await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        tries += 1;
    }
    ask(&address, "/api/feed/stream", &parent, "_complete").await;
    ask(&address, "/api/feed?wrong=1", "rubbish", "HW0725").await;
    let process = program.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-TERM", &process]).status().await.unwrap().success());
    assert!(program.wait().await.unwrap().success());
    let _ = std::fs::remove_dir_all(&project);

    let spans = spans.lock().unwrap();
    assert!(spans.iter().all(|(service, _)| service["service.name"] == "feeds"));
    let hexadecimal = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let find = |name: &str, cache: Option<&str>| {
        let found = spans.iter().map(|(_, span)| span).find(|span| {
            span.name == name && attributes(&span.attributes).get("headwater.cache").map(String::as_str) == cache
        });
        found.unwrap_or_else(|| {
            let all: Vec<_> = spans.iter().map(|(_, span)| (&span.name, attributes(&span.attributes))).collect();
            panic!("no span {name} {cache:?} in {all:#?}")
        })
    };
    let missed = find("GET /api/feed", Some("miss"));
    assert_eq!(
        (hexadecimal(&missed.trace_id), hexadecimal(&missed.parent_span_id)),
        (TRACE.into(), "b7ad6b7169203331".into())
    );
    let said = attributes(&missed.attributes);
    assert_eq!((said["http.route"].as_str(), said["http.response.status_code"].as_str()), ("/api/feed", "200"));
    find("GET /api/feed", Some("hit"));
    let read = spans.iter().find(|(_, span)| span.name == "read page" && span.parent_span_id == missed.span_id);
    assert!(read.is_some_and(|(_, read)| read.trace_id == missed.trace_id));
    let streamed = find("stream page", None);
    assert_eq!(attributes(&streamed.attributes)["headwater.items"], "2");
    assert_eq!(hexadecimal(&streamed.trace_id), TRACE);
    let refused = spans
        .iter()
        .find(|(_, span)| attributes(&span.attributes).get("error.type").is_some_and(|code| code == "HW0725"));
    assert!(refused.is_some_and(|(_, span)| span.parent_span_id.is_empty() && hexadecimal(&span.trace_id) != TRACE));
    let batch =
        spans.iter().find(|(_, span)| span.name == "batch" && attributes(&span.attributes)["headwater.changes"] == "1");
    let (_, batch) = batch.expect("the batch that has the second note");
    assert!(batch.end_time_unix_nano > batch.start_time_unix_nano);
}
