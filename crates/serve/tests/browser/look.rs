//! How it looks, and to whom: hostile texts, small and dark windows, assistive technology.

use serde_json::json;

use crate::browser::Browser;
use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn texts_are_never_markup() {
    let Some(browser) = Browser::start().await else { return };
    let stage = Stage::with_events(500).await;
    let hostile = r#"<img src=x onerror="window.owned=1"><script>window.owned=1</script>"'>{{7*7}}</article>"#;
    for (table, column) in [
        ("agents", "name"),
        ("agents", "username"),
        ("worlds", "name"),
        ("worlds", "premise"),
        ("dwellers", "name"),
        ("dwellers", "role"),
        ("stories", "title"),
        ("stories", "summary"),
        ("dweller_actions", "content"),
        ("dweller_actions", "dialogue"),
        ("dweller_actions", "target"),
        ("dweller_actions", "stage_direction"),
        ("aspects", "title"),
        ("aspects", "premise"),
        ("proposals", "name"),
        ("proposal_validations", "critique"),
        ("story_reviews", "review"),
        ("feedback_items", "description"),
    ] {
        // Names are unique where they are user names.
        stage.run(&format!("UPDATE platform_{table} SET {column} = $h${hostile}$h$ || right(id::text, 6)")).await;
    }
    for (table, column) in [
        ("stories", "cover_image_url"),
        ("stories", "video_url"),
        ("dwellers", "portrait_url"),
        ("worlds", "cover_image_url"),
    ] {
        stage.run(&format!("UPDATE platform_{table} SET {column} = 'javascript:window.owned=1'")).await;
    }
    stage.wait().await;
    let server = stage.serve(0).await;
    browser.client.goto(&format!("http://{}/", server.address())).await.unwrap();
    browser.run("window.down = () => { scrollTo(0, document.documentElement.scrollHeight); if (document.getElementById('end').hidden) requestAnimationFrame(down); }; down();").await;
    browser.until("!document.getElementById('end').hidden").await;
    assert!(browser.keys().await == stage.ids("true").await);
    assert_eq!(browser.is("window.owned ?? null").await, json!(null));
    assert_eq!(
        browser
            .is("document.querySelectorAll('#feed script, #feed img, #feed [onerror], #feed [style*=url]').length")
            .await,
        0
    );
    assert_eq!(
        browser.is("[...document.querySelectorAll('#feed a')].every(a => a.href.startsWith(location.origin))").await,
        true
    );
    assert_eq!(
        browser.is("document.getElementById('feed').innerText.includes('<script>window.owned=1</script>')").await,
        true
    );
    // Every type has its own words.
    let types = browser
        .is("[...new Set([...document.querySelectorAll('#feed > article')].map(a => a.dataset.type))].length")
        .await;
    assert_eq!(types, 18);
    assert_eq!(browser.is("document.querySelectorAll('#feed > [data-family=other]').length").await, 0);
    assert_eq!(browser.is("document.documentElement.scrollWidth <= innerWidth").await, true);

    // A payload need not have anything.
    let odd = "import('./card.js').then(({ card, TYPES }) => { const odd = [null, 1, '', [], {}, { id: 1, name: {}, title: [], username: 7 }]; \
        for (const type of [...Object.keys(TYPES), 'unheard_of', null, 'constructor', '__proto__']) for (const value of odd) \
        card({ type, agent: value, world: value, story: value, dweller: value, action: value, aspect: value, proposal: value, review: value, \
        feedback: value, content: value, validation: value, author: value, reviewer: value, perspective_dweller: value, sort_date: value }); return true; })";
    assert_eq!(browser.is(odd).await, true);

    browser.end().await;
    server.end().await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn small_dark_and_still_windows() {
    let Some(browser) = Browser::start().await else { return };
    let stage = Stage::with_events(2000).await;
    let server = stage.serve(0).await;
    for (name, width, height, scheme) in [
        ("phone-dark", 360, 780, "dark"),
        ("phone-light", 390, 844, "light"),
        ("tiny", 280, 600, "light"),
        ("desktop-dark", 1280, 900, "dark"),
    ] {
        browser.window(width, height, width < 700).await;
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }, { "name": "prefers-reduced-motion", "value": "reduce" }] });
        browser.tell("Emulation.setEmulatedMedia", features).await;
        browser.client.goto(&format!("http://{}/", server.address())).await.unwrap();
        browser.until("document.getElementById('status').dataset.state === 'live'").await;
        browser.run("scrollTo(0, document.documentElement.scrollHeight)").await;
        browser.until("document.querySelectorAll('#feed > article').length > 60").await;
        browser.run("scrollTo(0, 0)").await;
        browser.shoot(name).await;
        assert_eq!(
            browser.is("document.documentElement.scrollWidth <= document.documentElement.clientWidth").await,
            true,
            "{name}"
        );
        let wide = browser.is("[...document.querySelectorAll('#feed article, #feed article *')].filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1).map(e => e.outerHTML.slice(0, 200))").await;
        assert_eq!(wide, json!([]), "{name}");
        assert_eq!(browser.is("matchMedia('(prefers-color-scheme: dark)').matches").await, scheme == "dark");
        let light = browser.is("getComputedStyle(document.documentElement).backgroundColor.match(/\\d+/g).slice(0, 3).reduce((a, b) => a + +b, 0) > 380").await;
        assert_eq!(light, scheme == "light", "{name}");
        // Every text can be read: 4.5 to 1 against what lies behind it.
        let faint = browser.is(CONTRAST).await;
        assert_eq!(faint, json!([]), "{name}");
        assert_eq!(
            browser
                .is("document.getAnimations().filter(a => a.effect.getComputedTiming().iterations === Infinity).length")
                .await,
            0
        );
        browser.run("scrollTo(0, 1400)").await;
        browser.shoot(&format!("{name}-below")).await;
        for kind in ["world_created", "story_created"] {
            browser.client.goto(&format!("http://{}/?event_type={kind}", server.address())).await.unwrap();
            browser.until("document.querySelector('#feed .cover') !== null").await;
            browser.shoot(&format!("{name}-{kind}")).await;
            assert_eq!(
                browser.is("document.documentElement.scrollWidth <= document.documentElement.clientWidth").await,
                true,
                "{name}"
            );
        }
    }
    browser.end().await;
    server.end().await;
    stage.end().await;
}

