//! One rule, one file: what it looks for, why that matters, and the statement that puts it right.
//!
//! | codes | rules |
//! | --- | --- |
//! | HW0801 | a look that failed, in [`crate::examine`] |
//! | HW0810 to HW0818 | [`declared_schema`] |
//! | HW0821 to HW0825 | [`invalid_index`], [`duplicate_index`], [`unused_index`], over what [`indexes`] reads; [`foreign_key`] |
//! | HW0831 to HW0833 | [`route_scan`], [`model_scan`], [`query_scan`] |
//! | HW0841 to HW0848 | [`durability`], [`vacuum_off`], [`connections`], [`timeouts`], [`memory`], over what [`server_settings`] reads |
//! | HW0851 to HW0857 | [`wraparound`], [`vacuum`], [`long_transaction`], [`prepared_transaction`], [`replication_slot`] |
//! | HW0861 to HW0863 | [`rights`], [`public_rights`], [`row_security`] |
//! | HW0871 to HW0878 | [`own_state`], [`queues`] |

pub mod connections;
pub mod declared_schema;
pub mod duplicate_index;
pub mod durability;
pub mod foreign_key;
pub mod indexes;
pub mod invalid_index;
pub mod long_transaction;
pub mod memory;
pub mod model_scan;
pub mod own_state;
pub mod prepared_transaction;
pub mod public_rights;
pub mod query_scan;
pub mod queues;
pub mod replication_slot;
pub mod rights;
pub mod route_scan;
pub mod row_security;
pub mod server_settings;
pub mod timeouts;
pub mod unused_index;
pub mod vacuum;
pub mod vacuum_off;
pub mod wraparound;
