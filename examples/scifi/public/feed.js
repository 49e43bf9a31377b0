// The page: what is known (list.js) and where it comes from (source.js), drawn (card.js).
//
// Changes are gathered and drawn once a frame. An article stays the same element as long as its item is shown, wherever it moves; what is
// far from the window is not laid out (content-visibility in feed.css), so thousands of them scroll as smoothly as twenty.

import { List } from './list.js';
import { Source } from './source.js';
import { TYPES, ago, card, element, icon, redraw } from './card.js';

const $ = (id) => document.getElementById(id);
const main = $('main');
const feed = $('feed');

const STATES = {
  connecting: 'Connecting…',
  live: 'Live',
  reconnecting: 'Reconnecting…',
  polling: 'Every half minute',
  refused: 'Stopped',
};

/** At the top of the page new items appear at once, unless there are so many that one could not read. */
const AT_ONCE = 5;
/** The pause between two such appearances, in milliseconds, and the time in which it is seen whether there are many. */
const CALM = 1000;
const LOOK = 120;
/** At the top, what lies far below is let go of. */
const MOST = 600;
const KEPT = 200;
/** Pages that are read again, after a reset, to come down to where the reader is. */
const DEEPEST = 40;

let list = new List();
let source = null;
let world = null;
let changes = [];
let drawing = false;
let loading = null;
/** The list that is shown is of another filter, until something of the new one is there. */
let stale = false;
let shownAt = 0;
let arrivedAt = 0;

// ---- what is asked for ----

const filters = () => {
  const asked = new URLSearchParams(location.search);
  return { event_type: asked.get('event_type') ?? '', world_id: asked.get('world_id') ?? '' };
};

/** Begins to read what the address asks for. What is shown stays until something else can be. */
function begin() {
  source?.end();
  list = new List();
  changes = [];
  loading = null;
  stale = feed.childElementCount > 0;
  feed.classList.toggle('stale', stale);
  feed.setAttribute('aria-busy', 'true');
  for (const id of ['end', 'empty', 'retry', 'notice', 'more']) $(id).hidden = true;
  $('skeleton').hidden = stale;
  chips();
  const mine = list;
  // What an older source still had to say is of no interest.
  const only = (then) => (...given) => (list === mine ? then(...given) : undefined);
  source = new Source(main.dataset.path, filters(), Number(main.dataset.pollSeconds) || 30, {
    state: status,
    rows: only((rows) => {
      list.add(rows);
      $('more').hidden = false;
      draw();
    }),
    page: only(whole),
    polled: only(polled),
    change: only((change) => {
      changes.push(change);
      later();
    }),
    reset: only(() => {
      changes = [];
      list.forget();
    }),
    refused: only(refused),
  });
}

function go(address) {
  const url = new URL(address, location.href);
  if (url.search !== location.search) {
    history.pushState(null, '', url.pathname + url.search);
    begin();
  }
  scrollTo({ top: 0 });
}

