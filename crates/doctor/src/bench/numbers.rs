//! Percentiles, by the nearest rank: the least time that so many percent of the runs did not exceed.

/// What runs took, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize)]
pub struct Numbers {
    /// How many there were.
    pub n: usize,
    /// Their average.
    pub average_ms: f64,
    /// Half of them took no longer.
    pub p50_ms: f64,
    /// 95 of a hundred took no longer.
    pub p95_ms: f64,
    /// 99 of a hundred took no longer.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

/// The number that is held against the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The average.
    Average,
    /// The 50th percentile.
    P50,
    /// The 95th percentile.
    P95,
    /// The 99th percentile.
    P99,
    /// The longest.
    Max,
}

impl By {
    /// That number.
    #[must_use]
    pub fn of(self, numbers: &Numbers) -> f64 {
        match self {
            Self::Average => numbers.average_ms,
            Self::P50 => numbers.p50_ms,
            Self::P95 => numbers.p95_ms,
            Self::P99 => numbers.p99_ms,
            Self::Max => numbers.max_ms,
        }
    }

    /// Its name.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Average => "average",
            Self::P50 => "p50",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::Max => "max",
        }
    }
}

impl Numbers {
    /// Of these times in milliseconds.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "there are fewer than 2^52 runs")]
    pub fn of(mut times: Vec<f64>) -> Self {
        times.sort_by(f64::total_cmp);
        let Some(longest) = times.last() else { return Self::default() };
        let rank = |percent: usize| times[(times.len() * percent).div_ceil(100).max(1) - 1];
        Self {
            n: times.len(),
            average_ms: times.iter().sum::<f64>() / times.len() as f64,
            p50_ms: rank(50),
            p95_ms: rank(95),
            p99_ms: rank(99),
            max_ms: *longest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let numbers = Numbers::of((1..=200).rev().map(f64::from).collect());
        assert_eq!((numbers.n, numbers.p50_ms, numbers.p95_ms, numbers.p99_ms), (200, 100.0, 190.0, 198.0));
        assert_eq!((numbers.max_ms, numbers.average_ms), (200.0, 100.5));
        assert_eq!(Numbers::of(vec![3.0]).p99_ms, 3.0);
        assert_eq!(Numbers::of(Vec::new()), Numbers::default());
    }
}
