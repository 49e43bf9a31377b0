// A list of rows by key, in an order, drawn so that nothing jumps: what stays keeps its element, what moves glides, and where it is asked
// for, nothing changes its place while somebody points at the list.
//
// A page is the beginning of a longer list. Its last row is the floor: what lies below it is not shown, for between it and the floor there
// may be rows that were never read.

import { micros, still } from './dom.js';

const GLIDE = 450;
const RELEASE = 700;

/** The order by a column, the greatest first; ties by another column, as the server has them. */
export const by = (column, tie = 'id') => (a, b) => descending(a[column], b[column]) || descending(a[tie], b[tie]);
/** The same with times. */
export const byTime = (column, tie = 'id') => (a, b) => micros(b[column]) - micros(a[column]) || descending(a[tie], b[tie]);

const descending = (a, b) => (a < b ? 1 : a > b ? -1 : 0);

export class List {
  /**
   * @param node where rows are drawn
   * @param options `compare`, `draw(item)` → `{ node, update(item) }`; `hold`: places wait while somebody points at it; `upward`: the first row
   *   lowest; `changed(count)` after each drawing; `thin()` where so many rows have left that the page should be read anew
   */
  constructor(node, options) {
    Object.assign(this, { node, options });
    this.rows = new Map();
    this.floor = null;
    this.size = 0;
    this.due = 0;
  }

  /** A page in place of everything. */
  page(rows, cursor) {
    const keys = new Set(rows.map(({ key }) => key));
    for (const key of this.rows.keys()) if (!keys.has(key)) this.#drop(key);
    for (const { key, item } of rows) this.#set(key, item);
    this.size = rows.length;
    this.floor = cursor && rows.length ? rows[rows.length - 1].item : null;
    this.draw(true);
  }

  put(key, item) {
    if (!this.rows.has(key) && this.floor && this.options.compare(item, this.floor) > 0) return;
    this.#set(key, { ...this.rows.get(key)?.item, ...item });
    this.#soon();
  }

  gone(key) {
    this.#drop(key);
    this.#soon();
  }

  #set(key, item) {
    const row = this.rows.get(key);
    if (!row) {
      this.rows.set(key, { key, item, made: null });
      return;
    }
    row.item = item;
    row.made?.update(item);
  }

  #drop(key) {
    const row = this.rows.get(key);
    this.rows.delete(key);
    if (row?.made) row.made.node.classList.add('leaving');
  }

  #soon() {
    this.due ||= requestAnimationFrame(() => this.draw());
  }

  /** True while somebody points at the list or is in it with the keyboard. */
  get held() {
    const points = matchMedia('(hover: hover)').matches && this.node.matches(':hover');
    return this.options.hold && (points || this.node.querySelector(':focus-visible') !== null);
  }

  draw(anew = false) {
    cancelAnimationFrame(this.due);
    this.due = 0;
    if (!anew && this.held) {
      clearTimeout(this.waiting);
      this.waiting = setTimeout(() => this.node.isConnected && this.draw(), RELEASE);
      return;
    }
    const { compare, draw, upward } = this.options;
    let rows = [...this.rows.values()].sort((a, b) => compare(a.item, b.item));
    if (this.floor) {
      for (const row of rows.filter(({ item }) => compare(item, this.floor) > 0)) this.rows.delete(row.key);
      rows = rows.filter(({ item }) => compare(item, this.floor) <= 0);
      // No longer than twice the page.
      if (rows.length > 2 * this.size) {
        for (const row of rows.splice(2 * this.size)) this.rows.delete(row.key);
        this.floor = rows[rows.length - 1].item;
      }
      if (!anew && rows.length < this.size * 0.6) this.options.thin?.();
    }
    const glide = this.#places(anew);
    const fresh = new Set();
    for (const row of rows) {
      if (row.made) continue;
      row.made = draw(row.item);
      row.made.node.dataset.key = row.key;
      fresh.add(row.made.node);
    }
    const wanted = (upward ? rows.toReversed() : rows).map((row) => row.made.node);
    const kept = new Set(wanted);
    for (const child of [...this.node.children]) if (!kept.has(child)) child.remove();
    let at = this.node.firstElementChild;
    for (const child of wanted) {
      if (child === at) at = at.nextElementSibling;
      else this.node.insertBefore(child, at);
    }
    if (!anew) for (const child of fresh) child.classList.add('fresh');
    glide(fresh);
    this.options.changed?.(rows.length, anew);
  }

  /** Remembers where everything is; what it gives lets everything glide from there. */
  #places(anew) {
    if (anew || still() || document.hidden) return () => {};
    const seen = (box) => box.bottom > -200 && box.top < innerHeight + 200;
    const before = new Map([...this.node.children].map((child) => [child, child.getBoundingClientRect()]).filter(([, box]) => seen(box)));
    return () => {
      for (const [child, box] of before) {
        if (!child.isConnected) continue;
        const down = box.top - child.getBoundingClientRect().top;
        if (Math.abs(down) > 1) child.animate([{ transform: `translateY(${down}px)` }, { transform: 'none' }], { duration: GLIDE, easing: 'cubic-bezier(.2, .7, .2, 1)' });
      }
    };
  }
}
