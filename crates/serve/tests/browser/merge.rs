//! `list.js` against a log that it is told of out of order.

use crate::browser::Browser;
use crate::stage::Stage;

/// Rows come, change, move and go, each at its position. Pages are read at random positions, some of them old, and arrive at random moments
/// among the changes. Whenever everything was told, the list is what the log says, down to the floor.
const TRIAL: &str = r"
const done = arguments[arguments.length - 1];
import('./list.js').then(({ List, compare, micros }) => {
    let seed = 7;
    const below = (n) => { seed = (Math.imul(seed, 1103515245) + 12345) >>> 0; return (seed >>> 8) % n; };
    const at = (number) => ({ epoch: 1, number });
    const date = (n) => `2026-01-01T00:00:${String(n % 60).padStart(2, '0')}.${String(n).padStart(6, '0')}+00:00`;
    const rows = (state) => [...state].map(([key, item]) => ({ key, item, micros: micros(item.sort_date) })).sort(compare);
    for (let trial = 0; trial < 300; trial += 1) {
        const list = new List();
        const holds = below(3) === 0;
        const states = [new Map()];
        const log = [null];
        const happen = () => {
            const state = new Map(states.at(-1));
            const key = String(below(40)).padStart(2, '0');
            const item = below(3) === 0 ? null : { sort_date: date(below(12)), version: states.length };
            if (item) state.set(key, item); else state.delete(key);
            states.push(state);
            log.push({ key, item, at: at(states.length - 1) });
        };
        for (let n = 0; n < 30; n += 1) happen();
        const page = (number, from, limit) => {
            const after = rows(states[number]).filter((row) => !from || compare(row, from) > 0);
            return { rows: after.slice(0, limit).map(({ key, item }) => ({ key, item })), position: at(number), cursor: after.length > limit ? 'more' : null };
        };
        const begun = below(30);
        list.take(page(begun, null, 5));
        let told = begun + 1;
        let pending = null;
        for (let n = 0; n < 60; n += 1) {
            const what = below(6);
            list.holding = holds && below(2) === 0;
            if (what < 2) happen();
            else if (what === 2 && !pending && list.cursor) pending = { page: page(Math.max(begun, states.length - 1 - below(8)), list.floor, 1 + below(6)), floor: list.floor };
            else if (what === 3 && pending) { list.take(pending.page, pending.floor); pending = null; }
            else if (what === 4 && told < log.length) { const many = 1 + below(log.length - told); list.change(log.slice(told, told + many)); told += many; }
            else if (what === 5 && below(4) === 0) { const number = Math.max(begun, states.length - 1 - below(4)); list.take(page(number, null, 4)); }
            if (below(20) === 0) list.reveal();
            if (below(40) === 0 && !pending) list.trim(4);
            if (below(60) === 0 && !pending) list.replace(page(Math.max(begun, states.length - 1 - below(6)), null, 4));
        }
        if (pending) list.take(pending.page, pending.floor);
        list.change(log.slice(told));
        list.reveal();
        const expected = rows(states.at(-1)).filter((row) => compare(row, list.floor) <= 0);
        const shown = (all) => JSON.stringify(all.map(({ key, item }) => [key, item]));
        if (shown(list.entries) !== shown(expected) || list.known.size !== list.entries.length || list.news !== 0) {
            done({ trial, shown: shown(list.entries), expected: shown(expected), floor: list.floor, news: list.news });
            return;
        }
    }
    // Time grows with the list, not with its square.
    const time = (size) => {
        const list = new List();
        const made = (n) => ({ key: `k${n}`, item: { sort_date: date(n % 999999), n } });
        const began = performance.now();
        for (let n = 0; n < size; n += 50) list.take({ rows: Array.from({ length: 50 }, (_, more) => ({ key: `k${n + more}`, item: { sort_date: new Date(4e12 - (n + more) * 1000).toISOString() } })), position: at(1), cursor: 'more' }, list.floor);
        list.change(Array.from({ length: 4000 }, (_, n) => ({ key: `k${n * 2}`, item: null, at: at(2 + n) })));
        return [performance.now() - began, list.entries.length];
    };
    const [took, left] = time(20000);
    done(took < 5000 && left === 16000 ? 'right' : { took, left });
}).catch((error) => done(String(error.stack)));
";

#[tokio::test(flavor = "multi_thread")]
async fn pages_and_changes_in_any_order_are_the_log() {
    let Some(browser) = Browser::start().await else { return };
    let stage = Stage::with_events(200).await;
    let server = stage.serve(0).await;
    browser.client.goto(&format!("http://{}/", server.address())).await.unwrap();
    let found = browser.client.execute_async(TRIAL, Vec::new()).await.unwrap();
    assert_eq!(found, "right");
    browser.end().await;
    server.end().await;
    stage.end().await;
}
