//! The section `[serve]` of `headwater.toml`: what is served over HTTP, to whom, and with which means.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::time;

/// `[serve]`. Nothing is served that is not declared here or by a model's option `access`.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Serve {
    /// Where it listens; the loopback unless said otherwise.
    pub listen: SocketAddr,
    /// The origins of pages that may read from browsers; `*` for all, then without credentials.
    pub cors: Vec<String>,
    /// How much memory pages may take in the cache, in megabytes; 0 for no cache.
    pub cache_megabytes: u64,
    /// How long clients are given to take their leave at a shutdown.
    #[serde(deserialize_with = "time")]
    pub grace: Duration,
    /// The longest that the first page of an answer may take.
    #[serde(deserialize_with = "time")]
    pub timeout: Duration,
    /// How often a silent stream says that it lives.
    #[serde(deserialize_with = "time")]
    pub keepalive: Duration,
    /// The shape of the routes' answers: JSON with `"{data}"` and other places in it.
    pub envelope: Option<String>,
    /// The folder of static files that are served beside the routes, relative to the project.
    pub files: Option<String>,
    /// Connections to the database.
    pub pool: Pool,
    /// Streaming replicas that pages may be read from.
    pub replica: Vec<Replica>,
    /// The Redis through which one server passes on what it has read of the log to the others.
    pub redis: Option<Redis>,
    /// How those who ask prove who they are.
    pub auth: Auth,
    /// How much one client may ask for.
    pub limits: Limits,
    /// What administrators see and do; nothing of it is there where the section is not.
    pub admin: Option<Admin>,
    /// The routes.
    pub route: Vec<Route>,
    /// Groups that may follow a model's changes over HTTP.
    pub consumer: Vec<Consumer>,
}

impl Default for Serve {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            cors: Vec::new(),
            cache_megabytes: 64,
            grace: Duration::from_secs(10),
            timeout: Duration::from_secs(30),
            keepalive: Duration::from_secs(15),
            envelope: None,
            files: None,
            pool: Pool::default(),
            replica: Vec::new(),
            redis: None,
            auth: Auth::default(),
            limits: Limits::default(),
            admin: None,
            route: Vec::new(),
            consumer: Vec::new(),
        }
    }
}

/// `[serve.pool]`: connections that are kept for pages. The numbers are those of document 004.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pool {
    /// Connections that are kept open.
    pub size: usize,
    /// Connections beyond these when there is much to do, closed again afterwards.
    pub overflow: usize,
    /// How long a request waits for a connection.
    #[serde(deserialize_with = "time")]
    pub timeout: Duration,
    /// The age at which a connection is closed rather than used again.
    #[serde(deserialize_with = "time")]
    pub recycle: Duration,
    /// A connection that has rested is tried before it is used.
    pub pre_ping: bool,
    /// A pooler in transaction mode stands before the server: no prepared statements, nothing set for the session.
    pub pooler: bool,
}

impl Default for Pool {
    fn default() -> Self {
        Self {
            size: 20,
            overflow: 30,
            timeout: Duration::from_secs(30),
            recycle: Duration::from_secs(1800),
            pre_ping: true,
            pooler: false,
        }
    }
}

/// `[[serve.replica]]`: a streaming replica. It is read from once it has replayed the position that is asked for.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replica {
    /// Its address.
    pub database: String,
    /// Connections that are kept open.
    #[serde(default = "replica_size")]
    pub size: usize,
    /// Connections beyond these.
    #[serde(default = "replica_overflow")]
    pub overflow: usize,
    /// It is left out while it lacks what the primary had so long ago.
    #[serde(default = "replica_max_lag", deserialize_with = "time")]
    pub max_lag: Duration,
}

fn replica_size() -> usize {
    10
}

fn replica_overflow() -> usize {
    20
}

fn replica_max_lag() -> Duration {
    Duration::from_secs(10)
}

/// `[serve.redis]`: a Redis that several servers share.
#[derive(Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redis {
    /// Its address, such as `rediss://:password@host:6379`.
    pub url: String,
    /// What its keys begin with.
    #[serde(default = "redis_prefix")]
    pub prefix: String,
}

fn redis_prefix() -> String {
    "headwater".to_owned()
}

