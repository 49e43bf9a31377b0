//! The front: pages and live streams of models over HTTP, exact at the position they name.
//!
//! | module | does |
//! | --- | --- |
//! | [`server`] | begins and ends; holds what all the others share |
//! | [`model`] | what the database says of the models that serve |
//! | [`route`] | what `[serve]` declares, matched with the models |
//! | [`database`] | pools of connections, and replicas |
//! | [`page`] | from a request to rows as JSON; the cache |
//! | [`tail`] | from the log to those who follow and to the cache |
//! | [`consume`] | consumer groups: whoever follows a model at a pace of their own |
//! | [`stream`] | a page and its tail as Server-Sent Events |
//! | [`access`] | who asks, and how much |
//! | [`admin`] | what administrators see and do: health, the console |
//! | [`http`] | paths, headers, problems, health |
//! | [`observe`] | what is measured |
//! | [`trace`] | spans, for whoever collects traces |
//!
//! Any number of servers may run: none writes anything but the checkpoints of consumers, and what an administrator asks for. What they share is
//! in the database.

pub mod access;
pub mod admin;
pub mod consume;
pub mod database;
pub mod error;
pub mod http;
pub mod model;
pub mod observe;
pub mod page;
pub mod position;
pub mod route;
pub mod server;
pub mod stream;
pub mod tail;
pub mod trace;

pub use error::Error;
pub use http::files::Files;
pub use server::{Running, Site, start};
