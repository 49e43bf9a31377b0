// Names of people by their ids: rows of the inbox hold ids alone. Each is asked for once, a few at a time.

import { page } from './live.js';

const AT_ONCE = 3;
const known = new Map();
const waiting = [];
let busy = 0;

/** Calls `tell(profile)` as soon as it is known; null for somebody who has left. */
export function profile(id, tell) {
  if (!known.has(id)) {
    known.set(id, new Promise((done) => waiting.push({ id, done })));
    work();
  }
  known.get(id).then(tell);
}

async function work() {
  if (busy >= AT_ONCE || !waiting.length) return;
  busy += 1;
  const { id, done } = waiting.shift();
  try {
    const { rows } = await page(`/api/profiles/${encodeURIComponent(id)}`);
    done(rows);
  } catch (error) {
    if (error.status !== 404) known.delete(id);
    done(null);
  }
  busy -= 1;
  work();
}