impl std::fmt::Debug for Redis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // There is a password in the address.
        f.debug_struct("Redis").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

/// `[serve.auth]`: JSON Web Tokens. Without a secret or keys there, only public routes can be read.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Auth {
    /// The environment variable with the secret of HS256 tokens.
    pub secret_env: Option<String>,
    /// The secret itself, where a program gives it instead: the demo makes one for each run. It cannot be declared.
    #[serde(skip)]
    pub secret: Option<Secret>,
    /// Where the keys of RS256 and ES256 tokens are: a file, or an `https://` address.
    pub jwks: Option<String>,
    /// What a token's `iss` must be.
    pub issuer: Option<String>,
    /// What a token's `aud` must hold.
    pub audience: Option<String>,
    /// The claim that names the viewer.
    pub subject: String,
    /// The claim that tells an administrator, and its value.
    pub admin: (String, String),
    /// The cookie that may hold the token where a header cannot be sent.
    pub cookie: Option<String>,
}

impl Default for Auth {
    fn default() -> Self {
        Self {
            secret_env: None,
            secret: None,
            jwks: None,
            issuer: None,
            audience: None,
            subject: "sub".into(),
            admin: ("role".into(), "admin".into()),
            cookie: None,
        }
    }
}

/// A text that is never shown.
#[derive(Clone)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// `[serve.limits]`: how much one client, that is one address, may ask for.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Requests a second, in the long run; 0 for no limit.
    pub requests_per_second: u32,
    /// Requests at once, after a while without any.
    pub burst: u32,
    /// Streams open at the same time; 0 for no limit.
    pub streams: usize,
    /// Streams open at the same time by all clients together; 0 for no limit.
    pub all_streams: usize,
    /// Connections open at the same time from one address; 0 for no limit. Those of proxies are not counted.
    pub connections: usize,
    /// Connections open at the same time by all clients together; 0 for no limit.
    pub all_connections: usize,
    /// How long a client may take to send the head of a request, and how long a connection without one is kept.
    #[serde(deserialize_with = "time")]
    pub head_timeout: Duration,
    /// The addresses of proxies whose `X-Forwarded-For` is believed, as `10.1.2.3` or `10.0.0.0/8`.
    pub proxies: Vec<Network>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests_per_second: 0,
            burst: 100,
            streams: 0,
            all_streams: 10_000,
            connections: 0,
            all_connections: 0,
            head_timeout: Duration::from_secs(10),
            proxies: Vec::new(),
        }
    }
}

/// `[serve.admin]`: the console, the health of the models, and what can be done to them, for administrators only.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Admin {
    /// The console is at `/console`.
    pub console: bool,
    /// Models may be verified, repaired and refreshed from here.
    pub operations: bool,
    /// The path of document 003's health check.
    pub health: String,
    /// The database's address for a role that may read and change what Headwater installed, where the one that serves may not.
    pub database: Option<String>,
}

impl Default for Admin {
    fn default() -> Self {
        Self { console: true, operations: true, health: "/admin/denormalization-health".into(), database: None }
    }
}

/// The addresses that begin with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    /// True where the address is one of them. An IPv4 address written as an IPv6 one is the IPv4 address.
    #[must_use]
    pub fn holds(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                (own.to_bits() ^ other.to_bits()).checked_shr(32 - self.bits).unwrap_or(0) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                (own.to_bits() ^ other.to_bits()).checked_shr(128 - self.bits).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

impl std::str::FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || format!("\"{text}\" is no address such as 10.1.2.3 or network such as 10.0.0.0/8");
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| refused())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(longest), str::parse).map_err(|_| refused())?;
        if bits > longest { Err(refused()) } else { Ok(Self { address, bits }) }
    }
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// `[[serve.consumer]]`: a consumer group of a model, at `/v1/consumers/{group}/{model}`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consumer {
    /// The group.
    pub group: String,
    /// The model, by name or schema.name, as the log calls it.
    pub model: String,
    /// The subject of the token that its members have.
    pub subject: String,
    /// Into how many parts the keys are divided; as many members can share the work.
    #[serde(default = "one")]
    pub partitions: u32,
}

fn one() -> u32 {
    1
}