addEventListener('popstate', begin);
document.addEventListener('click', (event) => {
  const link = event.target.closest?.('a[data-filter]');
  if (!link || event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  if (link.classList.contains('world')) world = { id: new URL(link.href).searchParams.get('world_id'), name: nameOf(link) };
  go(link.href);
});

const nameOf = (link) => (link.closest('article')?.querySelector('.title') && link.textContent === 'only this world'
  ? link.closest('article').querySelector('.title').firstChild.textContent : link.firstChild.textContent);

/** The filters: all, a world where one is chosen, the event types. They are links, so that they can be opened elsewhere. */
function chips() {
  const asked = filters();
  const to = (change) => {
    const wanted = new URLSearchParams(Object.entries({ ...asked, ...change }).filter(([, value]) => value));
    return wanted.size > 0 ? `?${wanted}` : './';
  };
  const chip = (label, address, chosen, mark, more = {}) =>
    element('a', { class: 'chip', href: address, 'data-filter': '', 'aria-current': chosen ? 'true' : null, ...more }, mark ? icon(mark) : null, element('span', {}, label));
  const made = [chip('Everything', to({ event_type: '' }), !asked.event_type, null)];
  if (asked.world_id) {
    const named = world?.id === asked.world_id ? world.name : 'One world';
    made.unshift(chip(named, to({ world_id: '' }), true, 'world', { 'aria-label': `World: ${named}. Show all worlds`, 'data-removes': '', id: 'world-chip' }));
  }
  for (const [type, [family, label]] of Object.entries(TYPES)) {
    made.push(chip(label, to({ event_type: type }), asked.event_type === type, family, { 'data-family': family }));
  }
  const place = $('chips').scrollLeft;
  const focused = $('chips').contains(document.activeElement) ? document.activeElement.getAttribute('href') : null;
  $('chips').replaceChildren(...made);
  $('chips').scrollLeft = place;
  if (focused !== null) made.find((one) => one.getAttribute('aria-current'))?.focus();
  made.find((one) => one.getAttribute('aria-current') && one.dataset.family)?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
}

/** The chosen world's name is found in any item of it. */
function nameWorld() {
  const asked = filters().world_id;
  if (!asked || world?.id === asked) return;
  const found = list.entries.find(({ item }) => item?.world?.id === asked)?.item.world;
  if (typeof found?.name === 'string') {
    world = found;
    chips();
  }
}

// ---- what comes ----

async function whole(page, anew) {
  if (anew && list.whole) {
    const mine = list;
    const deeper = await deepened(page).catch(() => page);
    if (list !== mine) return;
    list.replace(deeper);
  } else {
    list.take(page);
  }
  $('more').hidden = true;
  feed.setAttribute('aria-busy', 'false');
  draw();
  nameWorld();
  watch();
}

/** A page, and those after it down to the last item that the reader has on the screen. */
async function deepened(page) {
  const lowest = list.entries.findLast(({ card }) => card && card.getBoundingClientRect().top < innerHeight);
  let { rows, cursor } = page;
  for (let pages = 0; lowest && cursor && pages < DEEPEST && !rows.some(({ key }) => key === lowest.key); pages += 1) {
    const next = await source.json(cursor);
    rows = rows.concat(next.rows);
    cursor = next.cursor;
    if (next.rows.every(({ item }) => item.sort_date < lowest.item.sort_date)) break;
  }
  return { ...page, rows, cursor };
}

/** A first page that was read again. */
function polled(page) {
  if (list.meets(page)) list.take(page);
  else list.overflowed += page.rows.length;
  later();
}

function refused(message) {
  $('skeleton').hidden = true;
  feed.replaceChildren();
  feed.setAttribute('aria-busy', 'false');
  $('notice-text').textContent = `The feed says: ${message}.`;
  $('notice').hidden = false;
}

function status(state) {
  const shown = $('status');
  shown.dataset.state = state;
  shown.lastElementChild.textContent = STATES[state];
}

// ---- older items ----

const sentinel = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && older(), { rootMargin: '1600px 0px' });

/** Looks again whether the end of the list is near: an observer tells it only when it changes. */
function watch() {
  sentinel.unobserve($('sentinel'));
  if (list.cursor) sentinel.observe($('sentinel'));
}

async function older() {
  const { cursor, floor } = list;
  if (!cursor || loading || !$('retry').hidden) return;
  const mine = (loading = {});
  $('more').hidden = false;
  feed.setAttribute('aria-busy', 'true');
  let page = null;
  try {
    page = await source.older(cursor);
  } catch {
    // Told below.
  }
  // Another filter, or the list was read anew or cut: the page is none of it.
  if (loading !== mine) return;
  loading = null;
  feed.setAttribute('aria-busy', 'false');
  if (page && list.cursor === cursor) list.take(page, floor);
  $('more').hidden = true;
  $('retry').hidden = page !== null;
  draw();
  if (page) watch();
}

$('retry-button').addEventListener('click', () => {
  $('retry').hidden = true;
  watch();
});
addEventListener('online', () => $('retry').hidden || $('retry-button').click());

// ---- new items ----

const atTop = () => scrollY < 8 && !document.hidden && !feed.contains(document.activeElement);

/** What waits is shown at the top of the page, calmly. */
function appear() {
  if (list.news === 0 || list.overflowed > 0 || list.news > AT_ONCE || !atTop()) {
    arrivedAt = 0;
    return;
  }
  const now = performance.now();
  arrivedAt ||= now;
  const left = Math.max(shownAt + CALM, arrivedAt + LOOK) - now;
  if (left > 0) {
    setTimeout(later, left);
    return;
  }
  shownAt = now;
  arrivedAt = 0;
  list.reveal();
  if (list.entries.length > MOST) {
    list.trim(KEPT);
    watch();
  }
}

$('pill').addEventListener('click', (event) => {
  const keyboard = event.detail === 0;
  if (list.overflowed > 0) source.refresh();
  else list.reveal();
  scrollTo({ top: 0, behavior: scrollY < 5000 && !matchMedia('(prefers-reduced-motion: reduce)').matches ? 'smooth' : 'instant' });
  draw();
  // The pill goes away: who came by keyboard goes on at the first item.
  if (keyboard) feed.querySelector('article')?.focus({ preventScroll: true });
});

