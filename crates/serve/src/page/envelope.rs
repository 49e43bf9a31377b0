//! The shape of an answer: JSON in which some texts are places to be filled.
//!
//! ```json
//! {"status":"success","message":"{message}","data":"{data}","next_cursor":"{next_cursor}"}
//! ```
//!
//! It is read once, when the server starts. An answer is then its fixed parts with the rows' bytes between them: no row is read again.

use std::ops::Range;

use bytes::{BufMut as _, Bytes, BytesMut};
use serde_json::Value;

/// A shape, cut at its places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(Box<str>),
    Place(Place),
}

/// What can be filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Data,
    NextCursor,
    TotalItems,
    Keys,
    Page,
    Limit,
}

const PLACES: [(&str, Place); 6] = [
    ("\"{data}\"", Place::Data),
    ("\"{next_cursor}\"", Place::NextCursor),
    ("\"{total_items}\"", Place::TotalItems),
    ("\"{keys}\"", Place::Keys),
    ("\"{page}\"", Place::Page),
    ("\"{limit}\"", Place::Limit),
];

/// Filled when the shape is read: the route's own words.
const MESSAGE: &str = "\"{message}\"";

/// What a page has to say.
#[derive(Debug, Clone, Copy)]
pub struct Contents<'c> {
    /// The items, joined by commas.
    pub items: &'c [u8],
    /// Their keys, joined by commas.
    pub keys: &'c [u8],
    /// The answer is the item itself.
    pub single: bool,
    /// Where the next page begins.
    pub next_cursor: Option<&'c str>,
    /// How many items.
    pub total: usize,
    /// The page's number, where it was reached by number.
    pub page: Option<u32>,
    /// The most items that it could have.
    pub limit: u32,
}

impl Envelope {
    /// The shape of a page where none is declared.
    #[must_use]
    pub fn of_page(live: bool) -> Self {
        let keys = if live { r#","keys":"{keys}""# } else { "" };
        cut(&format!(r#"{{"items":"{{data}}","next_cursor":"{{next_cursor}}","total_items":"{{total_items}}"{keys}}}"#))
    }

    /// The shape of a single row where none is declared: the item itself.
    #[must_use]
    pub fn of_one() -> Self {
        cut(PLACES[0].0)
    }

    /// Reads a declared shape.
    ///
    /// # Errors
    /// Where it is no JSON, or has no place for the data.
    pub fn parse(text: &str, message: Option<&str>) -> Result<Self, String> {
        let text = text.replace(MESSAGE, &serde_json::json!(message).to_string());
        let read = |text: &str| serde_json::from_str::<Value>(text).map(drop);
        read(&text).map_err(|error| format!("the envelope is no JSON: {error}"))?;
        let envelope = cut(&text);
        if !envelope.parts.contains(&Part::Place(Place::Data)) {
            return Err("the envelope has no \"{data}\", where the rows stand".to_owned());
        }
        let text = |part: &Part| match part {
            Part::Text(text) => text.to_string(),
            Part::Place(_) => "null".to_owned(),
        };
        let filled: String = envelope.parts.iter().map(text).collect();
        read(&filled).map_err(|_| "a place of an envelope is a value: names of members are fixed".to_owned())?;
        Ok(envelope)
    }

    /// The whole answer, and where the items stand in it.
    #[must_use]
    pub fn fill(&self, contents: &Contents<'_>) -> (Bytes, Range<usize>) {
        let mut body = BytesMut::with_capacity(contents.items.len() + contents.keys.len() + 256);
        let mut items = 0..0;
        for part in &self.parts {
            match part {
                Part::Text(text) => body.put_slice(text.as_bytes()),
                Part::Place(Place::Data) => items = contents.put_data(&mut body),
                Part::Place(place) => contents.put(*place, &mut body),
            }
        }
        (body.freeze(), items)
    }
}

impl Contents<'_> {
    fn put_data(&self, body: &mut BytesMut) -> Range<usize> {
        let (before, after, none) = if self.single { ("", "", "null") } else { ("[", "]", "") };
        body.put_slice(before.as_bytes());
        let start = body.len();
        body.put_slice(self.items);
        let end = body.len();
        body.put_slice(if self.total == 0 { none } else { "" }.as_bytes());
        body.put_slice(after.as_bytes());
        start..end
    }

    fn put(&self, place: Place, body: &mut BytesMut) {
        match place {
            Place::Data => drop(self.put_data(body)),
            // A cursor is written with letters, digits, '~', '-' and '_' only.
            Place::NextCursor => match self.next_cursor {
                Some(cursor) => body.put_slice(format!("\"{cursor}\"").as_bytes()),
                None => body.put_slice(b"null"),
            },
            Place::TotalItems => body.put_slice(self.total.to_string().as_bytes()),
            Place::Keys => {
                body.put_u8(b'[');
                body.put_slice(self.keys);
                body.put_u8(b']');
            }
            Place::Page => match self.page {
                Some(page) => body.put_slice(page.to_string().as_bytes()),
                None => body.put_slice(b"null"),
            },
            Place::Limit => body.put_slice(self.limit.to_string().as_bytes()),
        }
    }
}

/// Cuts JSON at its places. What looks like one inside of another text begins with an escaped quote.
fn cut(text: &str) -> Envelope {
    let (mut parts, mut begin, mut at) = (Vec::new(), 0, 0);
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        let is_text = at > 0 && text.as_bytes()[at - 1] == b'\\';
        match PLACES.iter().find(|(name, _)| !is_text && rest.starts_with(name.as_bytes())) {
            Some((name, place)) => {
                if begin < at {
                    parts.push(Part::Text(text[begin..at].into()));
                }
                parts.push(Part::Place(*place));
                at += name.len();
                begin = at;
            }
            None => at += 1,
        }
    }
    if begin < text.len() {
        parts.push(Part::Text(text[begin..].into()));
    }
    Envelope { parts }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(single: bool, items: &[u8], total: usize) -> Contents<'_> {
        Contents { items, keys: b"", single, next_cursor: None, total, page: Some(3), limit: 10 }
    }

