//! People at work, and what the others see of it.

use crate::browser::Browser;
use crate::demo::{Demo, Window};

const HOSTILE: &str = r#"<img src=x onerror="window.owned=1"><script>window.owned=1</script>'"&amp;{{7*7}}"#;

/// The number on the badge of the inbox.
const BADGE: &str = "Number(document.getElementById('unread-messages').dataset.value ?? 0)";

/// The last thing that was done came back as a live event.
const LIVE: &str = "document.querySelector('main .deed[data-mood=good]') !== null";

#[tokio::test(flavor = "multi_thread")]
async fn votes_climb_messages_arrive_and_strangers_see_nothing() {
    let Some(browser) = Browser::start().await else { return };
    let demo = Demo::start().await;
    let ann = Window::first(&browser).await;
    ann.goto(&demo.at("127.0.0.1", "")).await;
    ann.until("document.querySelectorAll('main .project').length === 20").await;
    let cast = ann.is("[...document.querySelectorAll('#who optgroup[label=Builders] option')].map(o => o.value)").await;
    let cast: Vec<String> = serde_json::from_value(cast).unwrap();
    let [ann_id, bob_id, carl_id] = [&cast[0], &cast[1], &cast[2]];
    ann.be(ann_id).await;
    ann.until("document.querySelectorAll('main .project').length === 20").await;

    // A vote, seen by somebody who is nobody.
    let project = not_voted(&demo, &ann, ann_id).await;
    let bob = Window::open(&browser).await;
    bob.goto(&demo.at("localhost", &format!("project/{project}"))).await;
    bob.until("document.title !== '… · Showcase' && document.getElementById('status').dataset.state === 'live'").await;
    let votes = "Number(document.querySelector('main .vote .number').dataset.value)";
    let before = bob.is(votes).await.as_f64().unwrap();
    let button = format!("document.querySelector('main .project[data-key*=\"{project}\"] .vote')");
    ann.run(&format!("{button}.click()")).await;
    ann.until(LIVE).await;
    bob.until(&format!("{votes} === {}", before + 1.0)).await;
    assert_eq!(ann.is(&format!("{button}.getAttribute('aria-pressed')")).await, "true");
    assert_eq!(
        ann.is("document.querySelector('main .deed pre').textContent.startsWith('INSERT INTO upvotes')").await,
        true
    );
    let count = format!("SELECT count(*)::text FROM upvotes WHERE user_id = '{ann_id}' AND project_id = '{project}'");
    assert_eq!(demo.value(&count).await, "1");
    ann.run(&format!("{button}.click()")).await;
    bob.until(&format!("{votes} === {before}")).await;
    assert_eq!(demo.value(&count).await, "0");

    // A comment and a title with markup in them stay texts, on a page that was open before.
    ann.goto(&demo.at("127.0.0.1", &format!("project/{project}"))).await;
    ann.until("document.querySelector('main .writing') !== null").await;
    ann.write(HOSTILE).await;
    ann.until(LIVE).await;
    demo.run(&format!("UPDATE projects SET title = 'Title ' || $h${HOSTILE}$h$ WHERE id = '{project}'")).await;
    bob.until("document.querySelector('main .comment .said').innerText.includes('<script>window.owned=1</script>')")
        .await;
    bob.until("document.querySelector('h1').innerText.startsWith('Title <img src=x')").await;

    // A message: the recipient's inbox and badge, and nobody else's.
    bob.be(bob_id).await;
    bob.goto(&demo.at("localhost", "inbox")).await;
    let carl = Window::open(&browser).await;
    carl.goto(&demo.at("carl.localhost", "inbox")).await;
    carl.be(carl_id).await;
    for window in [&bob, &carl] {
        window.until("document.querySelector('.conversation') !== null && document.getElementById('unread-messages').dataset.value !== undefined").await;
    }
    let (bobs, carls) = (bob.is(BADGE).await.as_f64().unwrap(), carl.is(BADGE).await.as_f64().unwrap());
    ann.goto(&demo.at("127.0.0.1", &format!("inbox/{bob_id}"))).await;
    ann.until("document.querySelector('main .writing') !== null").await;
    ann.write(&format!("For Bob alone {HOSTILE}")).await;
    ann.until(LIVE).await;
    bob.until(&format!("{BADGE} === {}", bobs + 1.0)).await;
    bob.until("document.querySelector('.conversation .last').innerText.startsWith('For Bob alone <img')").await;
    ann.until("[...document.querySelectorAll('.own.message .byline')].at(-1).innerText.includes('not read yet')").await;
    bob.run("document.querySelector('.conversation').click()").await;
    bob.until("[...document.querySelectorAll('.message:not(.own) .said')].at(-1)?.innerText.endsWith('{{7*7}}')").await;
    let unread = "Number(document.querySelector('.pane-head button').innerText.match(/\\d+/)?.[0])";
    bob.until(&format!("{unread} >= 1")).await;
    let read = bob.is(unread).await.as_f64().unwrap();
    bob.run("document.querySelector('.pane-head button').click()").await;
    bob.until(LIVE).await;
    bob.until(&format!("{BADGE} === {}", bobs + 1.0 - read)).await;
    ann.until("![...document.querySelectorAll('.own.message .byline')].at(-1).innerText.includes('not read yet')")
        .await;
    assert_eq!(carl.is(BADGE).await.as_f64().unwrap(), carls);
    assert_eq!(carl.is("document.body.innerText.includes('For Bob alone')").await, false);

    // Somebody else in the same window: other rows, and none of those that were there.
    ann.be(carl_id).await;
    ann.until("!document.body.innerText.includes('For Bob alone')").await;
    ann.goto(&demo.at("127.0.0.1", "me")).await;
    let name = demo.value(&format!("SELECT username FROM users WHERE id = '{carl_id}'")).await;
    ann.until(&format!("document.querySelector('h1').innerText === '{name}'")).await;
    ann.until("document.querySelector('.tile.large .number').dataset.value !== undefined").await;
    let karma =
        demo.value(&format!("SELECT karma_score::text FROM user_dashboard_stats WHERE user_id = '{carl_id}'")).await;
    ann.until(&format!("document.querySelector('.tile.large .number').dataset.value === '{karma}'")).await;

    follows(&demo, &ann, carl_id).await;
    searches(&ann).await;
    for window in [&ann, &bob, &carl] {
        assert_eq!(window.is("window.owned ?? null").await, serde_json::Value::Null);
        assert_eq!(window.is("document.querySelectorAll('main img, main script, main [onerror]').length").await, 0);
        window.asked_nobody_else().await;
    }
    browser.end().await;
    // The models are exact after all that.
    assert_eq!(demo.end().await.code(), Some(0));
}

