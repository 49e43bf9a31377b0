// Chains: the public ones, one's own (private ones among them), and the forum of each.

import { art, chips, empty, fill, h, heading, icon, number, person, plural, setNumber, text, when } from '../dom.js';
import { button } from '../deed.js';
import { List, by, byTime } from '../list.js';
import { Repeated, Stream, one, page } from '../live.js';
import { session } from '../session.js';
import { pageOf } from './boards.js';

const SECONDS = 3;
const SORTS = [['trending', 'Trending', by('trending_score')], ['followers', 'Most followed', by('follower_count')], ['newest', 'Newest', byTime('created_at')]];

export function chains(main, parts, query) {
  const [sort, , compare] = SORTS.find(([name]) => name === query.get('sort')) ?? SORTS[0];
  const own = h('ul', { class: 'chips own', 'aria-label': 'Your chains' });
  const ownNone = h('p', { class: 'hint' }, 'You follow no chain yet.');
  const rows = h('ul', { class: 'grid', 'aria-label': 'Chains' });
  main.append(heading('Chains', chips('Order', SORTS.map(([name, words]) => [words, name === 'trending' ? '#/chains' : `#/chains?sort=${name}`, name === sort]))));
  let mine = null;
  const following = new Map();
  const cards = new Map();
  const redraw = (id) => cards.get(id)?.follows();
  if (session.you) {
    main.append(h('section', { class: 'strip' }, h('h2', {}, 'Your chains'), own, ownNone));
    const list = new List(own, { compare: byTime('member_since', 'chain_id'), draw: chip, changed: (many) => (ownNone.hidden = many > 0) });
    const know = (id, is) => {
      following.set(id, is);
      redraw(id);
    };
    mine = new Stream('/api/me/chains', { limit: 50 }, 'chains', {
      page: (items, cursor) => {
        list.page(items, cursor);
        for (const { item } of items) know(item.chain_id, item.is_following);
      },
      put: (key, item) => {
        list.put(key, item);
        know(item.chain_id, item.is_following);
      },
      gone: (key) => {
        list.gone(key);
        know(JSON.parse(key).chain_id, false);
      },
    });
  }
  main.append(rows);
  const draw = (item) => {
    const made = card(item, following);
    cards.set(item.id, made);
    return made;
  };
  const list = new List(rows, { compare, draw, hold: true });
  let first = true;
  const repeated = new Repeated('/api/chains', { sort, limit: 24 }, SECONDS, {
    page: (items) => {
      for (const item of items) if (!following.has(item.id)) following.set(item.id, item.user_is_following);
      pageOf(list, items, first);
      first = false;
    },
  });
  return () => {
    mine?.end();
    repeated.end();
  };
}

function chip(item) {
  const link = h('a', { class: 'chip', href: `#/chain/${encodeURIComponent(item.chain_id)}`, dir: 'auto' });
  const update = (next) => fill(link, !next.is_public && icon('lock'), !next.is_public && h('span', { class: 'unseen' }, 'private: '), text(next.name));
  update(item);
  return { node: h('li', {}, link), update };
}

/** A button that follows or stops following, and the place beside it. */
function followButton(id, has, keep) {
  let wanted = false;
  const follow = button({ class: 'follow' }, [], () => {
    if (!session.you) {
      document.getElementById('who').focus();
      return null;
    }
    const mine = (change) => (change.word === 'chains' || change.word === 'chain') && change.key?.chain_id === id;
    wanted = !has();
    return ['/app/follow', { chain_id: id, following: wanted }, mine];
  }, () => {
    keep(wanted);
    show();
  });
  const show = () => {
    follow.node.setAttribute('aria-pressed', String(has()));
    fill(follow.node, has() ? [icon('check'), 'Following'] : 'Follow');
  };
  show();
  return { ...follow, show };
}

function card(first, following) {
  let item = first;
  const name = h('a', { class: 'title', href: `#/chain/${encodeURIComponent(item.id)}`, dir: 'auto' });
  const about = h('p', { class: 'about', dir: 'auto' });
  const by = h('p', { class: 'byline' });
  const followers = number(item.follower_count);
  const projects = number(item.project_count);
  const posts = number(item.post_count);
  const follow = followButton(item.id, () => following.get(item.id) ?? false, (has) => following.set(item.id, has));
  const update = (next) => {
    item = next;
    name.textContent = text(item.name);
    about.textContent = text(item.description);
    about.hidden = !about.textContent;
    fill(by, 'by ', person(item.creator_id, item.creator_username), item.category && h('span', { class: 'tag' }, item.category));
    setNumber(followers, item.follower_count);
    setNumber(projects, item.project_count);
    setNumber(posts, item.post_count);
  };
  update(item);
  const node = h('li', { class: 'card chain' }, h('div', { class: 'chain-top' }, art('tile-art', item.name, item.id), h('div', { class: 'content' }, name, by)), about,
    h('p', { class: 'facts-line' }, h('span', {}, followers, ' followers'), h('span', {}, projects, ' projects'), h('span', {}, posts, ' posts')), h('div', { class: 'acts' }, follow.node), follow.what);
  return { node, update, follows: follow.show };
}

