//! Value types of a PostgreSQL database, as the compiler sees it.
//!
//! | module | holds |
//! | --- | --- |
//! | [`ident`] | checked identifiers and qualified names, and the only code that quotes them |
//! | [`relation`] | source tables, views, their columns and keys |
//! | [`resolution`] | what the server says about one model's SELECT |
//!
//! Nothing here connects to a server: `headwater-postgres` fills these values, `headwater-compile` reads them.
//! That keeps compilation a pure function, so a plan can be tested, printed and compared without a database.

pub mod ident;
pub mod relation;
pub mod resolution;

pub use ident::{Ident, IdentError, QualifiedName, quote_literal};
pub use relation::{Catalog, Column, PgType, Table, TableKind, View};
pub use resolution::{FunctionUse, Resolution, ResolutionError, Volatility};
