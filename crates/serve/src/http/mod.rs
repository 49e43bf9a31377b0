//! HTTP: the way in and out.
//!
//! | module | does |
//! | --- | --- |
//! | [`listen`] | connections, and what they may not do |
//! | [`router`] | which path is answered by what |
//! | [`pages`] | a page as JSON |
//! | [`streams`] | the same as a stream of events |
//! | [`problem`] | what is told when something is wrong |
//! | [`files`] | static files beside the routes |
//! | [`health`] | `/healthz`, `/readyz` |
//! | [`openapi`] | `/openapi.json`, from the declared routes |

pub mod files;
pub mod health;
pub mod listen;
pub mod openapi;
pub mod pages;
pub mod problem;
pub mod router;
pub mod streams;