// ---- one chain ----

export function chain(main, [id], query) {
  const sort = query.get('sort') === 'newest' ? 'newest' : 'trending';
  const title = heading('…');
  const name = title.firstElementChild;
  const about = h('p', { class: 'lead', dir: 'auto' });
  const byline = h('p', { class: 'byline' });
  const facts = h('p', { class: 'facts-line' });
  let has = false;
  const follow = followButton(id, () => has, (now) => (has = now));
  const where = `#/chain/${encodeURIComponent(id)}`;
  const posts = h('ul', { class: 'comments', 'aria-label': 'Posts' });
  const none = empty('Nobody has posted anything yet.');
  none.hidden = true;
  main.append(h('section', { class: 'card head' }, h('div', { class: 'content' }, title, byline, about, facts), h('div', { class: 'acts' }, follow.node)), follow.what,
    h('div', { class: 'heading' }, h('h2', {}, 'Forum'), chips('Order', [['Trending', where, sort === 'trending'], ['Newest', `${where}?sort=newest`, sort === 'newest']])), posts, none);
  const ends = [];
  let ended = false;
  const later = (what) => (ended ? what.end() : ends.push(() => what.end()));
  const show = (item) => {
    name.textContent = text(item.name);
    document.title = `${name.textContent} · Showcase`;
    about.textContent = text(item.description);
    fill(byline, item.is_public === false && [icon('lock'), 'private · '], 'by ', person(item.creator_id, item.creator_username), item.category && h('span', { class: 'tag' }, item.category));
    fill(facts, 'follower_count' in item && [plural(item.follower_count, 'follower'), plural(item.project_count, 'project'), plural(item.post_count, 'post')].map((words) => h('span', {}, words)));
  };
  const follows = (is) => {
    has = is;
    follow.show();
  };
  const gone = () => fill(main, heading('Nothing is here'), empty('There is no such chain, or it is not yours to see.', h('a', { class: 'button', href: '#/chains' }, 'To the chains')));
  const path = encodeURIComponent(id);
  // The posts of private chains have no score.
  const best = (a, b) => ('trending_score' in a ? by('trending_score') : byTime('created_at'))(a, b);
  const compare = sort === 'newest' ? byTime('created_at') : (a, b) => Number(b.is_pinned) - Number(a.is_pinned) || best(a, b);
  const list = new List(posts, { compare, draw: post, changed: (many) => (none.hidden = many > 0) });
  // Everybody sees a public chain; a private one is asked for as one's own.
  page(`/api/chains/${path}`).then(({ rows: item }) => {
    show(item);
    follows(item.user_is_following);
    later(new Repeated(`/api/chains/${path}`, {}, SECONDS, { page: (rows) => show(rows), refused: gone }));
    let first = true;
    later(new Repeated(`/api/chains/${path}/posts`, { sort, limit: 30 }, SECONDS, {
      page: (items) => {
        pageOf(list, items, first);
        first = false;
      },
    }));
    if (session.you) later(one(`/api/me/chains/${path}`, 'chain', { row: (mine) => follows(Boolean(mine?.is_following)) }));
  }, () => {
    if (!session.you) {
      gone();
      return;
    }
    const row = (item) => {
      if (!item) gone();
      else {
        show({ ...item, id: item.chain_id });
        follows(item.is_following);
      }
    };
    later(one(`/api/me/chains/${path}`, 'chain', { row, refused: gone }));
    later(new Stream(`/api/me/chains/${path}/posts`, { sort: sort === 'newest' ? sort : 'pinned', limit: 30 }, 'posts', {
      page: (rows, cursor) => list.page(rows, cursor),
      put: (key, item) => list.put(key, item),
      gone: (key) => list.gone(key),
    }));
  });
  return () => {
    ended = true;
    for (const end of ends) end();
  };
}

function post(item) {
  const title = h('h3', { dir: 'auto' });
  const said = h('p', { class: 'said', dir: 'auto' });
  const by = h('p', { class: 'byline' });
  const votes = number(item.upvote_count);
  const comments = number(item.comment_count);
  const update = (next) => {
    title.textContent = text(next.title);
    said.textContent = text(next.content);
    fill(by, next.is_pinned && h('span', { class: 'tag featured' }, 'pinned'), h('span', { class: 'tag' }, text(next.post_type)), person(next.author_id, next.author_username, next.author_is_verified), when(next.created_at));
    setNumber(votes, next.upvote_count);
    setNumber(comments, next.comment_count);
  };
  update(item);
  const node = h('li', { class: 'comment' }, art('round', item.author_username, item.author_id), h('div', { class: 'content' }, by, title, said, h('p', { class: 'facts-line' }, h('span', {}, votes, ' upvotes'), h('span', {}, comments, ' comments'))));
  return { node, update };
}
