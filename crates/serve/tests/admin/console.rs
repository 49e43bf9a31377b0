//! The console in Chromium.

use headwater_testkit::example::Example;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::ground::{Ground, lasting};
use crate::keys;

const ENTER: char = '\u{e007}';
const TAB: char = '\u{e004}';

/// Presses a key where the focus is.
async fn press(browser: &Browser, keys: &str) {
    browser.client.active_element().await.unwrap().send_keys(keys).await.unwrap();
}

/// Goes on with Tab until an expression about the element with the focus, `e`, is true.
async fn tab_to(browser: &Browser, expression: &str) {
    for _ in 0..80 {
        if browser.is(&format!("(e => Boolean({expression}))(document.activeElement)")).await == true {
            return;
        }
        press(browser, &TAB.to_string()).await;
    }
    panic!("the keyboard does not reach: {expression}");
}

async fn open(browser: &Browser, ground: &Ground) {
    browser.client.goto(&format!("http://{}/console", ground.address())).await.unwrap();
    browser.until("document.getElementById('token') !== null").await;
}

async fn sign_in(browser: &Browser, token: &str) {
    browser.until("document.activeElement.id === 'token'").await;
    press(browser, &format!("{token}{ENTER}")).await;
}

/// Nothing but this server was asked.
async fn asked_nobody_else(browser: &Browser) {
    let others = browser.is("performance.getEntriesByType('resource').map(e => e.name).filter(n => !n.startsWith(location.origin) && !n.startsWith('data:'))").await;
    assert_eq!(others, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tampered_model_is_found_and_repaired_by_keyboard_alone() {
    let Some(browser) = Browser::start().await else { return };
    let ground = Ground::new("console_keyboard", "").await;
    ground.run(&format!("UPDATE {} SET title = 'tampered' WHERE id = 3", ground.table("post_list").await)).await;
    open(&browser, &ground).await;

    // Tokens that are none, and one of somebody else.
    let error = "(document.querySelector('.error')?.innerText ?? '')";
    sign_in(&browser, "x.y.z").await;
    browser.until(&format!("{error}.includes('not valid')")).await;
    browser.run("document.getElementById('token').value = ''").await;
    sign_in(&browser, &keys::of("somebody")).await;
    browser.until(&format!("{error}.includes('not as an administrator')")).await;
    sign_in(&browser, &lasting()).await;
    browser.until("document.querySelectorAll('#models tbody tr').length === 5").await;
    assert_eq!(browser.is("document.cookie").await, "", "no script can read it");
    assert_eq!(browser.is("location.href.includes('token') || location.search").await, json!(""));

    let chosen = "e.innerText === 'post_list' && e.closest('#models')";
    tab_to(&browser, chosen).await;
    press(&browser, &ENTER.to_string()).await;
    browser.until("document.activeElement.tagName === 'H1' && document.activeElement.innerText === 'post_list'").await;
    assert_eq!(browser.is("document.title").await, "post_list · Headwater console");
    browser.until("document.querySelectorAll('details').length > 5").await;

    // Nothing is done without a yes; Escape and Cancel are no.
    tab_to(&browser, "e.dataset.kind === 'verify'").await;
    press(&browser, &ENTER.to_string()).await;
    browser.until("document.getElementById('ask').open && document.activeElement.value === 'no'").await;
    press(&browser, "\u{e00c}").await;
    browser.until("!document.getElementById('ask').open && document.activeElement.dataset.kind === 'verify'").await;
    press(&browser, &ENTER.to_string()).await;
    browser.until("document.getElementById('ask').open").await;
    press(&browser, &ENTER.to_string()).await;
    browser.until("!document.getElementById('ask').open").await;
    assert_eq!(ground.told("/v1/admin/overview").await["operations"], json!([]));

    for (kind, state, word) in [("verify", "differs", "diverged"), ("repair", "done", "fresh")] {
        tab_to(&browser, &format!("e.dataset.kind === '{kind}'")).await;
        press(&browser, &ENTER.to_string()).await;
        browser.until("document.getElementById('ask').open").await;
        tab_to(&browser, "e.id === 'ask-yes'").await;
        press(&browser, &ENTER.to_string()).await;
        browser.until(&format!("document.querySelector('.operations li')?.dataset.state === '{state}'")).await;
        browser.until(&format!("document.querySelector('.title .badge').innerText === '{word}'")).await;
        browser.shoot(&format!("console-{kind}")).await;
    }
    assert_eq!(ground.text("SELECT title FROM post_list WHERE id = 3").await, "post 3");
    assert!(
        browser.is("document.querySelector('.operations li').innerText").await.as_str().unwrap().contains("1 altered")
    );

    asked_nobody_else(&browser).await;
    browser.run("document.getElementById('sign-out').click()").await;
    browser.until("document.getElementById('token') !== null").await;
    browser.client.refresh().await.unwrap();
    browser.until("document.getElementById('token') !== null && document.getElementById('tabs').hidden").await;
    browser.end().await;
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_view_in_small_and_large_light_and_dark_windows() {
    let Some(browser) = Browser::start().await else { return };
    let ground = ground().await;
    open(&browser, &ground).await;
    sign_in(&browser, &lasting()).await;
    browser.until("document.querySelector('#models tbody tr') !== null").await;
    let model = browser.is("[...document.querySelectorAll('#models tbody a')].at(-1).getAttribute('href')").await;
    let views = ["#/", "#/graph", "#/streams", "#/activity", model.as_str().unwrap()];
    for (name, width, height, scheme) in [
        ("laptop-light", 1280, 860, "light"),
        ("phone-dark", 360, 780, "dark"),
        ("laptop-dark", 1280, 860, "dark"),
        ("phone-light", 390, 844, "light"),
    ] {
        browser.window(width, height, width < 700).await;
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }, { "name": "prefers-reduced-motion", "value": "reduce" }] });
        browser.tell("Emulation.setEmulatedMedia", features).await;
        for view in views {
            browser.run(&format!("location.hash = '{view}'")).await;
            browser.until(&format!("document.querySelector('main h1') !== null && location.hash === '{view}'")).await;
            browser.until("document.querySelector('main').innerText.length > 60 && !document.querySelector('main').innerText.includes('Reading what')").await;
            tokio::time::sleep(std::time::Duration::from_millis(if std::env::var_os("HEADWATER_SHOTS").is_some() {
                1500
            } else {
                100
            }))
            .await;
            let short = if view.starts_with("#/model") { "model" } else { view.trim_start_matches("#/") };
            browser.shoot(&format!("console-{name}-{short}")).await;
            let found = browser.is(RULES).await;
            assert_eq!(found, json!([]), "{name} {view}");
            assert_eq!(browser.is(CONTRAST).await, json!([]), "{name} {view}");
            let light = browser.is("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).reduce((a, b) => a + +b, 0) > 380").await;
            assert_eq!(light, scheme == "light", "{name}");
        }
    }
    // Numbers change in place.
    browser.run("location.hash = '#/'").await;
    browser.until("document.querySelector('#models tbody tr') !== null").await;
    browser.run("window.moved = 0; window.rows = [...document.querySelectorAll('#models tbody tr')]; new PerformanceObserver(l => l.getEntries().forEach(e => { moved += e.value })).observe({ type: 'layout-shift' }); window.polls = performance.getEntriesByType('resource').length").await;
    browser.until("performance.getEntriesByType('resource').filter(e => e.name.endsWith('/overview')).length > 3 && performance.getEntriesByType('resource').length >= polls + 4").await;
    assert!(browser.is("moved").await.as_f64().unwrap() < 0.01, "what is read moves");
    assert_eq!(
        browser.is("rows.every((row, at) => row === document.querySelectorAll('#models tbody tr')[at])").await,
        true
    );
    asked_nobody_else(&browser).await;
    browser.end().await;
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_gone_is_said_to_be_gone() {
    let Some(browser) = Browser::start().await else { return };
    let mut ground = Ground::new("console_gone", "").await;
    // Hostile names are texts.
    ground.run("CREATE TABLE \"<img src=x onerror=owned=1>\" (id int PRIMARY KEY)").await;
    open(&browser, &ground).await;
    sign_in(&browser, &lasting()).await;
    browser.until("document.querySelectorAll('#models tbody tr').length === 5").await;
    browser.run("document.getElementById('filter').value = 'nothing'; document.getElementById('filter').dispatchEvent(new Event('input'))").await;
    browser.until("document.querySelector('#models .empty').innerText.includes('nothing')").await;
    browser.run("location.hash = '#/model/%3Cb%3Eno%3C%2Fb%3E'").await;
    browser.until("document.querySelector('h1').innerText === '<b>no</b>' && document.querySelector('main').innerText.includes('no such model')").await;
    ground.stop_serving().await;
    browser.until("!document.getElementById('banner').hidden && document.getElementById('banner').innerText.startsWith('The server does not answer; what is shown is as of')").await;
    browser.shoot("console-gone").await;
    // The browser itself complains of connections that are refused.
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.end().await;
    ground.end().await;
}

