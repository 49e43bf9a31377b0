//! Eventual models looked at from outside: batches while writers write, the log as a follower reads it, leaders that die.
//!
//! | module | does |
//! | --- | --- |
//! | [`truth`] | what every SELECT gives at a batch's snapshot, computed in another session |
//! | [`checked`] | one batch, compared with the truth |
//! | [`writers`] | random transactions in several sessions, late commits among them, until they are told to stop |
//! | [`scene`] | a small database for scenes that are played step by step, and changes of its functions |
//! | [`pairs`] | an application whose sums show half a transaction, and its writers |
//! | [`follower`] | reads the log and insists on every position |
//! | [`process`] | leaders: a process, to be killed, or a task |
//! | [`sound`] | what must be so once writers rest |
//! | [`durable`] | a server of a test's own, to be stopped as a power cut would |
//!
//! A batch is judged by what it leaves behind alone: whether deltas, recomputed keys or a rebuild made the rows is not asked.

pub mod checked;
pub mod durable;
pub mod follower;
pub mod pairs;
pub mod process;
pub mod scene;
pub mod sound;
pub mod truth;
pub mod writers;

pub use checked::{Checked, Verdict};
pub use durable::DurableServer;
pub use follower::Follower;
pub use pairs::Traffic;
pub use process::{LeaderProcess, LeaderTask};
pub use scene::Scene;
pub use sound::assert_sound;
pub use truth::Truth;
pub use writers::Writers;
