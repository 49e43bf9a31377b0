//! The section `[doctor]` of `headwater.toml`: from where on something is a finding, and which findings are known and accepted.

use std::time::Duration;

use super::time;

/// `[doctor]`.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Doctor {
    /// The files that declare the schema, in order, relative to `headwater.toml`; none where it is not compared.
    pub schema: Vec<String>,
    /// The longest that one look may take.
    #[serde(deserialize_with = "time")]
    pub timeout: Duration,
    /// A sequential scan of a table with more rows is a finding.
    pub scan_rows: i64,
    /// An index is unused that nobody has read for this long; `never` for never.
    #[serde(deserialize_with = "time")]
    pub unused_after: Duration,
    /// A transaction that is open for longer is a finding.
    #[serde(deserialize_with = "time")]
    pub long_transaction: Duration,
    /// A table with more dead rows, and more than half as many as live ones, is a finding.
    pub dead_rows: i64,
    /// An inactive replication slot that holds more WAL is a finding.
    pub slot_megabytes: i64,
    /// Eventual models further behind are a finding.
    #[serde(deserialize_with = "time")]
    pub max_lag: Duration,
    /// A change queue with more rows is a finding.
    pub queue_rows: i64,
    /// Findings that are accepted.
    pub ignore: Vec<Ignore>,
}

impl Default for Doctor {
    fn default() -> Self {
        Self {
            schema: Vec::new(),
            timeout: Duration::from_secs(10),
            scan_rows: 1000,
            unused_after: Duration::from_secs(7 * 86_400),
            long_transaction: Duration::from_secs(300),
            dead_rows: 10_000,
            slot_megabytes: 1024,
            max_lag: Duration::from_secs(60),
            queue_rows: 100_000,
            ignore: Vec::new(),
        }
    }
}

/// `[[doctor.ignore]]`: findings that are accepted, and why.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ignore {
    /// Their code, such as `HW0824`.
    pub code: String,
    /// What they are about, as the report names it; all of that code where not given.
    pub object: Option<String>,
    /// Why they are accepted.
    pub reason: String,
}
