//! Wanted against installed: what `plan`, `apply`, `status`, `verify`, `refresh` and `remove` do.
//!
//! | step | module | from → to |
//! | --- | --- | --- |
//! | read | [`project`] | a folder → model files and settings |
//! | compile | [`wanted`] | model files → [`Wanted`], with the server's help |
//! | compare | [`installed`], [`diff`] | `headwater.model` → what is unchanged, new, changed, removed |
//! | refuse | [`precheck`] | names taken, rights missing, dependent views → diagnostics, before anything is written |
//! | write | [`apply`] → [`install`], [`build`], [`queues`], [`triggers`], [`fill`], [`swap`] | each a short transaction |
//! | maintain | [`batch`] | eventual models from one snapshot to the next |
//! | afterwards | [`status`], [`health`], [`counters`], [`verify`], [`refresh`], [`remove`] | |
//!
//! `apply` may be killed between any two transactions. What it leaves is a version in the state `building`, maintained
//! by its own triggers beside the version that serves; the next `apply` goes on with it, or drops it when it is no
//! longer wanted. Nothing that readers see changes before [`swap`], and that is one transaction.

pub mod access;
pub mod apply;
pub mod batch;
pub mod build;
pub mod counters;
pub mod diff;
pub mod error;
pub mod fill;
pub mod health;
pub mod install;
pub mod installed;
pub mod locks;
pub mod precheck;
pub mod progress;
pub mod project;
pub mod queues;
pub mod refresh;
pub mod remove;
pub mod status;
pub mod swap;
pub mod triggers;
pub mod verify;
pub mod view;
pub mod wanted;

pub use access::AccessChange;
pub use apply::{Applied, Options, Plan, apply, plan};
pub use diff::{Action, Change};
pub use error::{Error, Problems};
pub use progress::{Progress, Silent};
pub use project::Project;
pub use wanted::Wanted;
