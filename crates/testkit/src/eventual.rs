//! Eventual models looked at from outside: batches while writers write, the log as a follower reads it, leaders that die.
//!
//! | module | does |
//! | --- | --- |
//! | [`truth`] | what every SELECT gives at a batch's snapshot, computed in another session |
//! | [`checked`] | one batch, compared with the truth |
//! | [`scene`] | a small database for scenes that are played step by step, and changes of its functions |
//! | [`writers`] | random transactions in several sessions, late commits among them, until they are told to stop |
//!
//! A batch is judged by what it leaves behind alone: whether deltas, recomputed keys or a rebuild made the rows is not asked.

pub mod checked;
pub mod scene;
pub mod truth;
pub mod writers;

pub use checked::{Checked, Verdict};
pub use scene::Scene;
pub use truth::Truth;
pub use writers::Writers;
