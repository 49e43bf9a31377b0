//! Search: one ranked list out of a model with a `tsvector`, for `?q=…`.
//!
//! | module | does |
//! | --- | --- |
//! | [`declared`] | what `search = {…}` of a route says, matched with the model's columns |
//! | [`asked`] | what is looked for, and where a page of it begins |
//! | [`sql`] | the one statement that reads a page |
//! | [`highlight`] | where the words stand, as HTML that is safe |
//!
//! A row is found in one of four ways, and the best of them is its rank. Rows of one rank are in the order of their relevance, the
//! greatest first, those without one last; then of the key.
//!
//! | way | the row | rank |
//! | --- | --- | --- |
//! | exact | its name is `q` but for case | 4 |
//! | begins | its name begins with `q` | 3 |
//! | words | its vector has all words of `q`, or the words of its name begin like those of `q` | 1 + the greater `ts_rank` |
//! | alike | its name has something like `q` in it, or like each long word of it | (`word_similarity` + `similarity`) / 4 |
//!
//! No way can reach into the next one, so that the ways are read one after the other, and only until the page is full.
//!
//! **The bound.** An index may find half of the model. So each way takes the rows that its index finds where these are no more than
//! `candidates`; where they are more, it looks through the most relevant rows of the model instead ([`Search::walk`]), and what is not
//! among these is not found in this way. Both depend on nothing but the rows, so that the pages of a list fit together.

pub mod asked;
pub mod declared;
pub mod highlight;
pub mod sql;

pub use declared::Search;

/// How a row is found; the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Its name is what is looked for.
    Exact,
    /// Its name begins so.
    Begins,
    /// It has the words.
    Words,
    /// Its name has something like it.
    Alike,
}

impl Way {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Exact, Self::Begins, Self::Words, Self::Alike];

    /// No row that is found so has a greater rank.
    #[must_use]
    pub fn greatest(self) -> f64 {
        match self {
            Self::Exact => 4.0,
            Self::Begins => 3.0,
            Self::Words => 2.0,
            Self::Alike => 0.5,
        }
    }
}
