//! The suites. Each says in its header what it compares with what, and what the limit is.

mod after_bulk;
mod backfill;
mod bulk;
mod bulk_update;
mod compile;
mod feed;
mod foodshare;
mod freshness;
mod group_size;
mod live;
mod long_transaction;
mod messages;
mod page_times;
mod pages;
mod queue;
mod search;
mod stages;
mod sustained;
mod users;
mod votes;

use clap::ValueEnum;

use crate::Failure;
use crate::arena::Arena;
use crate::report::Outcome;

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Suite {
    /// One vote with one count per project
    VoteOneModel,
    /// One vote with all models of the showcase
    VoteShowcase,
    /// Messages with inbox and dashboard: random pairs, one hot recipient, both ways
    Messages,
    /// Small and large groups, few and many of them
    GroupSize,
    /// 16 clients against one
    Scaling,
    /// 1,000 rows a statement
    Bulk,
    /// One row after a bulk statement in the same session
    AfterBulk,
    /// Filling models against INSERT … SELECT
    Backfill,
    /// check and apply of the showcase
    Compile,
    /// One vote with a change queue fed, with and without the leader
    Queue,
    /// From commit to eventual models under 1,000 commits/s, and the leader's CPU time when idle
    Freshness,
    /// Votes as fast as they go with document 003's eight views eventual; on many projects and on one
    Sustained,
    /// Votes and freshness before, during and after an UPDATE of a million rows
    BulkUpdate,
    /// Batches while a transaction stays open
    LongTransaction,
    /// Pages over HTTP against a bare server and a bare SELECT; streams from cold
    Pages,
    /// The feed of documents 000 to 002 over HTTP: in Python, by fifteen queries and by one; by Headwater
    Feed,
    /// Search over HTTP and by the bare statement: names, words, beginnings, typos, and what costs most
    Search,
    /// From commit to event at thousands of clients
    Live,
    /// Each page of document 003 against the times it promises, its own views, and the queries it replaces
    PageTimes,
    /// 5,000 users of the showcase, 2,000 of them with a live stream; the same on document 003's own design
    Users,
    /// Document 004: its summary by a batch against its refresh, and what it sets limits for
    Foodshare,
    /// Where the time of a trigger goes
    Stages,
}

impl Suite {
    /// Every suite, in the order in which they run.
    pub fn all() -> Vec<Self> {
        Self::value_variants().to_vec()
    }

    /// Its name on the command line.
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// False where its data is its own.
    pub fn depends_on_scale(self) -> bool {
        !matches!(self, Self::GroupSize | Self::Stages)
    }

    /// Measures.
    pub async fn run(self, arena: &Arena, scale: f64) -> Result<Outcome, Failure> {
        match self {
            Self::VoteOneModel => votes::one_model(arena, scale).await,
            Self::VoteShowcase => votes::showcase(arena, scale).await,
            Self::Scaling => votes::scaling(arena, scale).await,
            Self::Messages => messages::run(arena, scale).await,
            Self::GroupSize => group_size::run(arena).await,
            Self::Bulk => bulk::run(arena, scale).await,
            Self::AfterBulk => after_bulk::run(arena, scale).await,
            Self::Backfill => backfill::run(arena, scale).await,
            Self::Compile => compile::run(arena, scale).await,
            Self::Queue => queue::run(arena, scale).await,
            Self::Freshness => freshness::run(arena, scale).await,
            Self::Sustained => sustained::run(arena, scale).await,
            Self::BulkUpdate => bulk_update::run(arena, scale).await,
            Self::LongTransaction => long_transaction::run(arena, scale).await,
            Self::Pages => pages::run(arena, scale).await,
            Self::Feed => feed::run(arena, scale).await,
            Self::Search => search::run(arena, scale).await,
            Self::Live => live::run(arena, scale).await,
            Self::PageTimes => page_times::run(arena, scale).await,
            Self::Users => users::run(arena, scale).await,
            Self::Foodshare => foodshare::run(arena, scale).await,
            Self::Stages => stages::run(arena).await,
        }
    }
}
