//! `doctor` and `bench` against real servers: each finding is brought about, told with what to do, and gone once exactly that was done.

mod bench;
mod healthy;
mod indexes;
mod large;
mod own_state;
mod plans;
mod rights;
mod schema;
mod server;
mod stage;
mod transactions;
