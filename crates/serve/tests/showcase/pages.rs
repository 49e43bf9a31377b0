//! Every page is what the SELECT says: for random viewers, in every order, with every filter, walked by cursor and by number; and again after
//! all kinds of writes.

use serde_json::{Map, Value};

use crate::ground::{Ground, SHOWCASE, Viewer};

/// The SELECT of this name in `expected.sql`.
fn expected(name: &str, viewer: Viewer<'_>, key: &str) -> String {
    let text = include_str!("expected.sql");
    let begin = text.find(&format!("-- name: {name}\n")).unwrap_or_else(|| panic!("no {name}"));
    let text = text[begin..].split_once('\n').expect("a line").1;
    let sql = text.split("\n-- name:").next().unwrap_or_default();
    let user = if let Viewer::User(user) | Viewer::Admin(user) = viewer { user } else { "" };
    sql.replace("{viewer}", user).replace("{key}", key)
}

/// A page that is compared.
struct Page<'c> {
    path: String,
    viewer: Viewer<'c>,
    /// The name of the SELECT.
    name: &'c str,
    key: &'c str,
    /// The condition of the filter.
    only: String,
    order: &'c str,
}

impl<'c> Page<'c> {
    fn new(path: impl Into<String>, viewer: Viewer<'c>, name: &'c str, order: &'c str) -> Self {
        Self { path: path.into(), viewer, name, key: "", only: "true".to_owned(), order }
    }

    fn key(self, key: &'c str) -> Self {
        Self { key, ..self }
    }

    fn only(self, filter: &str, value: &str) -> Self {
        let sign = if self.path.contains('?') { '&' } else { '?' };
        let encoded: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
        let only = format!("{filter}::text = '{}'", value.replace('\'', "''"));
        Self { path: format!("{}{sign}{filter}={encoded}", self.path), only, ..self }
    }

    async fn check(&self, ground: &Ground) {
        let sql = expected(self.name, self.viewer, self.key);
        let sql = format!("SELECT * FROM ({sql}) AS page WHERE {} ORDER BY {}", self.only, self.order);
        let mut expected = ground.stage.json(&sql).await;
        let mut by_cursor = self.walk(ground, Step::Cursor).await;
        let mut by_number = self.walk(ground, Step::Number).await;
        if self.order.contains("hw_heat") {
            check_heat(&expected, &by_cursor);
            check_heat(&expected, &by_number);
            for rows in [&mut expected, &mut by_cursor, &mut by_number] {
                rows.sort_by_key(|row| row["id"].to_string());
            }
        }
        for rows in [&mut expected, &mut by_cursor, &mut by_number] {
            rows.iter_mut().for_each(|row| without_scores(row, self.name));
        }
        assert_same(&self.path, &by_cursor, &expected);
        assert_same(&self.path, &by_number, &expected[..expected.len().min(1000)]);
    }

