//! Search over the showcase, and over rows with ties and without relevance: what is found, in which order, against the formula as a plain
//! SELECT over the source tables, with the bound and without it.

use std::collections::BTreeMap;

use headwater_testkit::example::Example;
use hyper::StatusCode;
use serde_json::Value;

use crate::client::Client;
use crate::stage::{Dice, Site, Stage};

const SHOWCASE: Example = Example("showcase");

/// The route of the example, without a bound that is felt at this size, and with one that is.
fn routes() -> String {
    let declared = SHOWCASE.read("headwater.toml");
    let route = &declared[declared.find("path = \"/api/search\"").expect("the route is declared")..];
    let with = |path: &str, candidates: u32| {
        let route = route
            .replace("\"/api/search\"", path)
            .replace("highlight = [", &format!("candidates = {candidates}, highlight = ["));
        assert!(route.contains("candidates"), "{route}");
        format!("[[serve.route]]\n{route}\n")
    };
    with("\"/api/search\"", 5000) + &with("\"/api/few\"", 10)
}

async fn showcase(hint: &str) -> (Stage, Site) {
    let data = format!("SET showcase.scale = 0.05;\n{}", SHOWCASE.read("data.sql"));
    let schema = [SHOWCASE.read("schema.sql"), data, SHOWCASE.read("indexes.sql")].join("\n");
    let files = SHOWCASE.models();
    let model = files.iter().find(|file| file.path.ends_with("search.sql")).expect("the model of the search");
    let stage = Stage::new(hint, &schema, &[&model.text]).await;
    let site = stage.serve(&routes()).await;
    (stage, site)
}

fn encode(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Every page of a search, put together.
async fn walk(client: &Client, path: &str) -> Vec<Value> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    for _ in 0..10_000 {
        let answer = client.get(&format!("{path}&cursor={cursor}")).await;
        items.extend(answer.items());
        match answer.json()["next_cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => return items,
        }
    }
    panic!("a walk without an end: {path}");
}

/// What tells a found row: its rank, its type, its id.
fn found(items: &[Value]) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.to_string();
    items.iter().map(|item| (text(&item["rank"]), text(&item["result_type"]), text(&item["id"]))).collect()
}

/// The words of a text as beginnings, as documented: those of three bytes or more.
fn beginnings(text: &str) -> String {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let words = words.map(|word| format!("{}{}", word.to_lowercase(), if word.len() >= 3 { ":*" } else { "" }));
    words.collect::<Vec<_>>().join(" & ")
}

/// Whether a name is like a text, as documented: like each of its words of nine characters or more, or like all of it.
fn alike(q: &str, name: &str) -> String {
    let long: Vec<_> = q.split(' ').filter(|word| word.chars().count() >= 9).collect();
    let like = |text: &str| format!("word_similarity('{}', {name}) >= 0.5", text.replace('\'', "''"));
    if long.is_empty() { like(q) } else { long.iter().map(|word| like(word)).collect::<Vec<_>>().join(" AND ") }
}

