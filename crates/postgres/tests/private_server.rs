//! The private server: created, shared, stopped, started again; and its programs found.

use std::path::PathBuf;

use headwater_catalog::Ident;
use headwater_postgres::private::Options;
use headwater_postgres::{Binaries, Error, Home, PrivateServer, Target, connect, parse_url};

/// A project folder, removed at the end.
struct Project(PathBuf);

impl Project {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("headwater-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn home(&self) -> Home {
        Home::of(&self.0).unwrap()
    }

    fn options(&self) -> Options {
        Options { say: Box::new(|_| {}), ..Options::test(self.home(), None) }
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn starts_once_for_all_and_keeps_its_data() {
    let project = Project::new("private");
    // Three at once: one creates and starts it, the others find it.
    let starts: Vec<_> = (0..3).map(|_| PrivateServer::start_async(project.options())).map(tokio::spawn).collect();
    let mut servers = Vec::new();
    for start in starts {
        servers.push(start.await.unwrap().unwrap());
    }
    let server = &servers[0];
    let name = Ident::new("odd \"name\" ü").unwrap();
    assert!(server.create_database(&name).await.unwrap());
    assert!(!server.create_database(&name).await.unwrap());

    let client = connect(&parse_url(&server.url(name.as_str())).unwrap()).await.unwrap();
    client.batch_execute("CREATE TABLE kept AS SELECT 1 AS one").await.unwrap();
    let row = client.query_one("SELECT current_setting('fsync'), lower('Ä')", &[]).await.unwrap();
    assert_eq!((row.get(0), row.get(1)), ("off", "ä"));

    server.stop().unwrap();
    server.stop().unwrap();
    assert!(!server.is_running());
    let again = PrivateServer::start(&project.options()).unwrap();
    let client = connect(&again.config(name.as_str())).await.unwrap();
    assert_eq!(client.query_one("SELECT one FROM kept", &[]).await.unwrap().get::<_, i32>(0), 1);
    again.stop().unwrap();
}

#[tokio::test]
async fn a_target_is_a_database_ready_for_use() {
    let project = Project::new("target");
    let target = Target::private(project.options(), &Ident::new("demo").unwrap()).await.unwrap();
    for target in [&target, &Target::from_url(&target.url).unwrap()] {
        let client = target.connect().await.unwrap();
        let row = client
            .query_one("SELECT current_database()::text, current_setting('application_name')", &[])
            .await
            .unwrap();
        assert_eq!((row.get(0), row.get(1)), ("demo", "headwater"));
    }
    target.server.unwrap().stop().unwrap();
}

#[test]
fn a_server_that_cannot_start_says_why() {
    let project = Project::new("faulty");
    let mut options = project.options();
    options.settings.push(("no_such_setting", "1".to_owned()));
    let error = PrivateServer::start(&options).unwrap_err();
    assert!(matches!(error, Error::PrivateServer { verb: "started", .. }));
    assert!(error.to_string().contains("no_such_setting"), "{error}");
}

#[test]
fn missing_programs_are_named_with_every_place() {
    let project = Project::new("missing");
    let Err(Error::NoBinaries { wanted: Some(99), places }) = Binaries::find(&project.home(), Some(99)) else {
        panic!("there is no PostgreSQL 99")
    };
    assert!(places.iter().any(|place| place.starts_with("/usr/local/pgsql/bin: ")), "{places:?}");
}