/// A project of the feed that somebody has not voted for, neither up nor down.
async fn not_voted(demo: &Demo, window: &Window<'_>, user: &str) -> String {
    let keys =
        window.is("[...document.querySelectorAll('main .project')].map(p => JSON.parse(p.dataset.key).id)").await;
    let keys: Vec<String> = serde_json::from_value(keys).unwrap();
    let sql = format!(
        "SELECT asked.project FROM unnest('{{{}}}'::text[]) AS asked (project) \
         WHERE NOT EXISTS (SELECT FROM upvotes v WHERE v.user_id = '{user}' AND v.project_id = asked.project::uuid) LIMIT 1",
        keys.join(",")
    );
    demo.value(&sql).await
}

/// A chain that is followed is among one's own at once.
async fn follows(demo: &Demo, window: &Window<'_>, user: &str) {
    window.goto(&demo.at("127.0.0.1", "chains")).await;
    window.until("document.querySelector('main .follow[aria-pressed=false]') !== null && document.getElementById('status').dataset.state === 'live'").await;
    window.run("window.card = document.querySelector('main .follow[aria-pressed=false]').closest('.card'); card.querySelector('.follow').click()").await;
    window.until("card.querySelector('.deed[data-mood=good]') !== null").await;
    let chain = window.is("JSON.parse(card.dataset.key).id").await;
    let chain = chain.as_str().unwrap();
    window.until(&format!("document.querySelector('main .own a[href$=\"{chain}\"]') !== null")).await;
    let count = format!("SELECT count(*)::text FROM chain_followers WHERE user_id = '{user}' AND chain_id = '{chain}'");
    assert_eq!(demo.value(&count).await, "1");
}

