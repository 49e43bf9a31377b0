//! What happens shows on its owners' open pages, counters included, and on nobody else's.

use std::time::Duration;

use serde_json::Value;

use crate::client::Stream;
use crate::ground::{Ground, Viewer};

const OWNER: &str = "00000000-0000-4000-8000-0000000000a1";
const PARTNER: &str = "00000000-0000-4000-8000-0000000000a2";
const VALIDATOR: &str = "00000000-0000-4000-8000-0000000000a3";
const INVESTOR: &str = "00000000-0000-4000-8000-0000000000a4";
const STRANGER: &str = "00000000-0000-4000-8000-0000000000a5";
const PROJECT: &str = "00000000-0000-4000-8000-0000000000b1";
const CHAIN: &str = "00000000-0000-4000-8000-0000000000c1";

fn before() -> String {
    format!(
        "INSERT INTO users (id, username, email, is_validator) VALUES ('{OWNER}', 'live_owner', 'o@live', FALSE), ('{PARTNER}', 'live_partner', 'p@live', FALSE),
           ('{VALIDATOR}', 'live_validator', 'v@live', TRUE), ('{INVESTOR}', 'live_investor', 'i@live', FALSE), ('{STRANGER}', 'live_stranger', 's@live', TRUE);
         INSERT INTO projects (id, user_id, title) VALUES ('{PROJECT}', '{OWNER}', 'Live');
         INSERT INTO investor_requests (user_id, status, approved_at) VALUES ('{INVESTOR}', 'approved', now()), ('{STRANGER}', 'approved', now());
         INSERT INTO intro_requests (project_id, investor_id, builder_id, message) VALUES ('{PROJECT}', '{INVESTOR}', '{OWNER}', 'hello');
         INSERT INTO chains (id, creator_id, name, is_public) VALUES ('{CHAIN}', '{PARTNER}', 'Private', FALSE);
         INSERT INTO chain_followers (chain_id, user_id) VALUES ('{CHAIN}', '{OWNER}');"
    )
}

/// A stream after its page.
struct Open {
    path: String,
    stream: Stream,
}

impl Open {
    async fn new(ground: &Ground, path: &str, viewer: Viewer<'_>) -> Self {
        let (base, query) = path.split_once('?').unwrap_or((path, ""));
        let mut stream = ground.stream(&format!("{base}/stream?{query}"), viewer).await;
        loop {
            let event = stream.next().await.unwrap_or_else(|| panic!("{path} ends"));
            if event.name.ends_with("_complete") {
                return Self { path: path.to_owned(), stream };
            }
            assert!(event.name.ends_with("_items") || event.name.ends_with("_item"), "{path}: {event:?}");
        }
    }

