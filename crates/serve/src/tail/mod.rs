//! The tail of the log: what has changed, told to those who follow and to the cache.
//!
//! | module | does |
//! | --- | --- |
//! | [`entry`] | one change of a row as a route shows it |
//! | [`log`] | reads entries from the log, rendered for a route |
//! | [`hub`] | one route's followers, recent entries and kept pages |
//! | [`follow`] | the task that reads the log as it grows and feeds the hubs |
//!
//! A *slice* is the rows of a route that have certain values in certain columns: what one stream or one page is about. An entry goes to the
//! slices that the row is in now, as `put`; to those that it was in and is not any more, as `gone`; and to no others: nobody learns of
//! keys that were never theirs.

pub mod entry;
pub mod follow;
pub mod hub;
pub mod log;
pub mod relay;
