//! How a long step tells its caller how far it is. The CLI draws bars from it; tests stay silent.

/// Receives progress. Calls come from one task, in order; a step that starts also ends, unless it fails.
pub trait Progress: Send + Sync {
    /// One line worth knowing, such as that another `apply` is waited for.
    fn say(&self, message: &str);
    /// A step of `total` units begins.
    fn begin(&self, step: &str, total: u64);
    /// So many of its units are done.
    fn done(&self, units: u64);
    /// The step has ended.
    fn end(&self);
}

/// Says nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn say(&self, _message: &str) {}
    fn begin(&self, _step: &str, _total: u64) {}
    fn done(&self, _units: u64) {}
    fn end(&self) {}
}
