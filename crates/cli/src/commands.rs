//! One module per command.

pub mod apply;
pub mod bench;
pub mod check;
pub mod compare;
pub mod doctor;
pub mod maintain;
pub mod plan;
pub mod refresh;
pub mod remove;
pub mod serve;
pub mod status;
pub mod table;
pub mod verify;
pub mod wait;