/// What is found, the best first, with the words marked.
async fn searches(window: &Window<'_>) {
    window.run("const field = document.getElementById('find-text'); field.value = 'ledger'; field.dispatchEvent(new Event('input'));").await;
    window
        .until("location.hash === '#/search?q=ledger' && document.querySelector('main ul[aria-busy=false]') !== null")
        .await;
    let found = "[...document.querySelectorAll('main .result .title')].map(title => title.innerText)";
    window.until(&format!("{found}.length > 0 && {found}[0].includes('Ledger')")).await;
    window.until("document.querySelector('main .result mark').innerText === 'Ledger'").await;
    window.run("document.getElementById('find-text').value = ''").await;
}

/// What is refused: nobody's writes, others' pages, texts that are none, and what is not one's own.
#[tokio::test(flavor = "multi_thread")]
async fn the_application_refuses() {
    let Some(browser) = Browser::start().await else { return };
    let demo = Demo::start().await;
    let window = Window::first(&browser).await;
    window.goto(&demo.at("127.0.0.1", "chains")).await;
    window.run("window.ask = async (path, body, headers = { 'content-type': 'application/json' }) => { const answer = await fetch(path, { method: 'POST', headers, body: typeof body === 'string' ? body : JSON.stringify(body) }); window.said = [answer.status, await answer.text()]; }").await;
    let ask = async |path: &str, body: &str, more: &str| {
        window.run("window.said = null").await;
        window.run(&format!("ask('{path}', {body}{more})")).await;
        window.until("window.said !== null").await;
        window.is("said[0]").await.as_u64().unwrap()
    };
    let id = "'0f8fad5b-d9cb-469f-a165-70867728950e'";
    assert_eq!(ask("/app/vote", &format!("{{ project_id: {id}, voted: true }}"), "").await, 401);
    assert_eq!(ask("/app/sign-in", &format!("{{ user_id: {id} }}"), "").await, 404);
    let user = demo.value("SELECT id::text FROM users WHERE is_active AND NOT is_admin ORDER BY id LIMIT 1").await;
    window
        .run(&format!("import('./session.js').then(({{ become }}) => become('{user}')).then(() => window.in = true)"))
        .await;
    window.until("window.in === true").await;
    let hidden = demo.value("SELECT id::text FROM chains WHERE NOT is_public AND is_active ORDER BY id LIMIT 1").await;
    for (path, body, more, status) in [
        ("/app/vote", format!("{{ project_id: {id}, voted: true }}"), "", 409),
        ("/app/vote", "{ project_id: \"x' OR TRUE --\", voted: true }".to_owned(), "", 422),
        ("/app/vote", format!("'{{\"project_id\":\"{user}\"'"), "", 400),
        ("/app/vote", format!("{{ project_id: {id}, voted: true }}"), ", { 'content-type': 'text/plain' }", 415),
        ("/app/comment", format!("{{ project_id: {id}, content: '  ' }}"), "", 422),
        ("/app/comment", format!("{{ project_id: {id}, content: 'x'.repeat(2001) }}"), "", 422),
        ("/app/message", format!("{{ recipient_id: '{user}', message: 'a\\u0000b' }}"), "", 422),
        ("/app/message", format!("{{ recipient_id: '{user}', message: 'x'.repeat(9000) }}"), "", 413),
        ("/app/follow", format!("{{ chain_id: '{hidden}', following: true }}"), "", 200),
    ] {
        assert_eq!(ask(path, &body, more).await, status, "{path} {body}: {}", window.is("said[1]").await);
    }
    // A private chain is not followed by guessing its id.
    let count = format!(
        "SELECT count(*)::text FROM chain_followers f JOIN chains c ON c.id = f.chain_id WHERE c.id = '{hidden}' AND f.user_id = '{user}' AND c.creator_id <> f.user_id AND f.created_at > now() - interval '1 minute'"
    );
    assert_eq!(demo.value(&count).await, "0");
    browser.end().await;
    assert_eq!(demo.end().await.code(), Some(0));
}