/// The texts of the first items and of the bar whose colour is too near to the one behind them. Gradients and pictures are left out.
const CONTRAST: &str = r"(() => {
    const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const colour = (text) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = text; canvas.fillRect(0, 0, 1, 1); const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255]; };
    const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a)];
    const light = (c) => { const [r, g, b] = c.map((v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4)); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
    const behind = (e) => e ? over(colour(getComputedStyle(e).backgroundColor), behind(e.parentElement)) : [255, 255, 255];
    const found = [];
    for (const e of document.querySelectorAll('.bar *, #feed > article:nth-child(-n + 25) *')) {
        if (e.closest('.art, .unseen') || ![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) continue;
        const back = behind(e), front = over(colour(getComputedStyle(e).color), back);
        const [a, b] = [light(front), light(back)].sort((x, y) => y - x);
        if ((a + 0.05) / (b + 0.05) < 4.5) found.push(`${e.className || e.tagName} ${((a + 0.05) / (b + 0.05)).toFixed(2)} ${e.innerText.slice(0, 30)}`);
    }
    return [...new Set(found)];
})()";

#[tokio::test(flavor = "multi_thread")]
async fn roles_names_and_places() {
    let Some(browser) = Browser::start().await else { return };
    let stage = Stage::with_events(500).await;
    let server = stage.serve(0).await;
    browser.client.goto(&format!("http://{}/", server.address())).await.unwrap();
    browser.until("document.getElementById('status').dataset.state === 'live'").await;
    browser.run("scrollTo(0, document.documentElement.scrollHeight)").await;
    browser
        .until("!document.getElementById('end').hidden || (scrollTo(0, document.documentElement.scrollHeight), false)")
        .await;
    browser.until("document.querySelector('#feed > article:last-child').getAttribute('aria-setsize') === String(document.querySelectorAll('#feed > article').length)").await;
    for (rule, expression) in [
        ("one heading of the page", "document.querySelectorAll('h1').length === 1"),
        ("a language", "document.documentElement.lang === 'en'"),
        ("a title", "document.title.length > 0"),
        (
            "landmarks",
            "['header', 'nav[aria-label]', 'main'].every(s => document.querySelectorAll(`body ${s}`).length >= 1)",
        ),
        (
            "the feed has its role, a name, and tells when it is busy",
            "(f => f.getAttribute('role') === 'feed' && f.ariaLabel && f.ariaBusy === 'false')(document.getElementById('feed'))",
        ),
        (
            "only articles in the feed",
            "[...document.getElementById('feed').children].every(e => e.tagName === 'ARTICLE')",
        ),
        (
            "articles are named by headings that are there",
            "[...document.querySelectorAll('#feed > article')].every(a => a.getAttribute('aria-labelledby').split(' ').every(id => /^H[23]$/.test(document.getElementById(id)?.tagName) && document.getElementById(id).textContent.trim()))",
        ),
        (
            "articles can have the focus",
            "[...document.querySelectorAll('#feed > article')].every(a => a.tabIndex === 0)",
        ),
        (
            "articles know their place",
            "[...document.querySelectorAll('#feed > article')].every((a, at) => a.getAttribute('aria-posinset') === String(at + 1))",
        ),
        (
            "ids are unique",
            "(ids => new Set(ids).size === ids.length)([...document.querySelectorAll('[id]')].map(e => e.id))",
        ),
        (
            "pictures have a text or are hidden",
            "[...document.querySelectorAll('img')].every(i => i.hasAttribute('alt')) && [...document.querySelectorAll('svg')].every(s => s.closest('[aria-hidden=true]'))",
        ),
        (
            "links and buttons have names",
            "[...document.querySelectorAll('a, button:not([hidden])')].every(e => (e.ariaLabel || e.textContent).trim())",
        ),
        ("the chosen filter says so", "document.querySelectorAll('#chips [aria-current=true]').length === 1"),
        (
            "news are announced",
            "document.querySelector('#announcer[aria-live=polite]') && document.querySelector('#status[role=status]')",
        ),
        (
            "times can be read by machines",
            "[...document.querySelectorAll('#feed time')].every(t => !Number.isNaN(Date.parse(t.dateTime)) && t.title)",
        ),
        (
            "targets are large enough for fingers",
            "[...document.querySelectorAll('.chip')].every(c => c.getBoundingClientRect().height >= 24)",
        ),
        (
            "images are lazy and have boxes",
            "[...document.querySelectorAll('#feed img')].every(i => i.loading === 'lazy' && i.width && i.height)",
        ),
    ] {
        assert_eq!(browser.is(&format!("Boolean({expression})")).await, true, "{rule}");
    }
    // As Chromium tells it to assistive technology.
    let named = browser.is("document.querySelector('#feed > article').getAttribute('aria-labelledby')").await;
    let label = browser.client.find(fantoccini::Locator::Css("#feed > article")).await.unwrap();
    assert!(!label.text().await.unwrap().is_empty() && named.as_str().unwrap().starts_with("item-"));

    browser.end().await;
    server.end().await;
    stage.end().await;
}
