//! Paths of routes: `/api/feed`, and patterns such as `/api/chains/{chain_id}/posts`, where a part names a column that rows are chosen by.
//!
//! Fixed text goes before a parameter: of two patterns that fit a path, the one with more fixed parts answers. Two that fit the same path
//! without one being the narrower are refused when they are declared.

use percent_encoding::percent_decode_str;

/// The last part of a stream's path.
const STREAM: &str = "stream";

/// A path as it is declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// This text.
    Fixed(Box<str>),
    /// Any text but none: the value of this column.
    Parameter(Box<str>),
}

impl Pattern {
    /// Reads a path.
    ///
    /// # Errors
    /// Where it is not written as one.
    pub fn parse(path: &str) -> Result<Self, String> {
        let refused = || {
            "a path is written as /api/feed or /api/feed/{column}: letters, digits, - _ . ~ between slashes".to_owned()
        };
        let parts = path.strip_prefix('/').filter(|_| !path.contains("..")).ok_or_else(refused)?;
        let parts: Option<Vec<Part>> = parts.split('/').map(part).collect();
        Ok(Self { parts: parts.ok_or_else(refused)? })
    }

    /// The columns that it names, from left to right.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Fixed(_) => None,
            Part::Parameter(name) => Some(name.as_ref()),
        })
    }

    /// The last fixed part.
    #[must_use]
    pub fn last_word(&self) -> Option<&str> {
        self.parts.iter().rev().find_map(|part| match part {
            Part::Fixed(text) if !text.is_empty() => Some(text.as_ref()),
            _ => None,
        })
    }

    /// The path of its stream.
    #[must_use]
    pub fn of_stream(&self) -> Self {
        let mut parts = self.parts.clone();
        parts.push(Part::Fixed(STREAM.into()));
        Self { parts }
    }

    /// How many of its parts are fixed.
    #[must_use]
    pub fn fixed(&self) -> usize {
        self.parts.iter().filter(|part| matches!(part, Part::Fixed(_))).count()
    }

    /// The parameters' values as they stand in a path, still encoded; `None` where the path is another one.
    #[must_use]
    pub fn values<'p>(&self, path: &'p str) -> Option<Vec<&'p str>> {
        let mut given = path.strip_prefix('/')?.split('/');
        let mut values = Vec::new();
        for part in &self.parts {
            match (part, given.next()?) {
                (Part::Fixed(text), given) if **text == *given => {}
                (Part::Parameter(_), given) if !given.is_empty() => values.push(given),
                _ => return None,
            }
        }
        given.next().is_none().then_some(values)
    }

    /// True where some path, of a page or of a stream, fits both of them, and neither is the narrower.
    #[must_use]
    pub fn is_ambiguous_with(&self, other: &Self) -> bool {
        let clash = |one: &Self, other: &Self| one.overlaps(other) && !one.is_within(other) && !other.is_within(one);
        let (own, theirs) = (self.of_stream(), other.of_stream());
        clash(self, other) || clash(&own, other) || clash(self, &theirs)
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.parts.len() == other.parts.len()
            && self.parts.iter().zip(&other.parts).all(|parts| match parts {
                (Part::Fixed(one), Part::Fixed(other)) => one == other,
                _ => true,
            })
    }

    /// Of two that overlap, true where it has fixed text wherever the other one has, and somewhere else too.
    fn is_within(&self, other: &Self) -> bool {
        let as_narrow =
            self.parts.iter().zip(&other.parts).all(|parts| !matches!(parts, (Part::Parameter(_), Part::Fixed(_))));
        as_narrow && self.fixed() > other.fixed()
    }
}

fn part(text: &str) -> Option<Part> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~');
    match text.strip_prefix('{').map(|rest| rest.strip_suffix('}')) {
        Some(Some(name)) if !name.is_empty() && !name.contains(['{', '}']) => Some(Part::Parameter(name.into())),
        Some(_) => None,
        None => (!text.is_empty() && text.chars().all(plain)).then(|| Part::Fixed(text.into())),
    }
}

/// The text that a part of a path stands for; `None` where its bytes are no text.
#[must_use]
pub fn decode(part: &str) -> Option<String> {
    percent_decode_str(part).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(path: &str) -> Pattern {
        Pattern::parse(path).unwrap_or_else(|problem| panic!("{path}: {problem}"))
    }

    #[test]
    fn a_pattern_fits_paths_of_its_form() {
        let posts = pattern("/api/chains/{chain_id}/posts");
        for (path, expected) in [
            ("/api/chains/7/posts", Some(vec!["7"])),
            ("/api/chains/%2F/posts", Some(vec!["%2F"])),
            ("/api/chains//posts", None),
            ("/api/chains/7/posts/", None),
            ("/api/chains/7", None),
            ("/api/chains/7/posts/8", None),
            ("api/chains/7/posts", None),
        ] {
            assert_eq!(posts.values(path), expected, "{path}");
        }
        assert_eq!(posts.parameters().collect::<Vec<_>>(), ["chain_id"]);
        assert_eq!((posts.last_word(), pattern("/{id}").last_word()), (Some("posts"), None));
        assert_eq!((decode("a%20b%2Fc+d"), decode("%ff")), (Some("a b/c+d".to_owned()), None));
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for path in ["", "x", "/", "/a//b", "/a/", "/a b", "/a/../b", "/{}", "/{a", "/a}", "/x{a}", "/{a}{b}", "/{{a}}"]
        {
            assert!(Pattern::parse(path).is_err(), "{path}");
        }
    }

    #[test]
    fn ambiguous_is_what_fits_one_path_without_being_narrower() {
        for (one, other, expected) in [
            ("/a/{x}", "/a/{y}", true),
            ("/a/{x}", "/a/b", false),
            ("/a/{x}/c", "/a/b/{y}", true),
            ("/a/{x}/c", "/a/{y}/{z}", false),
            ("/a/{x}", "/a/{x}/c", false),
            ("/a/{x}", "/b/{x}", false),
            // The stream of the first is narrower than the page of the second.
            ("/a/{x}", "/a/{x}/{y}", false),
            ("/{x}/b", "/a/{y}/{z}", true),
        ] {
            let (one, other) = (pattern(one), pattern(other));
            assert_eq!(
                (one.is_ambiguous_with(&other), other.is_ambiguous_with(&one)),
                (expected, expected),
                "{one:?} {other:?}"
            );
        }
    }
}
