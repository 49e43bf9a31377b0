// Search: one ranked list of projects, people and chains.

import { art, chips, empty, fill, h, heading, text } from '../dom.js';
import { page } from '../live.js';

const TYPES = [['', 'Everything'], ['project', 'Projects'], ['user', 'People'], ['chain', 'Chains']];
const PAGES = { project: 'project', user: 'profile', chain: 'chain' };

export default function search(main, parts, query) {
  const q = (query.get('q') ?? '').trim();
  const type = query.get('type') ?? '';
  const link = (name) => `#/search?${new URLSearchParams({ q, ...(name && { type: name }) })}`;
  const rows = h('ul', { class: 'comments', 'aria-label': 'Results', 'aria-busy': 'true' });
  const more = h('div', { class: 'acts' });
  const field = document.getElementById('find-text');
  if (document.activeElement !== field) field.value = q;
  main.append(heading(q ? `“${q}”` : 'Search', chips('Kind', TYPES.map(([name, words]) => [words, link(name), name === type]))), rows, more);
  const ended = new AbortController();
  const ask = async (cursor) => {
    try {
      const found = await page('/api/search', { q, result_type: type, limit: 20, cursor }, ended.signal);
      if (ended.signal.aborted) return;
      rows.append(...found.rows.map(result));
      if (!rows.children.length) fill(more, empty('Nothing was found. Two letters may be wrong in a word, but not all of them.'));
      else fill(more, found.cursor && h('button', { class: 'button', type: 'button', onclick: () => ask(found.cursor) }, 'More'));
    } catch (error) {
      if (ended.signal.aborted) return;
      fill(more, empty(text(error.message)));
    }
    rows.setAttribute('aria-busy', 'false');
  };
  if (q) ask(null);
  else fill(more, empty('Write something into the field above.'));
  return () => ended.abort();
}

function result(item) {
  const kind = Object.hasOwn(PAGES, item.result_type) ? item.result_type : 'project';
  const href = `#/${PAGES[kind]}/${encodeURIComponent(item.id)}`;
  return h('li', { class: 'comment result' }, art(kind === 'user' ? 'round' : 'tile-art', item.name, item.id),
    h('div', { class: 'content' }, h('p', { class: 'byline' }, h('span', { class: 'tag' }, kind === 'user' ? 'person' : kind), kind !== 'user' && text(item.creator_username)), h('a', { class: 'title', href, dir: 'auto' }, marked(item.highlight?.name) ?? (text(item.name) || 'Untitled')), text(item.description) && h('p', { class: 'about', dir: 'auto' }, marked(item.highlight?.description) ?? text(item.description))));
}

const ENTITIES = { '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'", '&#x27;': "'", '&amp;': '&' };
const plain = (html) => html.replaceAll(/&(?:lt|gt|quot|#39|#x27|amp);/g, (entity) => ENTITIES[entity]);

/** A highlight, whose only element is `<mark>`: read as that, so that nothing else in it can become one. */
function marked(html) {
  if (!text(html)) return null;
  return text(html).split(/<mark>([^<]*)<\/mark>/).map((part, at) => (at % 2 ? h('mark', {}, plain(part)) : plain(part)));
}
