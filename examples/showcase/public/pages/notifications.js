// Notifications, the newest first.

import { chips, empty, fill, h, heading, icon, text, when } from '../dom.js';
import { button } from '../deed.js';
import { List, byTime } from '../list.js';
import { Stream } from '../live.js';

const ICONS = { vote: 'up', comment: 'comment', badge: 'badge', intro: 'purse', follow: 'chain', system: 'bell' };

export default function notifications(main, parts, query) {
  const unread = query.has('unread');
  const all = button({ class: 'button' }, ['Mark all as read'], () => ['/app/read', 'all_notifications', (change) => change.word === 'unread' && change.item?.unread_notifications === 0 || change.word === 'notifications' && (change.op === 'gone' || change.item?.is_read)]);
  const rows = h('ul', { class: 'comments', 'aria-label': 'Notifications' });
  const none = empty(unread ? 'Nothing is new.' : 'Nothing has happened yet.');
  none.hidden = true;
  main.append(heading('Notifications', chips('Which', [['All', '#/notifications', !unread], ['Unread', '#/notifications?unread=1', unread]]), all.node), all.what, rows, none);
  const list = new List(rows, { compare: byTime('created_at'), draw, changed: (many) => (none.hidden = many > 0) });
  const stream = new Stream('/api/me/notifications', { limit: 30, is_read: unread ? 'false' : null }, 'notifications', {
    page: (items, cursor) => list.page(items, cursor),
    put: (key, item) => list.put(key, item),
    gone: (key) => list.gone(key),
  });
  return () => stream.end();
}

function draw(item) {
  const said = h('p', { class: 'said', dir: 'auto' });
  const by = h('p', { class: 'byline' });
  const read = button({ class: 'button quiet' }, ['Mark as read'], () => ['/app/read', { notification: item.id }, (change) => change.word === 'notifications' && change.key?.id === item.id]);
  const node = h('li', { class: 'comment' }, h('span', { class: 'mark' }, icon(Object.hasOwn(ICONS, item.type) ? ICONS[item.type] : 'bell')), h('div', { class: 'content' }, said, by, read.what), read.node);
  const update = (next) => {
    said.textContent = text(next.title);
    fill(by, h('span', { class: 'tag' }, text(next.type)), when(next.created_at));
    read.node.hidden = next.is_read;
    node.classList.toggle('unread', !next.is_read);
  };
  update(item);
  return { node, update };
}
