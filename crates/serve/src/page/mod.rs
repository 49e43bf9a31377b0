//! Pages: some rows of a model in a declared order, from a cursor on.
//!
//! | module | does |
//! | --- | --- |
//! | [`request`] | reads what is asked for, and refuses what was not declared |
//! | [`cursor`] | a place in an order, as text |
//! | [`sql`] | the one statement that reads a page and the position it is exact at |
//! | [`read`] | runs it, row by row |
//! | [`cache`] | pages that are kept for as long as the log says nothing of them |
//! | [`answer`] | the page as JSON, with its ETag |
//! | [`envelope`] | the shape of that JSON |
//! | [`search`] | pages of what is looked for, by rank |

pub mod answer;
pub mod cache;
pub mod cursor;
pub mod envelope;
pub mod read;
pub mod request;
pub mod search;
pub mod sql;
