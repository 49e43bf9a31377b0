//! The names of everything that is installed. All of it lives in the schema `headwater`.

use headwater_catalog::{Ident, QualifiedName};

/// The schema that holds everything of Headwater's.
pub const SCHEMA: &str = "headwater";

/// The objects of one version of one model.
#[derive(Debug, Clone)]
pub struct Names {
    /// Eight hexadecimal digits.
    pub version: String,
    /// The model table.
    pub table: QualifiedName,
    /// The stored part of the SELECT, a view.
    pub core: QualifiedName,
    /// The whole SELECT with its ties decided, a view.
    pub full: QualifiedName,
    /// A composite type with the key's columns.
    pub key_type: QualifiedName,
    /// `recompute(keys)`.
    pub recompute: QualifiedName,
    /// `rebuild()`: everything, after TRUNCATE.
    pub rebuild: QualifiedName,
    /// `tick(n)`: recomputes up to n keys that are due.
    pub tick: QualifiedName,
    /// `fill(above, up_to)`.
    pub fill: QualifiedName,
    /// `compare()`.
    pub compare: QualifiedName,
    /// `sample(n)`.
    pub sample: QualifiedName,
    /// `repair()`.
    pub repair: QualifiedName,
    /// `step(…)`: an eventual model's part of a batch.
    pub step: QualifiedName,
    /// `changes(…)`: the log entries of a model whose changes are kept.
    pub changes: QualifiedName,
    /// The trigger function on the model table that notes changed keys.
    pub note: QualifiedName,
}

impl Names {
    /// The names of a model's version.
    #[must_use]
    pub fn new(model: &QualifiedName, version: &str) -> Self {
        let stem = model.name.as_str();
        let name = |suffix: &str| in_schema(Ident::generated(stem, &format!("_{version}{suffix}")));
        Self {
            version: version.to_owned(),
            table: name(""),
            core: name("_core"),
            full: name("_full"),
            key_type: name("_key"),
            recompute: name("_recompute"),
            rebuild: name("_rebuild"),
            tick: name("_tick"),
            fill: name("_fill"),
            compare: name("_compare"),
            sample: name("_sample"),
            repair: name("_repair"),
            step: name("_step"),
            changes: name("_changes"),
            note: name("_note"),
        }
    }

    /// The name of an index of the model table.
    #[must_use]
    pub fn index(&self, stem: &str) -> Ident {
        Ident::generated(stem, &format!("_{}", self.version))
    }
}

/// A name in Headwater's schema.
#[must_use]
pub fn in_schema(name: Ident) -> QualifiedName {
    QualifiedName::new(Ident::new(SCHEMA).expect("a valid name"), name)
}
