//! The statement that reads a page of a search.
//!
//! ```sql
//! WITH hw_asked AS (…the words of $1…),
//!      hw_words AS MATERIALIZED (SELECT item.* FROM model AS item WHERE vector @@ (SELECT stems FROM hw_asked)), …
//! SELECT position
//! UNION ALL
//! (SELECT … FROM ((…exact…) UNION ALL (…begins…) UNION ALL (…words…) UNION ALL (…alike…) LIMIT 21) AS item)
//! ```
//!
//! The parts run one after the other, and end as soon as there are enough rows. A `MATERIALIZED` query is planned to be read to its end, so
//! by its index, and yet read only as far as it is asked for: one row more than `candidates`. What is asked is read from a query, not
//! given as a constant, so that the plan does not depend on how common a word is.

use headwater_catalog::quote_literal;

use super::{Search, Way, asked, highlight};
use crate::page::request::Request;
use crate::page::sql::{NEWEST, Statement, Writer, expression, viewer_pairs};
use crate::route::Route;

/// The page that is asked for, and one row more; only the position where nothing is asked for.
#[must_use]
pub fn page(route: &Route, search: &Search, request: &Request) -> Statement {
    let mut writer = Writer { route, parameters: Vec::new() };
    let first =
        format!("SELECT {NEWEST} AS hw_position, NULL::text, NULL::text{}", ", NULL::text".repeat(places(route)));
    let Some(text) = &request.q else { return Statement { sql: first, parameters: Vec::new() } };
    let parameter = writer.parameter(Some(text));
    let letters: Vec<_> = asked::letters(text).into_iter().map(|letters| writer.parameter(Some(letters))).collect();
    let (asked, letters) = (hw_asked(search, &parameter, &letters), letters.len());
    let conditions = writer.conditions(request);
    let viewer = (!route.viewer.is_empty()).then(|| writer.parameter(request.viewer.as_deref()));
    let rank = request.cursor.as_ref().and_then(asked::rank).unwrap_or(f64::INFINITY);
    let after = after(&mut writer, search, request);
    let rows = route.fetched(request.limit);
    let (mut queries, mut parts) = (vec![asked], Vec::new());
    for way in Way::ALL.into_iter().filter(|way| search.fuzzy || *way != Way::Alike) {
        // Nothing in a better way comes after the cursor.
        if rank >= way.greatest() || way == Way::Alike || (way == Way::Words && rank >= 1.0) {
            let part = Part { writer: &writer, search, way, conditions: &conditions, letters };
            queries.push(part.query());
            parts.push(part.rows(after.as_deref(), rows));
        }
    }
    let from = format!("(SELECT * FROM (\n{}\n) AS hw_parts LIMIT {rows}) AS item", parts.join("\nUNION ALL\n"));
    let joined = viewer
        .as_ref()
        .map_or_else(String::new, |viewer| format!(" CROSS JOIN (SELECT {viewer} AS subject) AS viewer"));
    let values: Vec<_> = order(route, search).iter().map(|name| format!("{name}::text")).collect();
    let item = item(&writer, search, viewer.is_some());
    let sql = format!(
        "WITH {}\n{first}\nUNION ALL\n(SELECT NULL::text, ({item})::text, NULL::text, {}\n FROM {from}{joined})",
        queries.join(",\n"),
        values.join(", ")
    );
    Statement { sql, parameters: writer.parameters }
}

/// How many values tell a row's place: rank, relevance and key.
fn places(route: &Route) -> usize {
    2 + route.model.key.as_ref().map_or(0, Vec::len)
}

/// What is asked: as it is, what names have to be like, the stems of its words, and its words as beginnings of others. To find all
/// words that begin with one or two letters would be to find half of them.
fn hw_asked(search: &Search, text: &str, letters: &[String]) -> String {
    let (config, letters) = (quote_literal(&search.config), letters.join(", "));
    format!(
        "hw_asked AS MATERIALIZED (SELECT pg_catalog.lower({text}) AS text, ARRAY[{letters}]::text[] AS letters, \
         pg_catalog.plainto_tsquery({config}, {text}) AS stems, \
         coalesce((SELECT pg_catalog.string_agg(CASE WHEN pg_catalog.octet_length(w) >= 5 THEN w || ':*' ELSE w END, ' & ') \
         FROM pg_catalog.unnest(pg_catalog.string_to_array(pg_catalog.plainto_tsquery('simple', {text})::text, ' & ')) AS w), '')::tsquery AS words)"
    )
}

