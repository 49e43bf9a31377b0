// People: a public profile, and the investors.

import { art, chips, empty, fill, h, heading, number, outside, person, setNumber, text, tile, when } from '../dom.js';
import { List, byTime } from '../list.js';
import { Stream, one } from '../live.js';
import { session } from '../session.js';

/** By id (`#/profile/…`) or by name (`#/user/…`). */
export function profile(main, [id]) {
  const byName = location.hash.startsWith('#/user/');
  const title = heading('…');
  const name = title.firstElementChild;
  const picture = h('div', {});
  const about = h('p', { class: 'lead', dir: 'auto' });
  const by = h('p', { class: 'byline' });
  const acts = h('div', { class: 'acts' });
  const tiles = { karma: tile('karma', 0), projects: tile('projects', 0), badges: tile('badges given', 0), comments: tile('comments', 0), chains: tile('chains', 0) };
  const best = h('ul', { class: 'grid' });
  const body = [h('section', { class: 'card head' }, picture, h('div', { class: 'content' }, title, by, about), acts), h('div', { class: 'tiles' }, Object.values(tiles).map(({ node }) => node)), h('h2', {}, 'Best projects'), best];
  main.append(...body);
  const gone = () => fill(main, heading('Nobody'), empty('There is nobody of this name here, or not any more.'));
  const row = (item) => {
    if (!item) {
      gone();
      return;
    }
    if (!title.isConnected) fill(main, ...body);
    name.textContent = text(item.username);
    document.title = `${name.textContent} · Showcase`;
    if (!picture.firstChild) fill(picture, art('cover-art', item.username, item.user_id));
    about.textContent = text(item.bio);
    fill(by, item.is_verified && h('span', { class: 'tag featured' }, 'verified'), item.is_investor && h('span', { class: 'tag' }, 'investor'), 'here since ', when(item.member_since));
    fill(acts, session.you && session.you.id !== item.user_id && h('a', { class: 'button main', href: `#/inbox/${encodeURIComponent(item.user_id)}` }, 'Write a message'));
    tiles.karma.set(item.total_karma);
    tiles.projects.set(item.project_count);
    tiles.badges.set(item.badges_given);
    tiles.comments.set(item.comment_count);
    tiles.chains.set(item.chain_count);
    fill(best, (item.top_projects ?? []).map((project) => h('li', { class: 'card small' }, art('tile-art', project.title, project.id), h('div', { class: 'content' }, h('a', { class: 'title', href: `#/project/${encodeURIComponent(project.id)}`, dir: 'auto' }, text(project.title)), h('p', { class: 'byline' }, `${project.proof_score} points of proof`)))));
  };
  const stream = one(`${byName ? '/api/users/' : '/api/profiles/'}${encodeURIComponent(id)}`, 'profile', { row, refused: gone });
  return () => stream.end();
}

const FOCUSES = ['ai', 'climate', 'devtools', 'games', 'hardware', 'health', 'web3'];

export function investors(main, parts, query) {
  const focus = FOCUSES.includes(query.get('focus')) ? query.get('focus') : '';
  const rows = h('ul', { class: 'grid', 'aria-label': 'Investors' });
  main.append(
    heading('Investors'),
    h('p', { class: 'lead' }, 'Those whose request was approved, the latest first. No e-mail addresses: the route has none.'),
    chips('Focus', [['All', '#/investors', !focus], ...FOCUSES.map((name) => [name, `#/investors?focus=${name}`, name === focus])]),
    rows,
  );
  const list = new List(rows, { compare: byTime('approved_at'), draw: investor, hold: true });
  const stream = new Stream('/api/investors', { investment_focus: focus, limit: 30 }, 'investors', {
    page: (items, cursor) => list.page(items, cursor),
    put: (key, item) => list.put(key, item),
    gone: (key) => list.gone(key),
  });
  return () => stream.end();
}

function investor(item) {
  const by = h('p', { class: 'byline' });
  const company = h('b', { class: 'title', dir: 'auto' });
  const about = h('p', { class: 'about', dir: 'auto' });
  const sent = number(item.intro_requests_sent);
  const approved = number(item.intros_approved);
  const update = (next) => {
    company.textContent = text(next.company_name) || text(next.username);
    about.textContent = text(next.bio);
    about.hidden = !about.textContent;
    fill(by, person(next.user_id, next.username), next.investment_focus && h('span', { class: 'tag' }, next.investment_focus), next.ticket_size && h('span', { class: 'tag' }, next.ticket_size));
    setNumber(sent, next.intro_requests_sent);
    setNumber(approved, next.intros_approved);
  };
  update(item);
  const node = h('li', { class: 'card chain' }, h('div', { class: 'chain-top' }, art('tile-art', item.company_name ?? item.username, item.user_id), h('div', { class: 'content' }, company, by)), about, h('p', { class: 'facts-line' }, h('span', {}, sent, ' asked for'), h('span', {}, approved, ' approved'), outside(item.portfolio_url, 'portfolio')));
  return { node, update };
}
