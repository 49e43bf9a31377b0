//! What tests share.
//!
//! | module | holds |
//! | --- | --- |
//! | [`server`] | the PostgreSQL servers that tests run on |
//! | [`database`] | a database of its own for every test |

pub mod database;
pub mod server;

pub use database::TestDatabase;
pub use server::TestServer;
