//! The server's relatives on the way to the database: a pooler in transaction mode, and a streaming replica. Both are real.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use headwater_postgres::server_user::ServerUser;
use headwater_postgres::{Config, connect, parse_url};

use crate::stage::{FEED, ROUTES, SCHEMA, Stage};

/// A folder that the server's user may write to, gone when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("headwater_{name}_{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        ServerUser::choose().unwrap().own(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn socket(config: &Config) -> &Path {
    match &config.get_hosts()[0] {
        tokio_postgres::config::Host::Unix(path) => path,
        tokio_postgres::config::Host::Tcp(name) => panic!("the test server listens on a socket, not on {name}"),
    }
}

async fn until_connected(config: &Config) {
    for _ in 0..200 {
        if connect(config).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    connect(config).await.unwrap();
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

/// An authority and a server's certificate for `localhost`, as files; gives the authority's.
fn certificates(folder: &Path) -> PathBuf {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let pem = authority.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(authority, key);
    let own = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&own, &issuer).unwrap();
    for (name, text) in [("ca.pem", pem), ("own.pem", certificate.pem()), ("own.key", own.serialize_pem())] {
        std::fs::write(folder.join(name), text).unwrap();
        ServerUser::choose().unwrap().own(&folder.join(name)).unwrap();
    }
    folder.join("ca.pem")
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

/// A replica answers while it has what is asked for; one that is behind, or dead, is left out.
#[tokio::test(flavor = "multi_thread")]
async fn a_replica_is_read_from_once_it_has_caught_up() {
    let stage = Stage::new("replica", SCHEMA, &[FEED]).await;
    let (folder, port, config) = (Folder::new("replica"), free_port(), stage.database.config());
    let data = folder.0.join("data");
    let (user, binaries) = (ServerUser::choose().unwrap(), stage.database.server().binaries().clone());
    let slot = format!("headwater_{}", std::process::id());
    back_up(&stage, &user, &data, &slot).await;
    let mut start = user.command(&binaries.program("postgres"), &folder.0);
    start.arg("-D").arg(&data).args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1", "-k"]).arg(&folder.0);
    let mut replica = Killed(start.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let mut there = Config::new();
    there
        .host(folder.0.to_str().unwrap())
        .port(port)
        .user(config.get_user().unwrap_or("postgres"))
        .dbname(stage.database.name().as_str());
    until_connected(&there).await;
    let asker = connect(&there).await.unwrap();

    let address = format!(
        "host={} port={port} user={} dbname={}",
        folder.0.display(),
        config.get_user().unwrap_or("postgres"),
        stage.database.name().as_str()
    );
    let settings = ROUTES
        .replace("[serve]\n", &format!("[serve]\ncache_megabytes = 0\nreplica = [{{ database = \"{address}\" }}]\n"));
    let site = stage.serve(&settings).await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    asker.batch_execute("SELECT pg_wal_replay_pause()").await.unwrap();
    stage.run("INSERT INTO posts VALUES (999, 1, 'new', 1, '2030-01-01')").await;
    stage.wait().await;
    let after =
        stage.column("SELECT epoch || '.' || pos FROM headwater.batch ORDER BY number DESC LIMIT 1").await.remove(0);
    let newest = |answer: &crate::client::Answer| answer.items()[0]["title"].clone();
    // Without a position the replica's page does, which is older and says so.
    let old = site.client.get("/api/feed").await;
    assert_ne!(newest(&old), "new");
    assert_ne!(old.header("headwater-position"), after);
    // With one, the primary answers.
    assert_eq!(newest(&site.client.get(&format!("/api/feed?after={after}")).await), "new");
    asker.batch_execute("SELECT pg_wal_replay_resume()").await.unwrap();
    while newest(&site.client.get("/api/feed").await) != "new" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // It dies: whoever asks meanwhile is answered by the primary.
    replica.0.kill().unwrap();
    replica.0.wait().unwrap();
    for _ in 0..30 {
        assert_eq!(newest(&site.client.get("/api/feed").await), "new");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    stage.column(&format!("SELECT pg_drop_replication_slot('{slot}')")).await;
    site.end().await;
    stage.end().await;
}

/// A base backup that becomes a standby: by hand, since not every installation of PostgreSQL has the program for it.
async fn back_up(stage: &Stage, user: &ServerUser, to: &Path, slot: &str) {
    let config = stage.database.config();
    let (host, name) = (socket(&config), config.get_user().unwrap_or("postgres"));
    let session = stage.database.connect().await;
    let (begin, end) = match stage.database.server().major() < 15 {
        true => {
            ("SELECT pg_start_backup('replica', true, false)", "SELECT labelfile FROM pg_stop_backup(false, false)")
        }
        false => ("SELECT pg_backup_start('replica', true)", "SELECT labelfile FROM pg_backup_stop(false)"),
    };
    let reserve = format!("SELECT pg_create_physical_replication_slot('{slot}', true)");
    session.batch_execute(&reserve).await.unwrap();
    session.batch_execute(begin).await.unwrap();
    let from = stage.database.server().folder().join("data");
    let mut copy = user.command(Path::new("/bin/cp"), Path::new("/"));
    // Files that go while they are copied are no loss: what they held is in the WAL.
    let _ = copy.arg("-a").arg(&from).arg(to).stderr(Stdio::null()).status().unwrap();
    let label: String = session.query_one(end, &[]).await.unwrap().get(0);
    let _ = std::fs::remove_file(to.join("postmaster.pid"));
    let _ = std::fs::remove_dir_all(to.join("pg_replslot"));
    std::fs::create_dir(to.join("pg_replslot")).unwrap();
    std::fs::write(to.join("backup_label"), label).unwrap();
    std::fs::write(to.join("standby.signal"), "").unwrap();
    let port = config.get_ports().first().unwrap_or(&5432);
    let settings =
        format!("primary_conninfo = 'host={} port={port} user={name}'\nprimary_slot_name = '{slot}'\n", host.display());
    let automatic = to.join("postgresql.auto.conf");
    let before = std::fs::read_to_string(&automatic).unwrap_or_default();
    std::fs::write(&automatic, before + &settings).unwrap();
    for name in ["pg_replslot", "backup_label", "standby.signal"] {
        user.own(&to.join(name)).unwrap();
    }
}
