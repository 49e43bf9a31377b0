// The inbox, and the conversation that is open: both tell at once what was written, and by whom it was read.

import { art, empty, fill, h, heading, person, text, when } from '../dom.js';
import { button, writing } from '../deed.js';
import { List, byTime } from '../list.js';
import { Stream } from '../live.js';
import { profile } from '../names.js';
import { session } from '../session.js';

export default function inbox(main, [other]) {
  const rows = h('ul', { class: 'conversations', 'aria-label': 'Conversations' });
  const none = empty('Nobody has written to you yet.');
  none.hidden = true;
  const pane = h('section', { class: 'pane', 'aria-label': 'Conversation' });
  main.append(heading('Inbox'), h('div', { class: `inbox ${other ? 'open' : ''}` }, h('div', { class: 'side' }, rows, none), pane));
  const unread = new Map();
  const list = new List(rows, { compare: byTime('last_message_time', 'other_user_id'), draw: (item) => conversation(item, item.other_user_id === other), changed: (many) => (none.hidden = many > 0) });
  let open = null;
  const know = (item) => {
    unread.set(item.other_user_id, item.unread_count);
    if (item.other_user_id === other) open?.unread(item.unread_count);
  };
  const stream = new Stream('/api/me/inbox', { limit: 30 }, 'inbox', {
    page: (items, cursor) => {
      items.forEach(({ item }) => know(item));
      list.page(items, cursor);
    },
    put: (key, item) => {
      know(item);
      list.put(key, item);
    },
    gone: (key) => list.gone(key),
  });
  if (other) open = conversationPane(pane, other, unread.get(other) ?? 0);
  else fill(pane, empty('Choose a conversation. What somebody writes to you appears by itself, here and on the badge above.'));
  return () => {
    stream.end();
    open?.end();
  };
}

function conversation(item, chosen) {
  const name = h('b', { dir: 'auto' }, '…');
  const last = h('span', { class: 'last', dir: 'auto' });
  const time = h('span', { class: 'time' });
  const count = h('b', { class: 'count' });
  const picture = h('span', {});
  const node = h('li', {}, h('a', { class: 'conversation', href: `#/inbox/${encodeURIComponent(item.other_user_id)}`, 'aria-current': chosen && 'true' }, picture, h('span', { class: 'content' }, h('span', { class: 'line' }, name, time), h('span', { class: 'line' }, last, count))));
  profile(item.other_user_id, (who) => {
    name.textContent = item.other_user_id === session.you?.id ? 'Notes to yourself' : text(who?.username) || 'somebody who left';
    fill(picture, art('round', who?.username ?? '?', item.other_user_id));
  });
  const update = (next) => {
    last.textContent = (next.last_sender_id === session.you?.id ? 'You: ' : '') + text(next.last_message_text);
    fill(time, when(next.last_message_time));
    count.hidden = !next.unread_count;
    count.textContent = next.unread_count;
    count.setAttribute('aria-label', `${next.unread_count} unread`);
    node.classList.toggle('unread', next.unread_count > 0);
  };
  update(item);
  return { node, update };
}

function conversationPane(pane, other, many) {
  const name = h('h2', { dir: 'auto' }, '…');
  profile(other, (who) => fill(name, person(who && other, who?.username)));
  const read = button({ class: 'button quiet' }, ['Mark as read'], () => ['/app/read', { conversation: other }, (change) => change.word === 'inbox' && change.item?.other_user_id === other && change.item.unread_count === 0]);
  const box = h('div', { class: 'messages', tabindex: '0', role: 'log', 'aria-label': 'Messages' });
  const rows = h('ul', {});
  box.append(rows);
  const form = writing({ label: 'Write a message', words: 'Send' }, (message) => ['/app/message', { recipient_id: other, message }, (change, answer) => change.word === 'messages' && change.item?.id === answer.id]);
  fill(pane, h('div', { class: 'pane-head' }, h('a', { class: 'button back', href: '#/inbox', 'aria-label': 'Back to all conversations' }, '‹'), name, read.node), read.what, box, form);
  const unread = (count) => {
    read.node.hidden = !count;
    fill(read.node, `Mark ${count} as read`);
  };
  unread(many);
  // The newest message is lowest; who has scrolled up is left there.
  let low = true;
  box.addEventListener('scroll', () => (low = box.scrollHeight - box.scrollTop - box.clientHeight < 60));
  const changed = () => {
    if (low) box.scrollTop = box.scrollHeight;
  };
  const list = new List(rows, { compare: byTime('created_at'), draw: message, upward: true, changed });
  const stream = new Stream('/api/me/messages', { other_user_id: other, limit: 40 }, 'messages', {
    page: (items, cursor) => list.page(items, cursor),
    put: (key, item) => list.put(key, item),
    gone: (key) => list.gone(key),
    refused: (words) => fill(rows, empty(text(words))),
  });
  return { unread, end: () => stream.end() };
}

function message(item) {
  const own = item.sender_id === session.you?.id;
  const said = h('p', { class: 'said', dir: 'auto' });
  const by = h('p', { class: 'byline' });
  const update = (next) => {
    said.textContent = text(next.message);
    fill(by, when(next.created_at), own && (next.is_read ? 'read' : 'not read yet'), !own && !next.is_read && h('b', {}, 'new'));
  };
  update(item);
  return { node: h('li', { class: `message ${own ? 'own' : ''}` }, h('span', { class: 'unseen' }, own ? 'You: ' : 'They: '), said, by), update };
}