/// The formula of docs/guides/serving.md over the source tables.
fn oracle(q: &str, kind: Option<&str>, candidates: u32) -> String {
    let condition = kind.map_or_else(|| "true".to_owned(), |kind| format!("result_type = '{kind}'"));
    let alike = alike(q, "name");
    let (beginnings, q) = (beginnings(q), q.replace('\'', "''"));
    format!(
        "WITH documents AS (
            SELECT 'project' AS result_type, p.id, p.title AS name, p.description AS body, u.username AS creator, p.proof_score::bigint AS relevance
              FROM projects p JOIN users u ON u.id = p.user_id WHERE NOT p.is_deleted
            UNION ALL
            SELECT 'user', u.id, u.username, u.bio, NULL, (SELECT count(*) FROM projects p WHERE p.user_id = u.id AND NOT p.is_deleted)
              FROM users u WHERE u.is_active
            UNION ALL
            SELECT 'chain', c.id, c.name, c.description, NULL, (SELECT count(*) FROM chain_followers f WHERE f.chain_id = c.id)
              FROM chains c WHERE c.is_active AND c.is_public
         ), vectors AS (
            SELECT *, setweight(to_tsvector('english', coalesce(name, '')), 'A') || setweight(to_tsvector('english', coalesce(body, '')), 'B')
                   || setweight(to_tsvector('english', coalesce(creator, '')), 'C') AS vector, to_tsvector('simple', name) AS words,
                   plainto_tsquery('english', '{q}') AS stems, to_tsquery('simple', '{beginnings}') AS beginnings,
                   row_number() OVER (ORDER BY relevance DESC NULLS LAST, result_type, id) AS place
              FROM documents WHERE {condition}
         ), ways AS (
            SELECT *, lower(name) = lower('{q}') AS exact, left(lower(name), length('{q}')) = lower('{q}') AS begins,
                   vector @@ stems OR words @@ beginnings AS has_words, {alike} AS alike
              FROM vectors
         ), counted AS (
            SELECT *, count(*) FILTER (WHERE exact) OVER () AS exacts, count(*) FILTER (WHERE begins) OVER () AS beginners,
                   count(*) FILTER (WHERE has_words) OVER () AS with_words, count(*) FILTER (WHERE alike) OVER () AS likes
              FROM ways
         ), ranked AS (
            SELECT *, CASE
                WHEN exact THEN CASE WHEN exacts <= {candidates} OR place <= 10 * {candidates} THEN 4 END
                WHEN begins THEN CASE WHEN beginners <= {candidates} OR place <= 10 * {candidates} THEN 3 END
                WHEN has_words THEN CASE WHEN with_words <= {candidates} OR place <= 10 * {candidates}
                    THEN 1 + greatest(ts_rank(vector, stems), ts_rank(words, beginnings))::float8 END
                WHEN alike THEN CASE WHEN likes <= {candidates} OR place <= {candidates}
                    THEN (word_similarity('{q}', name)::float8 + similarity('{q}', name)::float8) / 4 END END AS rank
              FROM counted
         )
         SELECT rank, result_type, id FROM ranked WHERE rank IS NOT NULL ORDER BY rank DESC, relevance DESC NULLS LAST, result_type, id"
    )
}

const QUERIES: [&str; 21] = [
    "consensus",
    "consensuss",
    "distrib",
    "distributed",
    "distributed systems",
    "open",
    "Open Consensus",
    "the",
    "THE",
    "ada",
    "zoë",
    "さくら",
    "静かな",
    "أمل",
    "op con",
    "ledgr",
    "distribted ledgr",
    "gardn radio",
    "builders of potsgres",
    "proofs of work",
    "1",
];

