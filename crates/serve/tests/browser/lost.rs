//! Networks that are cut, servers that restart, streams that cannot be had: nothing is lost, nothing is there twice, nothing flickers.

use std::time::Duration;

use crate::browser::Browser;
use crate::proxy::{Proxy, Way};
use crate::stage::{Stage, polling_every};

/// From now on: how few items there ever were, and how many elements of items were taken away.
const WATCH: &str = "const feed = document.getElementById('feed'); window.fewest = feed.childElementCount; window.taken = 0; \
    new MutationObserver((changes) => { fewest = Math.min(fewest, feed.childElementCount); \
    for (const { removedNodes } of changes) taken += [...removedNodes].filter((node) => !node.isConnected).length; }).observe(feed, { childList: true });";

const STATE: &str = "document.getElementById('status').dataset.state";

async fn shows_the_select(browser: &Browser, stage: &Stage) {
    stage.wait().await;
    let expected = stage.ids("true").await;
    browser.until(&format!("document.querySelector('#feed > article').dataset.key.includes('{}')", expected[0])).await;
    let keys = browser.keys().await;
    assert!(keys.len() >= 20, "{}", keys.len());
    for (at, (key, expected)) in keys.iter().zip(&expected).enumerate() {
        assert_eq!(key, expected, "item {at}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_is_cut_and_healed() {
    let Some(browser) = Browser::start().await else { return };
    let stage = Stage::with_events(1000).await;
    let server = stage.serve(0).await;
    let proxy = Proxy::before(server.address()).await;
    browser.client.goto(&format!("http://{}/", proxy.address)).await.unwrap();
    browser.until(&format!("{STATE} === 'live'")).await;
    let before = browser.keys().await;
    browser.run(WATCH).await;
    // A short cut, which the browser heals by itself; and a long one, after which a new stream goes on where the old one was left.
    for (pause, words) in [(300, "short"), (6000, "long")] {
        proxy.set(Way::Cut);
        browser.until(&format!("{STATE} === 'reconnecting'")).await;
        stage.act(&format!("Unheard, {words}.")).await;
        stage
            .run(&format!("DELETE FROM platform_dweller_actions WHERE id IN ('{}', '{}')", before[3], before[5]))
            .await;
        tokio::time::sleep(Duration::from_millis(pause)).await;
        assert_eq!(browser.is("document.getElementById('status').innerText").await, "Reconnecting…");
        browser.shoot("reconnecting").await;
        proxy.set(Way::Open);
        browser.until(&format!("{STATE} === 'live'")).await;
        shows_the_select(&browser, &stage).await;
        let more = browser.is("document.querySelectorAll('#feed > article .text')[0].innerText").await;
        assert_eq!(more, format!("Unheard, {words}."));
    }
    // Only what was deleted was ever taken away.
    let gone = before.len() - stage.ids("true").await.iter().filter(|id| before.contains(id)).count();
    assert_eq!(browser.is("taken").await, gone);
    assert!(browser.is("fewest").await.as_u64().unwrap() as usize >= before.len() - gone);

    browser.end().await;
    server.end().await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_restarts_on_its_port() {
    let Some(browser) = Browser::start().await else { return };
    let stage = Stage::with_events(1000).await;
    let mut server = stage.serve(0).await;
    let port = server.address().port();
    browser.client.goto(&format!("http://127.0.0.1:{port}/")).await.unwrap();
    browser.until(&format!("{STATE} === 'live'")).await;
    browser.run(WATCH).await;
    let before = browser.keys().await.len();
    for round in 0..3 {
        server.end().await;
        stage.act(&format!("While it was away {round}.")).await;
        tokio::time::sleep(Duration::from_millis(400 + 2000 * round)).await;
        server = stage.serve(port).await;
        stage.act(&format!("When it was back {round}.")).await;
        shows_the_select(&browser, &stage).await;
        browser.until(&format!("{STATE} === 'live'")).await;
    }
    assert_eq!(browser.is("taken").await, 0);
    assert_eq!(browser.is("fewest").await, before);

    // The log begins anew while the server is away: what was shown stays until the new page is there.
    browser.run("scrollTo(0, 2500); window.anchor = [...document.querySelectorAll('#feed > article')].find(a => a.getBoundingClientRect().bottom > 300); window.there = anchor.getBoundingClientRect().top").await;
    server.end().await;
    stage.run("TRUNCATE headwater.log").await;
    let missed = stage.act("Not in the log.").await;
    stage.run("TRUNCATE headwater.log").await;
    stage.run("UPDATE platform_agents SET name = 'Renamed'").await;
    stage.wait().await;
    server = stage.serve(port).await;
    browser.until(&format!("document.querySelector('#feed > article').dataset.key.includes('{missed}') || !document.getElementById('pill').hidden")).await;
    // Not their innerText: what lies outside of the window has none.
    browser.until("[...document.querySelectorAll('#feed > article[data-type=story_created] .says b')].every(b => ['Renamed', 'somebody who left'].includes(b.textContent))").await;
    assert!(browser.is("fewest").await.as_u64().unwrap() as usize >= before, "never an empty list");
    shows_the_select(&browser, &stage).await;
    let moved = browser.is("Math.abs(anchor.getBoundingClientRect().top - there)").await.as_f64().unwrap();
    assert!(
        browser.is("anchor.isConnected").await == true && moved < 120.0,
        "what is read stays where it is: moved by {moved}"
    );

    browser.end().await;
    server.end().await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_streams_pages_are_asked_for() {
    let Some(browser) = Browser::start().await else { return };
    let stage = Stage::with_events(1000).await;
    let folder = polling_every("1");
    let server = stage.serve_from(0, &folder).await;
    let proxy = Proxy::before(server.address()).await;
    proxy.set(Way::NoStreams);
    browser.client.goto(&format!("http://{}/", proxy.address)).await.unwrap();
    browser.until(&format!("{STATE} === 'polling'")).await;
    let asked = proxy.asked();
    assert_eq!(asked.iter().filter(|path| path.contains("/stream")).count(), 3, "{asked:?}");
    assert!(asked.contains(&"/api/feed?limit=20".to_owned()), "{asked:?}");
    browser.shoot("polling").await;
    shows_the_select(&browser, &stage).await;

    // New ones, changed ones, deleted ones.
    let id = stage.act("Polled.").await;
    browser.until(&format!("document.querySelector('#feed > article').dataset.key.includes('{id}')")).await;
    stage.run(&format!("UPDATE platform_dweller_actions SET content = 'Polled again.' WHERE id = '{id}'")).await;
    browser.until("document.querySelector('#feed > article .text').innerText === 'Polled again.'").await;
    stage.run(&format!("DELETE FROM platform_dweller_actions WHERE id = '{id}'")).await;
    browser.until(&format!("!document.querySelector('#feed > article').dataset.key.includes('{id}')")).await;
    // Older ones come as JSON, too.
    browser.run("scrollTo(0, document.documentElement.scrollHeight)").await;
    browser.until("document.querySelectorAll('#feed > article').length > 150 || (scrollTo(0, document.documentElement.scrollHeight), false)").await;
    shows_the_select(&browser, &stage).await;

    // When streams can be had again, one is opened where the first page was.
    proxy.asked();
    proxy.set(Way::Open);
    browser.until(&format!("{STATE} === 'live'")).await;
    let asked = proxy.asked();
    assert!(asked.iter().any(|path| path.contains("/stream") && path.contains("last_event_id=")), "{asked:?}");
    let id = stage.act("Live again.").await;
    browser.run("scrollTo(0, 0)").await;
    browser.until(&format!("document.querySelector('#feed > article').dataset.key.includes('{id}')")).await;
    shows_the_select(&browser, &stage).await;

    browser.end().await;
    server.end().await;
    stage.end().await;
    std::fs::remove_dir_all(folder).unwrap();
}
