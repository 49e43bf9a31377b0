//! How it looks: every page, small and large, light and dark. With `HEADWATER_SHOTS` set to a folder, pictures are left there.

use serde_json::json;

use crate::browser::Browser;
use crate::demo::{Demo, Window};

/// The texts whose colour is too near to the one behind them: 4.5 to 1 is asked for. Gradients are left out.
const CONTRAST: &str = r"(() => {
    const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const colour = (text) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = text; canvas.fillRect(0, 0, 1, 1); const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255]; };
    const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a)];
    const light = (c) => { const [r, g, b] = c.map((v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4)); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
    const behind = (e) => e ? over(colour(getComputedStyle(e).backgroundColor), behind(e.parentElement)) : [255, 255, 255];
    const found = [];
    for (const e of document.querySelectorAll('.bar *, .foot *, main *')) {
        if (e.closest('.art, .unseen, .dim, :disabled') || !e.checkVisibility() || ![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) continue;
        const back = behind(e), front = over(colour(getComputedStyle(e).color), back);
        const [a, b] = [light(front), light(back)].sort((x, y) => y - x);
        if ((a + 0.05) / (b + 0.05) < 4.5) found.push(`${e.className || e.tagName} ${((a + 0.05) / (b + 0.05)).toFixed(2)} ${e.innerText.slice(0, 30)}`);
    }
    return [...new Set(found)];
})()";

#[tokio::test(flavor = "multi_thread")]
async fn every_page_on_every_screen() {
    let Some(browser) = Browser::start().await else { return };
    let demo = Demo::start().await;
    let window = Window::first(&browser).await;
    window.goto(&demo.at("127.0.0.1", "")).await;
    let admin = window.is("document.querySelector('#who optgroup[label=Administrators] option').value").await;
    window.be(admin.as_str().unwrap()).await;
    let project = demo.value("SELECT project_id::text FROM upvotes GROUP BY 1 ORDER BY count(*) DESC LIMIT 1").await;
    let chain = demo.value("SELECT id::text FROM chains WHERE is_public AND is_active ORDER BY (SELECT count(*) FROM chain_posts p WHERE p.chain_id = chains.id) DESC LIMIT 1").await;
    let sql = format!(
        "SELECT sender_id::text FROM direct_messages WHERE recipient_id = '{}' AND sender_id <> recipient_id GROUP BY 1 ORDER BY count(*) DESC LIMIT 1",
        admin.as_str().unwrap()
    );
    let other = demo.value(&sql).await;
    let pages = [
        ("feed", String::new(), ".project"),
        ("project", format!("project/{project}"), ".comment"),
        ("projects", "leaderboards".to_owned(), ".rank-row"),
        ("builders", "leaderboards/builders".to_owned(), ".rank-row"),
        ("chains", "chains".to_owned(), ".chain"),
        ("chain", format!("chain/{chain}"), ".comment"),
        ("investors", "investors".to_owned(), ".chain"),
        ("profile", format!("profile/{other}"), ".tile"),
        ("inbox", "inbox".to_owned(), ".conversation"),
        ("conversation", format!("inbox/{other}"), ".message"),
        ("notifications", "notifications".to_owned(), ".comment"),
        ("me", "me".to_owned(), ".tile"),
        ("intros", "me/intros".to_owned(), ".tile"),
        ("reports", "me/admin".to_owned(), ".tile"),
        ("search", "search?q=garden".to_owned(), "[aria-busy=false]"),
        ("nothing", "nothing".to_owned(), ".empty"),
    ];
    // The other two differ in nothing that is asked for here; they are for the one who looks at pictures.
    let screens = [
        ("laptop-light", 1280, 860, "light"),
        ("phone-dark", 360, 740, "dark"),
        ("laptop-dark", 1280, 860, "dark"),
        ("phone-light", 375, 760, "light"),
    ];
    let looked_at = if std::env::var_os("HEADWATER_SHOTS").is_some() { 4 } else { 2 };
    for (screen, width, height, scheme) in screens.into_iter().take(looked_at) {
        browser.window(width, height, width < 700).await;
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }, { "name": "prefers-reduced-motion", "value": "reduce" }] });
        browser.tell("Emulation.setEmulatedMedia", features).await;
        for (name, page, sign) in &pages {
            window.run(&format!("location.hash = '#/{page}'")).await;
            window
                .until(&format!(
                    "document.querySelector('main {sign}') !== null && document.querySelector('h1').innerText !== '…'"
                ))
                .await;
            browser.shoot(&format!("{screen}-{name}")).await;
            let at = format!("{screen} {name}");
            assert_eq!(
                window.is("document.documentElement.scrollWidth <= document.documentElement.clientWidth").await,
                true,
                "{at}"
            );
            assert_eq!(window.is(CONTRAST).await, json!([]), "{at}");
            assert_eq!(window.is("document.querySelectorAll('h1').length").await, 1, "{at}");
            let nameless = "[...document.querySelectorAll('a, button, input, select, textarea')].filter(e => e.checkVisibility() && !(e.ariaLabel || e.textContent || e.labels?.[0]?.textContent || '').trim()).map(e => e.outerHTML)";
            assert_eq!(window.is(nameless).await, json!([]), "{at}");
        }
    }
    window.asked_nobody_else().await;
    browser.end().await;
    assert_eq!(demo.end().await.code(), Some(0));
}
