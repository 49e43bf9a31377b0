// Where the feed comes from: a stream where that can be had, pages as JSON every half minute where it cannot.
//
// | state | what happens |
// | --- | --- |
// | connecting | the stream has not said anything yet |
// | live | the first page is whole, and changes come as they happen |
// | reconnecting | the stream was lost; the browser or this file opens it again, where it was left |
// | polling | streams cannot be had: the first page is read again and again, and now and then a stream is tried |
// | refused | what is asked for is wrong; nothing is tried any more |
//
// An EventSource that loses its connection comes back by itself, with Last-Event-ID. One that is answered with anything but a stream is
// closed by the browser for good; then a new one is made here, with the position as a parameter, since headers cannot be set.

import { position } from './list.js';

const FIRST_PAGE = 20;
const LATER_PAGES = 50;

/** Failures in a row, without an event between them, after which pages are read instead. */
const PATIENCE = 3;
/** Pauses between tries, in milliseconds. */
const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 15_000;
/** A stream that does not say anything at all in this time is held up by something on the way. */
const SILENCE_AT_FIRST = 10_000;
/** A stream that was silent for so long may be dead without knowing it: it is opened anew, which costs one request. */
const SILENCE = 180_000;
/** A page that nobody looks at leaves its connection to others after this time: browsers allow six to a server. */
const HIDDEN = 60_000;
/** Polls after which a stream is tried again. */
const POLLS = 4;

export class Source {
  /**
   * @param path the route, such as /api/feed
   * @param filters what is asked for, by column
   * @param on what is told: `state(name)`, `rows(rows)` of a page under way, `page(page, anew)`, `change(change)`, `reset()`,
   *   `refused(message)`; and `polled(page)`, a first page that comes again
   */
  constructor(path, filters, pollSeconds, on) {
    Object.assign(this, { path, filters, on, pause: pollSeconds * 1000 });
    // Where the stream stands, and where it began: pages that were read before that may lack what it did not tell.
    this.last = null;
    this.since = null;
    this.state = null;
    this.failures = 0;
    this.anew = false;
    this.begun = false;
    this.timers = new Map();
    this.ended = new AbortController();
    const { signal } = this.ended;
    addEventListener('online', () => this.#again(), { signal });
    addEventListener('pageshow', (event) => event.persisted && this.#again(), { signal });
    addEventListener('pagehide', () => this.#close(), { signal });
    document.addEventListener('visibilitychange', () => this.#seen(), { signal });
    this.#tell('connecting');
    this.#open();
  }

  /** Ends for good. */
  end() {
    this.ended.abort();
    this.#close();
  }

  /** The page is read anew, and told as `page(page, true)`. */
  refresh() {
    this.last = null;
    this.since = null;
    this.anew = true;
    if (this.state === 'polling') this.#poll();
    else this.#again();
  }

  /** A later page: streamed, and as JSON where that fails. */
  async older(cursor) {
    if (this.state !== 'polling') {
      try {
        return await this.#stream(cursor);
      } catch {
        // Then the other way.
      }
    }
    return this.json(cursor, LATER_PAGES);
  }

  /** A page as JSON. */
  async json(cursor, limit = LATER_PAGES) {
    const timeout = AbortSignal.timeout(20_000);
    const signal = AbortSignal.any ? AbortSignal.any([timeout, this.ended.signal]) : timeout;
    const response = await fetch(this.#url('', cursor, limit), { headers: { accept: 'application/json' }, signal });
    const body = await response.json();
    if (!response.ok) throw Object.assign(new Error(body.message), { wrong: response.status === 400 });
    return { rows: rows(body), cursor: body.next_cursor, position: position(response.headers.get('headwater-position')) };
  }

  #url(suffix, cursor, limit, last) {
    const url = new URL(this.path + suffix, location.href);
    const given = { ...this.filters, limit, cursor, last_event_id: last, after: suffix && !cursor ? null : this.since };
    for (const [name, value] of Object.entries(given)) {
      if (value !== undefined && value !== null && value !== '') url.searchParams.set(name, value);
    }
    return url;
  }

  // ---- the stream ----

  #open() {
    this.#close();
    if (this.ended.signal.aborted) return;
    const stream = new EventSource(this.#url('/stream', null, FIRST_PAGE, this.last));
    this.stream = stream;
    let page = [];
    let spoken = false;
    let opened = Infinity;
    const heard = (event) => {
      if (event.lastEventId) this.last = event.lastEventId;
      spoken = true;
      this.failures = 0;
      this.#timer('silence', SILENCE, () => this.#again());
      return JSON.parse(event.data);
    };
    this.#timer('silence', SILENCE_AT_FIRST, () => this.#failed());
    stream.addEventListener('open', () => {
      opened = performance.now();
      // A stream that goes on where it was left may have nothing to say for a long time.
      if (!this.last || !this.begun) return;
      this.#timer('silence', SILENCE, () => this.#again());
      this.#tell('live');
    });
    stream.addEventListener('feed_items', (event) => {
      const found = rows(heard(event));
      page.push(...found);
      if (!this.begun) this.on.rows(found);
    });
    stream.addEventListener('feed_complete', (event) => {
      const { next_cursor: cursor, position: at } = heard(event);
      this.#page({ rows: page, cursor, position: position(at) });
      page = [];
      this.#tell('live');
    });
    stream.addEventListener('feed_put', (event) => {
      const { key, item } = heard(event);
      this.on.change({ key: JSON.stringify(key), item, at: position(event.lastEventId) });
    });
    stream.addEventListener('feed_gone', (event) => {
      const { key } = heard(event);
      this.on.change({ key: JSON.stringify(key), item: null, at: position(event.lastEventId) });
    });
    stream.addEventListener('feed_reset', (event) => {
      heard(event);
      page = [];
      this.last = null;
      this.since = null;
      this.anew = true;
      this.on.reset();
    });
    stream.addEventListener('feed_error', (event) => {
      const { code, message } = JSON.parse(event.data);
      // What is asked for is wrong; it will be so the next time.
      if (/^HW072/.test(code)) this.#refuse(message);
      else this.#failed();
    });
    stream.addEventListener('error', () => {
      page = [];
      // A stream that had nothing to say for a while was none the less there.
      const lived = spoken || performance.now() - opened > SILENCE_AT_FIRST;
      spoken = false;
      opened = Infinity;
      if (lived) this.failures = 0;
      if (stream.readyState === EventSource.CLOSED || this.failures + 1 >= PATIENCE) {
        this.#failed();
        return;
      }
      if (!lived) this.failures += 1;
      this.#tell(this.begun ? 'reconnecting' : this.state);
      this.#timer('silence', SILENCE_AT_FIRST, () => this.#failed());
    });
  }

  #page(page) {
    const anew = this.anew;
    this.anew = false;
    this.begun = true;
    this.since = `${page.position.epoch}.${page.position.number}`;
    this.on.page(page, anew);
  }

  /** The stream failed, and the browser does not try by itself. */
  #failed() {
    this.#close();
    this.failures += 1;
    if (this.failures >= PATIENCE) {
      this.#poll();
      return;
    }
    this.#tell(this.begun ? 'reconnecting' : this.state);
    this.#timer('again', pause(this.failures), () => this.#open());
  }

  #again() {
    if (this.state === 'refused') return;
    if (this.state === 'polling') this.#poll();
    else this.#open();
  }

  #seen() {
    if (document.hidden) {
      this.#timer('hidden', HIDDEN, () => this.#close());
    } else {
      this.#stop('hidden');
      if (!this.stream && this.state !== 'refused') this.#again();
    }
  }

