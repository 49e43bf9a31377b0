//! What every command needs: the project, the database, progress bars.

use std::path::PathBuf;

use headwater_catalog::Ident;
use headwater_deploy::project::read_settings;
use headwater_deploy::{Error, Project};
use headwater_postgres::connect::URL_VARIABLE;
use headwater_postgres::{Home, Target, private};

use crate::arguments::Arguments;
use crate::bars::Bars;

/// The database on the private server.
const PRIVATE_DATABASE: &str = "headwater";

/// One run of the program.
pub struct Session {
    /// The project's folder.
    pub root: PathBuf,
    /// The database named on the command line.
    pub database: Option<String>,
    /// Print JSON.
    pub json: bool,
    /// Progress bars.
    pub bars: Bars,
}

impl Session {
    /// From the arguments that every command has.
    pub fn new(arguments: &Arguments) -> Self {
        Self {
            root: arguments.project.clone(),
            database: arguments.database.clone(),
            json: arguments.json,
            bars: Bars::new(arguments.json),
        }
    }

    /// Reads the project.
    pub fn project(&self) -> Result<Project, Error> {
        Project::read(&self.root)
    }

    /// The database: the command line's, else `DATABASE_URL`'s, else the project's, else the private server's.
    pub async fn target(&self) -> Result<Target, Error> {
        let from_environment = || std::env::var(URL_VARIABLE).ok().filter(|url| !url.trim().is_empty());
        let url = match self.database.clone().or_else(from_environment) {
            Some(url) => Some(url),
            None => read_settings(&self.root)?.database,
        };
        match url {
            Some(url) => Ok(Target::from_url(url.trim())?),
            None => {
                let name = Ident::generated(PRIVATE_DATABASE, "");
                Ok(Target::private(self.private_server(None)?, &name).await?)
            }
        }
    }

    /// The private server in the project's folder.
    pub fn private_server(&self, major: Option<u32>) -> Result<private::Options, Error> {
        let mut options = private::Options::new(Home::of(&self.root)?);
        options.major = major;
        Ok(options)
    }
}
