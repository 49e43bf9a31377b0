//! One maintenance rule, one file: its algebra, an example, its tests.

pub mod append;
pub mod delta;
pub mod diff;
pub mod keyed;
pub mod refused;
pub mod window;
