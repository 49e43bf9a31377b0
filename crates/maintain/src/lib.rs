//! The leader: the one process that runs batches, lets time pass, and keeps house.
//!
//! | module | does |
//! | --- | --- |
//! | [`leader`] | exactly one at a time: takes the lead or stands by, begins anew after a failure |
//! | [`cycle`] | what the leader does again and again: look, batch, tick, keep house, rest |
//! | [`pace`] | how long it rests |
//! | [`upkeep`] | the log's age, event logs that are trimmed, the refresh log, broken realtime models |
//! | [`reconcile`] | the scheduled verify |
//! | [`mod@wait`] | returns when all that had committed is in the models |
//!
//! Nothing depends on there being one leader: batches exclude each other in the database ([`headwater_deploy::batch`]). Two would
//! only do the work twice.

pub mod cycle;
pub mod leader;
pub mod pace;
pub mod reconcile;
pub mod upkeep;
pub mod wait;

pub use leader::{Event, Observer, Settings, Unobserved, lead};
pub use wait::wait;
