//! The functions that models call.

use std::collections::{BTreeMap, BTreeSet};

use headwater_catalog::{FunctionUse, Volatility};
use tokio_postgres::types::Type;
use tokio_postgres::{Row, Transaction};

use super::oids;
use super::rules::{Oid, Rule, Rules};
use crate::error::Error;

/// `array_out`, a stable function: stands for the output function of a type that could not be told.
const ARRAY_OUT: Oid = 751;

/// The functions of all models.
pub(super) struct Functions {
    by_oid: BTreeMap<Oid, FunctionUse>,
    /// The functions that a user's aggregate calls.
    behind_aggregate: BTreeMap<Oid, Vec<Oid>>,
    output: BTreeMap<Oid, Oid>,
    input: BTreeMap<Oid, Oid>,
}

/// Reads every function that some rule uses.
pub(super) async fn read(transaction: &Transaction<'_>, rules: &Rules) -> Result<Functions, Error> {
    let mut types = BTreeSet::new();
    let mut wanted = BTreeSet::from([ARRAY_OUT]);
    for rule in rules.rules() {
        types.extend(rule.uses.output_of.iter().flatten().chain(&rule.uses.input_of));
        wanted.extend(&rule.uses.functions);
    }
    let sql = include_str!("../queries/type_functions.sql");
    let rows = transaction.query_typed(sql, &[(&oids(&types), Type::OID_ARRAY)]).await?;
    let output: BTreeMap<Oid, Oid> = rows.iter().map(|row| (row.get("type"), row.get("output"))).collect();
    let input: BTreeMap<Oid, Oid> = rows.iter().map(|row| (row.get("type"), row.get("input"))).collect();
    wanted.extend(output.values().chain(input.values()));

    let sql = include_str!("../queries/functions.sql");
    let rows = transaction.query_typed(sql, &[(&oids(&wanted), Type::OID_ARRAY)]).await?;
    let by_oid = rows.iter().map(|row| (row.get("function"), function(row))).collect();
    let behind_aggregate = rows.iter().map(|row| (row.get("function"), row.get("behind"))).collect();
    Ok(Functions { by_oid, behind_aggregate, output, input })
}

impl Functions {
    /// What the rules use together, sorted and each once.
    pub(super) fn used_by<'a>(&self, rules: impl Iterator<Item = &'a Rule>) -> Vec<FunctionUse> {
        let mut found = BTreeSet::new();
        for rule in rules {
            let uses = &rule.uses;
            let outputs = uses.output_of.iter().map(|ty| ty.and_then(|ty| self.output.get(&ty)).unwrap_or(&ARRAY_OUT));
            let inputs = uses.input_of.iter().filter_map(|ty| self.input.get(ty));
            for oid in uses.functions.iter().chain(outputs).chain(inputs) {
                let behind = self.behind_aggregate.get(oid).into_iter().flatten();
                found.extend([oid].into_iter().chain(behind).filter_map(|oid| self.by_oid.get(oid)).cloned());
            }
            found.extend(uses.keywords.iter().map(|keyword| keyword_function(keyword)));
        }
        found.into_iter().collect()
    }
}

fn function(row: &Row) -> FunctionUse {
    FunctionUse {
        schema: row.get("schema"),
        name: row.get("name"),
        volatility: match row.get("volatility") {
            "i" => Volatility::Immutable,
            "s" => Volatility::Stable,
            _ => Volatility::Volatile,
        },
        language: row.get("language"),
        aggregate: row.get("aggregate"),
        returns_set: row.get("returns_set"),
        source: row.get("source"),
    }
}

/// `CURRENT_DATE` and its like depend on the clock or the session, as stable functions may.
fn keyword_function(keyword: &str) -> FunctionUse {
    FunctionUse {
        schema: "pg_catalog".to_owned(),
        name: keyword.to_owned(),
        volatility: Volatility::Stable,
        language: "internal".to_owned(),
        aggregate: false,
        returns_set: false,
        source: String::new(),
    }
}
