//! What tests share.
//!
//! | module | holds |
//! | --- | --- |
//! | [`server`] | the PostgreSQL servers that tests run on |
//! | [`database`] | a database of its own for every test |
//! | [`traffic`] | the writes of an example's application |
//! | [`example`] | an example: loaded, written to, verified |
//! | [`oracle`] | is every model equal to its SELECT, here and now? |
//! | [`behavior`] | runs `tests/behavior/*.slt` |
//! | [`interleaving`] | runs `tests/interleavings/*.spec` |
//! | [`golden`] | runs `tests/cases` |
//! | [`property`] | random statements, the oracle after each, the failure shrunk |
//! | [`eventual`] | batches, the log and leaders, looked at from outside while writers write |

pub mod behavior;
pub mod database;
pub mod eventual;
pub mod example;
pub mod golden;
pub mod interleaving;
pub mod oracle;
pub mod property;
pub mod server;
pub mod traffic;

pub use database::TestDatabase;
pub use oracle::{Oracle, assert_exact};
pub use server::TestServer;
