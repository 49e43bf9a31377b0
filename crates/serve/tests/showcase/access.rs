//! Every route, asked by everybody, as a page and as a stream: the status, and that nobody sees a row or an e-mail address that is another's.

use hyper::StatusCode;

use crate::ground::{Ground, Viewer};

const OWNER: &str = "00000000-0000-4000-8000-0000000000a1";
const PARTNER: &str = "00000000-0000-4000-8000-0000000000a2";
const VALIDATOR: &str = "00000000-0000-4000-8000-0000000000a3";
const INVESTOR: &str = "00000000-0000-4000-8000-0000000000a4";
const STRANGER: &str = "00000000-0000-4000-8000-0000000000a5";
const ADMIN: &str = "00000000-0000-4000-8000-0000000000a6";
const PROJECT: &str = "00000000-0000-4000-8000-0000000000b1";
const CHAIN: &str = "00000000-0000-4000-8000-0000000000c1";

/// What is each somebody's own carries a word that is looked for in all answers.
fn before() -> String {
    let users: Vec<_> = [
        ("owner", OWNER),
        ("partner", PARTNER),
        ("validator", VALIDATOR),
        ("investor", INVESTOR),
        ("stranger", STRANGER),
        ("admin", ADMIN),
    ]
    .map(|(name, id)| format!("('{id}', 'the_{name}', '{name}@secret.example', {})", name == "validator"))
    .into();
    format!(
        "INSERT INTO users (id, username, email, is_validator) VALUES {};
         INSERT INTO projects (id, user_id, title, proof_score) VALUES ('{PROJECT}', '{OWNER}', 'Public project', 1000000);
         INSERT INTO direct_messages (sender_id, recipient_id, message) VALUES ('{PARTNER}', '{OWNER}', 'WORD-MESSAGE');
         INSERT INTO notifications (user_id, type, title) VALUES ('{OWNER}', 'vote', 'WORD-NOTE');
         INSERT INTO investor_requests (user_id, status, approved_at, company_name) VALUES ('{INVESTOR}', 'approved', now(), 'Public company'), ('{STRANGER}', 'pending', NULL, 'WORD-APPLICANT');
         INSERT INTO intro_requests (project_id, investor_id, builder_id, message) VALUES ('{PROJECT}', '{INVESTOR}', '{OWNER}', 'WORD-INTRO');
         INSERT INTO projects (user_id, title, is_deleted, proof_score) VALUES ('{OWNER}', 'WORD-DELETED', TRUE, 1000001);
         INSERT INTO chains (id, creator_id, name, is_public) VALUES ('{CHAIN}', '{OWNER}', 'WORD-CHAIN', FALSE);
         INSERT INTO chain_followers (chain_id, user_id) VALUES ('{CHAIN}', '{VALIDATOR}');
         INSERT INTO chain_projects (chain_id, project_id) VALUES ('{CHAIN}', '{PROJECT}');
         INSERT INTO chain_posts (chain_id, author_id, title) VALUES ('{CHAIN}', '{VALIDATOR}', 'WORD-POST');
         INSERT INTO reports (reporter_id, project_id, reason) VALUES ('{STRANGER}', '{PROJECT}', 'WORD-REPORT');",
        users.join(", ")
    )
}

/// Who may read a word.
const WORDS: [(&str, &[&str]); 9] = [
    ("WORD-MESSAGE", &[OWNER, PARTNER]),
    ("WORD-NOTE", &[OWNER]),
    ("WORD-INTRO", &[OWNER, INVESTOR]),
    ("WORD-DELETED", &[OWNER]),
    ("WORD-CHAIN", &[OWNER, VALIDATOR]),
    ("WORD-POST", &[OWNER, VALIDATOR]),
    ("WORD-APPLICANT", &[]),
    ("WORD-REPORT", &[ADMIN]),
    ("@secret.example", &[ADMIN]),
];

