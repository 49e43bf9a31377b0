// Leaderboards. Ranks are numbered when they are read, so these pages are asked for again and again; an answer that has not changed is a 304.

import { art, chips, h, heading, number, person, setNumber, text } from '../dom.js';
import { List } from '../list.js';
import { Repeated } from '../live.js';

const SECONDS = 2;

const BOARDS = {
  projects: ['Projects', '/api/leaderboards/projects', 'proof_score', 'points of proof', [['badge_count', 'badges'], ['comment_count', 'comments'], ['vote_count', 'votes']]],
  builders: ['Builders', '/api/leaderboards/builders', 'total_karma', 'karma', [['project_count', 'projects'], ['badges_given', 'badges given'], ['comment_count', 'comments']]],
};

export default function boards(main, [which]) {
  const chosen = Object.hasOwn(BOARDS, which ?? '') ? which : 'projects';
  const [, path, score, words, more] = BOARDS[chosen];
  const rows = h('ol', { class: 'board', 'aria-label': BOARDS[chosen][0] });
  main.append(
    heading('Leaderboards', chips('Board', Object.entries(BOARDS).map(([name, [title]]) => [title, `#/leaderboards/${name}`, name === chosen]))),
    h('p', { class: 'lead' }, `The first fifty by ${words}, out of a thousand that are ranked; read again every ${SECONDS} seconds.`),
    rows,
  );
  const draw = (item) => {
    const rank = number(item.rank);
    const name = chosen === 'projects' ? h('a', { class: 'title', href: `#/project/${encodeURIComponent(item.id)}`, dir: 'auto' }) : null;
    const by = h('span', { class: 'byline' });
    const points = number(item[score]);
    const facts = more.map(([column, called]) => [column, number(item[column]), called]);
    const update = (next) => {
      setNumber(rank, next.rank);
      setNumber(points, next[score]);
      if (name) name.textContent = text(next.title) || 'Untitled';
      by.replaceChildren(chosen === 'projects' ? person(next.user_id, next.username) : person(next.id, next.username, next.is_verified));
      for (const [column, shown] of facts) setNumber(shown, next[column]);
    };
    update(item);
    const small = h('span', { class: 'facts-line' }, facts.map(([, shown, called]) => h('span', {}, shown, ` ${called}`)));
    const node = h('li', { class: 'card rank-row' }, h('span', { class: 'rank' }, rank), art('round', item.title ?? item.username, item.id), h('span', { class: 'content' }, name, by, small), h('span', { class: 'score' }, points, h('small', {}, words)));
    return { node, update };
  };
  const list = new List(rows, { compare: (a, b) => a.rank - b.rank, draw });
  let first = true;
  const repeated = new Repeated(path, { limit: 50 }, SECONDS, {
    page: (items) => {
      pageOf(list, items, first);
      first = false;
    },
  });
  return () => repeated.end();
}

/** A page that comes again: what was there glides to its new place. */
export function pageOf(list, items, first, key = 'id') {
  const rows = items.map((item) => ({ key: JSON.stringify({ [key]: item[key] }), item }));
  if (first) {
    list.page(rows, null);
    return;
  }
  const keys = new Set(rows.map((row) => row.key));
  for (const row of rows) list.put(row.key, row.item);
  for (const old of [...list.rows.keys()]) if (!keys.has(old)) list.gone(old);
}