    async fn walk(&self, ground: &Ground, step: Step) -> Vec<Value> {
        let sign = if self.path.contains('?') { '&' } else { '?' };
        let (mut rows, mut number, mut cursor) = (Vec::new(), 1, None::<String>);
        loop {
            let place = match (step, &cursor) {
                (Step::Number, _) => format!("&page={number}"),
                (Step::Cursor, Some(cursor)) => format!("&cursor={cursor}"),
                (Step::Cursor, None) => String::new(),
            };
            let path = format!("{}{sign}limit=25{place}", self.path);
            let answer = ground.get(&path, self.viewer).await;
            assert_eq!(answer.status, 200, "{path}: {:?}", answer.body);
            let mut answer = answer.json();
            assert_eq!(answer["status"], "success");
            let found = answer["data"].as_array_mut().expect("rows");
            assert!(found.len() <= 25);
            let is_last = found.is_empty();
            rows.append(found);
            cursor = answer["paging"]["next_cursor"].as_str().map(ToOwned::to_owned);
            let wanted = if step == Step::Number { Value::from(number) } else { answer["paging"]["page"].clone() };
            assert_eq!(answer["paging"]["page"], wanted);
            number += 1;
            if is_last || cursor.is_none() || (step == Step::Number && number > 40) {
                return rows;
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Cursor,
    Number,
}

/// A trending order goes by numbers that are computed in more than one way: it is checked within their rounding.
fn check_heat(expected: &[Value], found: &[Value]) {
    let heat: Map<String, Value> = expected.iter().map(|row| (row["id"].to_string(), row["hw_heat"].clone())).collect();
    let heats: Vec<f64> =
        found.iter().map(|row| heat.get(&row["id"].to_string()).and_then(Value::as_f64).expect("a row")).collect();
    assert!(heats.windows(2).all(|pair| pair[0] >= pair[1] - 1e-6), "{heats:?}");
}

/// The scores that the order was checked by; of chains the score is exact and stays.
fn without_scores(row: &mut Value, name: &str) {
    let row = row.as_object_mut().expect("an object");
    row.remove("hw_heat");
    row.remove("heat");
    if name != "chains" {
        row.remove("trending_score");
    }
}

fn assert_same(path: &str, found: &[Value], expected: &[Value]) {
    if let Some((found, expected)) = found.iter().zip(expected).find(|(found, expected)| found != expected) {
        panic!("{path}\nfound    {found}\nexpected {expected}");
    }
    assert_eq!(found.len(), expected.len(), "{path}");
}

/// The answer is this one row, or 404 where there is none.
async fn check_one(ground: &Ground, path: &str, viewer: Viewer<'_>, name: &str, key: &str) {
    let mut expected = ground.stage.json(&expected(name, viewer, key)).await;
    assert!(expected.len() <= 1);
    let answer = ground.get(path, viewer).await;
    match expected.pop() {
        Some(mut expected) => {
            assert_eq!(answer.status, 200, "{path} {viewer:?}: {:?}", answer.body);
            without_scores(&mut expected, name);
            assert_eq!(answer.json()["data"], expected, "{path} {viewer:?}");
        }
        None => assert_eq!((answer.status.as_u16(), answer.code().as_str()), (404, "HW0729"), "{path} {viewer:?}"),
    }
}

/// One column of a SELECT, as texts.
async fn texts(ground: &Ground, sql: &str) -> Vec<String> {
    ground.stage.column(sql).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_page_is_what_its_select_says() {
    let ground = Ground::new("0.02").await;
    everything(&ground, 1).await;
    SHOWCASE.write(&ground.stage.database).await;
    ground.stage.wait().await;
    everything(&ground, 2).await;
    ground.end().await;
}

/// All pages, for viewers of all kinds.
async fn everything(ground: &Ground, seed: u64) {
    let users = texts(ground, &format!("
        (SELECT id FROM users WHERE is_validator ORDER BY md5(id::text || {seed}) LIMIT 1) UNION
        (SELECT user_id FROM investor_requests WHERE status = 'approved' ORDER BY md5(user_id::text || {seed}) LIMIT 1) UNION
        (SELECT f.user_id FROM chain_followers f JOIN chains c ON c.id = f.chain_id WHERE NOT c.is_public ORDER BY md5(user_id::text || {seed}) LIMIT 1) UNION
        (SELECT creator_id FROM chains WHERE NOT is_public ORDER BY md5(id::text || {seed}) LIMIT 1) UNION
        (SELECT sender_id FROM direct_messages WHERE sender_id = recipient_id ORDER BY md5(id::text || {seed}) LIMIT 1) UNION
        (SELECT id FROM users ORDER BY md5(id::text || {seed}) LIMIT 1)")).await;
    for (number, user) in users.iter().enumerate() {
        owned(ground, user).await;
        if number == 0 {
            public(ground, Viewer::User(user), seed).await;
        }
    }
    public(ground, Viewer::Nobody, seed + 10).await;
    for (page, filter) in [("", ""), ("status", "open"), ("subject_type", "comment")] {
        let reports =
            Page::new("/api/admin/reports", Viewer::Admin(&users[0]), "admin-reports", "created_at DESC, id DESC");
        if page.is_empty() { reports } else { reports.only(page, filter) }.check(ground).await;
    }
    let found = ground.data("/api/admin/dashboard", Viewer::Admin(&users[0])).await;
    let sql = format!("{} ORDER BY queue, status", expected("admin-dashboard", Viewer::Nobody, ""));
    assert_eq!(found, Value::from(ground.stage.json(&sql).await));
}

/// What everybody may read.
async fn public(ground: &Ground, viewer: Viewer<'_>, seed: u64) {
    let category = &texts(
        ground,
        &format!("SELECT category FROM projects WHERE category IS NOT NULL ORDER BY md5(id::text || {seed}) LIMIT 1"),
    )
    .await[0];
    let heat = "hw_heat DESC";
    let orders =
        [("trending", heat), ("top-rated", "proof_score DESC, id DESC"), ("newest", "created_at DESC, id DESC")];
    for (sort, order) in orders {
        let page = || Page::new(format!("/api/projects?sort={sort}"), viewer, "feed", order);
        page().check(ground).await;
        page().only("category", category).check(ground).await;
        page().only("is_featured", "true").check(ground).await;
    }
    // Without the word about the viewer, the feed that can be followed is the same.
    for (sort, order) in orders {
        let page = ground.data(&format!("/api/feed?sort={sort}&limit=50"), viewer).await;
        let mut sql = expected("feed", Viewer::Nobody, "").replace("AS user_has_upvoted", "AS hw_mine");
        sql = format!("SELECT * FROM ({sql}) AS page ORDER BY {order} LIMIT 50");
        let mut wanted = ground.stage.json(&sql).await;
        let mut found = page.as_array().expect("rows").clone();
        if sort != "trending" {
            for row in wanted.iter_mut().chain(&mut found) {
                without_scores(row, "feed");
                row.as_object_mut().expect("an object").remove("hw_mine");
            }
            assert_same("/api/feed", &found, &wanted);
        }
    }
    let scores = ground.data("/api/projects?limit=50", viewer).await;
    for row in scores.as_array().expect("rows") {
        let id = row["id"].as_str().expect("an id");
        let sql = format!(
            "SELECT hw_heat - extract(epoch FROM now()) / 36000 AS score FROM ({}) f WHERE id = '{id}'",
            expected("feed", viewer, "")
        );
        let score = ground.stage.json(&sql).await[0]["score"].as_f64().expect("a number");
        assert!((score - row["trending_score"].as_f64().expect("a number")).abs() < 0.01, "{row}: {score}");
    }

    for project in texts(ground, &format!("(SELECT id FROM projects ORDER BY md5(id::text || {seed}) LIMIT 3) UNION (SELECT project_id FROM chain_projects JOIN chains c ON c.id = chain_id WHERE NOT c.is_public ORDER BY 1 LIMIT 2)")).await {
        check_one(ground, &format!("/api/projects/{project}"), viewer, "project", &project).await;
        for (sort, order) in [("newest", "created_at DESC, id DESC"), ("oldest", "created_at, id")] {
            let path = format!("/api/projects/{project}/comments?sort={sort}");
            Page::new(path, viewer, "comments", order).key(&project).check(ground).await;
        }
    }
    for board in ["projects", "builders"] {
        let name = format!("leaderboard-{board}");
        Page::new(format!("/api/leaderboards/{board}"), viewer, &name, "rank").check(ground).await;
    }
    for (sort, order) in [
        ("trending", "trending_score DESC, id DESC"),
        ("followers", "follower_count DESC, id DESC"),
        ("newest", "created_at DESC, id DESC"),
    ] {
        let page = || Page::new(format!("/api/chains?sort={sort}"), viewer, "chains", order);
        page().check(ground).await;
        page().only("is_featured", "true").check(ground).await;
    }
    let chains = texts(ground, "(SELECT id FROM chains WHERE is_public AND is_active ORDER BY id LIMIT 2) UNION ALL (SELECT id FROM chains WHERE NOT is_public ORDER BY id LIMIT 1)").await;
    for chain in &chains {
        let found = ground.get(&format!("/api/chains/{chain}"), viewer).await;
        let sql = format!("SELECT * FROM ({}) c WHERE id = '{chain}'", expected("chains", viewer, chain));
        match ground.stage.json(&sql).await.pop() {
            Some(expected) => assert_eq!(found.json()["data"], expected),
            None => assert_eq!(found.status, 404),
        }
        for (sort, order) in [("trending", heat), ("newest", "created_at DESC, id DESC")] {
            let path = format!("/api/chains/{chain}/posts?sort={sort}");
            Page::new(path, viewer, "posts", order).key(chain).check(ground).await;
        }
    }
    let investors = || Page::new("/api/investors", viewer, "investors", "approved_at DESC, id DESC");
    investors().check(ground).await;
    let focus = texts(ground, "SELECT investment_focus FROM investor_requests WHERE investment_focus IS NOT NULL AND status = 'approved' ORDER BY id LIMIT 1").await;
    investors().only("investment_focus", &focus[0]).check(ground).await;
    for user in
        texts(ground, &format!("SELECT id || ' ' || username FROM users ORDER BY md5(id::text || {seed}) LIMIT 4"))
            .await
    {
        let (id, name) = user.split_once(' ').expect("two words");
        let name: String = form_urlencoded::byte_serialize(name.as_bytes()).collect();
        check_one(ground, &format!("/api/profiles/{id}"), viewer, "profile", id).await;
        check_one(ground, &format!("/api/users/{}", name.replace('+', "%20")), viewer, "profile", id).await;
    }
}

/// What only its owner may read.
async fn owned(ground: &Ground, user: &str) {
    let viewer = Viewer::User(user);
    for name in ["dashboard", "unread", "intro-stats", "investor", "validator"] {
        check_one(ground, &format!("/api/me/{name}"), viewer, name, "").await;
    }
    for (name, path, order, filters) in [
        ("inbox", "inbox", "last_message_time DESC, other_user_id DESC", &[][..]),
        ("messages", "messages", "created_at DESC, id DESC", &[]),
        ("notifications", "notifications", "created_at DESC, id DESC", &[("is_read", "false"), ("is_read", "true")]),
        (
            "intros",
            "intros",
            "created_at DESC, direction DESC, id DESC",
            &[("direction", "sent"), ("status", "pending")],
        ),
        ("my-projects", "projects", "created_at DESC, id DESC", &[("is_deleted", "true")]),
        ("my-chains", "chains", "member_since DESC, chain_id DESC", &[("is_public", "false")]),
    ] {
        let page = || Page::new(format!("/api/me/{path}"), viewer, name, order);
        page().check(ground).await;
        for (filter, value) in filters {
            page().only(filter, value).check(ground).await;
        }
    }
    let partners =
        format!("SELECT DISTINCT other_user_id FROM ({}) m ORDER BY 1 LIMIT 3", expected("messages", viewer, ""));
    for partner in texts(ground, &partners).await {
        Page::new("/api/me/messages", viewer, "messages", "created_at DESC, id DESC")
            .only("other_user_id", &partner)
            .check(ground)
            .await;
    }
    for chain in texts(ground, "SELECT id FROM chains WHERE NOT is_public ORDER BY id LIMIT 4").await {
        let found = ground.get(&format!("/api/me/chains/{chain}"), viewer).await;
        let sql = format!("SELECT * FROM ({}) c WHERE chain_id = '{chain}'", expected("my-chains", viewer, ""));
        match ground.stage.json(&sql).await.pop() {
            Some(expected) => assert_eq!(found.json()["data"], expected),
            None => assert_eq!(found.status, 404),
        }
        for (sort, order) in
            [("pinned", "is_pinned DESC, created_at DESC, id DESC"), ("newest", "created_at DESC, id DESC")]
        {
            let path = format!("/api/me/chains/{chain}/posts?sort={sort}");
            Page::new(path, viewer, "my-posts", order).key(&chain).check(ground).await;
        }
    }
}
