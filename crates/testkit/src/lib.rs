//! What tests share.
//!
//! | module | holds |
//! | --- | --- |
//! | [`server`] | the PostgreSQL servers that tests run on |
//! | [`database`] | a database of its own for every test |
//! | [`traffic`] | the writes of an example's application |

pub mod database;
pub mod server;
pub mod traffic;

pub use database::TestDatabase;
pub use server::TestServer;
