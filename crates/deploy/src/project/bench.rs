//! The section `[bench]` of `headwater.toml`: queries of the application that `bench` measures and `doctor` looks at.

use std::time::Duration;

/// `[bench]`.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bench {
    /// The queries.
    pub query: Vec<Query>,
}

/// `[[bench.query]]`.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// Its name in reports.
    pub name: String,
    /// The query, with `$1`, `$2`, … for its parameters.
    pub sql: String,
    /// SELECTs whose columns, all of them in order, give the parameters: each run takes one row of each.
    #[serde(default)]
    pub parameters: Vec<String>,
    /// The longest that it may take, where that differs from `--max-time`.
    #[serde(default, deserialize_with = "some_time")]
    pub max_time: Option<Duration>,
}

fn some_time<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    super::time(deserializer).map(Some)
}
