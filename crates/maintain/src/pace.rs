//! How long the leader rests between two looks.
//!
//! While there is work it rests a third as long as it worked, so that writers get a part of its processor, too, and batches grow with
//! the load: more changes make a batch longer, and more of them then fall into the next one. While there is none, it rests a part of the
//! time that has passed without any, so that a change waits for a fraction of the usual pause before it. It asks rather than being told: NOTIFY in every writer's commit makes all commits wait for each other, and a
//! transaction that has used NOTIFY cannot be prepared for two-phase commit.

use std::time::Duration;

/// What part of its work the leader rests.
const REST: u32 = 3;
/// The shortest rest.
const SHORTEST: Duration = Duration::from_millis(1);
/// The longest rest after work.
const LONGEST_AFTER_WORK: Duration = Duration::from_millis(50);
/// What part of the time without work it rests before it looks again.
const IDLE_REST: u32 = 16;
/// The longest rest while there is nothing to do.
const LONGEST_IDLE: Duration = Duration::from_millis(40);
/// A model that allows this lag or more is not hurried for.
const LAZY: Duration = Duration::from_millis(100);
/// The longest rest, whatever lag is allowed.
const LONGEST: Duration = Duration::from_secs(1);

/// The rests of one leader.
#[derive(Debug, Clone)]
pub struct Pace {
    /// The least lag that a model allows, where every model that is maintained in batches says so.
    max_lag: Option<Duration>,
    /// How long it has rested since there was work.
    idle: Duration,
}

impl Pace {
    /// For models that all allow at least this lag; `None` where one allows none.
    #[must_use]
    pub fn new(max_lag: Option<Duration>) -> Self {
        Self { max_lag, idle: Duration::ZERO }
    }

    /// The rest after a batch that took so long.
    pub fn after_work(&mut self, took: Duration) -> Duration {
        self.idle = Duration::ZERO;
        (took / REST).clamp(SHORTEST, LONGEST_AFTER_WORK).max(self.lazy())
    }

    /// The rest after a look that found nothing.
    pub fn after_nothing(&mut self) -> Duration {
        let rest = (self.idle / IDLE_REST).clamp(SHORTEST, LONGEST_IDLE).max(self.lazy());
        self.idle = self.idle.saturating_add(rest);
        rest
    }

    /// Half the lag that is allowed: a change waits for the rest and for the batch.
    fn lazy(&self) -> Duration {
        match self.max_lag {
            Some(lag) if lag >= LAZY => (lag / 2).min(LONGEST),
            _ => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rests_a_part_of_its_work() {
        let mut pace = Pace::new(None);
        assert_eq!(pace.after_work(Duration::from_micros(10)), SHORTEST);
        assert_eq!(pace.after_work(Duration::from_millis(21)), Duration::from_millis(7));
        assert_eq!(pace.after_work(Duration::from_secs(9)), LONGEST_AFTER_WORK);
    }

    #[test]
    fn rests_a_part_of_the_time_without_work() {
        let mut pace = Pace::new(None);
        let mut idle = Duration::ZERO;
        for look in 0..200 {
            let rest = pace.after_nothing();
            assert_eq!(rest, (idle / IDLE_REST).clamp(SHORTEST, LONGEST_IDLE), "look {look}");
            idle += rest;
        }
        assert_eq!(pace.after_nothing(), LONGEST_IDLE);
        pace.after_work(SHORTEST);
        assert_eq!(pace.after_nothing(), SHORTEST);
    }

    #[test]
    fn uses_the_lag_that_is_allowed() {
        let mut pace = Pace::new(Some(Duration::from_secs(1)));
        assert_eq!(pace.after_work(SHORTEST), Duration::from_millis(500));
        let mut hurried = Pace::new(Some(Duration::from_millis(20)));
        assert_eq!(hurried.after_work(SHORTEST), SHORTEST);
    }
}
