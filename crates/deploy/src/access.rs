//! Who may read a model is declared with it and changes none of its objects: `apply` updates the row of the version there is.

use headwater_catalog::{QualifiedName, quote_literal};
use headwater_compile::CompiledModel;

use crate::installed::InstalledModel;
use crate::wanted::Wanted;

/// A model whose access is declared otherwise than it is recorded.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct AccessChange {
    /// The model.
    pub model: String,
    /// The words that are recorded.
    pub from: Option<String>,
    /// The words that are wanted.
    pub to: Option<String>,
    /// The statement that records them.
    #[serde(skip)]
    statement: String,
}

impl AccessChange {
    /// The statement that records what is wanted.
    #[must_use]
    pub fn statement(&self) -> &str {
        &self.statement
    }
}

impl std::fmt::Display for AccessChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words = |words: &Option<String>| words.clone().unwrap_or_else(|| "nobody".to_owned());
        write!(f, "{}  access {} → {}", self.model, words(&self.from), words(&self.to))
    }
}

/// Every wanted version that is installed, serving or being built, with another access.
#[must_use]
pub fn changes(wanted: &Wanted, installed: &[InstalledModel]) -> Vec<AccessChange> {
    let of = |model: &CompiledModel| {
        let row = installed.iter().find(|row| row.name == model.name && row.version == model.version)?;
        (row.access != model.access).then(|| change(&model.name, row, model.access.as_ref(), wanted))
    };
    wanted.models.iter().filter_map(of).collect()
}

fn change(name: &QualifiedName, row: &InstalledModel, to: Option<&String>, wanted: &Wanted) -> AccessChange {
    let definition = wanted.definitions.get(name).map_or("", String::as_str);
    AccessChange {
        model: name.short(),
        from: row.access.clone(),
        to: to.cloned(),
        statement: format!(
            "UPDATE headwater.model SET access = {}, definition = {} WHERE table_name = {}",
            to.map_or_else(|| "NULL".to_owned(), |words| quote_literal(words)),
            quote_literal(definition),
            quote_literal(&row.table_name),
        ),
    }
}
