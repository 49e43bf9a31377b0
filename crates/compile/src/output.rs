//! What compiling yields: SQL as values, printed by `plan` and run by `apply`, the same list for both.

use std::collections::BTreeSet;
use std::sync::Arc;

use headwater_catalog::{Column, Ident, QualifiedName};

use crate::parse::Mode;
use crate::plan::MaintenancePlan;

/// One SQL statement with its reason and its reversal.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Statement {
    /// The statement, without a trailing semicolon.
    pub sql: String,
    /// One line for people: what it is for.
    pub comment: String,
    /// What takes it back, where something does.
    pub undo: Option<String>,
}

impl Statement {
    /// A statement that nothing has to take back.
    pub fn new(sql: impl Into<String>, comment: &str) -> Self {
        Self { sql: sql.into(), comment: comment.to_owned(), undo: None }
    }
}

/// One model, compiled. All its objects live in the schema `headwater`, under names that end in its version, so that
/// a changed model can be built beside the one that serves.
#[derive(Debug, Clone)]
pub struct CompiledModel {
    /// The name that users read: a plain view.
    pub name: QualifiedName,
    /// The file it is declared in.
    pub file: String,
    /// Eight hexadecimal digits: changes with anything that changes the generated objects.
    pub version: String,
    /// The model table, `headwater.<name>_<version>`.
    pub table: QualifiedName,
    /// The model's columns as users see them.
    pub columns: Vec<Column>,
    /// The columns that identify a row, as people should read them.
    pub key: Vec<String>,
    /// `delta`, `keyed` or `diff`: the slowest way in which a change reaches this model.
    pub tier: &'static str,
    /// `plan`'s explanation, a text of some lines.
    pub explanation: String,
    /// The source tables, views expanded; not those of its sides.
    pub sources: BTreeSet<QualifiedName>,
    /// The model tables of its sides, which its public view reads.
    pub sides: Vec<QualifiedName>,
    /// Creates the version's objects: its views, table, indexes and functions. Touches nothing that serves.
    pub build: Vec<Statement>,
    /// How the empty model table is filled.
    pub fill: Fill,
    /// The SELECT behind the public view over the model table: `CREATE OR REPLACE VIEW <name> AS <this>`.
    pub finish: String,
    /// How `verify` compares it with its SELECT.
    pub compare: Compare,
    /// Drops the version's objects, in order; safe to run when some are gone.
    pub discard: Vec<Statement>,
    /// True where rows change as time passes: for a realtime model `SELECT headwater.<name>_<version>_tick(limit)` must be
    /// called, which returns how many keys it brought up to date; an eventual one needs a batch.
    pub timed: bool,
    /// When it is maintained.
    pub mode: Mode,
    /// How far behind it may be, as an interval; eventual models.
    pub max_lag: Option<String>,
    /// Its part of a batch, `step(changed text[], truncated text[], since xid8, until xid8, also xid8[])`; eventual models.
    pub step: Option<QualifiedName>,
    /// Computes everything; for an eventual model it writes only what differs and returns how many rows that were.
    pub rebuild: QualifiedName,
    /// The source tables whose changes lead to no key: it is rebuilt after them.
    pub diff_sources: BTreeSet<QualifiedName>,
    /// Who may read it where it is served: the words of the option as written.
    pub access: Option<String>,
    /// `live` or `append` where its changes are kept as a list.
    pub retain: Option<&'static str>,
    /// Of an event log whose rows go with their key in the SELECT: the columns that follow it, too.
    pub follow: Option<Vec<String>>,
    /// The public view shows stored columns just as they are, in an order at most: what the log shows is what readers see.
    pub plain: bool,
    /// The log entries of a batch, `changes(since xid8, until xid8, also xid8[])`, where its changes are kept as a list.
    pub changes: Option<QualifiedName>,
    /// Deletes at most `$1::bigint` rows that are older than the model keeps them.
    pub trim: Option<String>,
    /// What is run in the transaction in which it begins to serve.
    pub serve: Vec<Statement>,
    /// What the trigger generator needs; opaque to others.
    pub(crate) maintenance: Arc<MaintenancePlan>,
}

/// Filling a model table in ranges of its key. Each step is one REPEATABLE READ transaction that is repeated on
/// SQLSTATE 40001 and 40P01.
#[derive(Debug, Clone)]
pub struct Fill {
    /// A query with one `text` column: the boundaries between ranges in ascending order, for `$1::bigint` rows a
    /// range. `None` where the key cannot be split: one step fills everything.
    pub boundaries: Option<String>,
    /// The statements of one step, in order, over rows with key above `$1::text` (NULL: from the start) and up to
    /// `$2::text` (NULL: to the end). Each takes both parameters.
    pub step: Vec<String>,
}

/// How a model is compared with its SELECT.
#[derive(Debug, Clone)]
pub struct Compare {
    /// A query with the columns `missing bigint, extra bigint, altered bigint, rows bigint`: rows that the SELECT has and the model
    /// lacks, the other way round, keys whose rows differ, and the model's rows. Run in one REPEATABLE READ snapshot.
    pub summary: String,
    /// A query with `side text` (`missing` or `extra`) and `row text` (the row as JSON), at most `$1::bigint` rows.
    pub sample: String,
    /// A query that puts right what differs and returns how many keys (`bigint`). For a realtime model READ COMMITTED, with
    /// the locks of a writer; for an eventual one within a batch.
    pub repair: String,
}

/// A query that keeping a model asks of the database, to be explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    /// What it is for, in words.
    pub what: String,
    /// The query; it has no parameters.
    pub sql: String,
}

/// Which set of triggers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The triggers that maintain the models that serve.
    Serving,
    /// The triggers that maintain versions that are being built, beside the serving ones.
    Building,
}

/// All triggers of one stage on one source table.
#[derive(Debug, Clone)]
pub struct SourceTriggers {
    /// The source table.
    pub table: QualifiedName,
    /// The trigger functions: CREATE OR REPLACE; take no lock on the source table.
    pub functions: Vec<Statement>,
    /// The triggers: each takes SHARE ROW EXCLUSIVE on the table (and its partitions) for a moment.
    pub triggers: Vec<Statement>,
    /// Drops the triggers (ACCESS EXCLUSIVE for a moment), then the functions.
    pub discard: Vec<Statement>,
    /// The names of the trigger functions in the schema `headwater`.
    pub function_names: Vec<Ident>,
    /// The change queue that they append to.
    pub queue: Option<QualifiedName>,
}
