// The pieces that pages are made of. Whatever a row holds becomes text or a checked attribute, never markup.

const SVG = 'http://www.w3.org/2000/svg';

/** True where the reader wants things to stand still. */
export const still = () => matchMedia('(prefers-reduced-motion: reduce)').matches;

/** An element with attributes, listeners (`onclick: f`) and children; texts become text nodes. What is null or false is left out. */
export function h(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) {
    if (typeof value === 'function') made.addEventListener(attribute.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(attribute, value === true ? '' : value);
  }
  made.append(...present(children));
  return made;
}

/** Puts other children in place of those that are there. */
export const fill = (parent, ...children) => parent.replaceChildren(...present(children));

const present = (children) => children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false && child !== '');

export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(SVG, 'use');
  use.setAttribute('href', `icons.svg#${name}`);
  svg.append(use);
  return svg;
}

/** A text, where there is one. */
export const text = (value) => (typeof value === 'string' ? value.trim() : typeof value === 'number' ? String(value) : '');

export const plural = (many, one, more = `${one}s`) => `${Number(many ?? 0).toLocaleString('en')} ${Number(many) === 1 ? one : more}`;

/** The first letters of a name, on a colour that the name always has: pictures would have to be asked for elsewhere. */
export function art(kind, name, about = name) {
  const letters = [...text(name).replaceAll(/[^\p{L}\p{N} ]/gu, ' ').trim()].filter((c, at, all) => at === 0 || all[at - 1] === ' ');
  const box = h('span', { class: `art ${kind}`, 'aria-hidden': 'true' }, letters.slice(0, 2).join('').toUpperCase() || '?');
  let hash = 7;
  for (const character of text(about)) hash = Math.imul(hash ^ character.codePointAt(0), 0x01000193) >>> 0;
  box.style.setProperty('--hue', hash % 360);
  return box;
}

/** Somebody's name, as a link to the profile. */
export function person(id, name, verified = false) {
  const words = text(name) || 'somebody who left';
  if (!id || !text(name)) return h('span', { class: 'person', dir: 'auto' }, words);
  return h('a', { class: 'person', href: `#/profile/${encodeURIComponent(id)}`, dir: 'auto' }, words, verified && h('span', { class: 'verified', title: 'verified' }, icon('check')));
}

/** An address that may be followed: https only. */
export function outside(value, words) {
  try {
    const url = new URL(text(value));
    return url.protocol === 'https:' ? h('a', { href: url.href, rel: 'noopener noreferrer', target: '_blank' }, words ?? url.host) : null;
  } catch {
    return null;
  }
}

// ---- numbers ----

const LONG = 600;

/** A number that goes to its next value gently. `dataset.value` is the true one at once. */
export function number(value = 0) {
  const made = h('span', { class: 'number' });
  setNumber(made, value);
  return made;
}

export function setNumber(made, value) {
  const to = Number(value ?? 0);
  const from = Number(made.dataset.value ?? NaN);
  if (from === to) return;
  made.dataset.value = to;
  const show = (now) => (made.textContent = Math.round(now).toLocaleString('en'));
  if (Number.isNaN(from) || still() || document.hidden) {
    show(to);
    return;
  }
  made.classList.remove('rose', 'fell');
  void made.offsetWidth;
  made.classList.add(to > from ? 'rose' : 'fell');
  const began = performance.now();
  const step = (now) => {
    if (Number(made.dataset.value) !== to) return;
    const done = Math.min(1, (now - began) / LONG);
    show(from + (to - from) * (1 - (1 - done) ** 3));
    if (done < 1) requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
}

// ---- time ----

const UNITS = [['year', 31_536_000], ['month', 2_592_000], ['day', 86_400], ['hour', 3600], ['minute', 60]];
const words = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });

function ago(at) {
  const seconds = (Date.parse(at) - Date.now()) / 1000;
  const unit = UNITS.find(([, size]) => Math.abs(seconds) >= size);
  return unit ? words.format(Math.trunc(seconds / unit[1]), unit[0]) : 'just now';
}

/** How long ago something was; kept true. */
export function when(at) {
  if (Number.isNaN(Date.parse(at))) return null;
  return h('time', { datetime: at, title: new Date(at).toLocaleString('en') }, ago(at));
}

setInterval(() => {
  if (document.hidden) return;
  for (const time of document.getElementsByTagName('time')) {
    const now = ago(time.dateTime);
    if (time.textContent !== now) time.textContent = now;
  }
}, 20_000);

/** A time in microseconds since 1970, which a Date cannot hold. */
export function micros(at) {
  const parts = /^(.*?\d\d:\d\d:\d\d)(?:\.(\d{1,6})\d*)?(.*)$/.exec(text(at));
  const seconds = parts ? Date.parse(parts[1] + (parts[3] || 'Z')) : NaN;
  return Number.isFinite(seconds) ? seconds * 1000 + Number((parts[2] ?? '').padEnd(6, '0')) : -Infinity;
}

// ---- what pages have in common ----

/** The heading of a page, with what stands beside it. */
export const heading = (title, ...beside) => h('div', { class: 'heading' }, h('h1', { tabindex: '-1', dir: 'auto' }, title), beside);

/** Choices as links: `[[words, href, chosen], …]`. */
export const chips = (label, choices) =>
  h('nav', { class: 'chips', 'aria-label': label }, choices.map(([name, href, chosen]) => h('a', { class: 'chip', href, 'aria-current': chosen && 'true' }, name)));

export const empty = (words, ...more) => h('div', { class: 'empty' }, h('p', {}, words), more);

/** A number with its name; `set(value)` changes it. */
export function tile(name, value, kind = '') {
  const shown = number(value);
  return { node: h('div', { class: `tile ${kind}` }, shown, h('span', { class: 'tile-name' }, name)), set: (next) => setNumber(shown, next) };
}

/** Says something to those who do not see it. */
export function announce(words) {
  document.getElementById('announcer').textContent = words;
}
