//! What document 003's own SQL got wrong, put right through HTTP: writes after which one of its views stayed as it was, and what it showed to
//! everybody (DEFECTS.md, sections 2 and 6).

use serde_json::{Value, json};

use crate::ground::{Ground, Viewer};

const AUTHOR: &str = "00000000-0000-4000-8000-0000000000a1";
const VOTER: &str = "00000000-0000-4000-8000-0000000000a2";
const PROJECT: &str = "00000000-0000-4000-8000-0000000000b1";
const CHAIN: &str = "00000000-0000-4000-8000-0000000000c1";
const POST: &str = "00000000-0000-4000-8000-0000000000d1";

const DETAILS: &str = "/api/projects/00000000-0000-4000-8000-0000000000b1";
const FEED: &str = "/api/projects?sort=top-rated&limit=1";
const LIVE_FEED: &str = "/api/feed?sort=top-rated&limit=1";
const BOARD: &str = "/api/leaderboards/projects?limit=1";
const BUILDERS: &str = "/api/leaderboards/builders?limit=1";
const COMMENTS: &str = "/api/projects/00000000-0000-4000-8000-0000000000b1/comments";
const CHAINS: &str = "/api/chains?sort=newest&limit=1";
const POSTS: &str = "/api/chains/00000000-0000-4000-8000-0000000000c1/posts";
const INVESTORS: &str = "/api/investors?limit=1";

/// A write, and what is then shown where: a path, a place in its data, the value there; `null` where the row is not there.
type Step = (&'static str, &'static [(&'static str, &'static str, Expected)]);

