//! Variants in turns: A B C, A B C, … A machine's mood changes from minute to minute; it is the same within a round, so ratios
//! are taken within a round and their median over the rounds counts.

use std::collections::BTreeMap;

use crate::Failure;
use crate::arena::Arena;
use crate::load::{self, Found, Load};

/// One thing to measure.
#[derive(Clone)]
pub struct Variant {
    /// What it is called in the table.
    pub name: String,
    /// What is run.
    pub load: Load,
    /// The variant, by its place, that its time is divided by.
    pub against: Option<usize>,
    /// The most that the ratio may be.
    pub limit: Option<f64>,
}

/// What all turns of a variant found.
#[derive(Debug, Clone)]
pub struct Measured {
    /// The case, the variant, and how many clients.
    pub case: String,
    pub variant: String,
    pub clients: usize,
    /// One for each round.
    pub turns: Vec<Found>,
    /// Time per statement against that of the variant compared with: throughput of the other ÷ own.
    pub slowdown: Option<Spread>,
    /// The same for backend CPU time.
    pub cpu_ratio: Option<Spread>,
    /// The most that `slowdown` may be.
    pub limit: Option<f64>,
}

/// Median, least and greatest.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Spread {
    pub median: f64,
    pub min: f64,
    pub max: f64,
}

impl Spread {
    /// Of the values that are numbers; not a number where there is none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().filter(|value| !value.is_nan()).collect();
        values.sort_by(f64::total_cmp);
        let Some((&min, &max)) = values.first().zip(values.last()) else {
            return Self { median: f64::NAN, min: f64::NAN, max: f64::NAN };
        };
        let middle = values.len() / 2;
        let median =
            if values.len() % 2 == 1 { values[middle] } else { f64::midpoint(values[middle - 1], values[middle]) };
        Self { median, min, max }
    }
}

impl Measured {
    /// The median over the rounds.
    pub fn median(&self, figure: impl Fn(&Found) -> f64) -> f64 {
        Spread::of(self.turns.iter().map(figure)).median
    }

    /// SQLSTATE → failures over all rounds.
    pub fn failed(&self) -> BTreeMap<String, u64> {
        let mut all = BTreeMap::new();
        for (code, times) in self.turns.iter().flat_map(|turn| &turn.failed) {
            *all.entry(code.clone()).or_default() += times;
        }
        all
    }
}

/// Measures all variants of a case.
pub async fn compare(arena: &Arena, case: &str, variants: &[Variant]) -> Result<Vec<Measured>, Failure> {
    compare_with(arena, case, variants, async |_, variant| load::run(variant.load.clone(), arena.effort.turn).await)
        .await
}

/// The same, with more around a turn than its load: `turn` is given the variant and its place.
pub async fn compare_with(
    arena: &Arena,
    case: &str,
    variants: &[Variant],
    mut turn: impl AsyncFnMut(usize, &Variant) -> Result<Found, Failure>,
) -> Result<Vec<Measured>, Failure> {
    let mut turns: Vec<Vec<Found>> = vec![Vec::new(); variants.len()];
    for round in 1..=arena.effort.rounds {
        for (position, variant) in variants.iter().enumerate() {
            eprintln!("  {case}, round {round}: {}", variant.name);
            turns[position].push(turn(position, variant).await?);
        }
    }
    let ratio = |one: usize, other: Option<usize>, figure: fn(&Found, &Found) -> f64| {
        other.map(|other| Spread::of(turns[one].iter().zip(&turns[other]).map(|(one, other)| figure(one, other))))
    };
    let measured = variants.iter().enumerate().map(|(position, variant)| Measured {
        case: case.to_owned(),
        variant: variant.name.clone(),
        clients: variant.load.clients,
        slowdown: ratio(position, variant.against, |one, other| other.per_second() / one.per_second()),
        cpu_ratio: ratio(position, variant.against, |one, other| one.cpu_each() / other.cpu_each()),
        limit: variant.limit,
        turns: turns[position].clone(),
    });
    Ok(measured.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(Spread::of([3.0, 1.0, 2.0]), Spread { median: 2.0, min: 1.0, max: 3.0 });
        assert_eq!(Spread::of([4.0, f64::NAN, 1.0]).median, 2.5);
        assert!(Spread::of([]).median.is_nan());
    }
}
