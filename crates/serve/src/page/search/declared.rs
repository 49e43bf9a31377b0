//! What a route's `search = {…}` says, matched with the model's columns.

use headwater_deploy::project::serve::{Route as Declared, Search as Settings};

use tokio_postgres::error::SqlState;

use super::Way;
use crate::model::Model;

/// A route that is searched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// The column with the words, of type tsvector.
    pub vector: usize,
    /// The text search configuration that it was made with.
    pub config: String,
    /// The column with the words of the name as they are, of type tsvector.
    pub words: Option<usize>,
    /// The column with the name.
    pub name: usize,
    /// The column that decides among rows of one rank.
    pub relevance: usize,
    /// The columns whose words are marked.
    pub highlight: Vec<usize>,
    /// Names that are only alike are found, too.
    pub fuzzy: bool,
    /// How many rows of an index are ranked at most.
    pub candidates: u32,
}

/// The most that `candidates` may be.
const MOST: u32 = 10_000;

impl Search {
    /// The one that a route declares, if it does; what is wrong with it goes to `problems`.
    #[must_use]
    pub fn declared(declared: &Declared, model: &Model, problems: &mut Vec<String>) -> Option<Self> {
        let settings = declared.search.as_ref()?;
        for (has, what) in [
            (!declared.sorts.is_empty(), "sorts: its order is the rank"),
            (declared.live, "live: it is answered in pages only"),
            (declared.single, "single: it finds more than one row"),
            (declared.max_offset > 0, "max_offset: its pages are reached by cursor"),
        ] {
            if has {
                problems.push(format!("search cannot have {what}"));
            }
        }
        if settings.candidates == 0 || settings.candidates > MOST {
            problems.push(format!("search: candidates must lie between 1 and {MOST}"));
        }
        let found = columns(settings, model, problems);
        if found.is_none() {
            problems.push("search: what it names must be there, so that it can be read".to_owned());
        }
        found
    }

    /// How many of the most relevant rows are looked through where an index finds too many. To compare words is cheap, to compare letters
    /// is not.
    #[must_use]
    pub fn walk(&self, way: Way) -> u32 {
        match way {
            Way::Alike => self.candidates,
            Way::Exact | Way::Begins | Way::Words => 10 * self.candidates,
        }
    }

    /// What to do about a refusal of the database that has to do with the search.
    #[must_use]
    pub fn hint(&self, error: &tokio_postgres::Error) -> Option<&'static str> {
        let missing = error.code() == Some(&SqlState::UNDEFINED_FUNCTION);
        (missing && self.fuzzy).then_some(" (CREATE EXTENSION pg_trgm SCHEMA public, or fuzzy = false in search)")
    }
}

fn columns(settings: &Settings, model: &Model, problems: &mut Vec<String>) -> Option<Search> {
    let mut column = |name: &str, casts: &[&str]| {
        let place = model.column(name);
        let fits = place.filter(|place| casts.is_empty() || casts.contains(&model.columns[*place].cast.as_str()));
        if fits.is_none() {
            let kind = if casts.is_empty() { String::new() } else { format!(" of type {}", casts.join(" or ")) };
            problems.push(format!("search: {} has no column \"{name}\"{kind}", model.name.short()));
        }
        fits
    };
    let texts = ["text", "character varying"];
    let vector = column(&settings.vector, &["tsvector"]);
    let words = settings.words.as_ref().map(|name| column(name, &["tsvector"]));
    let name = column(&settings.name, &texts);
    let relevance = column(&settings.relevance, &[]);
    let highlight: Option<Vec<_>> = settings.highlight.iter().map(|name| column(name, &texts)).collect();
    Some(Search {
        vector: vector?,
        config: settings.config.clone(),
        words: match words {
            Some(words) => Some(words?),
            None => None,
        },
        name: name?,
        relevance: relevance?,
        highlight: highlight?,
        fuzzy: settings.fuzzy,
        candidates: settings.candidates,
    })
}
