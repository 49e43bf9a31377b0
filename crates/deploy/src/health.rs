//! How a model is, in one word that is true: what `headwater.model`, the batches and the triggers say, weighed against each other.
//!
//! | word | is said where |
//! | --- | --- |
//! | broken | its maintenance failed, a trigger of its sources is missing, or it never came to serve |
//! | diverged | the last verify found a difference that nothing has put right since |
//! | rebuilding | a new version of it is being built beside the one that serves |
//! | lagging | it is further behind than it may be |
//! | fresh | none of these |
//!
//! The first that fits is said. How far a model is behind is told by the caller where the database cannot know it: a change that waits
//! carries no time. Whoever looks again and again knows when nothing waited.

use std::collections::BTreeMap;

use crate::status::{ModelStatus, Status};
use crate::triggers::Gap;

/// How far behind a model may be that does not say so: what document 003 allows its views.
pub const ALLOWED: f64 = 5.0;

/// How often whoever watches looks; a model is not called lagging for less.
pub const LOOK: f64 = 1.0;

/// How a model is, from the best to the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Word {
    /// It shows what its SELECT shows, or is not further behind than it may be.
    Fresh,
    /// It is further behind.
    Lagging,
    /// A new version is being built.
    Rebuilding,
    /// It was found to differ.
    Diverged,
    /// It misses changes.
    Broken,
}

/// A model's health.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Health {
    /// In a word.
    pub status: Word,
    /// How far it is behind at most, in milliseconds; none where that is not known.
    pub lag_ms: Option<i64>,
    /// How far it may be, in milliseconds.
    pub allowed_lag_ms: i64,
    /// Why it is so.
    pub reason: Option<String>,
    /// What to do.
    pub fix: Option<String>,
}

/// One model with all its versions.
#[derive(Debug, Clone, Copy)]
pub struct Versions<'a> {
    /// The one that serves.
    pub serving: Option<&'a ModelStatus>,
    /// The one that is being built.
    pub building: Option<&'a ModelStatus>,
}

impl<'a> Versions<'a> {
    /// Every model by its name.
    #[must_use]
    pub fn of(status: &'a Status) -> BTreeMap<&'a str, Self> {
        let mut found: BTreeMap<&str, Self> = BTreeMap::new();
        for model in &status.models {
            let entry = found.entry(&model.name).or_insert(Self { serving: None, building: None });
            let place = if model.installed_at.is_some() { &mut entry.serving } else { &mut entry.building };
            *place = Some(model);
        }
        found
    }

    /// The one that serves, or else the other.
    #[must_use]
    pub fn main(&self) -> Option<&'a ModelStatus> {
        self.serving.or(self.building)
    }
}

/// What is known of the moment.
#[derive(Debug, Clone, Copy, Default)]
pub struct Moment {
    /// Somebody holds the schema lock: an `apply` or a `refresh` is at work.
    pub applying: bool,
    /// For how many seconds the model's oldest change waits, at most; where one waits.
    pub waits_for: Option<f64>,
}

/// How a model is.
#[must_use]
pub fn judge(model: &Versions<'_>, status: &Status, moment: Moment) -> Health {
    let Some(main) = model.main() else {
        return Health { status: Word::Broken, lag_ms: None, allowed_lag_ms: 0, reason: None, fix: None };
    };
    let lag = lag(main, moment);
    let allowed = if main.mode == "eventual" { main.max_lag.unwrap_or(ALLOWED) } else { 0.0 };
    let (word, reason, fix) = broken(model, main, status)
        .or_else(|| diverged(main))
        .or_else(|| rebuilding(model, moment))
        .or_else(|| lagging(main, status, lag, allowed))
        .unwrap_or((Word::Fresh, None, None));
    Health { status: word, lag_ms: lag.map(milliseconds), allowed_lag_ms: milliseconds(allowed), reason, fix }
}

type Found = (Word, Option<String>, Option<String>);

/// Seconds; none where it is not known. A realtime model is never behind: it is exact, or it misses something and is broken.
fn lag(model: &ModelStatus, moment: Moment) -> Option<f64> {
    if model.state == "broken" {
        return if model.mode == "eventual" { model.broken_for } else { None };
    }
    Some([model.dirty_for, moment.waits_for].into_iter().flatten().fold(0.0, f64::max))
}

fn broken(model: &Versions<'_>, main: &ModelStatus, status: &Status) -> Option<Found> {
    let leads = status.batches.as_ref().is_some_and(|batches| batches.leader.is_some());
    if main.state == "broken" {
        let fix = match main.retry_in {
            _ if model.serving.is_none() => "put right what the reason names, then headwater apply".to_owned(),
            Some(_) if leads => "remove the cause; the leader tries again by itself".to_owned(),
            _ if leads => "remove the cause; the leader repairs it by itself".to_owned(),
            _ => format!("remove the cause, then headwater verify --repair {}", main.name),
        };
        return Some((Word::Broken, main.reason.clone(), Some(fix)));
    }
    let missed = |gap: &&Gap| model.serving.is_some() && main.sources.contains(&gap.source);
    let gap = status.missing_triggers.iter().find(missed)?;
    let what = if gap.disabled { "is disabled" } else { "is missing" };
    let reason = format!("the trigger {} on {} {what}: changes are missed", gap.function, gap.relation);
    Some((Word::Broken, Some(reason), Some("headwater apply puts it back and repairs the model".to_owned())))
}