    /// Waits for the event that says so. Events on the way there are states in between.
    async fn says(&mut self, kind: &str, pointer: &str, expected: impl Into<Value>) {
        let expected = expected.into();
        let mut seen = Vec::new();
        while let Some(event) = self.stream.next_within(Duration::from_secs(10)).await {
            if event.name.ends_with(kind) && event.data.pointer(pointer).unwrap_or(&Value::Null) == &expected {
                return;
            }
            seen.push(event);
        }
        panic!("{} never says {pointer} = {expected}: {seen:?}", self.path);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_happens_shows_to_its_owners_and_to_nobody_else() {
    let ground = Ground::new("0.005").await;
    ground.stage.run(&before()).await;
    ground.stage.wait().await;
    let owner = Viewer::User(OWNER);
    let open = async |path: &str, viewer| Open::new(&ground, path, viewer).await;

    let mut unread = open("/api/me/unread", owner).await;
    let mut dashboard = open("/api/me/dashboard", owner).await;
    let mut inbox = open("/api/me/inbox", owner).await;
    let mut conversation = open(&format!("/api/me/messages?other_user_id={PARTNER}"), owner).await;
    let mut notes = open("/api/me/notifications", owner).await;
    let mut intros = open("/api/me/intros", owner).await;
    let mut intro_stats = open("/api/me/intro-stats", owner).await;
    let mut projects = open("/api/me/projects", owner).await;
    let mut chains = open("/api/me/chains", owner).await;
    let mut posts = open(&format!("/api/me/chains/{CHAIN}/posts"), owner).await;
    let mut validator = open("/api/me/validator", Viewer::User(VALIDATOR)).await;
    let mut investor = open("/api/me/investor", Viewer::User(INVESTOR)).await;
    let mut feed = open("/api/feed", Viewer::Nobody).await;
    let mut page = open(&format!("/api/projects/{PROJECT}"), Viewer::Nobody).await;
    let mut comments = open(&format!("/api/projects/{PROJECT}/comments"), Viewer::Nobody).await;
    let mut others = Vec::new();
    for path in [
        "dashboard",
        "unread",
        "inbox",
        "messages",
        "notifications",
        "intros",
        "intro-stats",
        "projects",
        "chains",
        "investor",
        "validator",
    ] {
        others.push(open(&format!("/api/me/{path}"), Viewer::User(STRANGER)).await);
    }
    others.push(open(&format!("/api/me/chains/{CHAIN}"), Viewer::User(STRANGER)).await);
    others.push(open(&format!("/api/me/chains/{CHAIN}/posts"), Viewer::User(STRANGER)).await);
    others.push(open(&format!("/api/me/messages?other_user_id={OWNER}"), Viewer::User(STRANGER)).await);

    // A message, and that it is read.
    ground
        .stage
        .run(&format!(
            "INSERT INTO direct_messages (sender_id, recipient_id, message) VALUES ('{PARTNER}', '{OWNER}', 'first')"
        ))
        .await;
    unread.says("_put", "/item/unread_messages", 1).await;
    dashboard.says("_put", "/item/unread_messages", 1).await;
    inbox.says("_put", "/item/last_message_text", "first").await;
    conversation.says("_put", "/item/message", "first").await;
    ground.stage.run(&format!("UPDATE direct_messages SET is_read = TRUE WHERE recipient_id = '{OWNER}'")).await;
    unread.says("_put", "/item/unread_messages", 0).await;
    inbox.says("_put", "/item/unread_count", 0).await;
    conversation.says("_put", "/item/is_read", true).await;
    // Of another conversation the counters tell, the open one does not.
    ground
        .stage
        .run(&format!(
            "INSERT INTO direct_messages (sender_id, recipient_id, message) VALUES ('{VALIDATOR}', '{OWNER}', 'second')"
        ))
        .await;
    inbox.says("_put", "/item/last_message_text", "second").await;
    ground.stage.run(&format!("DELETE FROM direct_messages WHERE sender_id = '{VALIDATOR}'; DELETE FROM direct_messages WHERE sender_id = '{PARTNER}'")).await;
    inbox.says("_gone", "/key/other_user_id", PARTNER).await;
    let gone = conversation.stream.next_within(Duration::from_secs(10)).await.expect("the message goes");
    assert!(gone.name.ends_with("_gone"), "{gone:?}");

    // A notification.
    ground.stage.run(&format!("INSERT INTO notifications (user_id, actor_id, type, title) VALUES ('{OWNER}', '{PARTNER}', 'vote', 'Somebody voted')")).await;
    notes.says("_put", "/item/title", "Somebody voted").await;
    unread.says("_put", "/item/unread_notifications", 1).await;
    ground.stage.run(&format!("UPDATE notifications SET is_read = TRUE WHERE user_id = '{OWNER}'")).await;
    unread.says("_put", "/item/unread_notifications", 0).await;

    // A badge, a vote, a comment.
    ground.stage.run(&format!("INSERT INTO validation_badges (project_id, validator_id, badge_type, points) VALUES ('{PROJECT}', '{VALIDATOR}', 'gold', 15); UPDATE projects SET proof_score = 15 WHERE id = '{PROJECT}'")).await;
    dashboard.says("_put", "/item/badges_received", 1).await;
    projects.says("_put", "/item/badge_count", 1).await;
    validator.says("_put", "/item/gold", 1).await;
    page.says("_put", "/item/proof_score", 15).await;
    ground.stage.run(&format!("INSERT INTO upvotes (user_id, project_id) VALUES ('{PARTNER}', '{PROJECT}')")).await;
    feed.says("_put", "/item/upvote_count", 1).await;
    projects.says("_put", "/item/upvote_count", 1).await;
    ground
        .stage
        .run(&format!("INSERT INTO comments (project_id, user_id, content) VALUES ('{PROJECT}', '{PARTNER}', 'good')"))
        .await;
    comments.says("_put", "/item/content", "good").await;
    ground.stage.run("UPDATE comments SET content = 'better' WHERE content = 'good'").await;
    comments.says("_put", "/item/content", "better").await;

    // An intro is answered.
    ground
        .stage
        .run(&format!("UPDATE intro_requests SET status = 'approved', updated_at = now() WHERE builder_id = '{OWNER}'"))
        .await;
    intros.says("_put", "/item/status", "approved").await;
    intro_stats.says("_put", "/item/approved_requests", 1).await;
    investor.says("_put", "/item/intros_approved", 1).await;

    // A private chain: its post comes to its follower, and goes when he leaves.
    ground
        .stage
        .run(&format!(
            "INSERT INTO chain_posts (chain_id, author_id, title) VALUES ('{CHAIN}', '{PARTNER}', 'For members')"
        ))
        .await;
    posts.says("_put", "/item/title", "For members").await;
    ground.stage.run(&format!("DELETE FROM chain_followers WHERE user_id = '{OWNER}'")).await;
    chains.says("_gone", "/key/chain_id", CHAIN).await;
    posts.says("_gone", "/key/member_id", OWNER).await;

    // Who is no validator any more loses the page.
    ground.stage.run(&format!("UPDATE users SET is_validator = FALSE WHERE id = '{VALIDATOR}'")).await;
    validator.says("_gone", "/key/user_id", VALIDATOR).await;

    ground.stage.wait().await;
    for stranger in &mut others {
        let heard = stranger.stream.next_within(Duration::from_millis(150)).await;
        assert_eq!(heard, None, "{} is told of others", stranger.path);
    }
    ground.end().await;
}
