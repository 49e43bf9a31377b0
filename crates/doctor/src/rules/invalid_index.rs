//! HW0821: an index that `CREATE INDEX CONCURRENTLY` or `REINDEX CONCURRENTLY` left behind when it failed.
//!
//! Every write keeps it, no query reads it, and a unique one keeps nothing unique for certain. Rebuilding it makes it valid; what
//! `REINDEX` itself left, called `…_ccnew` or `…_ccold`, is dropped.

use super::indexes::Index;
use crate::finding::Finding;

/// Looks for invalid indexes.
#[must_use]
pub fn find(indexes: &[Index]) -> Vec<Finding> {
    let invalid = indexes.iter().filter(|index| !index.is_valid && !index.is_partitioned);
    invalid
        .map(|index| {
            let message = format!("the index {} on {} is invalid", index.name.as_str(), index.table.short());
            let finding = Finding::error(821, index.qualified().short(), message).why(
                "every write keeps it up and no query may read it; where it should be unique, duplicates may be there",
            );
            let left = index.name.as_str().rsplit_once("_cc").is_some_and(|(_, end)| {
                let end = end.trim_end_matches(|c: char| c.is_ascii_digit());
                matches!(end, "new" | "old")
            });
            match left {
                true => finding.sql(index.drop_statement()),
                false => finding.sql(format!("REINDEX INDEX CONCURRENTLY {}", index.qualified())),
            }
        })
        .collect()
}