/// The showcase where pictures are wanted, for they are to be looked at.
async fn ground() -> Ground {
    if std::env::var_os("HEADWATER_SHOTS").is_none() {
        return Ground::new("console_looks", "").await;
    }
    let example = Example("showcase");
    let database = example.load(Some("0.05")).await;
    let mut ground = Ground::with(database, &example.models(), "").await;
    ground.run("SET track_functions = 'all'; UPDATE users SET username = username || 'x' WHERE id = (SELECT id FROM users ORDER BY id LIMIT 1)").await;
    for _ in 0..12 {
        ground.run("SET track_functions = 'all'; INSERT INTO upvotes (user_id, project_id) SELECT u.id, p.id FROM users u, projects p WHERE NOT EXISTS (SELECT FROM upvotes v WHERE v.user_id = u.id AND v.project_id = p.id) ORDER BY random() LIMIT 30").await;
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
    let table = ground.table("mv_feed_projects").await;
    ground.run(&format!("DELETE FROM {table} WHERE ctid IN (SELECT ctid FROM {table} LIMIT 2)")).await;
    ground.ended(ground.begin("mv_feed_projects", "verify").await).await;
    ground.ended(ground.begin("mv_search_index", "refresh").await).await;
    ground.stop_leading().await;
    ground
        .run("UPDATE users SET username = username || 'y' WHERE id = (SELECT id FROM users ORDER BY id LIMIT 1)")
        .await;
    ground
}

/// What a checker of accessibility looks at first; the rules that are not kept.
const RULES: &str = r"(() => {
    const all = (s) => [...document.querySelectorAll(s)].filter((e) => e.checkVisibility());
    const named = (e) => (e.ariaLabel || e.getAttribute('title') || e.textContent || '').trim() || (e.labels?.length) || e.getAttribute('aria-labelledby');
    const wide = document.documentElement.clientWidth;
    const rules = {
        'one heading of the page': all('h1').length === 1,
        'headings in order': all('h1, h2, h3').every((e, at, list) => at === 0 || +e.tagName[1] - +list[at - 1].tagName[1] <= 1),
        'a language and a title': document.documentElement.lang === 'en' && document.title.includes('Headwater'),
        'landmarks with names': all('header').length === 1 && all('nav[aria-label]').length === 1 && all('main').length === 1,
        'the view says which it is': all('nav [aria-current=page]').length === 1,
        'links, buttons and fields have names': all('a, button, input, progress, summary').every(named),
        'pictures are hidden or named': all('svg').every((e) => e.closest('[aria-hidden=true]')),
        'tables have names, heads and cells with roles': all('table').every((t) => t.ariaLabel && t.querySelector('[role=columnheader]') && [...t.querySelectorAll('tbody td, tbody th')].every((c) => c.getAttribute('role'))),
        'sections are named by headings': all('section').every((e) => e.ariaLabel || document.getElementById(e.getAttribute('aria-labelledby'))),
        'ids are unique': ((ids) => new Set(ids).size === ids.length)([...document.querySelectorAll('[id]')].map((e) => e.id)),
        'what scrolls can have the focus': all('pre').every((e) => e.tabIndex === 0),
        'states are words, too': all('.badge').every((e) => e.innerText.trim() && e.querySelector('path').getAttribute('d')),
        'news are announced': Boolean(document.querySelector('#announcer[aria-live=polite]') && document.querySelector('#banner[role=alert]')),
        'buttons are large enough for fingers': all('button').every((e) => e.getBoundingClientRect().height >= 24),
        'nothing hangs over': document.documentElement.scrollWidth <= wide,
    };
    return Object.entries(rules).filter(([, kept]) => !kept).map(([rule]) => rule);
})()";

