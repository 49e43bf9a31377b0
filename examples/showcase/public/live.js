// Rows as they are, and as they become: streams where a route is live, pages that are asked for again where it is not.
//
// A stream is the page as events, then its end, then what changes (docs/guides/serving.md). The browser takes up a lost one by itself, where it
// was left; one that was refused is opened anew here, with the position as a parameter, since headers cannot be set. Browsers allow six
// connections to a server: a page that nobody looks at gives its own back after a while, and comes back to where it was.

const HIDDEN = 15_000;
const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 15_000;

/** Changes that were heard lately, for those who wait for what they did themselves. */
const REMEMBERED = 300;
const heard = [];
const listeners = new Set();
let count = 0;

/** All streams that are open, with their states. */
const streams = new Set();
let told = '';
let onState = () => {};

/** Who is told of the state of all streams together, and of the number of changes heard. */
export function watchStreams(tell) {
  onState = tell;
}

function tellState() {
  const states = [...streams].map((stream) => stream.state);
  const state = states.includes('reconnecting') ? 'reconnecting' : states.includes('connecting') ? 'connecting' : states.length ? 'live' : 'still';
  const all = `${state} ${count}`;
  if (all !== told) onState(state, count);
  told = all;
}

/** Calls `listener` with each change heard since `since` (a time of performance.now()), and with those to come; gives a function that ends it. */
export function listen(since, listener) {
  for (const change of heard) if (change.time >= since) listener(change);
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function remember(change) {
  count += 1;
  heard.push(change);
  if (heard.length > REMEMBERED) heard.shift();
  for (const listener of [...listeners]) listener(change);
  tellState();
}

function address(path, query) {
  const url = new URL(path, location.href);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== '') url.searchParams.set(name, value);
  }
  return url;
}

/** A stream of a route, told as `page(rows, cursor)`, `put(key, item)`, `gone(key)` and `refused(status)`. */
export class Stream {
  /** @param word the beginning of the names of its events */
  constructor(path, query, word, on) {
    Object.assign(this, { path, query, word, on, last: null, failures: 0, state: 'connecting' });
    this.ended = new AbortController();
    const { signal } = this.ended;
    document.addEventListener('visibilitychange', () => this.#seen(), { signal });
    addEventListener('online', () => this.#open(), { signal });
    addEventListener('pageshow', (event) => event.persisted && this.#open(), { signal });
    addEventListener('pagehide', () => this.source?.close(), { signal });
    streams.add(this);
    this.#open();
  }

  end() {
    this.ended.abort();
    this.source?.close();
    clearTimeout(this.again);
    clearTimeout(this.hidden);
    streams.delete(this);
    tellState();
  }

  #tell(state) {
    this.state = state;
    tellState();
  }

  #seen() {
    clearTimeout(this.hidden);
    if (document.hidden) {
      this.hidden = setTimeout(() => {
        this.source?.close();
        this.source = null;
      }, HIDDEN);
    } else if (!this.source) this.#open();
  }

  #open() {
    if (this.ended.signal.aborted) return;
    this.source?.close();
    clearTimeout(this.again);
    const source = new EventSource(address(`${this.path}/stream`, { ...this.query, last_event_id: this.last }));
    this.source = source;
    let rows = [];
    const on = (name, then) =>
      source.addEventListener(`${this.word}_${name}`, (event) => {
        if (this.source !== source) return;
        if (event.lastEventId) this.last = event.lastEventId;
        this.failures = 0;
        then(JSON.parse(event.data), event);
      });
    source.addEventListener('open', () => this.last && this.#tell('live'));
    on('items', ({ items, keys }) => rows.push(...items.map((item, at) => ({ key: JSON.stringify(keys[at]), item }))));
    on('item', (item) => rows.push({ key: '', item }));
    on('complete', ({ next_cursor: cursor }) => {
      this.on.page(rows, cursor);
      rows = [];
      this.#tell('live');
    });
    on('put', (data, event) => {
      remember({ time: performance.now(), op: 'put', word: this.word, path: this.path, item: data.item, key: data.key, id: event.lastEventId });
      this.on.put(JSON.stringify(data.key), data.item);
    });
    on('gone', (data, event) => {
      remember({ time: performance.now(), op: 'gone', word: this.word, path: this.path, item: null, key: data.key, id: event.lastEventId });
      this.on.gone(JSON.stringify(data.key));
    });
    // The browser comes back by itself, to a new page.
    on('reset', () => (this.last = null));
    on('error', ({ code, message }) => {
      if (/^HW07[23]/.test(code)) this.#refuse(message);
    });
    source.addEventListener('error', () => {
      if (this.source !== source) return;
      rows = [];
      this.#tell(this.last ? 'reconnecting' : 'connecting');
      if (source.readyState === EventSource.CLOSED) this.#ask();
    });
  }

  /** An EventSource does not say why it was refused; the page does. */
  async #ask() {
    this.source = null;
    try {
      const response = await fetch(address(this.path, this.query), { signal: this.ended.signal });
      if ([400, 401, 403, 404].includes(response.status)) {
        const { message } = await response.json();
        this.#refuse(message, response.status);
        return;
      }
    } catch {
      // Then the network is away.
    }
    this.failures += 1;
    const pause = Math.min(FIRST_PAUSE * 2 ** (this.failures - 1), LONGEST_PAUSE) * (0.75 + Math.random() / 2);
    this.again = setTimeout(() => this.#open(), pause);
  }

  #refuse(message, status) {
    if (this.ended.signal.aborted) return;
    this.end();
    this.on.refused?.(message, status);
  }
}

/** A single row of a live route. */
export function one(path, word, on) {
  let item = null;
  const tell = (next) => {
    item = next && { ...item, ...next };
    on.row(item);
  };
  return new Stream(path, {}, word, {
    page: (rows) => tell(rows[0]?.item ?? null),
    put: (key, next) => tell(next),
    gone: () => tell(null),
    refused: (message, status) => (status === 404 ? on.row(null) : on.refused?.(message, status)),
  });
}

/** A page of a route as JSON. */
export async function page(path, query = {}, signal) {
  const response = await fetch(address(path, query), { headers: { accept: 'application/json' }, cache: 'no-cache', signal });
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw Object.assign(new Error(body.message ?? response.statusText), { status: response.status });
  return { rows: body.data ?? body.items ?? [], cursor: body.paging?.next_cursor ?? body.next_cursor ?? null };
}

/** A page that is asked for every few seconds, for routes that are not live. */
export class Repeated {
  constructor(path, query, seconds, on) {
    Object.assign(this, { path, query, seconds, on });
    this.ended = new AbortController();
    document.addEventListener('visibilitychange', () => !document.hidden && this.ask(), { signal: this.ended.signal });
    this.ask();
  }

  end() {
    this.ended.abort();
    clearTimeout(this.again);
  }

  async ask() {
    clearTimeout(this.again);
    let found = null;
    try {
      found = await page(this.path, this.query, this.ended.signal);
    } catch (error) {
      if (this.ended.signal.aborted) return;
      if ([400, 401, 403, 404].includes(error.status)) {
        this.on.refused?.(error.message, error.status);
        return;
      }
    }
    if (this.ended.signal.aborted) return;
    if (found) this.on.page(found.rows, found.cursor);
    if (!document.hidden) this.again = setTimeout(() => this.ask(), this.seconds * 1000);
  }
}
