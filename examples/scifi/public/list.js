// What is known of the feed: no drawing, no network.
//
// Three sources fill it: pages, each exact at the position in the log that it names; changes, each with its position; and the reader, who
// says when new items are to be shown. Whatever the order in which pages and changes arrive, what is newer in the log wins: a page is merged
// as of its position, and the changes that were told later are applied to it again.
//
// Rows lie in one order, the newest first, ties by key. `floor` is the end of what was read; nothing below it is shown, since between it
// and the floor there may be rows that were not read yet.

const TOP = { micros: Infinity, key: '' };
const BOTTOM = { micros: -Infinity, key: '' };

/** Changes that are remembered for pages that were read before them. */
const REMEMBERED = 4096;

/** New items that wait to be shown; beyond these, the feed is read anew when they are asked for. */
const MOST_WAITING = 500;

/** A place in the log, `epoch.number`. */
export function position(text) {
  const [epoch, number] = String(text ?? '').split('.').map(Number);
  return Number.isFinite(epoch) && Number.isFinite(number) ? { epoch, number } : { epoch: 0, number: 0 };
}

/** True where the first position is later than the second. */
export const later = (a, b) => (a.epoch === b.epoch ? a.number > b.number : a.epoch > b.epoch);

const BEFORE_ALL = position('0.0');

/** A time in microseconds since 1970, which a Date cannot hold. */
export function micros(text) {
  const parts = /^(.*?\d\d:\d\d:\d\d)(?:\.(\d{1,6})\d*)?(.*)$/.exec(String(text ?? ''));
  const seconds = parts ? Date.parse(parts[1] + (parts[3] || 'Z')) : Date.parse(text);
  return Number.isFinite(seconds) ? seconds * 1000 + Number((parts?.[2] ?? '').padEnd(6, '0')) : 0;
}

/** The order of the feed. */
export const compare = (a, b) => b.micros - a.micros || (a.key < b.key ? 1 : a.key > b.key ? -1 : 0);

/** A row: `card` is its drawing; `fresh`, `moved` and `changed` say what has to be drawn. */
function row(key, item, at) {
  return { key, item, at, micros: micros(item?.sort_date), card: null, fresh: true, moved: false, changed: false };
}

export class List {
  /** What is shown, in order. */
  entries = [];
  /** The same by key. */
  known = new Map();
  /** New items that are not shown yet, by key. */
  waiting = new Map();
  /** Rows that are shown no more, to be taken from the page. */
  left = [];
  /** There were more new items than are kept. */
  overflowed = 0;
  /** Where the next page begins; null after the last one, undefined before the first. */
  cursor = undefined;
  /** New items wait until they are revealed; those that are not newer than all others have their place at once. */
  holding = true;
  floor = TOP;
  told = [];

  /** True where a page has been read. */
  get whole() {
    return this.cursor !== undefined;
  }

  /** How many new items wait. */
  get news() {
    return this.waiting.size + this.overflowed;
  }

  /** Rows of a page under way. */
  add(rows) {
    this.#merge(rows.map(({ key, item }) => row(key, item, BEFORE_ALL)), new Set());
  }

  /** A page: `{ rows, position, cursor }`, with what comes after `from`. What lies in its span and is not in it is gone. */
  take(page, from = TOP) {
    const rows = page.rows.map(({ key, item }) => row(key, item, page.position));
    const end = page.cursor === null || rows.length === 0 ? BOTTOM : rows.reduce((a, b) => (compare(a, b) > 0 ? a : b));
    const present = new Set(rows.map(({ key }) => key));
    const gone = (entry) =>
      compare(entry, from) > 0 && compare(entry, end) <= 0 && !present.has(entry.key) && !later(entry.at, page.position);
    for (const entry of [...this.waiting.values()].filter(gone)) this.waiting.delete(entry.key);
    const first = !this.whole;
    if (compare(end, this.floor) > 0 || first) {
      this.floor = end;
      this.cursor = page.cursor;
    }
    this.#merge(rows, new Set(this.entries.filter(gone)), first);
    this.#apply(this.told.filter((change) => later(change.at, page.position)));
  }

