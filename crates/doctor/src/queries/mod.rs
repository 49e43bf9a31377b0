//! What is asked of the database, with values drawn from it.
//!
//! | module | has |
//! | --- | --- |
//! | [`routes`] | the pages of every route, as the server's own statements |
//! | [`declared`] | the queries of `[[bench.query]]` |
//! | [`written`] | a value as text, whatever type the server takes it for |
//! | [`explain`] | a query's plan |

pub mod declared;
pub mod explain;
pub mod routes;
pub mod written;

pub use written::Written;