    fn filled(envelope: &Envelope, contents: &Contents<'_>) -> String {
        let (body, items) = envelope.fill(contents);
        assert_eq!(&body[items], contents.items);
        String::from_utf8(body.to_vec()).unwrap()
    }

    #[test]
    fn an_answer_is_its_shape_with_the_rows_in_it() {
        let page = Envelope::of_page(true);
        assert_eq!(
            filled(&page, &contents(false, b"1,2", 2)),
            r#"{"items":[1,2],"next_cursor":null,"total_items":2,"keys":[]}"#
        );
        assert_eq!(filled(&Envelope::of_one(), &contents(true, b"{}", 1)), "{}");
        assert_eq!(filled(&Envelope::of_one(), &contents(true, b"", 0)), "null");
        let own = r#"{"status": "success", "message": "{message}", "data": "{data}", "at": ["{page}", "{limit}"]}"#;
        let own = Envelope::parse(own, Some("The \"feed\"")).unwrap();
        assert_eq!(
            filled(&own, &contents(false, b"7", 1)),
            r#"{"status": "success", "message": "The \"feed\"", "data": [7], "at": [3, 10]}"#
        );
        let quoted = Envelope::parse(r#"{"a":"\"{data}","b":"{data}"}"#, None).unwrap();
        assert_eq!(filled(&quoted, &contents(false, b"", 0)), r#"{"a":"\"{data}","b":[]}"#);
    }

    #[test]
    fn what_is_no_shape_is_refused() {
        for (text, reason) in [
            ("{", "is no JSON"),
            (r#"{"data":{data}}"#, "is no JSON"),
            (r#"{"data":1}"#, "no \"{data}\""),
            (r#"{"{data}":1}"#, "names of members are fixed"),
        ] {
            let problem = Envelope::parse(text, None).unwrap_err();
            assert!(problem.contains(reason), "{text}: {problem}");
        }
    }
}
