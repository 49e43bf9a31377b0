//! Repeating a transaction that the server ended to keep others right: SQLSTATE 40001 and 40P01.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use tokio_postgres::error::SqlState;

use crate::error::Error;

/// How often [`retry`] runs an operation before it gives its last failure back.
pub const ATTEMPTS: u32 = 12;

/// The pause before the second attempt; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(5);

/// No pause is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A failure that may pass when the same transaction runs again.
pub trait Transient {
    /// True for a serialization failure or a deadlock.
    fn is_transient(&self) -> bool;
}

impl Transient for tokio_postgres::Error {
    fn is_transient(&self) -> bool {
        self.code().is_some_and(passes)
    }
}

impl Transient for Error {
    fn is_transient(&self) -> bool {
        self.sqlstate().is_some_and(passes)
    }
}

fn passes(state: &SqlState) -> bool {
    *state == SqlState::T_R_SERIALIZATION_FAILURE || *state == SqlState::T_R_DEADLOCK_DETECTED
}

/// Runs `operation`, a whole transaction, until it succeeds, fails for good, or has failed [`ATTEMPTS`] times.
///
/// Rust cannot yet see that the future of a borrowing `async` closure is `Send`; in a spawned task use [`Attempts`].
pub async fn retry<T, E: Transient>(mut operation: impl AsyncFnMut() -> Result<T, E>) -> Result<T, E> {
    let mut attempts = Attempts::default();
    loop {
        match operation().await {
            Err(failure) if attempts.again_after(&failure).await => {}
            outcome => return outcome,
        }
    }
}

/// Counts failures and pauses between attempts, for callers who write the loop themselves:
///
/// ```no_run
/// # async fn transfer(client: &mut headwater_postgres::Client) -> Result<(), headwater_postgres::Error> { Ok(()) }
/// # async fn example(client: &mut headwater_postgres::Client) -> Result<(), headwater_postgres::Error> {
/// let mut attempts = headwater_postgres::retry::Attempts::default();
/// loop {
///     match transfer(client).await {
///         Err(failure) if attempts.again_after(&failure).await => {}
///         outcome => return outcome,
///     }
/// }
/// # }
/// ```
#[derive(Debug, Default)]
pub struct Attempts {
    failed: u32,
}

impl Attempts {
    /// True, after a pause, where another attempt makes sense. The pause is random up to a doubling limit, so that two
    /// rivals do not meet again.
    pub async fn again_after(&mut self, failure: &impl Transient) -> bool {
        self.failed += 1;
        if self.failed >= ATTEMPTS || !failure.is_transient() {
            return false;
        }
        let limit = FIRST_PAUSE.saturating_mul(1 << (self.failed - 1).min(16)).min(LONGEST_PAUSE);
        tokio::time::sleep(random_up_to(limit)).await;
        true
    }

    /// How many attempts failed so far.
    #[must_use]
    pub fn failed(&self) -> u32 {
        self.failed
    }
}

/// A random duration up to `limit`. The standard library seeds its hash maps at random; that is random enough here.
fn random_up_to(limit: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish();
    let nanos = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX).max(1);
    Duration::from_nanos(random % nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Failure(bool);

    impl Transient for Failure {
        fn is_transient(&self) -> bool {
            self.0
        }
    }

    #[tokio::test]
    async fn repeats_what_may_pass_and_nothing_else() {
        let mut runs = 0;
        let outcome = retry(async || {
            runs += 1;
            if runs < 4 { Err(Failure(true)) } else { Ok(runs) }
        })
        .await;
        assert_eq!(outcome, Ok(4));

        let mut runs = 0;
        let outcome: Result<(), _> = retry(async || {
            runs += 1;
            Err(Failure(false))
        })
        .await;
        assert_eq!((outcome, runs), (Err(Failure(false)), 1));
    }

    #[test]
    fn pauses_stay_below_their_limit() {
        let limit = Duration::from_millis(3);
        assert!((0..100).all(|_| random_up_to(limit) < limit));
    }
}
