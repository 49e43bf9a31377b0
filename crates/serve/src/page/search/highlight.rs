//! Where the words stand in a text, as HTML whose only element is `<mark>`.
//!
//! PostgreSQL's `ts_headline` marks the words, and is not safe by itself. So the marks are two control characters, which are taken out of the
//! text first; what comes back is escaped; and only then do the marks become elements. Text that looks like an element is a blank there.

use headwater_catalog::quote_literal;

use super::Search;

/// The name as a whole, every word that is found marked.
const WHOLE: &str = "HighlightAll=true";

/// An excerpt of any other text.
const EXCERPT: &str = "MaxWords=35, MinWords=15";

/// What stands for the beginning and the end of a mark until all else is escaped.
const MARKS: [(&str, &str); 2] = [("pg_catalog.chr(2)", "'<mark>'"), ("pg_catalog.chr(3)", "'</mark>'")];

/// What HTML gives a meaning to.
const CHARACTERS: [(&str, &str); 5] =
    [("'&'", "'&amp;'"), ("'<'", "'&lt;'"), ("'>'", "'&gt;'"), ("'\"'", "'&quot;'"), ("''''", "'&#39;'")];

/// The words of the text that are like something that is asked for.
const ALIKE: &str = "coalesce((SELECT pg_catalog.string_agg(pg_catalog.plainto_tsquery('simple', w.lexeme)::text, ' | ') \
    FROM pg_catalog.unnest(pg_catalog.to_tsvector('simple', h.text)) AS w \
    WHERE word_similarity(w.lexeme, (SELECT text FROM hw_asked)) >= 0.5), '')::tsquery";

/// The object `highlight`: a text for each column, as SQL over a row called `item` and what is asked, `hw_asked`. `columns` are their
/// places, their names as SQL and as they are.
#[must_use]
pub fn object(search: &Search, columns: &[(usize, String, &str)]) -> String {
    let pair = |(column, name, key): &(usize, String, &str)| {
        let kind = if *column == search.name { WHOLE } else { EXCERPT };
        format!("{}, {}", quote_literal(key), escaped(&marked(search, name, kind)))
    };
    let pairs: Vec<_> = columns.iter().map(pair).collect();
    format!("pg_catalog.jsonb_build_object({})", pairs.join(", "))
}

/// Words are found by their stems first; where that marks none (stop words, names that are only alike), as they are written.
fn marked(search: &Search, column: &str, kind: &str) -> String {
    let config = quote_literal(&search.config);
    let alike = if search.fuzzy { ALIKE } else { "''::tsquery" };
    let options =
        format!("'StartSel=\"' || pg_catalog.chr(2) || '\", StopSel=\"' || pg_catalog.chr(3) || '\", {kind}'");
    format!(
        "(SELECT CASE WHEN pg_catalog.strpos(h.stems, pg_catalog.chr(2)) > 0 THEN h.stems \
           ELSE pg_catalog.ts_headline('simple', h.text, (SELECT words FROM hw_asked) || {alike}, {options}) END \
           FROM (SELECT t.text, pg_catalog.ts_headline({config}, t.text, (SELECT stems || words FROM hw_asked), {options}) AS stems \
                   FROM (SELECT pg_catalog.translate({column}, pg_catalog.chr(2) || pg_catalog.chr(3), '') AS text) AS t OFFSET 0) AS h)"
    )
}

fn escaped(text: &str) -> String {
    CHARACTERS
        .iter()
        .chain(&MARKS)
        .fold(text.to_owned(), |sql, (from, to)| format!("pg_catalog.replace({sql}, {from}, {to})"))
}
