//! The leader on a real server: waiting, standing by, failures, time, the log, and what happens to queues while models and tables change.

mod stage;

mod append;
mod changes;
mod consumers;
mod diff;
mod failures;
mod long;
mod owner;
mod reconcile;
mod refresh_log;
mod restore;
mod standby;
mod time;
mod two_phase;
mod wait;
