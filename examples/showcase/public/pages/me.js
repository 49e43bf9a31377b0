// One's own pages: numbers, projects, introductions, and what one's roles bring with them. Each follows two streams at most.

import { art, chips, empty, fill, h, heading, number, person, setNumber, text, tile, when } from '../dom.js';
import { button } from '../deed.js';
import { List, by, byTime } from '../list.js';
import { Stream, one } from '../live.js';
import { session } from '../session.js';

export default function me(main, [which]) {
  const { you } = session;
  const pages = [['', 'Overview', overview], ['intros', 'Introductions', intros], you.is_validator && ['validator', 'Validator', validator], you.is_investor && ['investor', 'Investor', investor], you.is_admin && ['admin', 'Reports', admin]].filter(Boolean);
  const [chosen, , draw] = pages.find(([name]) => name === (which ?? '')) ?? pages[0];
  const place = h('div', {});
  main.append(heading(you.username, chips('Your pages', pages.map(([name, words]) => [words, `#/me${name && `/${name}`}`, name === chosen]))), place);
  const ends = draw(place);
  return () => ends.forEach((one) => one.end());
}

/** Tiles for the numbers of a single row: `[[column, words, kind], …]`. */
function numbers(path, word, columns, also = () => {}) {
  const tiles = columns.map(([column, words, kind]) => [column, tile(words, 0, kind)]);
  const node = h('div', { class: 'tiles' }, tiles.map(([, { node: one }]) => one));
  const row = (item) => {
    if (!item) return;
    for (const [column, { set }] of tiles) set(item[column]);
    also(item);
  };
  return [node, one(path, word, { row, refused: (message) => fill(node, empty(text(message))) })];
}

function rowsOf(place, title, path, query, word, options) {
  const rows = h('ul', { class: options.kind ?? 'comments', 'aria-label': title });
  const none = empty(options.none);
  none.hidden = true;
  place.append(h('h2', {}, title), rows, none);
  const list = new List(rows, { ...options, changed: (many) => (none.hidden = many > 0) });
  return new Stream(path, query, word, {
    page: (items, cursor) => list.page(items, cursor),
    put: (key, item) => list.put(key, item),
    gone: (key) => list.gone(key),
    refused: (message) => fill(rows, empty(text(message))),
  });
}

function overview(place) {
  const [tiles, stats] = numbers('/api/me/dashboard', 'dashboard', [
    ['karma_score', 'karma', 'large'], ['active_projects', 'projects'], ['comment_count', 'comments'], ['badges_received', 'badges received'], ['badges_given', 'badges given'],
    ['intro_requests_pending', 'introductions to answer'], ['unread_messages', 'unread messages'], ['unread_notifications', 'unread notifications'],
  ]);
  place.append(h('p', { class: 'lead' }, 'These numbers are part of the write that changes them: there is no moment when they are wrong.'), tiles);
  const list = rowsOf(place, 'Your projects', '/api/me/projects', { limit: 30 }, 'projects', { compare: byTime('created_at'), draw: project, none: 'You have no project yet.', kind: 'comments' });
  return [stats, list];
}

function project(item) {
  const title = h('a', { class: 'title', href: `#/project/${encodeURIComponent(item.id)}`, dir: 'auto' });
  const by = h('p', { class: 'byline' });
  const facts = [['upvote_count', 'upvotes'], ['downvote_count', 'downvotes'], ['comment_count', 'comments'], ['badge_count', 'badges'], ['proof_score', 'points of proof']].map(([column, words]) => [column, number(item[column]), words]);
  const node = h('li', { class: 'comment' }, art('tile-art', item.title, item.id), h('div', { class: 'content' }, title, by, h('p', { class: 'facts-line' }, facts.map(([, shown, words]) => h('span', {}, shown, ` ${words}`)))));
  const update = (next) => {
    title.textContent = text(next.title) || 'Untitled';
    fill(by, when(next.created_at), next.category && h('span', { class: 'tag' }, next.category), next.is_deleted && h('span', { class: 'tag bad' }, 'deleted'));
    for (const [column, shown] of facts) setNumber(shown, next[column]);
    node.classList.toggle('dim', next.is_deleted);
  };
  update(item);
  return { node, update };
}

function intros(place) {
  const [tiles, stats] = numbers('/api/me/intro-stats', 'intro-stats', [['pending_requests', 'to answer', 'large'], ['approved_requests', 'approved'], ['rejected_requests', 'rejected'], ['sent_requests', 'sent by you']]);
  place.append(tiles);
  const list = rowsOf(place, 'Introductions', '/api/me/intros', { limit: 30 }, 'intros', { compare: byTime('created_at'), draw: intro, none: 'Nobody has asked for an introduction yet.' });
  return [stats, list];
}