let announced = 0;
let announcing = 0;

function pill() {
  // What is about to appear by itself needs none.
  const news = arrivedAt > 0 ? 0 : list.news;
  const words = `${list.overflowed > 0 ? `${list.waiting.size}+` : news} new ${news === 1 ? 'item' : 'items'}`;
  $('pill').hidden = news === 0;
  if (news > 0) $('pill-text').textContent = words;
  document.title = news > 0 ? `(${news}) The feed` : 'The feed';
  if (news === announced) return;
  announced = news;
  clearTimeout(announcing);
  announcing = setTimeout(() => ($('announcer').textContent = news > 0 ? `${words} at the top` : ''), 1000);
}

// ---- drawing ----

function later() {
  if (drawing) return;
  drawing = true;
  if (document.hidden) setTimeout(draw, 100);
  else requestAnimationFrame(draw);
}

/** Makes the page show the list. */
function draw() {
  drawing = false;
  if (changes.length > 0 && list.whole) {
    list.change(changes);
    changes = [];
  }
  appear();
  if (stale && (list.entries.length > 0 || list.whole)) {
    feed.replaceChildren();
    feed.classList.remove('stale');
    stale = false;
  }
  const born = feed.childElementCount > 0;
  leave();
  let next = null;
  for (let at = list.entries.length - 1; at >= 0; at -= 1) {
    const entry = list.entries[at];
    if (entry.card === null) {
      entry.card = card(entry.item);
      entry.card.dataset.key = entry.key;
      entry.card.setAttribute('aria-posinset', at + 1);
      if (born && at < AT_ONCE) entry.card.classList.add('new');
      feed.insertBefore(entry.card, next);
    } else {
      if (entry.moved) feed.insertBefore(entry.card, next);
      if (entry.changed) {
        redraw(entry.card, entry.item);
        flash(entry.card);
      }
    }
    entry.moved = entry.changed = false;
    next = entry.card;
  }
  if (list.entries.length > 0 || list.whole) $('skeleton').hidden = true;
  $('empty').hidden = !list.whole || list.entries.length > 0;
  $('end').hidden = list.cursor !== null || list.entries.length === 0;
  pill();
  numbered();
}

/** Takes away what is gone. The focus goes on to the next item. */
function leave() {
  for (const { card: gone } of list.left) {
    if (!gone) continue;
    const heir = gone.contains(document.activeElement) ? gone.nextElementSibling ?? gone.previousElementSibling ?? feed : null;
    gone.remove();
    heir?.focus({ preventScroll: true });
  }
  list.left = [];
}

function flash(made) {
  made.classList.remove('changed');
  requestAnimationFrame(() => made.classList.add('changed'));
}
feed.addEventListener('animationend', ({ target }) => target.classList.remove('changed', 'new'));

let numbering = 0;
const whenIdle = globalThis.requestIdleCallback ?? ((then) => setTimeout(then, 200));

/** Places among all, as assistive technology tells them. How many there are is not known before the end is there. */
function numbered() {
  if (numbering) return;
  numbering = whenIdle(() => {
    numbering = 0;
    const all = String(list.cursor === null ? list.entries.length : -1);
    list.entries.forEach(({ card: made }, at) => {
      if (!made) return;
      const place = String(at + 1);
      if (made.getAttribute('aria-posinset') !== place) made.setAttribute('aria-posinset', place);
      if (made.getAttribute('aria-setsize') !== all) made.setAttribute('aria-setsize', all);
    });
  });
}

// ---- the keyboard, and time ----

/** As the pattern for feeds has it: Page Down and Page Up go from item to item, Control with End or Home leaves the feed. */
feed.addEventListener('keydown', (event) => {
  const here = event.target.closest('article');
  if (!here || event.altKey || event.metaKey) return;
  const to = {
    PageDown: () => here.nextElementSibling,
    PageUp: () => here.previousElementSibling,
    End: () => event.ctrlKey && ($('end').hidden ? null : $('end')),
    Home: () => event.ctrlKey && $('chips').querySelector('[aria-current]'),
  }[event.key]?.();
  if (!to) return;
  event.preventDefault();
  to.focus();
});

setInterval(() => {
  if (document.hidden) return;
  const now = Date.now();
  for (const time of feed.getElementsByTagName('time')) {
    const words = ago(time.dateTime, now);
    if (time.textContent !== words) time.textContent = words;
  }
}, 30_000);

const mayAppear = () => list.news > 0 && later();
addEventListener('scroll', mayAppear, { passive: true });
document.addEventListener('visibilitychange', mayAppear);
feed.addEventListener('focusout', mayAppear);

begin();
