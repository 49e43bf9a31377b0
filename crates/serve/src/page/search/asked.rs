//! What is looked for, and where a page of it begins.

use crate::http::problem::Problem;
use crate::page::cursor::Cursor;
use crate::route::Route;

/// The longest text that is looked for, in characters.
pub const LONGEST: usize = 100;

/// What `q` says: its words with one blank between them; `None` where it says nothing.
///
/// # Errors
/// HW0724 where it is too long.
pub fn text(value: &str) -> Result<Option<String>, Problem> {
    let text = value.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().count() > LONGEST {
        return Err(Problem::bad(724, format!("q is a text of up to {LONGEST} characters")));
    }
    Ok((!text.is_empty()).then_some(text))
}

/// Words of so many characters are compared by themselves: they stay recognisable with a letter wrong.
const LONG: usize = 9;

/// How many long words are compared.
const WORDS: usize = 4;

/// What a name has to have something like: the long words, or all of the text where it has none. None where it has neither letters nor
/// digits, which would be like everything.
#[must_use]
pub fn letters(text: &str) -> Vec<&str> {
    let has_any = |text: &&str| text.chars().any(char::is_alphanumeric);
    let long = text.split(' ').filter(has_any).filter(|word| word.chars().count() >= LONG).take(WORDS);
    let long: Vec<_> = long.collect();
    if long.is_empty() { Some(text).filter(has_any).into_iter().collect() } else { long }
}

/// A cursor of a search: the rank, the relevance and the key of a row. `None` where it is none.
#[must_use]
pub fn cursor(route: &Route, text: &str) -> Option<Cursor> {
    let key = route.model.key.as_ref()?.len();
    Cursor::decode(text, 2 + key).filter(|cursor| cursor.0.len() == 2 + key && rank(cursor).is_some())
}

/// The rank in a cursor.
#[must_use]
pub fn rank(cursor: &Cursor) -> Option<f64> {
    cursor.0.first()?.as_deref()?.parse().ok().filter(|rank: &f64| rank.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_looked_for_has_one_blank_between_words() {
        assert_eq!(text("  open \t\n consensus ").unwrap().as_deref(), Some("open consensus"));
        assert_eq!(text(" \u{3000} ").unwrap(), None);
        assert_eq!(text(&"é".repeat(LONGEST)).unwrap().map(|text| text.chars().count()), Some(LONGEST));
        assert_eq!(text(&"é".repeat(LONGEST + 1)).unwrap_err().code, 724);
    }

    #[test]
    fn only_letters_and_digits_are_compared() {
        assert_eq!(letters("%_ !"), Vec::<&str>::new());
        assert_eq!(letters("🚀🚀🚀🚀🚀🚀🚀🚀🚀"), Vec::<&str>::new());
        assert_eq!(letters("李!"), ["李!"]);
        assert_eq!(letters("tiny ledgr"), ["tiny ledgr"]);
        assert_eq!(letters("distribted ledgr consensuss"), ["distribted", "consensuss"]);
    }

    #[test]
    fn a_rank_is_a_number() {
        let of = |text: Option<&str>| rank(&Cursor(vec![text.map(ToOwned::to_owned)]));
        assert_eq!(of(Some("1.0607927")), Some(1.060_792_7));
        for wrong in [None, Some("NaN"), Some("inf"), Some("x"), Some("")] {
            assert_eq!(of(wrong), None, "{wrong:?}");
        }
    }
}