/// The names of what the list is ordered by.
fn order(route: &Route, search: &Search) -> Vec<String> {
    let name = |column: usize| format!("item.{}", route.model.columns[column].name);
    let mut names = vec!["item.hw_rank".to_owned(), name(search.relevance)];
    names.extend(route.model.key.iter().flatten().map(|column| name(*column)));
    names
}

/// The same as an order without the rank.
fn by_relevance(route: &Route, search: &Search) -> String {
    let mut names = order(route, search).split_off(1);
    names[0].push_str(" DESC NULLS LAST");
    names.join(", ")
}

/// The condition for rows after the cursor.
fn after(writer: &mut Writer<'_>, search: &Search, request: &Request) -> Option<String> {
    let cursor = request.cursor.as_ref()?;
    let [rank, relevance, key @ ..] = cursor.0.as_slice() else { return None };
    let rank = format!("({})::double precision", writer.parameter(rank.as_deref()));
    let columns: Vec<usize> = writer.route.model.key.iter().flatten().copied().collect();
    let names: Vec<_> = columns.iter().map(|column| writer.name(*column)).collect();
    let values: Vec<_> =
        columns.iter().zip(key).map(|(column, value)| writer.value(*column, value.as_deref())).collect();
    let later = format!("({}) > ({})", names.join(", "), values.join(", "));
    let name = writer.name(search.relevance);
    let tie = match relevance {
        Some(_) => {
            let value = writer.value(search.relevance, relevance.as_deref());
            format!("({name} < {value} OR {name} IS NULL OR ({name} = {value} AND {later}))")
        }
        None => format!("({name} IS NULL AND {later})"),
    };
    Some(format!("(item.hw_rank < {rank} OR (item.hw_rank = {rank} AND {tie}))"))
}

/// What is sent of a row: what the route says, its rank, and where the words stand. The vectors are no content.
fn item(writer: &Writer<'_>, search: &Search, for_viewer: bool) -> String {
    let route = writer.route;
    let item = match &route.item {
        Some(_) => format!("({})::jsonb", expression(route)),
        None => {
            let hidden = ["hw_rank", column_name(route, search.vector)].into_iter();
            let hidden = hidden.chain(search.words.map(|column| column_name(route, column)));
            hidden
                .fold("pg_catalog.to_jsonb(item.*)".to_owned(), |sql, name| format!("{sql} - {}", quote_literal(name)))
        }
    };
    let columns = search.highlight.iter().map(|column| (*column, writer.name(*column), column_name(route, *column)));
    let highlight = highlight::object(search, &columns.collect::<Vec<_>>());
    let viewer =
        if for_viewer { format!(" || pg_catalog.jsonb_build_object({})", viewer_pairs(route)) } else { String::new() };
    format!("{item} || pg_catalog.jsonb_build_object('rank', item.hw_rank, 'highlight', {highlight}){viewer}")
}

fn column_name(route: &Route, column: usize) -> &str {
    route.model.columns[column].name.as_str()
}

/// The rows that are found in one way.
struct Part<'w> {
    writer: &'w Writer<'w>,
    search: &'w Search,
    way: Way,
    conditions: &'w [String],
    /// How many texts a name has to be like.
    letters: usize,
}

const TEXT: &str = "(SELECT text FROM hw_asked)";
const STEMS: &str = "(SELECT stems FROM hw_asked)";
const WORDS: &str = "(SELECT words FROM hw_asked)";

