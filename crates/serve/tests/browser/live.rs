//! What happens while the page is open.

use crate::browser::Browser;
use crate::stage::Stage;

const FIRST: &str = "document.querySelector('#feed > article')";

#[tokio::test(flavor = "multi_thread")]
async fn new_items_changes_and_deletes_arrive() {
    let Some(browser) = Browser::start().await else { return };
    let stage = Stage::with_events(1000).await;
    let server = stage.serve(0).await;
    browser.client.goto(&format!("http://{}/", server.address())).await.unwrap();
    browser.until("document.getElementById('status').dataset.state === 'live'").await;

    // At the top it appears by itself.
    let first = stage.act("First things first.").await;
    browser.until(&format!("{FIRST}.dataset.key.includes('{first}')")).await;
    assert_eq!(browser.is("document.getElementById('pill').hidden").await, true);

    // Further down, a pill tells of it; what is read does not move.
    browser.run("scrollTo(0, 700); window.read = document.querySelectorAll('#feed > article')[6]; window.there = read.getBoundingClientRect().top").await;
    let (second, third) = (stage.act("Second.").await, stage.act("Third.").await);
    browser.until("document.getElementById('pill').innerText === '2 new items'").await;
    browser.until("document.getElementById('announcer').textContent === '2 new items at the top'").await;
    assert_eq!(browser.is("document.title").await, "(2) The feed");
    assert_eq!(browser.is("Math.round(read.getBoundingClientRect().top - there)").await, 0);
    browser.shoot("pill").await;
    // One of them goes before anybody has seen it.
    stage.run(&format!("DELETE FROM platform_dweller_actions WHERE id = '{second}'")).await;
    browser.until("document.getElementById('pill').innerText === '1 new item'").await;
    browser.run("document.getElementById('pill').click()").await;
    browser.until(&format!("scrollY === 0 && {FIRST}.dataset.key.includes('{third}')")).await;
    assert_eq!(browser.is("document.getElementById('pill').hidden").await, true);

    // A change is drawn in place: the same element, with the focus where it was.
    browser.run(&format!("{FIRST}.same = true; {FIRST}.querySelector('a.world').focus()")).await;
    stage.run(&format!("UPDATE platform_dweller_actions SET content = 'Third, corrected.' WHERE id = '{third}'")).await;
    browser.until(&format!("{FIRST}.querySelector('.text').innerText === 'Third, corrected.'")).await;
    assert_eq!(
        browser.is(&format!("{FIRST}.same && document.activeElement === {FIRST}.querySelector('a.world')")).await,
        true
    );
    // While the focus is in the list, nothing moves it: new items wait.
    let fourth = stage.act("Fourth.").await;
    browser.until("document.getElementById('pill').innerText === '1 new item'").await;
    assert_eq!(browser.is(&format!("document.activeElement === {FIRST}.querySelector('a.world')")).await, true);

    // What is deleted goes, and the focus with it to the next one.
    stage.run(&format!("DELETE FROM platform_dweller_actions WHERE id = '{third}'")).await;
    browser.until(&format!("{FIRST}.dataset.key.includes('{first}')")).await;
    assert_eq!(browser.is(&format!("document.activeElement === {FIRST}")).await, true);
    browser.run("document.activeElement.blur()").await;
    browser.until(&format!("{FIRST}.dataset.key.includes('{fourth}')")).await;

    // A new name of an agent is in every item that shows it.
    browser.run("window.articles = document.querySelectorAll('#feed > article').length").await;
    stage.run("UPDATE platform_agents SET name = 'Grace ' || left(id::text, 4)").await;
    browser.until("[...document.querySelectorAll('#feed > article[data-type=story_created] .says b')].every(b => b.textContent.startsWith('Grace ') || b.textContent === 'somebody who left')").await;
    assert_eq!(browser.is("document.querySelectorAll('#feed > article').length === articles").await, true);

    // More than one could read wait, even at the top.
    let scene = "INSERT INTO platform_dweller_actions (dweller_id, action_type, content) \
                 SELECT (SELECT id FROM platform_dwellers ORDER BY id LIMIT 1), 'move', 'Step ' || n FROM generate_series(1, 30) n";
    stage.run(scene).await;
    browser.until("document.getElementById('pill').innerText === '30 new items'").await;
    browser.run("document.getElementById('pill').click()").await;
    stage.wait().await;
    let expected = stage.ids("true").await;
    browser.until(&format!("{FIRST}.dataset.key.includes('{}')", expected[0])).await;
    let keys = browser.keys().await;
    assert!(keys == expected[..keys.len()]);

    // More than are kept: the feed is read anew when they are asked for.
    browser.run("scrollTo(0, 900)").await;
    stage.run(&scene.replace("30", "700")).await;
    browser.until("document.getElementById('pill').innerText === '500+ new items'").await;
    browser.run("document.getElementById('pill').click()").await;
    stage.wait().await;
    let expected = stage.ids("true").await;
    browser
        .until(&format!("document.getElementById('pill').hidden && {FIRST}.dataset.key.includes('{}')", expected[0]))
        .await;
    let keys = browser.keys().await;
    assert!(keys == expected[..keys.len()]);

    browser.end().await;
    server.end().await;
    stage.end().await;
}

/// The keyboard of the pattern for feeds.
#[tokio::test(flavor = "multi_thread")]
async fn page_keys_go_from_item_to_item() {
    let Some(browser) = Browser::start().await else { return };
    let stage = Stage::with_events(500).await;
    let server = stage.serve(0).await;
    browser.client.goto(&format!("http://{}/", server.address())).await.unwrap();
    browser.until("document.getElementById('status').dataset.state === 'live'").await;
    let press = async |key: char| {
        browser.client.active_element().await.unwrap().send_keys(&key.to_string()).await.unwrap();
    };
    let (page_up, page_down) = ('\u{e00e}', '\u{e00f}');
    browser.run(&format!("{FIRST}.focus()")).await;
    press(page_down).await;
    press(page_down).await;
    let place = "document.activeElement.getAttribute('aria-posinset')";
    assert_eq!(browser.is(place).await, "3");
    press(page_up).await;
    assert_eq!(browser.is(place).await, "2");
    let inside = "(box => box.top >= document.querySelector('.bar').getBoundingClientRect().bottom && box.top < innerHeight)(document.activeElement.getBoundingClientRect())";
    browser.until(inside).await;
    browser.end().await;
    server.end().await;
    stage.end().await;
}
