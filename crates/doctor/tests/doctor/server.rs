//! HW0841 to HW0848: settings of the whole server, on a server of their own.

use std::path::Path;

use headwater_catalog::Ident;
use headwater_deploy::project::parse_settings;
use headwater_doctor::{Fix, Report};
use headwater_postgres::private::Options;
use headwater_postgres::{Home, PrivateServer, connect};

use crate::stage::{ROUTE, look, run};

const WRONG: [(&str, &str); 6] = [
    ("fsync", "off"),
    ("full_page_writes", "off"),
    ("autovacuum", "off"),
    ("track_counts", "off"),
    ("shared_buffers", "16MB"),
    ("max_connections", "30"),
];

fn options() -> Options {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    let major = std::env::var("HEADWATER_TEST_PG").ok().and_then(|text| text.parse().ok());
    let mut options = Options::test(Home::of(&workspace).unwrap(), major);
    options.name = "test/doctor/pg".to_owned();
    options.settings.extend(WRONG.map(|(name, value)| (name, value.to_owned())));
    options
}

fn codes(report: &Report) -> Vec<String> {
    let mut codes: Vec<_> = report.findings.iter().map(|one| one.code.to_string()).collect();
    codes.sort();
    codes
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_harm_are_told_and_changed_by_the_statements() {
    let server = PrivateServer::start_async(options()).await.expect("a server of its own");
    let name = Ident::new("looked_at").unwrap();
    let admin = connect(&server.config("postgres")).await.unwrap();
    // What the last run has put right.
    run(&admin, "ALTER SYSTEM RESET ALL").await;
    run(&admin, "DROP DATABASE IF EXISTS looked_at").await;
    drop(admin);
    restart(&server).await;
    server.create_database(&name).await.unwrap();

    let settings = parse_settings("headwater.toml", ROUTE.replace("/feed", "/none")).unwrap();
    let config = server.config("looked_at");
    let client = connect(&config).await.unwrap();
    run(&client, "ALTER DATABASE looked_at SET statement_timeout = '3s'").await;
    let report = look(&config, Path::new("."), &settings, &[]).await;
    let all = ["HW0841", "HW0842", "HW0843", "HW0844", "HW0845", "HW0846", "HW0847", "HW0848"];
    assert_eq!(codes(&report), all, "{report:#?}");
    for finding in &report.findings {
        for fix in &finding.fix {
            if let Fix::Sql(statement) = fix {
                run(&client, statement).await;
            }
        }
    }
    drop(client);
    restart(&server).await;
    let report = look(&config, Path::new("."), &settings, &[]).await;
    assert!(report.findings.is_empty(), "{report:#?}");
    server.stop().unwrap();
}

async fn restart(server: &PrivateServer) {
    server.stop().unwrap();
    PrivateServer::start_async(options()).await.unwrap();
}