/// A path, and what is answered to: nobody, a stranger, the owner, the investor, the validator, the administrator.
const MATRIX: [(&str, [u16; 6]); 28] = [
    ("/api/projects?limit=50&sort=top-rated", [200; 6]),
    ("/api/feed?limit=50&sort=top-rated", [200; 6]),
    ("/api/projects/{project}", [200; 6]),
    ("/api/projects/{project}/comments", [200; 6]),
    ("/api/leaderboards/projects?limit=100", [200; 6]),
    ("/api/leaderboards/builders?limit=100", [200; 6]),
    ("/api/chains?limit=60&sort=newest", [200; 6]),
    ("/api/chains/{chain}", [404; 6]),
    ("/api/chains/{chain}/posts", [200; 6]),
    ("/api/investors?limit=100", [200; 6]),
    ("/api/users/the_owner", [200; 6]),
    ("/api/users/the_investor", [200; 6]),
    ("/api/profiles/{owner}", [200; 6]),
    ("/api/me/dashboard", [401, 200, 200, 200, 200, 200]),
    ("/api/me/unread", [401, 200, 200, 200, 200, 200]),
    ("/api/me/inbox", [401, 200, 200, 200, 200, 200]),
    ("/api/me/messages", [401, 200, 200, 200, 200, 200]),
    ("/api/me/messages?other_user_id={partner}", [401, 200, 200, 200, 200, 200]),
    ("/api/me/notifications", [401, 200, 200, 200, 200, 200]),
    ("/api/me/intros", [401, 200, 200, 200, 200, 200]),
    ("/api/me/intro-stats", [401, 200, 200, 200, 200, 200]),
    ("/api/me/projects", [401, 200, 200, 200, 200, 200]),
    ("/api/me/chains", [401, 200, 200, 200, 200, 200]),
    ("/api/me/chains/{chain}", [401, 404, 200, 404, 200, 404]),
    ("/api/me/chains/{chain}/posts", [401, 200, 200, 200, 200, 200]),
    ("/api/me/investor", [401, 404, 404, 200, 404, 404]),
    ("/api/me/validator", [401, 404, 404, 404, 200, 404]),
    ("/api/admin/dashboard", [401, 403, 403, 403, 403, 200]),
];
const REPORTS: (&str, [u16; 6]) = ("/api/admin/reports", [401, 403, 403, 403, 403, 200]);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn everybody_sees_what_is_theirs() {
    let ground = Ground::new("0.005").await;
    ground.stage.run(&before()).await;
    ground.stage.wait().await;
    let viewers = [
        (Viewer::Nobody, ""),
        (Viewer::User(STRANGER), STRANGER),
        (Viewer::User(OWNER), OWNER),
        (Viewer::User(INVESTOR), INVESTOR),
        (Viewer::User(VALIDATOR), VALIDATOR),
        (Viewer::Admin(ADMIN), ADMIN),
    ];
    let mut seen = std::collections::BTreeSet::new();
    for (path, statuses) in MATRIX.iter().chain([&REPORTS]) {
        let path = [("{project}", PROJECT), ("{chain}", CHAIN), ("{owner}", OWNER), ("{partner}", PARTNER)]
            .iter()
            .fold((*path).to_owned(), |path, (name, id)| path.replace(name, id));
        for ((viewer, user), status) in viewers.iter().zip(statuses) {
            let answer = ground.get(&path, *viewer).await;
            assert_eq!(answer.status.as_u16(), *status, "{path} {viewer:?}: {:?}", answer.body);
            let body = String::from_utf8(answer.body.to_vec()).expect("text");
            let mut texts = vec![body];
            if matches!(status, 401 | 403) {
                let (base, query) = path.split_once('?').unwrap_or((&path, ""));
                let refused = ground.get(&format!("{base}/stream?{query}"), *viewer).await;
                assert_eq!(refused.status, StatusCode::from_u16(*status).expect("a status"), "{path}");
            } else {
                texts.push(streamed(&ground, &path, *viewer).await);
            }
            for text in texts {
                for (word, readers) in WORDS {
                    assert!(
                        !text.contains(word) || readers.contains(user),
                        "{path} shows {word} to {viewer:?}: {text}"
                    );
                    if text.contains(word) {
                        seen.insert((word, *user));
                    }
                }
            }
        }
    }
    // The words are seen by those who may, or nothing would have been shown.
    for (word, readers) in WORDS {
        for reader in readers.iter().filter(|reader| **reader != PARTNER) {
            assert!(seen.contains(&(word, *reader)), "{reader} does not see {word}");
        }
    }
    // Nobody can ask for another's rows, whatever the words.
    for path in [
        "/api/me/inbox?user_id=",
        "/api/me/messages?user_id=",
        "/api/me/dashboard?user_id=",
        "/api/me/chains?member_id=",
    ] {
        let answer = ground.get(&format!("{path}{OWNER}"), Viewer::User(STRANGER)).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "HW0725"), "{path}");
    }
    let odd = ground.get("/api/me/dashboard", Viewer::User("no-user-id")).await;
    assert_eq!((odd.status.as_u16(), odd.code().as_str()), (403, "HW0733"));
    // On public pages whoever has an odd name is somebody without votes.
    let page = ground.data("/api/projects?limit=50", Viewer::User("'; DROP TABLE users; --")).await;
    assert!(page.as_array().expect("rows").iter().all(|row| row["user_has_upvoted"] == false));
    // What is not public is found by nobody, its owner and administrators included.
    for (word, _) in WORDS {
        for (viewer, _) in viewers {
            let answer = ground.get(&format!("/api/search?limit=50&q={word}"), viewer).await;
            assert_eq!(answer.status, StatusCode::OK, "{word} {viewer:?}: {:?}", answer.body);
            assert!(!String::from_utf8_lossy(&answer.body).contains(word), "{word} is found by {viewer:?}");
        }
    }
    // No model is open by itself.
    let document = ground.site.client.get("/openapi.json").await.json();
    assert!(document["paths"].as_object().expect("paths").keys().all(|path| path.starts_with("/api/")));
    ground.end().await;
}

/// A stream's events up to the end of its page.
async fn streamed(ground: &Ground, path: &str, viewer: Viewer<'_>) -> String {
    let (base, query) = path.split_once('?').unwrap_or((path, ""));
    let mut stream = ground.stream(&format!("{base}/stream?{query}"), viewer).await;
    let mut text = String::new();
    while let Some(event) = stream.next().await {
        text.push_str(&event.data.to_string());
        if event.name.ends_with("_complete") {
            return text;
        }
    }
    panic!("{path} is not whole: {text}");
}