#[tokio::test(flavor = "multi_thread")]
async fn the_list_is_what_the_formula_says_bounded_or_not() {
    let (stage, site) = showcase("search_formula").await;
    let (mut all, mut bitten) = (0, 0);
    for q in QUERIES {
        for (kind, limits) in
            [(None, vec![7, 50]), (Some("project"), vec![20]), (Some("user"), vec![20]), (Some("chain"), vec![3])]
        {
            let filter = kind.map_or_else(String::new, |kind| format!("&result_type={kind}"));
            for limit in limits {
                for (path, candidates) in [("search", 5000), ("few", 10)] {
                    let path = format!("/api/{path}?q={}&limit={limit}{filter}", encode(q));
                    let expected = found(&stage.json(&oracle(q, kind, candidates)).await);
                    assert_eq!(found(&walk(&site.client, &path).await), expected, "{path}");
                    if candidates == 10 {
                        bitten += usize::from(expected.len() < all);
                    }
                    all = expected.len();
                }
            }
        }
    }
    assert!(bitten > 10, "the bound was felt {bitten} times");
    site.end().await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_found_though_they_are_written_wrongly() {
    let (stage, site) = showcase("search_typos").await;
    let names = stage.column("SELECT username FROM users WHERE is_active AND length(username) >= 8 UNION SELECT title FROM projects WHERE NOT is_deleted AND length(title) >= 8 ORDER BY 1").await;
    let mut dice = Dice(11);
    let (mut tried, mut found) = (0, 0);
    for _ in 0..150 {
        let name = &names[dice.below(names.len() as u64) as usize];
        let mut letters: Vec<char> = name.chars().collect();
        // Not the first letter, and not the number at the end, which makes it another name.
        let words = letters.iter().take_while(|c| !c.is_ascii_digit()).count().saturating_sub(3).max(2);
        let place = 1 + dice.below(words as u64 - 1) as usize;
        match dice.below(3) {
            0 => drop(letters.remove(place)),
            1 => letters.insert(place, letters[place]),
            _ => letters[place] = 'x',
        }
        let typo: String = letters.into_iter().collect();
        let items = walk(&site.client, &format!("/api/search?q={}&limit=50", encode(&typo))).await;
        tried += 1;
        // What is documented: half of the letters, by threes.
        let condition = alike(&typo, &format!("'{}'", name.replace('\'', "''")));
        let alike = stage.column(&format!("SELECT {condition}")).await;
        let hit = items.iter().any(|item| item["name"] == **name);
        assert!(hit || alike[0] == "f", "{typo} does not find {name}");
        found += usize::from(hit);
    }
    assert!(found * 100 >= tried * 95, "{found} of {tried} were found");
    site.end().await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_words_beginnings_and_exact_names_come_first() {
    let (stage, site) = showcase("search_names").await;
    for (name, number) in [("and", 1), ("To_Be", 2), ("it's <b>&amp;</b>", 3)] {
        stage
            .run(&format!(
                "INSERT INTO users (username, email) VALUES ('{}', 'stop{number}@example.org')",
                name.replace('\'', "''")
            ))
            .await;
    }
    stage.wait().await;
    for q in ["the", "The", "and", "to_be", "TO_BE", "it's <b>&amp;</b>", " it's   <b>&amp;</b> "] {
        let items = site.client.get(&format!("/api/search?q={}", encode(q))).await.items();
        let name = items[0]["name"].as_str().unwrap().to_lowercase();
        assert_eq!((name, &items[0]["rank"]), (q.trim().to_lowercase().replace("   ", " "), &4.into()), "{items:?}");
    }
    let items = site.client.get("/api/search?q=it%27s").await.items();
    assert_eq!(
        items[0]["highlight"]["name"], "<mark>it</mark>&#39;<mark>s</mark> &lt;b&gt;&amp;amp;&lt;/b&gt;",
        "{items:?}"
    );
    for (q, begins) in [("distrib", "distrib"), ("zoë_", "zoë_"), ("静", "静")] {
        let items = site.client.get(&format!("/api/search?q={}", encode(q))).await.items();
        assert!(!items.is_empty() && items.iter().all(|item| item["rank"].as_f64().unwrap() <= 3.0), "{q}");
        assert!(items[0]["name"].as_str().unwrap().to_lowercase().starts_with(begins), "{items:?}");
    }
    site.end().await;
    stage.end().await;
}

/// Neither by their names nor by their words.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_private_deleted_or_inactive_is_never_found() {
    let (stage, site) = showcase("search_access").await;
    stage
        .run("INSERT INTO users (id, username, email, bio, is_active) VALUES (md5('a')::uuid, 'xylophagous_one', 'x1@example.org', 'quetzal', false), (md5('b')::uuid, 'xylophagous_two', 'x2@example.org', 'quetzal', true);
              INSERT INTO projects (id, user_id, title, description, is_deleted) VALUES (md5('c')::uuid, md5('b')::uuid, 'Xylophagous Three', 'quetzal', true);
              INSERT INTO chains (id, creator_id, name, description, is_public, is_active) VALUES (md5('d')::uuid, md5('b')::uuid, 'Xylophagous Four', 'quetzal', false, true), (md5('e')::uuid, md5('b')::uuid, 'Xylophagous Five', 'quetzal', true, false)")
        .await;
    stage.wait().await;
    let queries = [
        "xylophagous",
        "quetzal",
        "xylophagos",
        "Xylophagous Three",
        "xylophagous four",
        "Xylophagous Five",
        "xylophagous_one",
    ];
    for q in queries {
        let names: Vec<_> = walk(&site.client, &format!("/api/search?q={}", encode(q)))
            .await
            .iter()
            .map(|item| item["name"].clone())
            .collect();
        assert_eq!(names, ["xylophagous_two"], "{q}");
    }
    stage.run("UPDATE users SET is_active = NOT is_active WHERE username LIKE 'xylo%'; UPDATE projects SET is_deleted = false WHERE title LIKE 'Xylo%'; UPDATE chains SET is_public = true, is_active = true WHERE name LIKE 'Xylo%'").await;
    stage.wait().await;
    let mut names: Vec<_> =
        walk(&site.client, "/api/search?q=quetzal").await.iter().map(|item| item["name"].to_string()).collect();
    names.sort();
    assert_eq!(names, ["\"Xylophagous Five\"", "\"Xylophagous Four\"", "\"Xylophagous Three\"", "\"xylophagous_one\""]);
    site.end().await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_texts_are_harmless() {
    let (stage, site) = showcase("search_hostile").await;
    for q in ["", "   ", "%20%09%0a"] {
        let answer = site.client.get(&format!("/api/search?q={}", q.replace(' ', "+"))).await;
        assert_eq!((answer.items().len(), &answer.json()["next_cursor"]), (0, &Value::Null));
        assert_ne!(answer.header("headwater-position"), "");
    }
    assert_eq!(site.client.get("/api/search").await.items().len(), 0);
    for (path, status, code) in [
        ("/api/search?q=a%00b".to_owned(), 400, "HW0722"),
        (format!("/api/search?q={}", "a".repeat(101)), 400, "HW0724"),
        (format!("/api/search?q={}", "a".repeat(10_000)), 414, "HW0744"),
        ("/api/search?q=a&q=b".to_owned(), 400, "HW0721"),
        ("/api/search?q=a&sort=key".to_owned(), 400, "HW0725"),
        ("/api/search?q=a&offset=3".to_owned(), 400, "HW0725"),
        ("/api/search?q=a&cursor=abc".to_owned(), 400, "HW0723"),
        ("/api/search?q=a&cursor=~WyJ4IiwiMSIsImEiLCJiIl0".to_owned(), 400, "HW0723"), // ["x","1","a","b"]
        ("/api/search?q=a&cursor=~WyIxIiwiMSIsImEiLCJiIl0".to_owned(), 400, "HW0726"), // ["1","1","a","b"]: b is no uuid
        ("/api/search/stream?q=a".to_owned(), 404, "HW0720"),
    ] {
        let answer = site.client.get(&path).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{path:.80}");
    }
    let pieces = [
        "'",
        "\"",
        "\\",
        "%",
        "_",
        "&",
        "|",
        "!",
        "(",
        ")",
        "<->",
        "<2>",
        ":*",
        ":A",
        "*",
        "<b>",
        "</mark>",
        "&lt;",
        "http://a.b/c'd\\e?f=g&h",
        "a-b-c",
        "x@y.z",
        "/usr/'bin",
        "1.5e3",
        "-1",
        "''",
        "$1",
        "--",
        "/*",
        "E'\\x'",
        "\u{202e}",
        "\u{200f}",
        "عربي",
        "שלום",
        "🚀",
        "👩‍👩‍👧",
        "e\u{301}",
        "İ",
        "ß",
        "\u{feff}",
        "\u{1}",
        "\u{2}",
        "\u{3}",
        "\u{7f}",
        "\u{10ffff}",
        "\u{e000}",
        "李",
        "the",
        "of",
        "open",
        "Consensus",
        " ",
        "\t",
        "\u{a0}",
        "\u{3000}",
    ];
    let mut dice = Dice(5);
    for round in 0..400 {
        let mut q = String::new();
        for _ in 0..=dice.below(6) {
            match dice.below(3) {
                0 => q.extend(char::from_u32(dice.below(0x11_0000) as u32).filter(|c| *c != '\0')),
                _ => q.push_str(pieces[dice.below(pieces.len() as u64) as usize]),
            }
        }
        let answer = site.client.get(&format!("/api/search?q={}&limit=50", encode(&q))).await;
        assert_eq!(answer.status, StatusCode::OK, "{round}: {q:?} {:?}", answer.body);
        for item in answer.items() {
            let marked = item["highlight"]["name"].as_str().unwrap().replace("<mark>", "").replace("</mark>", "");
            assert!(!marked.contains(['<', '>', '"', '\'', '\u{2}', '\u{3}']), "{q:?}: {item}");
        }
    }
    site.end().await;
    stage.end().await;
}

/// Rows with ties, and without relevance; some of them come and go.
const THINGS: &str = "
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    CREATE TABLE things (id int PRIMARY KEY, name text, body text, score numeric);
    INSERT INTO things SELECT g, CASE WHEN g % 11 > 0 THEN CASE g % 3 WHEN 0 THEN 'Blue' WHEN 1 THEN 'Very Blue' ELSE 'Blu ' || g % 5 END END,
        CASE WHEN g % 2 = 0 THEN 'a <script>blue</script> ' || repeat('blue thing ', g % 4) END, CASE WHEN g % 4 > 0 THEN (g % 6) / 2.0 END FROM generate_series(1, 900) g;";

const INDEX: &str = "-- headwater: eventual
CREATE MATERIALIZED VIEW found AS SELECT t.id, t.name, t.body, t.score,
    setweight(to_tsvector('english', coalesce(t.name, '')), 'A') || setweight(to_tsvector('english', coalesce(t.body, '')), 'B') AS words FROM things t;
CREATE UNIQUE INDEX ON found (id);
CREATE INDEX ON found USING gin (words);
CREATE INDEX ON found (lower(name) text_pattern_ops);
CREATE INDEX ON found (score DESC NULLS LAST, id);";

fn things(more: &str) -> String {
    format!(
        "[[serve.route]]\npath = \"/find\"\nmodel = \"found\"\naccess = \"public\"\nmax_limit = 50\nsearch = {{ vector = \"words\", name = \"name\", relevance = \"score\", highlight = [\"body\", \"name\"]{more} }}\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_stay_are_seen_once_while_others_come_and_go() {
    let stage = Stage::new("search_busy", THINGS, &[INDEX]).await;
    let site = stage.serve(&things(", candidates = 3000")).await;
    let expected = stage
        .column("SELECT id FROM (SELECT *, CASE WHEN lower(name) = 'blue' THEN 4 WHEN lower(name) LIKE 'blue%' THEN 3
                    WHEN words @@ plainto_tsquery('english', 'blue') THEN 1 + ts_rank(words, plainto_tsquery('english', 'blue'))::float8
                    WHEN word_similarity('blue', name) >= 0.5 THEN (word_similarity('blue', name)::float8 + similarity('blue', name)::float8) / 4 END AS rank FROM found) AS x
                  WHERE rank IS NOT NULL ORDER BY rank DESC, score DESC NULLS LAST, id")
        .await;
    let ids = |items: &[Value]| items.iter().map(|item| item["id"].to_string()).collect::<Vec<_>>();
    for limit in [1, 7, 20, 50] {
        let items = walk(&site.client, &format!("/find?q=blue&limit={limit}")).await;
        assert_eq!(ids(&items), expected, "{limit}");
        assert!(items.iter().all(|item| item.get("words").is_none() && item.get("hw_rank").is_none()), "{}", items[0]);
    }
    let writer = stage.database.connect().await;
    let (stop, mut stopped) = tokio::sync::watch::channel(false);
    let writing = tokio::spawn(async move {
        let mut dice = Dice(7);
        while !*stopped.borrow_and_update() {
            // Odd ids stay; even ones come and go, and move.
            let id = 2 * (1 + dice.below(450));
            let sql = match dice.below(3) {
                0 => format!("DELETE FROM things WHERE id = {id}"),
                1 => format!(
                    "UPDATE things SET score = {}, name = 'blue {}' WHERE id = {id}",
                    dice.below(3),
                    dice.below(3)
                ),
                _ => format!(
                    "INSERT INTO things VALUES ({id}, 'Blue', 'blue', {}) ON CONFLICT DO NOTHING",
                    dice.below(4)
                ),
            };
            writer.batch_execute(&sql).await.unwrap();
        }
    });
    for limit in [9, 31] {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for id in ids(&walk(&site.client, &format!("/find?q=blue&limit={limit}")).await) {
            *seen.entry(id).or_default() += 1;
        }
        for id in expected.iter().filter(|id| id.parse::<u32>().unwrap() % 2 == 1) {
            assert_eq!(seen.get(id), Some(&1), "{limit}: {id}");
        }
    }
    stop.send(true).unwrap();
    writing.await.unwrap();
    site.end().await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn highlights_are_safe_and_null_where_there_is_no_text() {
    let stage = Stage::new("search_highlight", THINGS, &[INDEX]).await;
    stage.run("INSERT INTO things VALUES (9001, 'Zebra & \"co\" <i>', E'a\\x02b zebras <img src=x onerror=''alert(1)''> > zebra', 1), (9002, NULL, 'one zebra', 1), (9003, 'Zebrra', NULL, 1)").await;
    stage.wait().await;
    let site = stage.serve(&things("")).await;
    let items = walk(&site.client, "/find?q=zebra").await;
    let marked =
        |id: u32, column: &str| items.iter().find(|item| item["id"] == id).unwrap()["highlight"][column].clone();
    assert_eq!(marked(9001, "name"), "<mark>Zebra</mark> &amp; &quot;co&quot; &lt;i&gt;");
    assert_eq!(marked(9001, "body"), "ab <mark>zebras</mark>   &gt; <mark>zebra</mark>");
    assert_eq!((marked(9002, "name"), marked(9002, "body")), (Value::Null, "one <mark>zebra</mark>".into()));
    assert_eq!((marked(9003, "name"), marked(9003, "body")), ("<mark>Zebrra</mark>".into(), Value::Null));
    site.end().await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_searched_is_told_at_the_start() {
    let schema = THINGS.replace("CREATE EXTENSION IF NOT EXISTS pg_trgm;", "");
    let stage = Stage::new("search_refused", &schema, &[INDEX]).await;
    for (settings, words) in [
        (things(""), "CREATE EXTENSION pg_trgm"),
        (things(", config = \"klingon\", fuzzy = false"), "klingon"),
        (things(", candidates = 0"), "candidates must lie between 1 and 10000"),
        (things("").replace("\"score\"", "\"none\""), "has no column \"none\""),
        (things("").replace("vector = \"words\"", "vector = \"body\""), "has no column \"body\" of type tsvector"),
        (
            things("").replace("[[serve.route]]", "[[serve.route]]\nsorts = [{ name = \"a\", by = \"id\" }]"),
            "search cannot have sorts",
        ),
    ] {
        let error = stage.try_serve(&settings).await.err().expect("a refusal");
        assert!(error.code() == 701 && error.to_string().contains(words), "{error}");
    }
    // Without the extension: exact, beginnings and words.
    let site = stage.serve(&things(", fuzzy = false")).await;
    assert_eq!(site.client.get("/find?q=blue").await.items()[0]["rank"], 4);
    assert_eq!(site.client.get("/find?q=bluue").await.items().len(), 0);
    site.end().await;
    stage.end().await;
}
