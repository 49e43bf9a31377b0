//! Progress bars on standard error, for people only: nothing is drawn into a file, a pipe or beside JSON.

use std::sync::Mutex;
use std::time::Duration;

use headwater_deploy::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// One bar at a time, for the step that runs.
#[derive(Debug)]
pub struct Bars {
    hidden: bool,
    current: Mutex<Option<ProgressBar>>,
}

impl Bars {
    /// Hidden, or drawn where standard error is a terminal.
    pub fn new(hidden: bool) -> Self {
        Self { hidden, current: Mutex::new(None) }
    }

    /// Words beside the bar.
    pub fn note(&self, note: String) {
        self.with(|bar| bar.set_message(note));
    }

    fn with(&self, act: impl FnOnce(&ProgressBar)) {
        if let Some(bar) = self.current.lock().unwrap_or_else(std::sync::PoisonError::into_inner).as_ref() {
            act(bar);
        }
    }

    fn replace(&self, bar: Option<ProgressBar>) {
        let mut current = self.current.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(old) = std::mem::replace(&mut *current, bar) {
            old.finish_and_clear();
        }
    }

    fn bar(&self, step: &str, total: u64) -> ProgressBar {
        let target = if self.hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(total), target).with_prefix(step.to_owned());
        if let Ok(style) = ProgressStyle::with_template("{prefix} {bar:30} {pos}/{len} {elapsed} {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        bar
    }
}

impl Progress for Bars {
    fn say(&self, message: &str) {
        let current = self.current.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match current.as_ref() {
            Some(bar) => bar.suspend(|| eprintln!("headwater: {message}")),
            None => eprintln!("headwater: {message}"),
        }
    }

    fn begin(&self, step: &str, total: u64) {
        let bar = self.bar(step, total);
        self.replace(Some(bar));
    }

    fn done(&self, units: u64) {
        self.with(|bar| bar.set_position(units));
    }

    fn end(&self) {
        self.replace(None);
    }
}

/// A failure leaves no half-drawn bar above its report.
impl Drop for Bars {
    fn drop(&mut self) {
        self.replace(None);
    }
}
