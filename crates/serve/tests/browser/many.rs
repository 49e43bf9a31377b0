//! Ten thousand items, scrolled to the end.

use std::time::Instant;

use crate::browser::Browser;
use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_items_are_scrolled_in_order_and_once() {
    let Some(browser) = Browser::start().await else { return };
    let stage = Stage::with_events(10_000).await;
    let server = stage.serve(0).await;
    browser.client.goto(&format!("http://{}/", server.address())).await.unwrap();
    browser.until("document.querySelectorAll('#feed > article').length >= 20").await;
    let began = Instant::now();
    // As fast as the page can, from frame to frame.
    browser
        .run(
            "window.down = () => { scrollTo(0, document.documentElement.scrollHeight); \
             if (document.getElementById('end').hidden) requestAnimationFrame(down); }; down();",
        )
        .await;
    // However slow the machine: as long as there are more and more of them.
    while browser.is("document.getElementById('end').hidden").await == true {
        let items = browser.is("document.querySelectorAll('#feed > article').length").await;
        let more = format!(
            "document.querySelectorAll('#feed > article').length > {items} || !document.getElementById('end').hidden"
        );
        browser.until(&more).await;
    }
    let took = began.elapsed();
    let (keys, expected) = (browser.keys().await, stage.ids("true").await);
    assert!(expected.len() >= 10_000, "{}", expected.len());
    assert_eq!(keys.len(), expected.len());
    assert!(keys == expected, "as the SELECT has them");

    // With all of them there: from the bottom to the top in 120 frames, and something happens meanwhile.
    let worked = browser.worked();
    browser
        .run(
            "const height = scrollY; let at = 0, last = performance.now(); window.frames = []; \
             const up = (now) => { frames.push(now - last); last = now; at += 1; scrollTo(0, height * (1 - at / 120)); \
             if (at < 120) requestAnimationFrame(up); }; requestAnimationFrame(up);",
        )
        .await;
    let id = stage.act("in the middle of it").await;
    browser.until("window.frames.length === 120 && scrollY === 0").await;
    browser.until(&format!("document.querySelector('#pill:not([hidden])') !== null || document.querySelector('#feed > article').dataset.key.includes('{id}')")).await;
    let worked = (browser.worked() - worked) / 120;
    let frames = browser.is("frames.sort((a, b) => a - b)").await;
    let frame = |at: usize| frames[at].as_f64().unwrap();
    eprintln!(
        "{} items in {took:?}; 120 frames: median {:.0} ms, slowest {:.0} ms, work {worked:?} each",
        keys.len(),
        frame(60),
        frame(119)
    );

    browser.run("document.querySelector('#pill').click()").await;
    browser.until(&format!("document.querySelector('#feed > article').dataset.key.includes('{id}')")).await;
    stage.run(&format!("DELETE FROM platform_dweller_actions WHERE id = '{id}'")).await;
    browser
        .until(&format!(
            "![...document.querySelectorAll('#feed > article')].some((item) => item.dataset.key.includes('{id}'))"
        ))
        .await;
    // At the top, the page has let go of what lies far below.
    let keys = browser.keys().await;
    assert!(keys.len() >= 100 && keys == expected[..keys.len()], "{} are left", keys.len());

    browser.end().await;
    server.end().await;
    stage.end().await;
}
