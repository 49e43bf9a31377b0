//! Everything that talks to a PostgreSQL server, or brings one about.
//!
//! | module | does |
//! | --- | --- |
//! | [`mod@connect`] | opens connections, and decides where the database is ([`Target`]) |
//! | [`mod@tls`] | encrypts them |
//! | [`catalog`] | lets the server resolve models and reads what the compiler must know of their tables |
//! | [`locks`] | the lock without which nobody changes the schema |
//! | [`mod@retry`] | repeats what failed by a serialization failure or a deadlock |
//! | [`private`] | the private server in `.headwater/`, kept between runs |
//! | [`binaries`], [`provision`] | find PostgreSQL's programs on this machine, or download them |
//! | [`home`], [`server_user`] | where a private server keeps its files, and as whom it runs |
//! | [`error`] | what can go wrong, with a stable code and what to do |

pub mod binaries;
pub mod catalog;
pub mod connect;
pub mod error;
pub mod home;
pub mod locks;
pub mod private;
pub mod provision;
pub mod retry;
pub mod server_user;
pub mod tls;

pub use binaries::Binaries;
pub use catalog::{Resolutions, SelectToResolve, resolve};
pub use connect::{Target, connect, parse_url, watch_the_line};
pub use error::{Error, describe};
pub use home::Home;
pub use locks::{SCHEMA_LOCK_KEY, SchemaLock};
pub use private::PrivateServer;
pub use retry::retry;
pub use tls::tls;
pub use tokio_postgres::{Client, Config};