/// The texts whose colour is too near to the one behind them.
const CONTRAST: &str = r"(() => {
    const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const colour = (text) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = text; canvas.fillRect(0, 0, 1, 1); const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255]; };
    const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a)];
    const light = (c) => { const [r, g, b] = c.map((v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4)); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
    const behind = (e) => e ? over(colour(getComputedStyle(e).backgroundColor), behind(e.parentElement)) : [255, 255, 255];
    const found = [];
    for (const e of document.querySelectorAll('body *')) {
        if (!e.checkVisibility() || e.closest('.unseen, .skip, svg, :disabled') || ![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) continue;
        const back = behind(e), front = over(colour(getComputedStyle(e).color), back);
        const [a, b] = [light(front), light(back)].sort((x, y) => y - x);
        if ((a + 0.05) / (b + 0.05) < 4.5) found.push(`${e.className || e.tagName} ${((a + 0.05) / (b + 0.05)).toFixed(2)} ${e.innerText.slice(0, 30)}`);
    }
    return [...new Set(found)];
})()";

/// A view's address is all that is needed to come back to it.
#[tokio::test(flavor = "multi_thread")]
async fn addresses_lead_back() {
    let Some(browser) = Browser::start().await else { return };
    let ground = Ground::new("console_addresses", "").await;
    open(&browser, &ground).await;
    sign_in(&browser, &lasting()).await;
    browser.until("document.querySelector('#models tbody tr') !== null").await;
    browser.client.goto(&format!("http://{}/console/#/model/other.names", ground.address())).await.unwrap();
    browser.until("document.querySelector('h1')?.innerText === 'other.names'").await;
    browser.run("document.querySelector('.back').click()").await;
    browser.until("document.querySelector('h1').innerText === 'Models'").await;
    browser.client.back().await.unwrap();
    browser.until("document.querySelector('h1').innerText === 'other.names'").await;
    let found: Value = browser.is("[...document.querySelectorAll('#tabs [aria-current]')].map(e => e.innerText)").await;
    assert_eq!(found, json!(["Models"]));
    browser.end().await;
    ground.end().await;
}
