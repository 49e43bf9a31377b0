//! HW0810 to HW0818: the database against the schema that the project declares in SQL files (`[doctor] schema`).
//!
//! The files' statements are run in a schema of their own, in a transaction that is rolled back, so PostgreSQL itself says what they mean;
//! then both catalogs are compared. Only tables that the files declare are looked at, and only in `public`. The files are never run against
//! the database's own tables: what would reach one is refused ([`headwater_compile::declaration`]), so no writer waits.
//!
//! | module | does |
//! | --- | --- |
//! | [`shape`] | reads tables with their columns, constraints and indexes |
//! | [`compare`] | two of them → findings. Pure |

pub mod compare;
pub mod shape;

use headwater_compile::SourceFile;
use headwater_compile::declaration::{Declared, declared};
use headwater_deploy::Error;
use headwater_deploy::error::During;
use headwater_postgres::{Client, describe};

use crate::finding::Finding;
use crate::look::Look;
use shape::Shape;

/// Compares them, where a schema is declared.
///
/// # Errors
/// Where a file cannot be read, or the server refuses the schema of its own.
pub async fn find(look: &Look) -> Result<Vec<Finding>, Error> {
    if look.settings.doctor.schema.is_empty() {
        return Ok(Vec::new());
    }
    let (statements, problems) = declared(&read_files(look)?);
    let mut found: Vec<Finding> = problems.iter().map(|(place, reason)| unreadable(place, reason)).collect();
    let client = look.scratch().await?;
    let (wanted, refused) = load(&client, &statements).await?;
    found.extend(refused);
    let tables: Vec<&str> = wanted.0.keys().map(String::as_str).collect();
    let installed = shape::read(&client, "public", &tables).await?;
    found.extend(compare::compare(&wanted, &installed, &statements));
    Ok(found)
}

fn read_files(look: &Look) -> Result<Vec<SourceFile>, Error> {
    let read = |file: &String| {
        let path = look.root.join(file);
        let text = std::fs::read_to_string(&path);
        let text = text.map_err(|source| Error::Read { path: path.display().to_string(), source })?;
        Ok(SourceFile { path: file.clone(), text })
    };
    look.settings.doctor.schema.iter().map(read).collect()
}

fn unreadable(place: &str, reason: &str) -> Finding {
    Finding::error(810, place, format!("the declared schema cannot be compared at {place}: {reason}"))
        .why("what this statement declares was not looked at")
        .advice("correct the file; a migration that fails here fails on an empty database, too")
}

/// Runs the statements in a schema of their own, reads what they made, and takes it all back. What the server refuses is a finding, and the
/// others go on.
async fn load(client: &Client, statements: &[Declared]) -> Result<(Shape, Vec<Finding>), Error> {
    let doing = "loading the declared schema into a schema that is rolled back";
    // The process id keeps two doctors apart.
    let row = client.query_one("SELECT 'headwater_declared_' || pg_backend_pid()", &[]).await.during(doing)?;
    let schema: String = row.get(0);
    client
        .batch_execute(&format!(
            "BEGIN; CREATE SCHEMA {schema}; SET LOCAL search_path = {schema}, public; SET LOCAL check_function_bodies = off"
        ))
        .await
        .during(doing)?;
    let mut refused = Vec::new();
    for statement in statements {
        client.batch_execute("SAVEPOINT declared").await.during(doing)?;
        if let Err(error) = client.batch_execute(&statement.sql).await {
            if headwater_deploy::error::went_away(&error) {
                return Err(error).during(doing);
            }
            refused.push(unreadable(&statement.place, &describe(&error)));
            client.batch_execute("ROLLBACK TO SAVEPOINT declared").await.during(doing)?;
        }
        client.batch_execute("RELEASE SAVEPOINT declared").await.during(doing)?;
    }
    let tables: Vec<&str> = statements.iter().filter_map(|statement| statement.table.as_deref()).collect();
    let shape = shape::read(client, &schema, &tables).await;
    client.batch_execute("ROLLBACK").await.during(doing)?;
    Ok((shape?, refused))
}
