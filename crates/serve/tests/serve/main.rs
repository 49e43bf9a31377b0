//! The server on a real database with a real leader: what comes over the wire against what the SELECT says.

mod client;
mod stage;

mod cache;
mod endings;
mod node;
mod pages;
mod paths;
mod promotion;
#[allow(dead_code)]
mod redis_server;
mod refusals;
mod relatives;
mod relay;
mod replicas;
mod search;
mod streams;
