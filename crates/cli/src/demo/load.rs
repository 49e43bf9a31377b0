//! Server, database, schema, data and indexes of an example. A database that an earlier run left is used again where
//! it holds the same example at the same scale; its comment says so.

use headwater_catalog::ident::short_hash;
use headwater_catalog::{Ident, quote_literal};
use headwater_deploy::error::During;
use headwater_deploy::project::script;
use headwater_deploy::{Error, Progress};
use headwater_postgres::{Client, Config, PrivateServer, connect, parse_url};

use super::example::Example;
use crate::arguments::Demo;
use crate::session::Session;

/// Brings the example's database about and returns how to connect to it.
pub async fn database(session: &Session, example: &Example, options: &Demo, scale: f64) -> Result<Config, Error> {
    let server = server(session, options).await?;
    let name = Ident::generated(&format!("demo_{}", example.name), "");
    let mut config = server.clone();
    config.dbname(name.as_str());

    let admin = connect(&server).await?;
    let wanted = description(example, scale);
    let kept = kept(&admin, &name).await?;
    if kept.as_deref() == Some(wanted.as_str()) && !options.fresh {
        return Ok(config);
    }
    let doing = format!("creating the database {name}");
    admin.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await.during(doing.as_str())?;
    admin.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE template0")).await.during(doing.as_str())?;
    load(&connect(&config).await?, example, scale, &session.bars).await?;
    let comment = format!("COMMENT ON DATABASE {name} IS {}", quote_literal(&wanted));
    admin.batch_execute(&comment).await.during(doing.as_str())?;
    Ok(config)
}

/// The server that `--database` names, else the private one; connected to a database that is always there.
async fn server(session: &Session, options: &Demo) -> Result<Config, Error> {
    match &session.database {
        Some(url) => Ok(parse_url(url)?),
        None => Ok(PrivateServer::start_async(session.private_server(options.pg)?).await?.config("postgres")),
    }
}

/// The files, in the order in which they are loaded.
fn scripts(example: &Example) -> Vec<&str> {
    let demo = &example.settings.demo;
    demo.schema.iter().chain([&demo.data, &demo.indexes]).map(String::as_str).collect()
}

/// What the comment of a fully loaded database says: example, scale, and a hash of the files.
fn description(example: &Example, scale: f64) -> String {
    let texts: Vec<_> = scripts(example).into_iter().filter_map(|file| example.text(file)).collect();
    format!("Headwater demo {} at scale {scale}, files {}", example.name, short_hash(&texts))
}

async fn kept(admin: &Client, name: &Ident) -> Result<Option<String>, Error> {
    let sql = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = $1";
    let row = admin.query_opt(sql, &[&name.as_str()]).await.during("looking for the demo's database")?;
    Ok(row.and_then(|row| row.get(0)))
}

async fn load(client: &Client, example: &Example, scale: f64, progress: &dyn Progress) -> Result<(), Error> {
    let set_scale = format!("SET {}.scale = {}", example.name, quote_literal(&scale.to_string()));
    client.batch_execute(&set_scale).await.during("setting the scale")?;
    for file in scripts(example) {
        let statements = script::statements(example.text(file).unwrap_or_default());
        progress.begin(&format!("loading {file}"), statements.len() as u64);
        for (done, statement) in statements.iter().enumerate() {
            progress.done(done as u64);
            client.batch_execute(statement).await.during(format!("loading examples/{}/{file}", example.name))?;
        }
        progress.end();
    }
    client.batch_execute("VACUUM (ANALYZE)").await.during("vacuuming the demo's database")
}
