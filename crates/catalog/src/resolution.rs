//! What the server says about one model's SELECT, after it created it as a view and rolled back.

use crate::relation::Column;

/// A SELECT as the server understood it.
#[derive(Debug, Clone)]
pub struct Resolution {
    /// `pg_get_viewdef(oid, false)` under `search_path = pg_catalog`: names qualified, `*` expanded.
    pub definition: String,
    /// The output columns with their types.
    pub columns: Vec<Column>,
    /// Every function, operator function and aggregate that the SELECT (and the views under it) calls.
    pub functions: Vec<FunctionUse>,
}

/// A function that a SELECT calls, directly or as an operator, cast or aggregate.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FunctionUse {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Its declared volatility.
    pub volatility: Volatility,
    /// `pg_language.lanname`: `internal`, `c`, `sql`, `plpgsql`, …
    pub language: String,
    /// True for an aggregate.
    pub aggregate: bool,
    /// True where one call gives several rows.
    pub returns_set: bool,
    /// The body of an SQL or PL function, empty for `internal` and `c`.
    pub source: String,
}

/// How often a function may change its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Volatility {
    /// Same arguments, same result, for ever.
    Immutable,
    /// Same arguments, same result within one statement; may depend on settings, the clock or tables.
    Stable,
    /// May differ at every call.
    Volatile,
}

/// The server's refusal of a SELECT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolutionError {
    /// The SQLSTATE, such as `42703` for an unknown column.
    pub sqlstate: String,
    /// The server's sentence.
    pub message: String,
    /// Its detail, where given.
    pub detail: Option<String>,
    /// Its hint, where given.
    pub hint: Option<String>,
    /// Where in the SELECT's text, as a byte offset, where given.
    pub offset: Option<usize>,
}