  #close() {
    this.stream?.close();
    this.stream = null;
    this.run = null;
    for (const name of ['silence', 'again', 'poll']) this.#stop(name);
  }

  /** A later page as a stream, closed where it is whole: what changes is told by the first stream. */
  #stream(cursor) {
    return new Promise((resolve, reject) => {
      const stream = new EventSource(this.#url('/stream', cursor, LATER_PAGES));
      const found = [];
      const end = (how, what) => {
        clearTimeout(timer);
        stream.close();
        how(what);
      };
      const fail = () => end(reject, new Error('the page could not be streamed'));
      const timer = setTimeout(fail, SILENCE_AT_FIRST);
      this.ended.signal.addEventListener('abort', fail, { once: true });
      stream.addEventListener('feed_items', (event) => found.push(...rows(JSON.parse(event.data))));
      stream.addEventListener('feed_complete', (event) => {
        const { next_cursor, position: at } = JSON.parse(event.data);
        end(resolve, { rows: found, cursor: next_cursor, position: position(at) });
      });
      stream.addEventListener('feed_error', fail);
      stream.addEventListener('error', fail);
    });
  }

  // ---- pages instead ----

  async #poll(polls = 0, lost = false) {
    this.#close();
    const run = (this.run = {});
    let page;
    try {
      page = await this.json(null, this.begun ? LATER_PAGES : FIRST_PAGE);
    } catch (error) {
      if (this.ended.signal.aborted || this.run !== run) return;
      if (error.wrong) {
        this.#refuse(error.message);
        return;
      }
      this.#tell('reconnecting');
      this.failures += 1;
      this.#timer('poll', pause(this.failures), () => this.#poll(0, true));
      return;
    }
    if (this.ended.signal.aborted || this.run !== run) return;
    if (this.anew || !this.begun) this.#page(page);
    else await this.on.polled(page);
    // A stream, should there be one again, tells everything from the first page on: pages that are polled later say less.
    this.last ??= this.since;
    if (lost || polls >= POLLS) {
      // The network is back, or it is time for another try; one more failure, and pages are read again.
      this.failures = PATIENCE - 1;
      this.#open();
      return;
    }
    this.#tell('polling');
    this.#timer('poll', this.pause, () => this.#poll(polls + 1));
  }

  #refuse(message) {
    this.#close();
    this.#tell('refused');
    this.on.refused(message);
  }

  #tell(state) {
    if (state === this.state) return;
    this.state = state;
    this.on.state(state);
  }

  #timer(name, milliseconds, then) {
    this.#stop(name);
    this.timers.set(name, setTimeout(then, milliseconds));
  }

  #stop(name) {
    clearTimeout(this.timers.get(name));
    this.timers.delete(name);
  }
}

/** Grows with every failure, and differs from reader to reader, so that they do not all come back at once. */
function pause(failures) {
  return Math.min(FIRST_PAUSE * 2 ** (failures - 1), LONGEST_PAUSE) * (0.75 + Math.random() / 2);
}

function rows({ items, keys }) {
  return items.map((item, number) => ({ key: JSON.stringify(keys[number]), item }));
}