fn diverged(main: &ModelStatus) -> Option<Found> {
    let fix = || format!("repair it, or run headwater verify --repair {}", main.name);
    main.is_diverged().then(|| (Word::Diverged, main.verified_found.clone(), Some(fix())))
}

fn rebuilding(model: &Versions<'_>, moment: Moment) -> Option<Found> {
    let building = model.building?;
    let (done, all) = building.fill.unwrap_or_default();
    if moment.applying {
        let how_far =
            if all == 0 { "its fill has not begun".to_owned() } else { format!("{done} of {all} parts filled") };
        return Some((Word::Rebuilding, Some(how_far), None));
    }
    let serves = model.serving.is_some();
    let reason = "an apply was interrupted before this version served".to_owned();
    (!serves).then(|| (Word::Broken, Some(reason), Some("headwater apply goes on where it stopped".to_owned())))
}

fn lagging(main: &ModelStatus, status: &Status, lag: Option<f64>, allowed: f64) -> Option<Found> {
    if lag? <= allowed + LOOK {
        return None;
    }
    let leads = status.batches.as_ref().is_some_and(|batches| batches.leader.is_some());
    Some(match (leads, main.dirty_for) {
        (false, _) => (
            Word::Lagging,
            Some("changes wait, and nobody leads".to_owned()),
            Some("start headwater maintain".to_owned()),
        ),
        (true, Some(_)) => (
            Word::Lagging,
            Some("it is computed anew, which takes longer than it may be behind".to_owned()),
            Some("allow it a longer max_lag, or write the SELECT so that headwater plan calls it keyed".to_owned()),
        ),
        (true, None) => (
            Word::Lagging,
            Some("changes wait for the next batch".to_owned()),
            Some("look at the leader's log, and for transactions that lock the sources".to_owned()),
        ),
    })
}

#[expect(clippy::cast_possible_truncation, reason = "seconds of at most some centuries")]
fn milliseconds(seconds: f64) -> i64 {
    (seconds.max(0.0) * 1000.0).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::Batches;

    fn model(state: &str, mode: &str) -> ModelStatus {
        ModelStatus {
            name: "m".into(),
            state: state.into(),
            mode: mode.into(),
            installed_at: Some("2026-01-01".into()),
            sources: vec!["\"public\".\"t\"".into()],
            ..ModelStatus::default()
        }
    }

    fn status(models: Vec<ModelStatus>, leader: Option<i32>) -> Status {
        let batches = Some(Batches { leader, ..Batches::default() });
        Status { models, missing_triggers: Vec::new(), batches }
    }

    fn word(status: &Status, moment: Moment) -> Health {
        judge(&Versions::of(status)["m"], status, moment)
    }

    #[test]
    fn the_worst_word_that_fits_is_said() {
        let now = Moment::default();
        assert_eq!(word(&status(vec![model("serving", "realtime")], None), now).status, Word::Fresh);
        let late = Moment { waits_for: Some(7.5), ..now };
        let found = word(&status(vec![model("serving", "eventual")], None), late);
        assert_eq!((found.status, found.lag_ms, found.allowed_lag_ms), (Word::Lagging, Some(7500), 5000));
        assert_eq!(found.fix.as_deref(), Some("start headwater maintain"));
        let patient = ModelStatus { max_lag: Some(10.0), ..model("serving", "eventual") };
        assert_eq!(word(&status(vec![patient], Some(1)), late).status, Word::Fresh);

        let differs = ModelStatus {
            verified_exact: Some(false),
            verified_found: Some("2 rows missing".into()),
            ..model("serving", "eventual")
        };
        assert_eq!(word(&status(vec![differs.clone()], Some(1)), late).status, Word::Diverged);
        let healed = ModelStatus { healed: true, ..differs };
        assert_eq!(word(&status(vec![healed], Some(1)), now).status, Word::Fresh);

        let building =
            ModelStatus { installed_at: None, state: "building".into(), fill: Some((1, 4)), ..model("", "eventual") };
        let both = status(vec![model("serving", "eventual"), building.clone()], Some(1));
        let applying = Moment { applying: true, ..now };
        assert_eq!(word(&both, applying).reason.as_deref(), Some("1 of 4 parts filled"));
        assert_eq!((word(&both, applying).status, word(&both, now).status), (Word::Rebuilding, Word::Fresh));
        assert_eq!(word(&status(vec![building], Some(1)), now).status, Word::Broken);

        let failed = ModelStatus { reason: Some("22012: division by zero".into()), ..model("broken", "realtime") };
        let found = word(&status(vec![failed], None), now);
        assert_eq!((found.status, found.lag_ms), (Word::Broken, None));
        assert_eq!(found.fix.as_deref(), Some("remove the cause, then headwater verify --repair m"));

        let mut gap = status(vec![model("serving", "realtime")], Some(1));
        let source = "\"public\".\"t\"".to_owned();
        gap.missing_triggers = vec![Gap { relation: "t".into(), source, function: "on_t".into(), disabled: true }];
        assert_eq!(word(&gap, now).reason.as_deref(), Some("the trigger on_t on t is disabled: changes are missed"));
    }
}
