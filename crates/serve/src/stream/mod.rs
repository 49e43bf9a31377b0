//! Streams: a page as events, and then what changes.
//!
//! | module | does |
//! | --- | --- |
//! | [`event`] | events as they go over the wire |
//! | [`live`] | one client's stream: the page, `…_complete`, the tail |
//! | `first` | its page |
//! | `tail` | what changes after it |

pub mod event;
mod first;
pub mod live;
mod tail;
