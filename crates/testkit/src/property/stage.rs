//! A database with the application's tables and some models, without rows: the template of every run.

use headwater_compile::SourceFile;
use headwater_deploy::{Error, Silent, apply};

use super::tables::{self, Table};
use crate::TestDatabase;

/// A template database.
#[derive(Debug)]
pub struct Stage {
    template: TestDatabase,
    /// The application's tables.
    pub tables: Vec<Table>,
    /// The models' files.
    pub models: Vec<SourceFile>,
}

impl Stage {
    /// Creates the tables and applies the models.
    pub async fn set(schema: &str, models: &[SourceFile]) -> Result<Self, String> {
        let template = TestDatabase::create("property").await;
        let tables = {
            let client = template.connect().await;
            let describe = |error: tokio_postgres::Error| headwater_postgres::describe(&error);
            client.batch_execute(schema).await.map_err(describe)?;
            tables::load(&client).await.map_err(describe)?
        };
        let applied = apply::apply(&template.config(), models, &apply::Options::default(), &Silent).await;
        applied.map_err(|error| match &error {
            Error::Problems(problems) => crate::golden::problems_text(problems),
            other => other.to_string(),
        })?;
        Ok(Self { template, tables, models: models.to_vec() })
    }

    /// A fresh copy.
    pub async fn copy(&self) -> TestDatabase {
        self.template.copy().await
    }

    /// The server's major version.
    #[must_use]
    pub fn major(&self) -> u32 {
        self.template.server().major()
    }
}