const MOODS = { approved: 'good', rejected: 'bad', pending: 'open', open: 'open', resolved: 'good', dismissed: '' };
const state = (status) => h('span', { class: `tag ${Object.hasOwn(MOODS, status) ? MOODS[status] : ''}` }, text(status));

function intro(item) {
  const said = h('p', { class: 'said', dir: 'auto' });
  const by = h('p', { class: 'byline' });
  const answer = (approved, words) =>
    button({ class: 'button quiet' }, [words], () => ['/app/answer', { intro_id: item.id, approved }, (change) => change.word === 'intros' && change.key?.id === item.id]);
  const [yes, no] = [answer(true, 'Approve'), answer(false, 'Reject')];
  const acts = h('div', { class: 'acts' }, yes.node, no.node);
  const update = (next) => {
    said.textContent = text(next.message) || 'No words with it.';
    fill(by, state(next.status), next.direction === 'sent' ? 'to ' : 'from ', person(next.other_user_id, next.other_username), next.project_id && h('a', { href: `#/project/${encodeURIComponent(next.project_id)}`, dir: 'auto' }, text(next.project_title)), when(next.created_at));
    acts.hidden = next.direction !== 'received' || next.status !== 'pending';
  };
  update(item);
  return { node: h('li', { class: 'comment' }, art('round', item.other_username, item.other_user_id), h('div', { class: 'content' }, by, said, acts, yes.what, no.what)), update };
}

function validator(place) {
  const recent = h('ul', { class: 'badges' });
  const [tiles, stats] = numbers('/api/me/validator', 'validator', [['badges_given', 'badges given', 'large'], ['points_given', 'points given'], ['projects_validated', 'projects'], ['badges_7d', 'in seven days'], ['platinum', 'platinum'], ['gold', 'gold'], ['silver', 'silver'], ['bronze', 'bronze']],
    (item) => fill(recent, (item.recent_badges ?? []).map((badge) => h('li', { class: `medal ${['bronze', 'silver', 'gold', 'platinum'].includes(badge.badge_type) ? badge.badge_type : ''}` }, text(badge.badge_type), ' ', h('a', { href: `#/project/${encodeURIComponent(badge.project_id)}`, dir: 'auto' }, text(badge.project_title)), ' ', h('small', {}, when(badge.created_at))))));
  place.append(tiles, h('h2', {}, 'Your latest badges'), recent);
  return [stats];
}

function investor(place) {
  const recent = h('ul', { class: 'comments' });
  const [tiles, stats] = numbers('/api/me/investor', 'investor', [['intros_sent', 'introductions asked for', 'large'], ['intros_pending', 'pending'], ['intros_approved', 'approved'], ['intros_rejected', 'rejected'], ['portfolio_projects', 'projects in your portfolio'], ['portfolio_proof_score', 'points of the best']],
    (item) => fill(recent, (item.recent_intros ?? []).map((asked) => h('li', { class: 'comment' }, h('div', { class: 'content' }, h('p', { class: 'byline' }, state(asked.status), 'to ', h('span', { dir: 'auto' }, text(asked.builder_username)), when(asked.created_at)), asked.project_id && h('a', { class: 'title', href: `#/project/${encodeURIComponent(asked.project_id)}`, dir: 'auto' }, text(asked.project_title)))))));
  place.append(tiles, h('h2', {}, 'Your latest requests'), recent);
  return [stats];
}

function admin(place) {
  const queue = rowsOf(place, 'Queues', '/api/admin/dashboard', { limit: 50 }, 'dashboard', {
    kind: 'tiles', none: 'All queues are empty.', compare: (a, b) => by('queue', 'status')(b, a),
    draw: (item) => {
      const { node, set } = tile(`${text(item.queue)}, ${text(item.status)}`, item.items);
      return { node: h('li', {}, node), update: (next) => set(next.items) };
    },
  });
  const reports = rowsOf(place, 'Open reports', '/api/admin/reports', { status: 'open', limit: 20 }, 'reports', { none: 'Nothing is open.', compare: byTime('created_at'), draw: report });
  return [queue, reports];
}

function report(item) {
  const said = h('p', { class: 'said', dir: 'auto' });
  const by = h('p', { class: 'byline' });
  const update = (next) => {
    said.textContent = text(next.details) || text(next.comment_content);
    fill(by, state(next.status), h('span', { class: 'tag' }, text(next.reason)), `a ${text(next.subject_type)} of `, person(next.reported_user_id, next.reported_username), next.project_id && h('a', { href: `#/project/${encodeURIComponent(next.project_id)}`, dir: 'auto' }, text(next.project_title)), when(next.created_at));
  };
  update(item);
  return { node: h('li', { class: 'comment' }, h('div', { class: 'content' }, by, said)), update };
}