/// `[[serve.route]]`: a path under which a model's rows are read.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The path, such as `/api/feed`, or `/api/worlds/{world_id}/feed`, where a part names a column that rows are chosen by; its stream is at
    /// `…/stream`.
    pub path: String,
    /// The model, by name or schema.name.
    pub model: String,
    /// Who may read it, where that differs from the model's own option: `public`, `owner(column)` or `admin`.
    pub access: Option<String>,
    /// The columns by whose value rows may be chosen.
    #[serde(default)]
    pub filters: Vec<String>,
    /// The orders in which rows may be read; the first one where none is asked for. The key decides ties.
    #[serde(default)]
    pub sorts: Vec<Sort>,
    /// Rows of a page where no number is asked for.
    #[serde(default = "limit")]
    pub limit: u32,
    /// The most rows of a page.
    #[serde(default = "max_limit")]
    pub max_limit: u32,
    /// How many rows may be skipped by `offset`, and by `page`, a page's number; 0: pages are reached by cursor only.
    #[serde(default)]
    pub max_offset: u32,
    /// What an item of a page is: an SQL expression over the columns of a row, of type json or jsonb. The whole row where not given.
    pub item: Option<String>,
    /// What an item says to the one who asks: names, and SQL expressions over a row and `viewer.subject`, the name in the token as text.
    #[serde(default)]
    pub viewer: BTreeMap<String, String>,
    /// The beginning of the names of a stream's events, such as `feed` for `feed_items`; the path's last part where not given.
    pub events: Option<String>,
    /// Streams go on with what changes after the page.
    #[serde(default)]
    pub live: bool,
    /// The answer is one row's item, or 404 where there is no row.
    #[serde(default)]
    pub single: bool,
    /// The shape of its answers, where it is not that of `[serve]`.
    pub envelope: Option<String>,
    /// What stands for `"{message}"` in the shape.
    pub message: Option<String>,
    /// The rows are what `?q=…` finds, by rank.
    pub search: Option<Search>,
}

/// How a route's rows are found and ranked.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// The column with the words, a `tsvector`; with a GIN index.
    pub vector: String,
    /// The text search configuration that it was made with.
    #[serde(default = "config")]
    pub config: String,
    /// The column with the words of the name as they are written, a `tsvector` of the configuration `simple`; with a GIN index. By it stop
    /// words and beginnings of words are found.
    pub words: Option<String>,
    /// The column with the name; with an index on `lower(name) text_pattern_ops`, and one of `gin_trgm_ops` where `fuzzy`.
    pub name: String,
    /// The column that decides among rows of one rank; with an index on it, `DESC NULLS LAST`, followed by the key.
    pub relevance: String,
    /// The columns whose words are marked in an item's `highlight`.
    #[serde(default)]
    pub highlight: Vec<String>,
    /// Names that are only alike are found, too; needs the extension `pg_trgm`.
    #[serde(default = "fuzzy")]
    pub fuzzy: bool,
    /// How many rows that an index finds are ranked. Where it finds more, the most relevant ten times as many rows are looked through instead.
    #[serde(default = "candidates")]
    pub candidates: u32,
}

fn config() -> String {
    "english".into()
}

fn fuzzy() -> bool {
    true
}

fn candidates() -> u32 {
    300
}

/// One order of a route.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sort {
    /// Its name, as in `?sort=newest`.
    pub name: String,
    /// The columns, as in `created_at desc, title`; `nulls first` and `nulls last` may follow.
    pub by: String,
}

fn limit() -> u32 {
    20
}

fn max_limit() -> u32 {
    100
}

#[cfg(test)]
mod tests {
    use super::Network;

    #[test]
    fn a_network_holds_the_addresses_that_begin_like_it() {
        for (network, address, held) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "::ffff:10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.1.2.3", "10.1.2.3", true),
            ("10.1.2.3/32", "10.1.2.4", false),
            ("0.0.0.0/0", "192.0.2.1", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("fd00::/8", "fdff::1", true),
            ("fd00::/8", "fe80::1", false),
            ("::/0", "2001:db8::1", true),
            ("::1", "::1", true),
        ] {
            let network: Network = network.parse().unwrap();
            assert_eq!(network.holds(address.parse().unwrap()), held, "{network:?} {address}");
        }
        for wrong in ["", "10.0.0", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "proxy.example"] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }
}
