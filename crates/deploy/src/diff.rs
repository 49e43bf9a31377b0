//! Wanted against installed. Pure: what has to happen follows from names, versions and states alone.
//!
//! | wanted | installed and serving | being built | → |
//! | --- | --- | --- | --- |
//! | v | v | | unchanged |
//! | v | – | | new |
//! | v | u | | changed |
//! | v | – or u | v | the same, and the fill goes on where it stopped |
//! | – | u | | removed |
//! | | | any other version | stale: dropped |

use std::collections::{BTreeMap, BTreeSet};

use headwater_catalog::QualifiedName;

use crate::installed::{InstalledModel, State};

/// What happens to one model.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It serves in the wanted version.
    Unchanged,
    /// Nothing of that name serves.
    New,
    /// Another version serves; the wanted one is built beside it and swapped in.
    Changed,
    /// It serves and is no longer wanted.
    Removed,
}

impl std::fmt::Display for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Unchanged => "unchanged",
            Self::New => "new",
            Self::Changed => "changed",
            Self::Removed => "removed",
        })
    }
}

/// One model's change.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Change {
    /// The model.
    #[serde(serialize_with = "short_name")]
    pub name: QualifiedName,
    /// What happens to it.
    pub action: Action,
    /// The wanted version; for a removed model the one that serves.
    pub version: String,
    /// An interrupted build of the wanted version goes on.
    pub resumes: bool,
}

fn short_name<S: serde::Serializer>(name: &QualifiedName, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&name.short())
}

/// Everything that differs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diff {
    /// One per model, wanted or serving, by name.
    pub changes: Vec<Change>,
    /// The table names of versions to drop first: retired ones, and unwanted or broken ones that never served.
    pub stale: Vec<String>,
}

impl Diff {
    /// The changes that need a build.
    pub fn to_build(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|change| matches!(change.action, Action::New | Action::Changed))
    }

    /// True where nothing is to be done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.stale.is_empty() && self.changes.iter().all(|change| change.action == Action::Unchanged)
    }
}

/// Compares `wanted` (names with versions) with what is installed.
#[must_use]
pub fn diff(wanted: &BTreeMap<QualifiedName, String>, installed: &[InstalledModel]) -> Diff {
    let serving: BTreeMap<_, _> =
        installed.iter().filter(|model| model.serves()).map(|model| (&model.name, model)).collect();
    let names: BTreeSet<_> = wanted.keys().chain(serving.keys().copied()).collect();
    let changes: Vec<_> =
        names.into_iter().map(|name| change(name, wanted.get(name), serving.get(name).copied(), installed)).collect();
    let stale =
        installed.iter().filter(|model| is_stale(model, &changes)).map(|model| model.table_name.clone()).collect();
    Diff { changes, stale }
}

fn change(
    name: &QualifiedName,
    wanted: Option<&String>,
    serving: Option<&InstalledModel>,
    installed: &[InstalledModel],
) -> Change {
    let action = match (wanted, serving) {
        (Some(version), Some(model)) if *version == model.version => Action::Unchanged,
        (Some(_), Some(_)) => Action::Changed,
        (Some(_), None) => Action::New,
        (None, _) => Action::Removed,
    };
    let version = wanted.or(serving.map(|model| &model.version)).cloned().unwrap_or_default();
    let resumes = matches!(action, Action::New | Action::Changed)
        && installed.iter().any(|model| model.name == *name && model.version == version && is_being_built(model));
    Change { name: name.clone(), action, version, resumes }
}

fn is_being_built(model: &InstalledModel) -> bool {
    !model.served && model.state == State::Building
}

fn is_stale(model: &InstalledModel, changes: &[Change]) -> bool {
    let goes_on =
        || changes.iter().any(|change| change.resumes && change.name == model.name && change.version == model.version);
    !(model.serves() || (is_being_built(model) && goes_on()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use headwater_compile::Compare;

    fn installed(name: &str, version: &str, state: State, served: bool) -> InstalledModel {
        InstalledModel {
            name: QualifiedName::parse("public", name).unwrap(),
            version: version.into(),
            table_name: format!("{name}_{version}"),
            state,
            reason: None,
            served,
            timed: false,
            eventual: false,
            step: None,
            rebuild: String::new(),
            key_columns: Vec::new(),
            columns: Vec::new(),
            access: None,
            retain: None,
            follow: None,
            plain: false,
            sources: Vec::new(),
            definition: String::new(),
            file: String::new(),
            generation: 0,
            compare: Compare { summary: String::new(), sample: String::new(), repair: String::new() },
            discard: Vec::new(),
            boundaries: None,
            filled_ranges: 0,
            filled: false,
        }
    }

    fn wanted(models: &[(&str, &str)]) -> BTreeMap<QualifiedName, String> {
        models
            .iter()
            .map(|(name, version)| (QualifiedName::parse("public", name).unwrap(), (*version).to_owned()))
            .collect()
    }

    fn actions(diff: &Diff) -> Vec<(String, Action, bool)> {
        diff.changes.iter().map(|change| (change.name.short(), change.action.clone(), change.resumes)).collect()
    }

    #[test]
    fn each_model_is_unchanged_new_changed_or_removed() {
        let diff = diff(
            &wanted(&[("a", "1"), ("b", "2"), ("c", "1")]),
            &[
                installed("a", "1", State::Serving, true),
                installed("b", "1", State::Serving, true),
                installed("d", "1", State::Broken, true),
            ],
        );
        let expected = [
            ("a".to_owned(), Action::Unchanged, false),
            ("b".to_owned(), Action::Changed, false),
            ("c".to_owned(), Action::New, false),
            ("d".to_owned(), Action::Removed, false),
        ];
        assert_eq!(actions(&diff), expected);
        assert!(diff.stale.is_empty() && !diff.is_empty());
    }

    #[test]
    fn an_interrupted_build_goes_on_only_in_the_wanted_version() {
        let being_built = [installed("a", "2", State::Building, false), installed("a", "1", State::Serving, true)];
        let goes_on = diff(&wanted(&[("a", "2")]), &being_built);
        assert_eq!(actions(&goes_on), [("a".to_owned(), Action::Changed, true)]);
        assert!(goes_on.stale.is_empty());
        let reverted = diff(&wanted(&[("a", "1")]), &being_built);
        assert_eq!(actions(&reverted), [("a".to_owned(), Action::Unchanged, false)]);
        assert_eq!(reverted.stale, ["a_2"]);
        assert!(!reverted.is_empty());
    }

    #[test]
    fn what_broke_before_it_served_is_built_anew() {
        let diff = diff(&wanted(&[("a", "1")]), &[installed("a", "1", State::Broken, false)]);
        assert_eq!(actions(&diff), [("a".to_owned(), Action::New, false)]);
        assert_eq!(diff.stale, ["a_1"]);
    }

    #[test]
    fn a_broken_model_that_serves_is_left_to_repair() {
        let diff = diff(&wanted(&[("a", "1")]), &[installed("a", "1", State::Broken, true)]);
        assert!(diff.is_empty());
    }

    #[test]
    fn retired_versions_are_dropped_even_when_nothing_changes() {
        let diff = diff(
            &wanted(&[("a", "2")]),
            &[installed("a", "2", State::Serving, true), installed("a", "1", State::Retired, true)],
        );
        assert_eq!(actions(&diff), [("a".to_owned(), Action::Unchanged, false)]);
        assert_eq!(diff.stale, ["a_1"]);
    }
}
