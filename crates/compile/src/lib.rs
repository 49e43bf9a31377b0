//! Model SQL and a [`Catalog`] in; statements, or diagnostics, out. Pure: no connection, no clock, no files.
//!
//! | stage | module | from → to |
//! | --- | --- | --- |
//! | parse | [`parse`] | file text → [`ParsedModel`] |
//! | resolve | (the server, through `headwater-postgres`) | [`ParsedModel`] → [`Resolution`] |
//! | compile | [`compile`] | [`ParsedModel`] + [`Resolution`] + [`Catalog`] → [`CompiledModel`] |
//! | triggers | [`triggers`] | every model of a stage → [`SourceTriggers`] |

pub mod diagnostic;
pub mod output;
pub mod parse;

use std::collections::BTreeMap;

use headwater_catalog::{Catalog, QualifiedName, Resolution};

pub use diagnostic::{Code, Diagnostic, Severity};
pub use output::{Compare, CompiledModel, Fill, SourceTriggers, Stage, Statement};
pub use parse::{Mode, ParsedModel, SourceFile};

/// What compiling a set of models gave: everything that compiled, and every problem of everything that did not.
#[derive(Debug, Default)]
pub struct Compiled {
    /// The models that compiled, in the one order in which every transaction locks them (by name).
    pub models: Vec<CompiledModel>,
    /// Errors and warnings.
    pub diagnostics: Vec<Diagnostic>,
}

/// Compiles every model that the server could resolve.
#[must_use]
pub fn compile(
    models: &[ParsedModel],
    resolutions: &BTreeMap<QualifiedName, Resolution>,
    catalog: &Catalog,
) -> Compiled {
    let _ = (models, resolutions, catalog);
    todo!()
}

/// The triggers that maintain `models` together, one function per source table and event.
#[must_use]
pub fn triggers(models: &[&CompiledModel], stage: Stage, catalog: &Catalog) -> Vec<SourceTriggers> {
    let _ = (models, stage, catalog);
    todo!()
}
