// The frame around the pages: which one is shown, who looks at it, and what is new for them.

import { announce, art, empty, fill, h, heading, still, text } from './dom.js';
import { watchStreams } from './live.js';
import { become, begin, session } from './session.js';
import boards from './pages/boards.js';
import { chain, chains } from './pages/chains.js';
import feed from './pages/feed.js';
import inbox from './pages/inbox.js';
import me from './pages/me.js';
import notifications from './pages/notifications.js';
import { investors, profile } from './pages/people.js';
import project from './pages/project.js';
import search from './pages/search.js';

const $ = (id) => document.getElementById(id);
const main = $('main');

/** Each draws into `main` and gives a function that ends its streams: `page(main, parts, query)`. */
const PAGES = { '': feed, project, leaderboards: boards, chains, chain, investors, profile, user: profile, inbox, notifications, me, search };
/** Those that are somebody's own. */
const OWN = new Set(['inbox', 'notifications', 'me']);

let leave = () => {};
let shown = null;

/** `#/project/1?sort=new` → the page's word, the parts after it, and the query. */
function place() {
  const [path, query] = location.hash.replace(/^#\/?/, '').split('?');
  const [word, ...parts] = path.split('/').map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
  return { word, parts, query: new URLSearchParams(query ?? '') };
}

function show(focus = true) {
  leave();
  const { word, parts, query } = place();
  const same = shown === `${word}/${parts.join('/')}`;
  shown = `${word}/${parts.join('/')}`;
  main.className = `page-${word || 'feed'}`;
  fill(main);
  const draw = Object.hasOwn(PAGES, word) ? PAGES[word] : null;
  if (!draw) fill(main, heading('Nothing is here'), empty('There is no such page.', h('a', { class: 'button', href: '#/' }, 'To the feed')));
  else if (OWN.has(word) && !session.you) fill(main, heading('Who are you?'), choose());
  else leave = draw(main, parts, query) ?? (() => {});
  const title = main.querySelector('h1');
  document.title = `${text(title?.textContent) || 'Showcase'} · Showcase`;
  for (const link of $('nav').querySelectorAll('a')) {
    const own = link.getAttribute('href').slice(2);
    const here = own === word || (own === 'chains' && word === 'chain') || (own === '' && word === 'project');
    if (here) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  if (word !== 'search') $('find-text').value = '';
  if (focus && !same && word !== 'search') {
    scrollTo(0, 0);
    title?.focus({ preventScroll: true });
  }
}

// ---- who one is ----

const roles = (user) => [user.is_admin && 'administrator', user.is_validator && 'validator', user.is_investor && 'investor'].filter(Boolean);

function choose() {
  const card = (user) =>
    h('li', {}, h('button', { class: 'card cast', type: 'button', onclick: () => switchTo(user.id) }, art('round', user.username, user.id), h('span', {}, h('b', { dir: 'auto' }, user.username), h('small', {}, roles(user).join(', ') || 'builder'))));
  return [empty('This page is somebody’s own. In this demo you may be anybody:'), h('ul', { class: 'grid people' }, session.users.map(card))];
}

function offer() {
  const groups = [['Builders', (user) => !roles(user).length], ['Validators', (user) => roles(user)[0] === 'validator'], ['Investors', (user) => roles(user)[0] === 'investor'], ['Administrators', (user) => user.is_admin]];
  const users = session.you && !session.users.some(({ id }) => id === session.you.id) ? [...session.users, session.you] : session.users;
  const option = (user) => h('option', { value: user.id, selected: user.id === session.you?.id }, user.username);
  const group = ([label, fits]) => users.some(fits) && h('optgroup', { label }, users.filter(fits).map(option));
  fill($('who'), h('option', { value: '', selected: !session.you }, session.you ? 'Sign out' : 'Who are you?'), groups.map(group));
  $('who').value = session.you?.id ?? '';
}

async function switchTo(id) {
  $('who').disabled = true;
  try {
    await become(id);
    announce(session.you ? `You are ${session.you.username} now.` : 'You are signed out.');
  } catch (error) {
    toast(text(error.message));
    offer();
  }
  $('who').disabled = false;
}

$('who').addEventListener('change', (event) => switchTo(event.target.value));

// ---- what is new ----

let before = null;

function counts(row) {
  for (const name of ['messages', 'notifications']) {
    const badge = $(`unread-${name}`);
    const many = row?.[`unread_${name}`] ?? 0;
    badge.hidden = !many;
    badge.textContent = many > 99 ? '99+' : String(many);
    if (row) badge.dataset.value = many;
    else delete badge.dataset.value;
    badge.setAttribute('aria-label', `${many} unread`);
    const rose = before && row && before.user === session.you?.id && many > before[name];
    if (rose && !still()) badge.animate([{ transform: 'scale(1.5)' }, { transform: 'none' }], { duration: 350, easing: 'ease-out' });
    if (rose && name === 'messages' && place().word !== 'inbox') toast('A message has arrived.', '#/inbox', 'Read it');
  }
  before = row && { user: session.you?.id, messages: row.unread_messages, notifications: row.unread_notifications };
}

function toast(words, href, link) {
  const made = h('div', { class: 'toast' }, h('span', {}, words), href && h('a', { href }, link));
  $('toasts').replaceChildren(made);
  setTimeout(() => made.remove(), 6000);
}

watchStreams((state, heard) => {
  $('status').dataset.state = state;
  const words = { live: 'live', connecting: 'connecting', reconnecting: 'reconnecting', still: 'kept fresh' }[state];
  if ($('status-text').textContent !== words) $('status-text').textContent = words;
  $('heard').textContent = heard ? `${heard.toLocaleString('en')} ${heard === 1 ? 'change' : 'changes'} told to this window so far.` : '';
});

// ---- search, and the beginning ----

let typing = 0;
function find(now) {
  clearTimeout(typing);
  typing = setTimeout(() => {
    const q = $('find-text').value.trim();
    if (!q) return;
    const to = `#/search?q=${encodeURIComponent(q)}`;
    // One step back leaves the search, whatever was typed.
    if (place().word === 'search') location.replace(to);
    else location.hash = to;
  }, now ? 0 : 250);
}
$('find').addEventListener('submit', (event) => {
  event.preventDefault();
  find(true);
});
$('find-text').addEventListener('input', () => find(false));

// A link to a part of the page would look like the address of a page.
$('skip').addEventListener('click', (event) => {
  event.preventDefault();
  main.focus();
});

addEventListener('hashchange', () => show());
document.documentElement.dataset.ready = 'false';
await begin(() => {
  offer();
  show(false);
}, counts).catch((error) => fill(main, empty(`The application cannot be reached. ${text(error.message)}`)));
document.documentElement.dataset.ready = 'true';