#[derive(Debug, Clone, Copy)]
enum Expected {
    Is(&'static str),
    Number(i64),
    IsNot(&'static str),
    /// No such row.
    Missing,
}
use Expected::{Is, IsNot, Missing, Number};

const STEPS: &[Step] = &[
    (
        "INSERT INTO users (id, username, email, created_at) VALUES ('{author}', 'new author', 'author@secret.example', '2001-01-01'), ('{voter}', 'voter', 'voter@secret.example', now());
         INSERT INTO projects (id, user_id, title, proof_score) VALUES ('{project}', '{author}', 'New', 1000000)",
        &[
            (DETAILS, "/title", Is("New")),
            (FEED, "/0/id", Is(PROJECT)),
            (LIVE_FEED, "/0/id", Is(PROJECT)),
            (BOARD, "/0/id", Is(PROJECT)),
            (BUILDERS, "/0/id", Is(AUTHOR)),
            ("/api/users/new%20author", "/total_karma", Number(1_000_000)),
        ],
    ),
    (
        "INSERT INTO comments (project_id, user_id, content) VALUES ('{project}', '{voter}', 'one'); INSERT INTO upvotes (project_id, user_id) VALUES ('{project}', '{voter}')",
        &[
            (DETAILS, "/comment_count", Number(1)),
            (DETAILS, "/vote_count", Number(1)),
            (BOARD, "/0/comment_count", Number(1)),
            (BOARD, "/0/vote_count", Number(1)),
            (FEED, "/0/upvote_count", Number(1)),
            (COMMENTS, "/0/content", Is("one")),
        ],
    ),
    ("UPDATE comments SET content = 'edited' WHERE project_id = '{project}'", &[(COMMENTS, "/0/content", Is("edited"))]),
    (
        "UPDATE upvotes SET is_upvote = FALSE WHERE project_id = '{project}'",
        &[(FEED, "/0/upvote_count", Number(0)), (LIVE_FEED, "/0/upvote_count", Number(0)), (DETAILS, "/vote_count", Number(1))],
    ),
    (
        "DELETE FROM comments WHERE project_id = '{project}'; DELETE FROM upvotes WHERE project_id = '{project}'",
        &[
            (FEED, "/0/comment_count", Number(0)),
            (DETAILS, "/comment_count", Number(0)),
            (BOARD, "/0/vote_count", Number(0)),
            (COMMENTS, "/0", Missing),
        ],
    ),
    (
        "INSERT INTO validation_badges (project_id, validator_id, badge_type, points) VALUES ('{project}', '{voter}', 'gold', 15)",
        &[(FEED, "/0/badge_count", Number(1)), (BOARD, "/0/badge_count", Number(1)), (DETAILS, "/badges_json/0/validator_username", Is("voter"))],
    ),
    (
        "DELETE FROM validation_badges WHERE project_id = '{project}'",
        &[(FEED, "/0/badge_count", Number(0)), (BOARD, "/0/badge_count", Number(0)), (DETAILS, "/badge_count", Number(0))],
    ),
    (
        "INSERT INTO chains (id, creator_id, name, created_at) VALUES ('{chain}', '{author}', 'New chain', '2100-01-01'); INSERT INTO chain_followers (chain_id, user_id) VALUES ('{chain}', '{voter}');
         INSERT INTO chain_posts (id, chain_id, author_id, title) VALUES ('{post}', '{chain}', '{author}', 'Post'); INSERT INTO chain_post_votes (post_id, user_id) VALUES ('{post}', '{voter}');
         INSERT INTO chain_post_comments (post_id, user_id, content) VALUES ('{post}', '{voter}', 'yes')",
        &[
            (CHAINS, "/0/id", Is(CHAIN)),
            (CHAINS, "/0/follower_count", Number(1)),
            (CHAINS, "/0/post_count", Number(1)),
            (POSTS, "/0/upvote_count", Number(1)),
            (POSTS, "/0/comment_count", Number(1)),
        ],
    ),
    (
        "UPDATE users SET username = 'renamed' WHERE id = '{author}'",
        &[
            (FEED, "/0/username", Is("renamed")),
            (LIVE_FEED, "/0/username", Is("renamed")),
            (BOARD, "/0/username", Is("renamed")),
            (BUILDERS, "/0/username", Is("renamed")),
            (DETAILS, "/username", Is("renamed")),
            (CHAINS, "/0/creator_username", Is("renamed")),
            (POSTS, "/0/author_username", Is("renamed")),
            ("/api/users/renamed", "/user_id", Is(AUTHOR)),
            ("/api/users/new%20author", "", Missing),
        ],
    ),
    (
        "UPDATE chain_post_votes SET is_upvote = FALSE WHERE post_id = '{post}'; DELETE FROM chain_post_comments WHERE post_id = '{post}'",
        &[(POSTS, "/0/upvote_count", Number(0)), (POSTS, "/0/comment_count", Number(0))],
    ),
    ("UPDATE chain_posts SET is_deleted = TRUE WHERE id = '{post}'", &[(CHAINS, "/0/post_count", Number(0)), (POSTS, "/0", Missing)]),
    (
        "INSERT INTO chain_projects (chain_id, project_id) VALUES ('{chain}', '{project}'); UPDATE chain_posts SET is_deleted = FALSE WHERE id = '{post}'",
        &[(DETAILS, "/chains_json/0/id", Is(CHAIN)), (POSTS, "/0/id", Is(POST))],
    ),
    // Made private: neither it, nor its posts, nor its name are public any more.
    (
        "UPDATE chains SET is_public = FALSE WHERE id = '{chain}'",
        &[
            (CHAINS, "/0/id", IsNot(CHAIN)),
            ("/api/chains/00000000-0000-4000-8000-0000000000c1", "", Missing),
            (POSTS, "/0", Missing),
            (DETAILS, "/chains_json/0", Missing),
            (DETAILS, "/your_chains_json/0", Missing),
        ],
    ),
    ("UPDATE chains SET is_public = TRUE WHERE id = '{chain}'", &[(CHAINS, "/0/id", Is(CHAIN))]),
    ("DELETE FROM chains WHERE id = '{chain}'", &[(CHAINS, "/0/id", IsNot(CHAIN)), (DETAILS, "/chains_json/0", Missing)]),
    (
        "INSERT INTO investor_requests (user_id, status, approved_at, company_name) VALUES ('{voter}', 'approved', '2100-01-01', 'First')",
        &[(INVESTORS, "/0/company_name", Is("First")), (INVESTORS, "/0/email", Missing)],
    ),
    ("UPDATE investor_requests SET company_name = 'Edited' WHERE user_id = '{voter}'", &[(INVESTORS, "/0/company_name", Is("Edited"))]),
    (
        "INSERT INTO investor_requests (user_id, status, approved_at, company_name) VALUES ('{voter}', 'approved', '2101-01-01', 'Second')",
        &[(INVESTORS, "/0/company_name", Is("Second")), ("/api/investors?limit=2", "/1/user_id", IsNot(VOTER))],
    ),
    ("UPDATE users SET is_active = FALSE WHERE id = '{author}'", &[(BUILDERS, "/0/id", IsNot(AUTHOR)), ("/api/users/renamed", "", Missing)]),
    (
        "UPDATE projects SET is_deleted = TRUE WHERE id = '{project}'",
        &[(BOARD, "/0/id", IsNot(PROJECT)), (FEED, "/0/id", IsNot(PROJECT)), (DETAILS, "", Missing)],
    ),
    ("UPDATE projects SET is_deleted = FALSE WHERE id = '{project}'", &[(BOARD, "/0/id", Is(PROJECT)), (DETAILS, "/title", Is("New"))]),
    (
        "DELETE FROM projects WHERE id = '{project}'",
        &[(BOARD, "/0/id", IsNot(PROJECT)), (FEED, "/0/id", IsNot(PROJECT)), (LIVE_FEED, "/0/id", IsNot(PROJECT)), (DETAILS, "", Missing)],
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_wrong_is_right() {
    let ground = Ground::new("0.02").await;
    for (write, shown) in STEPS {
        let names =
            [("{author}", AUTHOR), ("{voter}", VOTER), ("{project}", PROJECT), ("{chain}", CHAIN), ("{post}", POST)];
        let sql = names.iter().fold((*write).to_owned(), |sql, (name, id)| sql.replace(name, id));
        ground.stage.run(&sql).await;
        let after = now(&ground).await;
        for (path, pointer, expected) in *shown {
            let sign = if path.contains('?') { '&' } else { '?' };
            let answer = ground.get(&format!("{path}{sign}after={after}"), Viewer::Nobody).await;
            let data = answer.json();
            let found = data.pointer(&format!("/data{pointer}")).unwrap_or(&Value::Null);
            let is_right = match expected {
                Is(text) => found == *text,
                Number(number) => *found == json!(number),
                IsNot(text) => !found.is_null() && found != *text,
                Missing => found.is_null() && (answer.status == 404) == pointer.is_empty(),
            };
            assert!(is_right, "after {sql}\n{path} {pointer} is {found}, not {expected:?}");
            assert!(!answer.body.windows(15).any(|part| part == b"@secret.example"), "{path}");
        }
    }
    a_downvote_cools(&ground).await;
    ground.end().await;
}

/// The position that has all that was committed by now.
async fn now(ground: &Ground) -> String {
    ground.stage.wait().await;
    ground.stage.column("SELECT epoch || '.' || pos FROM headwater.batch ORDER BY number DESC LIMIT 1").await.remove(0)
}

/// 003 counted all votes alike: who voted a project down raised it.
async fn a_downvote_cools(ground: &Ground) {
    let first = ground.data("/api/feed?limit=1", Viewer::Nobody).await[0].clone();
    let id = first["id"].as_str().expect("an id");
    let vote = |up| {
        format!(
            "INSERT INTO upvotes (project_id, user_id, is_upvote) VALUES ('{id}', '{VOTER}', {up}) ON CONFLICT (user_id, project_id) DO UPDATE SET is_upvote = {up}"
        )
    };
    let heat = async || {
        let after = now(ground).await;
        let rows = ground.data(&format!("/api/feed?limit=50&sort=trending&after={after}"), Viewer::Nobody).await;
        rows.as_array()
            .and_then(|rows| rows.iter().find(|row| row["id"] == id)?["heat"].as_f64())
            .expect("still among the first")
    };
    ground.stage.run(&vote(true)).await;
    let liked = heat().await;
    ground.stage.run(&vote(false)).await;
    let disliked = heat().await;
    assert!((liked - disliked - 3.0).abs() < 1e-6, "{liked} {disliked}");
    // And nobody votes twice.
    let votes = ground
        .stage
        .column(&format!("SELECT count(*) FROM upvotes WHERE user_id = '{VOTER}' AND project_id = '{id}'"))
        .await;
    assert_eq!(votes, ["1"]);
}
