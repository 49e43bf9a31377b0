//! The routes of `examples/showcase` over HTTP: every page against the SELECT that a careful engineer would write (`expected.sql`), who may see
//! what, what used to go wrong, and what is told to whom while it happens.

#[path = "../serve/client.rs"]
#[allow(dead_code)]
mod client;
#[path = "../access/keys.rs"]
#[allow(dead_code)]
mod keys;
#[path = "../serve/stage.rs"]
#[allow(dead_code)]
mod stage;

mod ground;

mod access;
mod defects;
mod live;
mod pages;
