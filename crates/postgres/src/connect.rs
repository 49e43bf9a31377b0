//! Opening connections, and deciding where the database is.

use std::time::Duration;

use headwater_catalog::Ident;
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config};

use crate::error::Error;
use crate::home::Home;
use crate::private::{Options, PrivateServer};
use crate::tls;

/// The oldest server that Headwater works with.
pub const OLDEST_MAJOR: u32 = 14;

/// The variable that names the database.
pub const URL_VARIABLE: &str = "DATABASE_URL";

/// How sessions of Headwater call themselves, unless the address says otherwise.
const APPLICATION_NAME: &str = "headwater";

/// How long to wait for a server to answer, unless the address says otherwise.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection is silent before the machine asks whether the other end is there, and how long an answer may take.
const SILENCE: Duration = Duration::from_secs(10);

/// The same where nobody said anything, in the client library.
const LIBRARY_KEEPALIVES_IDLE: Duration = Duration::from_secs(2 * 60 * 60);

/// Reads a database's address: a URL, or `key=value` pairs.
pub fn parse_url(url: &str) -> Result<Config, Error> {
    tls::understood(url).parse().map_err(Error::BadAddress)
}

/// Opens one connection, runs it in the background until the client is dropped, and refuses servers that are too old.
pub async fn connect(config: &Config) -> Result<Client, Error> {
    let mut config = config.clone();
    if config.get_application_name().is_none() {
        config.application_name(APPLICATION_NAME);
    }
    watch_the_line(&mut config);
    let (client, connection) = config.connect(tls::tls(&config)?).await.map_err(|source| {
        let place = place_of(&config);
        match source.as_db_error() {
            Some(_) => Error::Refused { place, source },
            None => Error::Unreachable { place, source },
        }
    })?;
    let version = connection.parameter("server_version").unwrap_or_default().to_owned();
    // The task ends with the client; a failure of the connection reaches the client's next call.
    tokio::spawn(connection);
    check_version(&version)?;
    Ok(client)
}

/// Lets a connection notice within half a minute that the other end is gone without a word: its machine, or the way there. What the
/// address says of it stays.
pub fn watch_the_line(config: &mut Config) {
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_TIMEOUT);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(SILENCE);
    }
    if config.get_keepalives_idle() == LIBRARY_KEEPALIVES_IDLE {
        config.keepalives_idle(SILENCE);
    }
    if config.get_keepalives_interval().is_none() {
        config.keepalives_interval(SILENCE / 4);
    }
    if config.get_keepalives_retries().is_none() {
        config.keepalives_retries(4);
    }
}

/// `version` reads like `15.18 (Debian 15.18-0+deb12u1)` or `19devel`.
fn check_version(version: &str) -> Result<(), Error> {
    let number = version.split_whitespace().next().unwrap_or_default();
    let major = number.split(|c: char| !c.is_ascii_digit()).next().and_then(|digits| digits.parse::<u32>().ok());
    match major {
        Some(major) if major < OLDEST_MAJOR => Err(Error::TooOld { version: number.to_owned() }),
        // A pooler may tell nothing; then the first statement that needs more will say so.
        _ => Ok(()),
    }
}

/// Where the connection goes, without its secrets.
fn place_of(config: &Config) -> String {
    let ports = config.get_ports();
    let hosts = config.get_hosts().iter().enumerate().map(|(index, host)| match host {
        Host::Tcp(name) => format!("{name}:{}", ports.get(index).or(ports.first()).unwrap_or(&5432)),
        Host::Unix(path) => path.display().to_string(),
    });
    hosts.collect::<Vec<_>>().join(", ")
}

/// The database that a command works on.
#[derive(Debug, Clone)]
pub struct Target {
    /// How to connect to it.
    pub config: Config,
    /// The private server it is in, where Headwater started one.
    pub server: Option<PrivateServer>,
    /// The address to show to people and to hand to psql; holds the password if `DATABASE_URL` does.
    pub url: String,
}

impl Target {
    /// The database that `url` names.
    pub fn from_url(url: &str) -> Result<Self, Error> {
        Ok(Self { config: parse_url(url)?, server: None, url: url.to_owned() })
    }

    /// The database that `DATABASE_URL` names; where it is not set, the database `name` on the private server in the
    /// current folder's `.headwater/`, started and created as needed.
    pub async fn from_env_or_private(name: &Ident) -> Result<Self, Error> {
        match std::env::var(URL_VARIABLE) {
            Ok(url) if !url.trim().is_empty() => Self::from_url(url.trim()),
            _ => Self::private(Options::new(Home::here()?), name).await,
        }
    }

    /// The database `name` on the private server that `options` describe.
    pub async fn private(options: Options, name: &Ident) -> Result<Self, Error> {
        let server = PrivateServer::start_async(options).await?;
        server.create_database(name).await?;
        let (config, url) = (server.config(name.as_str()), server.url(name.as_str()));
        Ok(Self { config, server: Some(server), url })
    }

    /// Opens a connection.
    pub async fn connect(&self) -> Result<Client, Error> {
        connect(&self.config).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_servers_are_refused() {
        assert!(matches!(check_version("13.4 (Debian)"), Err(Error::TooOld { version }) if version == "13.4"));
        assert!(matches!(check_version("9.6.1"), Err(Error::TooOld { .. })));
        for version in ["14.0", "15.18 (Debian 15.18-0+deb12u1)", "19devel", ""] {
            assert!(check_version(version).is_ok());
        }
    }

    #[test]
    fn places_hold_no_secret() {
        let config = parse_url("postgresql://me:secret@db.example:6432/app").unwrap();
        assert_eq!(place_of(&config), "db.example:6432");
    }
}
