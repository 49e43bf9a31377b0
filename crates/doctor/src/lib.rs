//! Examines a database that Headwater works on. Nothing here changes it.
//!
//! | module | does |
//! | --- | --- |
//! | [`examine`] | `doctor`: looks for everything that [`rules`] know, one after the other |
//! | [`rules`] | one file for each kind of finding: what it means, the query, the statement that puts it right |
//! | [`finding`] | what a rule says |
//! | [`look`] | the session that looks: read-only, with time limits |
//! | [`queries`] | what routes, models and the application ask of the database, with values drawn from it |
//! | [`plan`] | which tables a query's plan reads from end to end, and the index that would help |
//! | [`bench`] | `bench`: measures the same queries |
//!
//! Both commands ask the database as the server does: with the statements of its own pages. `doctor` reads the catalog, statistics and plans,
//! never the rows of a table, so its time does not grow with the data.

pub mod bench;
pub mod examine;
pub mod finding;
pub mod look;
pub mod plan;
pub mod queries;
pub mod rules;

pub use examine::{Choice, Report, examine};
pub use finding::{Finding, Fix};
