//! The triggers on source tables: which are wanted, which are missing, and how they come and go.

use std::collections::{BTreeMap, BTreeSet};

use headwater_catalog::Catalog;
use headwater_catalog::ident::short_hash;
use headwater_compile::SourceTriggers;
use tokio_postgres::{Client, GenericClient};

use crate::error::{During, Error};
use crate::locks::{Locking, Patience, lock_tables, lockable};
use crate::progress::Progress;

/// A trigger that should be on a table and is not, or is disabled.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Gap {
    /// The source table, as a quoted qualified name.
    pub source: String,
    /// The table that lacks it: the source, or a partition or child of it.
    pub relation: String,
    /// The trigger function.
    pub function: String,
    /// It is there but disabled.
    pub disabled: bool,
}

/// Changes with anything that changes the triggers of one source table.
#[must_use]
pub fn version(triggers: &SourceTriggers) -> String {
    let statements = triggers.functions.iter().chain(&triggers.triggers);
    short_hash(&statements.map(|statement| statement.sql.as_str()).collect::<Vec<_>>())
}

/// The names of all trigger functions of a set.
#[must_use]
pub fn function_names(triggers: &[SourceTriggers]) -> BTreeSet<String> {
    triggers.iter().flat_map(|source| &source.function_names).map(|name| name.as_str().to_owned()).collect()
}

/// The tables that carry the triggers of one source: itself, its partitions and children.
#[must_use]
pub fn carriers(triggers: &SourceTriggers, catalog: &Catalog) -> Vec<String> {
    let members = catalog.tables.get(&triggers.table).map(|table| table.members.as_slice()).unwrap_or_default();
    std::iter::once(&triggers.table).chain(members).map(ToString::to_string).collect()
}

/// The gaps in `expected`: pairs of source table and trigger function.
pub async fn gaps(client: &impl GenericClient, expected: &[(String, String)]) -> Result<Vec<Gap>, Error> {
    let (sources, functions): (Vec<_>, Vec<_>) = expected.iter().map(|(source, function)| (source, function)).unzip();
    let rows = client
        .query(include_str!("../sql/trigger_gaps.sql"), &[&sources, &functions])
        .await
        .during("looking for missing triggers")?;
    let gaps = rows.iter().map(|row| Gap {
        source: row.get("source"),
        relation: row.get("relation"),
        function: row.get("function"),
        disabled: row.get("disabled"),
    });
    Ok(gaps.collect())
}

/// Source table and function of every trigger in a set.
#[must_use]
pub fn pairs(triggers: &[SourceTriggers]) -> Vec<(String, String)> {
    let of = |source: &SourceTriggers| {
        let table = source.table.to_string();
        source.function_names.iter().map(move |name| (table.clone(), name.as_str().to_owned())).collect::<Vec<_>>()
    };
    triggers.iter().flat_map(of).collect()
}

/// What `headwater.source` records: source table → version and functions.
pub type Recorded = BTreeMap<String, (String, Vec<String>)>;

/// Reads `headwater.source`.
pub async fn recorded(client: &impl GenericClient) -> Result<Recorded, Error> {
    let rows = client
        .query("SELECT table_name, version, functions FROM headwater.source", &[])
        .await
        .during("reading the installed triggers")?;
    Ok(rows.iter().map(|row| (row.get(0), (row.get(1), row.get(2)))).collect())
}

/// The gaps in what is recorded: what `status` and the quick look of `apply` show.
pub async fn installed_gaps(client: &impl GenericClient) -> Result<Vec<Gap>, Error> {
    let pairs: Vec<_> = recorded(client)
        .await?
        .into_iter()
        .flat_map(|(table, (_, functions))| functions.into_iter().map(move |function| (table.clone(), function)))
        .collect();
    gaps(client, &pairs).await
}

/// Installs the triggers of versions that are being built, one source table after the other.
pub async fn install_building(
    client: &mut Client,
    triggers: &[SourceTriggers],
    catalog: &Catalog,
    patience: Patience,
    progress: &dyn Progress,
) -> Result<(), Error> {
    let missing: BTreeSet<_> = gaps(client, &pairs(triggers)).await?.into_iter().map(|gap| gap.source).collect();
    for source in triggers {
        let tables = carriers(source, catalog);
        let doing = format!("putting triggers on {}", source.table.short());
        let mut statements: Vec<_> = source.functions.iter().map(|statement| statement.sql.clone()).collect();
        if missing.contains(&tables[0]) {
            statements.extend(source.triggers.iter().map(|statement| statement.sql.clone()));
        }
        Locking { doing: &doing, tables: &tables, exclusive: false, patience }
            .run(client, &statements, progress)
            .await?;
    }
    Ok(())
}

/// Trigger functions in the schema that nobody wants any more.
#[derive(Debug, Default)]
pub struct Orphans {
    /// Their names.
    pub functions: Vec<String>,
    /// The tables that carry their triggers.
    pub tables: Vec<String>,
}

impl Orphans {
    /// Everything but the functions `wanted`.
    pub async fn find(client: &impl GenericClient, wanted: &BTreeSet<String>) -> Result<Self, Error> {
        let wanted: Vec<_> = wanted.iter().collect();
        let rows = client
            .query(include_str!("../sql/orphan_trigger_functions.sql"), &[&wanted])
            .await
            .during("looking for triggers that nobody wants")?;
        let tables: BTreeSet<String> = rows.iter().flat_map(|row| row.get::<_, Vec<String>>("tables")).collect();
        Ok(Self {
            functions: rows.iter().map(|row| row.get("function")).collect(),
            tables: tables.into_iter().collect(),
        })
    }

    /// Drops the functions and with them their triggers: CASCADE asks for no right on the tables, DROP TRIGGER does.
    #[must_use]
    pub fn drop_statements(&self) -> Vec<String> {
        let drop =
            |function: &String| format!("DROP FUNCTION headwater.\"{}\"() CASCADE", function.replace('"', "\"\""));
        self.functions.iter().map(drop).collect()
    }

    /// Locks their tables, then drops them, in a transaction of its own.
    pub async fn drop(&self, client: &mut Client, patience: Patience, progress: &dyn Progress) -> Result<(), Error> {
        if self.functions.is_empty() {
            return Ok(());
        }
        let mut statements: Vec<_> = lock_tables(&lockable(client, &self.tables).await?).into_iter().collect();
        statements.extend(self.drop_statements());
        let doing = "dropping triggers that nobody wants";
        Locking { doing, tables: &self.tables, exclusive: true, patience }.run(client, &statements, progress).await
    }
}
