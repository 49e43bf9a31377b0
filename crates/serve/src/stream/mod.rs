//! Streams: a page as events, and then what changes.
//!
//! | module | does |
//! | --- | --- |
//! | [`event`] | events as they go over the wire |
//! | [`live`] | one client's stream: the page, `…_complete`, the tail |

pub mod event;
pub mod live;
