//! The first page: a skeleton, items as soon as there are some, and the end of "loading more…".

use crate::browser::Browser;
use crate::proxy::{Proxy, Way};
use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn a_skeleton_then_items_as_they_come_then_the_whole_page() {
    let Some(browser) = Browser::start().await else { return };
    let stage = Stage::with_events(500).await;
    let server = stage.serve(0).await;
    let proxy = Proxy::before(server.address()).await;

    proxy.set(Way::Held);
    browser.client.goto(&format!("http://{}/", proxy.address)).await.unwrap();
    browser.until("document.querySelector('#chips > a') !== null").await;
    let (shown, busy) =
        ("getComputedStyle(document.getElementById('skeleton')).display", "document.getElementById('feed').ariaBusy");
    assert_eq!((browser.is(shown).await, browser.is(busy).await), ("block".into(), "true".into()));
    assert!(browser.keys().await.is_empty());
    browser.shoot("skeleton").await;

    proxy.set(Way::HeldFrom("id: "));
    browser.until("document.querySelectorAll('#feed > article').length > 0").await;
    assert_eq!(browser.is(shown).await, "none");
    assert_eq!(browser.is("document.getElementById('more').hidden").await, false);
    assert_eq!(browser.is("document.getElementById('more').innerText").await, "loading more…");
    assert_eq!(browser.is("document.getElementById('status').dataset.state").await, "connecting");

    proxy.set(Way::Open);
    browser.until("document.getElementById('status').dataset.state === 'live'").await;
    browser
        .until("document.getElementById('feed').ariaBusy === 'false' && document.getElementById('more').hidden")
        .await;
    let expected = stage.ids("true").await;
    let keys = browser.keys().await;
    assert!(keys.len() >= 20 && keys[..] == expected[..keys.len()], "{keys:?}\n{expected:?}");
    browser.shoot("desktop").await;
    assert_eq!(proxy.asked()[0], "/api/feed/stream?limit=20");

    browser.end().await;
    server.end().await;
    stage.end().await;
}

/// A filter is in the address, may be wrong, and goes with Back.
#[tokio::test(flavor = "multi_thread")]
async fn filters_are_links() {
    let Some(browser) = Browser::start().await else { return };
    let stage = Stage::with_events(500).await;
    let server = stage.serve(0).await;
    let (client, address) = (&browser.client, server.address());
    client.goto(&format!("http://{address}/?event_type=story_created")).await.unwrap();
    let shows = |ids: Vec<String>| {
        let ids = serde_json::to_string(&ids[..ids.len().min(20)]).unwrap();
        format!(
            "JSON.stringify([...document.querySelectorAll('#feed:not(.stale) > article')].slice(0, 20).map(a => JSON.parse(a.dataset.key).id)) === {ids:?}"
        )
    };
    let stories = shows(stage.ids("event_type = 'story_created'").await);
    browser.until(&stories).await;
    let current = "document.querySelector('#chips [aria-current]').innerText";
    assert_eq!(browser.is(current).await, "Stories");

    browser.run("[...document.querySelectorAll('.chip')].find(chip => chip.innerText === 'Actions').click()").await;
    browser.until(&shows(stage.ids("event_type = 'dweller_action'").await)).await;
    assert_eq!(client.current_url().await.unwrap().query(), Some("event_type=dweller_action"));
    assert_eq!(browser.is(current).await, "Actions");

    // The world of the first item; its name stays on a chip, which takes it away again.
    browser.run("document.querySelector('#feed a.world').click()").await;
    browser.until("location.search.startsWith('?world_id=')").await;
    let world = client.current_url().await.unwrap().query_pairs().next().unwrap().1.into_owned();
    let all = shows(stage.ids(&format!("world_id = '{world}'")).await);
    browser.until(&all).await;
    let name = stage.column(&format!("SELECT name FROM platform_worlds WHERE id = '{world}'")).await.remove(0);
    assert_eq!(browser.is("document.getElementById('world-chip').innerText").await, name.as_str());
    client.refresh().await.unwrap();
    browser.until(&all).await;
    browser.until(&format!("document.getElementById('world-chip').innerText === {name:?}")).await;
    client.back().await.unwrap();
    browser.until(&shows(stage.ids("event_type = 'dweller_action'").await)).await;
    client.back().await.unwrap();
    browser.until(&stories).await;

    // What is no world.
    client.goto(&format!("http://{address}/?world_id=x")).await.unwrap();
    browser.until("document.getElementById('notice').checkVisibility()").await;
    browser.shoot("refused").await;
    browser.run("document.getElementById('notice-link').click()").await;
    browser.until(&shows(stage.ids("true").await)).await;
    // What nobody has done.
    client.goto(&format!("http://{address}/?event_type=nothing")).await.unwrap();
    browser.until("document.getElementById('empty').checkVisibility()").await;

    browser.end().await;
    server.end().await;
    stage.end().await;
}
