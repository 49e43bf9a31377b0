// Who one is: the demo lets everybody be anybody. The application gives a token, and POST /session makes it the cookie that streams need.
//
// All windows of a browser have the same cookie, so all of them are told when it changes. They share one stream of unread counts, too.

import { one } from './live.js';

const channel = 'BroadcastChannel' in window ? new BroadcastChannel('showcase') : null;

export const session = { you: null, users: [] };

let onChange = () => {};
let onUnread = () => {};
/** What this window has heard, where it is the one that holds the stream of unread counts. */
let held = null;
let release = () => {};

/** Reads who one is, and calls `changed()` now and whenever that changes, in whatever window; `counts(row)` with the unread counts. */
export async function begin(changed, counts) {
  onChange = changed;
  onUnread = counts;
  channel?.addEventListener('message', ({ data }) => {
    if (data.changed) look();
    else if (data.user && data.user === session.you?.id) onUnread(data.counts);
    if (data.asks && data.asks === session.you?.id && held?.counts) channel.postMessage({ user: data.asks, counts: held.counts });
  });
  await look();
}

async function look() {
  const response = await fetch('/app/users', { cache: 'no-store' });
  const { users, you } = await response.json();
  // A token of an earlier run, or of somebody who was deleted, would be refused everywhere.
  if (!you) await fetch('/session', { method: 'DELETE' });
  session.users = users;
  take(you);
}

/** Becomes somebody, or nobody. */
export async function become(id) {
  if (id) {
    const { token, user } = await send('/app/sign-in', { user_id: id });
    const response = await fetch('/session', { method: 'POST', headers: { authorization: `Bearer ${token}` } });
    if (!response.ok) throw new Error('the session could not be begun');
    take(user);
  } else {
    await fetch('/session', { method: 'DELETE' });
    take(null);
  }
  channel?.postMessage({ changed: true });
}

function take(you) {
  session.you = you;
  release();
  onUnread(null);
  release = you ? follow(you.id) : () => {};
  onChange();
}

/** One window that is seen holds the lock and the stream, and tells the others; where there are no locks, each has its own stream. */
function follow(user) {
  const ended = new AbortController();
  let turn = new AbortController();
  const hold = ({ signal }) =>
    new Promise((done) => {
      const own = { counts: null };
      held = own;
      const row = (counts) => {
        own.counts = counts;
        onUnread(counts);
        channel?.postMessage({ user, counts });
      };
      const stream = one('/api/me/unread', 'unread', { row });
      const end = () => {
        stream.end();
        if (held === own) held = null;
        done();
      };
      signal.addEventListener('abort', end);
      if (signal.aborted) end();
    });
  const seek = () => {
    turn.abort();
    if (document.hidden || ended.signal.aborted) return;
    const mine = (turn = new AbortController());
    if (!navigator.locks || !channel) {
      hold(mine);
      return;
    }
    channel.postMessage({ asks: user });
    navigator.locks.request(`unread ${user}`, { signal: mine.signal }, () => hold(mine)).catch(() => {});
  };
  document.addEventListener('visibilitychange', seek, { signal: ended.signal });
  seek();
  return () => {
    ended.abort();
    turn.abort();
  };
}

/** Sends something to the application, and gives its answer. */
export async function send(path, body) {
  const response = await fetch(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw Object.assign(new Error(answer.message ?? response.statusText), { status: response.status });
  return answer;
}