  /** A page in place of everything; rows that were shown keep their drawings. */
  replace(page) {
    this.floor = TOP;
    this.cursor = undefined;
    this.overflowed = 0;
    this.waiting.clear();
    // What was known until now is as of no position: the page decides.
    for (const entry of this.entries) entry.at = BEFORE_ALL;
    const keys = new Set(page.rows.map(({ key }) => key));
    this.#weave([], new Set(this.entries.filter(({ key }) => !keys.has(key))));
    this.take(page);
  }

  /** Nothing follows from what was told until now. */
  forget() {
    this.told = [];
  }

  /** Changes, in their order: `{ key, item, at }`, where no item is a row that is gone. */
  change(changes) {
    this.told.push(...changes);
    if (this.told.length > 2 * REMEMBERED) this.told = this.told.slice(-REMEMBERED);
    this.#apply(changes);
  }

  /** Shows what waits. */
  reveal() {
    const entries = [...this.waiting.values()];
    this.waiting.clear();
    this.#weave(entries, new Set());
  }

  /** Forgets all but the first rows; those after them are read again when they are asked for. */
  trim(most) {
    if (this.entries.length <= most) return;
    const last = this.entries[most - 1];
    this.#weave([], new Set(this.entries.slice(most)));
    this.floor = last;
    this.cursor = from(last);
  }

  /** True where a page that begins at the top leaves no gap to what is known. */
  meets(page) {
    const top = this.entries[0];
    return !top || page.cursor === null || page.rows.some(({ key, item }) => this.known.has(key) || micros(item?.sort_date) <= top.micros);
  }

  #apply(changes) {
    const last = new Map(changes.map((change) => [change.key, change]));
    const incoming = [];
    const leaving = new Set();
    for (const { key, item, at } of last.values()) {
      const old = this.known.get(key) ?? this.waiting.get(key);
      if (old && !later(at, old.at)) continue;
      const entry = item === null ? null : row(key, item, at);
      if (entry && compare(entry, this.floor) <= 0) {
        incoming.push(entry);
      } else {
        this.waiting.delete(key);
        if (this.known.has(key)) leaving.add(this.known.get(key));
      }
    }
    this.#merge(incoming, leaving);
  }

  /** Rows that may be known already, of which each may come once. */
  #merge(rows, leaving, shown = false) {
    const incoming = [];
    const top = this.entries[0];
    const hold = !shown && top && this.holding;
    for (const entry of rows) {
      const old = this.known.get(entry.key);
      if (!old) {
        if (this.waiting.has(entry.key) || (hold && compare(entry, top) < 0)) this.#wait(entry);
        else incoming.push(entry);
      } else if (!later(old.at, entry.at)) {
        old.at = entry.at;
        const same = JSON.stringify(old.item) === JSON.stringify(entry.item);
        if (same) continue;
        old.item = entry.item;
        old.changed = true;
        if (old.micros !== entry.micros) {
          leaving.add(old);
          incoming.push({ ...old, micros: entry.micros, moved: true });
        }
      }
    }
    this.#weave(incoming, leaving);
  }

  #wait(entry) {
    const old = this.waiting.get(entry.key);
    if (old && later(old.at, entry.at)) return;
    if (this.overflowed || (!old && this.waiting.size >= MOST_WAITING)) {
      this.overflowed += old ? 0 : 1;
      return;
    }
    this.waiting.set(entry.key, entry);
  }

  /** One pass over both lists: what leaves is left out, what comes is put where it belongs. */
  #weave(incoming, leaving) {
    if (incoming.length === 0 && leaving.size === 0) return;
    incoming.sort(compare);
    const coming = new Set(incoming.map(({ key }) => key));
    const woven = [];
    let next = 0;
    for (const entry of this.entries) {
      while (next < incoming.length && compare(incoming[next], entry) < 0) woven.push(incoming[next++]);
      if (!leaving.has(entry)) {
        woven.push(entry);
      } else if (!coming.has(entry.key)) {
        this.known.delete(entry.key);
        this.left.push(entry);
      }
    }
    woven.push(...incoming.slice(next));
    for (const entry of incoming) this.known.set(entry.key, entry);
    this.entries = woven;
  }
}

/** A cursor from which a row and those of its time come again: a time, which the server takes as well as its own cursors. */
function from({ micros }) {
  const above = micros + 1;
  const seconds = Math.floor(above / 1e6);
  const fraction = String(above - seconds * 1e6).padStart(6, '0');
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${fraction}Z`;
}
