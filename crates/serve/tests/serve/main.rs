//! The server on a real database with a real leader: what comes over the wire against what the SELECT says.

mod client;
mod stage;

mod cache;
mod endings;
mod pages;
mod paths;
mod refusals;
mod relatives;
mod search;
mod streams;
