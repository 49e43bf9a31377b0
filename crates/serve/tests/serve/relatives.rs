//! What stands on the way to the database: a pooler in transaction mode, and encryption. Both are real.

use std::path::Path;
use std::process::Stdio;

use headwater_postgres::server_user::ServerUser;
use headwater_postgres::{Config, connect, parse_url};

use crate::node::{Folder, Killed, certificates, free_port, until_connected};
use crate::stage::{FEED, ROUTES, SCHEMA, Stage};

fn socket(config: &Config) -> &Path {
    match &config.get_hosts()[0] {
        tokio_postgres::config::Host::Unix(path) => path,
        tokio_postgres::config::Host::Tcp(name) => panic!("the test server listens on a socket, not on {name}"),
    }
}

/// PgBouncer before the stage's server, and the way through it; `more` are settings.
async fn pooler(stage: &Stage, folder: &Path, more: &str) -> (Killed, Config) {
    let (port, config) = (free_port(), stage.database.config());
    let settings = folder.join("pgbouncer.ini");
    let text = format!(
        "[databases]\n* = host={} port={} user={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n\
         pool_mode = transaction\ndefault_pool_size = 3\nlogfile = {}\n{more}",
        socket(&config).display(),
        config.get_ports().first().unwrap_or(&5432),
        config.get_user().unwrap_or("postgres"),
        folder.join("log").display(),
    );
    std::fs::write(&settings, text).unwrap();
    let program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/opt/homebrew/bin/pgbouncer"];
    let program = program.iter().map(Path::new).find(|path| path.exists());
    let program = program.expect("PgBouncer is installed: ./dev test does it; Debian's package is pgbouncer");
    let mut command = ServerUser::choose().unwrap().command(program, folder);
    let pooler = Killed(command.arg(&settings).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let mut through = Config::new();
    through.host("127.0.0.1").port(port).user("anyone").dbname(stage.database.name().as_str());
    if more.is_empty() {
        until_connected(&through).await;
    }
    (pooler, through)
}

/// No statement outlives its transaction there, and nothing can be set for a session.
#[tokio::test(flavor = "multi_thread")]
async fn pages_and_streams_come_through_a_pooler_in_transaction_mode() {
    let stage = Stage::new("pooler", SCHEMA, &[FEED]).await;
    let folder = Folder::new("pooler");
    let pooled = ROUTES.replace("[serve]\n", "[serve]\npool.pooler = true\n");
    let set = |zone: &str| format!("ALTER DATABASE {} SET timezone = '{zone}'", stage.database.name());
    stage.run(&set("Asia/Tokyo")).await;
    let (elsewhere, through) = pooler(&stage, &folder.0, "").await;
    let refused = stage.try_serve_on(&through, &pooled).await.err().expect("times would be in Tokyo's");
    assert_eq!(refused.code(), 704, "{refused}");
    drop(elsewhere);

    stage.run(&set("UTC")).await;
    let (_pooler, through) = pooler(&stage, &folder.0, "").await;
    let site = stage.try_serve_on(&through, &pooled).await.unwrap_or_else(|error| panic!("{error:#?}"));
    let expected = stage.json("SELECT * FROM feed ORDER BY rank, title DESC, id DESC LIMIT 30").await;
    let asked: Vec<_> = (0..12).map(|_| site.client.get("/api/feed?sort=rank&limit=30&offset=0")).collect();
    for answer in futures_util::future::join_all(asked).await {
        assert_eq!(answer.items(), expected);
    }
    let mut stream = site.client.stream("/api/feed/stream?limit=5&world=1", &[]).await;
    while stream.next().await.unwrap().name != "feed_complete" {}
    stage.run("INSERT INTO posts VALUES (999, 1, 'through', 1, now())").await;
    assert_eq!(stream.next().await.unwrap().data["item"]["title"], "through");
    site.end().await;
    stage.end().await;
}

/// Encrypted, and to the right server; who does not ask for that is served all the same, as by libpq.
#[tokio::test(flavor = "multi_thread")]
async fn connections_are_encrypted_where_the_address_says_so() {
    let stage = Stage::new("tls", SCHEMA, &[FEED]).await;
    stage.run(&format!("ALTER DATABASE {} SET timezone = 'UTC'", stage.database.name())).await;
    let folder = Folder::new("tls");
    let authority = certificates(&folder.0);
    let file = |name: &str| folder.0.join(name).display().to_string();
    let more = format!(
        "client_tls_sslmode = require\nclient_tls_key_file = {}\nclient_tls_cert_file = {}\n",
        file("own.key"),
        file("own.pem")
    );
    let (_pooler, through) = pooler(&stage, &folder.0, &more).await;
    let port = through.get_ports()[0];
    let address = |host: &str, rest: &str| {
        parse_url(&format!("postgresql://anyone@{host}:{port}/{}?{rest}", stage.database.name().as_str())).unwrap()
    };
    until_connected(&address("127.0.0.1", "sslmode=prefer")).await;
    let refused = async |config: Config, words: &str| {
        let error = connect(&config).await.err().unwrap_or_else(|| panic!("{words}")).to_string();
        assert!(error.contains(words), "{error}");
    };
    refused(address("localhost", "sslmode=disable"), "SSL required").await;
    refused(address("localhost", "sslmode=require"), "UnknownIssuer").await;
    refused(address("localhost", "sslmode=require&sslrootcert=/nowhere.pem"), "/nowhere.pem").await;
    headwater_postgres::tls::forget_authorities();
    let trusted = format!("sslmode=verify-full&sslrootcert={}", authority.display());
    refused(address("127.0.0.1", &trusted), "not valid for name").await;

    let pooled = ROUTES.replace("[serve]\n", "[serve]\npool.pooler = true\n");
    let site =
        stage.try_serve_on(&address("localhost", &trusted), &pooled).await.unwrap_or_else(|error| panic!("{error:#?}"));
    let expected = stage.json("SELECT * FROM feed ORDER BY at DESC, id DESC LIMIT 20").await;
    assert_eq!(site.client.get("/api/feed").await.items(), expected);
    site.end().await;
    stage.end().await;
}
