//! HW0824: an index that nobody has read since the statistics began.
//!
//! Counted from the last `pg_stat_reset()` or start of the server, whichever was later, and only after `unused_after`. Indexes of small tables,
//! unique ones and those that a key needs are left alone; so are those of models, which are declared with them.

use super::indexes::Index;
use crate::finding::Finding;
use crate::look::Look;

/// Looks for unused indexes.
#[must_use]
pub fn find(indexes: &[Index], look: &Look) -> Vec<Finding> {
    let doctor = &look.settings.doctor;
    // `never` is written as zero.
    if doctor.unused_after.is_zero() {
        return Vec::new();
    }
    let is_unused = |index: &&Index| {
        index.is_applications()
            && index.is_valid
            && !(index.is_needed || index.is_unique || index.is_partitioned)
            && index.scans == 0
            && index.counted_for > doctor.unused_after.as_secs_f64()
            && look.rows_of(index.table.schema.as_str(), index.table.name.as_str()) > doctor.scan_rows
    };
    indexes
        .iter()
        .filter(is_unused)
        .map(|index| {
            let (name, table) = (index.name.as_str(), index.table.short());
            let days = index.counted_for / 86_400.0;
            let message = format!(
                "nobody has read the index {name} on {table} for {days:.1} days; it takes {} kB",
                index.bytes / 1024
            );
            Finding::note(824, index.qualified().short(), message)
                .why(
                    "each write keeps it; if it is new, or read on a replica or once a quarter, it may still be needed",
                )
                .sql(index.drop_statement())
        })
        .collect()
}