impl Part<'_> {
    fn column(&self, column: usize) -> String {
        self.writer.name(column)
    }

    fn name(&self) -> &'static str {
        match self.way {
            Way::Exact => "hw_exact",
            Way::Begins => "hw_begins",
            Way::Words => "hw_words",
            Way::Alike => "hw_alike",
        }
    }

    /// What an index finds.
    fn condition(&self, way: Way) -> String {
        let name = self.column(self.search.name);
        match way {
            Way::Exact => format!("pg_catalog.lower({name}) = {TEXT}"),
            // Not LIKE, which finds its index only when the text is a constant.
            Way::Begins => format!(
                "(pg_catalog.lower({name}) ~>=~ {TEXT} AND pg_catalog.lower({name}) ~<~ ({TEXT} || U&'\\+10FFFF'))"
            ),
            Way::Words => match self.search.words {
                Some(words) => {
                    format!("({} @@ {STEMS} OR {} @@ {WORDS})", self.column(self.search.vector), self.column(words))
                }
                None => format!("{} @@ {STEMS}", self.column(self.search.vector)),
            },
            Way::Alike => {
                let like = |place| format!("(SELECT letters[{place}] FROM hw_asked) <% {name}");
                (1..=self.letters.max(1)).map(like).collect::<Vec<_>>().join(" AND ")
            }
        }
    }

    fn rank(&self) -> String {
        let name = self.column(self.search.name);
        match self.way {
            Way::Exact => "4::double precision".to_owned(),
            Way::Begins => "3::double precision".to_owned(),
            Way::Words => {
                let mut ranks = vec![format!("pg_catalog.ts_rank({}, {STEMS})", self.column(self.search.vector))];
                ranks.extend(
                    self.search.words.map(|words| format!("pg_catalog.ts_rank({}, {WORDS})", self.column(words))),
                );
                format!("1 + coalesce(greatest({}), 0)::double precision", ranks.join(", "))
            }
            Way::Alike => format!(
                "(word_similarity({TEXT}, {name})::double precision + similarity({TEXT}, {name})::double precision) / 4"
            ),
        }
    }

    /// All that the index finds; read only as far as it is needed.
    fn query(&self) -> String {
        let conditions = std::iter::once(self.condition(self.way)).chain(self.conditions.iter().cloned());
        let conditions: Vec<_> = conditions.collect();
        let (name, model) = (self.name(), &self.writer.route.model.name);
        format!("{name} AS MATERIALIZED (SELECT item.* FROM {model} AS item WHERE {})", conditions.join(" AND "))
    }

    /// The rows of this way that are ranked: those of the index, or the ones among the most relevant where these are too many.
    fn candidates(&self) -> String {
        let (name, most, route) = (self.name(), self.search.candidates, self.writer.route);
        let many = format!("EXISTS (SELECT FROM {name} OFFSET {most})");
        let conditions = match self.conditions {
            [] => String::new(),
            some => format!(" WHERE {}", some.join(" AND ")),
        };
        format!(
            "SELECT * FROM (SELECT * FROM {name} LIMIT {most}) AS item WHERE NOT {many}\n    UNION ALL\n    \
             SELECT * FROM (SELECT item.* FROM {} AS item{conditions} ORDER BY {} LIMIT {}) AS item WHERE {many} AND {}",
            route.model.name,
            by_relevance(route, self.search),
            self.search.walk(self.way),
            self.condition(self.way)
        )
    }

    /// The first rows of this way after the cursor, but for those that are found in a better one.
    fn rows(&self, after: Option<&str>, rows: u32) -> String {
        let better = Way::ALL.into_iter().take_while(|way| *way != self.way);
        let not: Vec<_> = better.map(|way| format!("({}) IS NOT TRUE", self.condition(way))).collect();
        let not = if not.is_empty() { String::new() } else { format!("\n   WHERE {}", not.join(" AND ")) };
        let after = after.map_or_else(String::new, |after| format!("\n  WHERE {after}"));
        format!(
            "(SELECT * FROM (SELECT item.*, {} AS hw_rank FROM (\n    {}) AS item{not}) AS item{after}\n  \
             ORDER BY item.hw_rank DESC, {} LIMIT {rows})",
            self.rank(),
            self.candidates(),
            by_relevance(self.writer.route, self.search)
        )
    }
}
