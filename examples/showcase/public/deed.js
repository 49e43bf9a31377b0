// What happened: the statement that a click ran, shown beside the button, and the time until the live event was here.

import { announce, fill, h, text } from './dom.js';
import { listen } from './live.js';
import { send } from './session.js';

/** A change that has not come by then concerns nothing on the page. */
const PATIENCE = 8000;

const ms = (time) => `${time < 10 ? time.toFixed(1) : Math.round(time)} ms`;

/** A place beside a button. */
export class Deed {
  constructor() {
    this.summary = h('summary', {});
    this.steps = h('ol', {});
    this.node = h('details', { class: 'deed', hidden: true }, this.summary, this.steps);
    this.number = 0;
  }

  /**
   * Sends something to the application and shows what comes of it. `until(change, answer)` knows the live event that tells of it.
   * Gives the application's answer; null where it refused.
   */
  async run(path, body, until) {
    const number = ++this.number;
    const began = performance.now();
    this.node.hidden = false;
    this.#say('busy', 'writing…');
    fill(this.steps);
    let answer;
    try {
      answer = await send(path, body);
    } catch (error) {
      if (number === this.number) this.#say('bad', text(error.message) || 'the site cannot be reached');
      announce(text(error.message));
      return null;
    }
    if (number !== this.number) return answer;
    this.#written(path, body, answer, performance.now() - began);
    if (answer.rows === 0) this.#say('', 'nothing to change: it was so already');
    else this.#wait(number, began, (change) => until(change, answer));
    return answer;
  }

  #written(path, body, { sql, parameters, rows, milliseconds }, took) {
    const values = parameters.map((value, at) => h('li', {}, h('code', {}, `$${at + 1}`), ' ', h('span', { dir: 'auto' }, value)));
    this.steps.append(
      h('li', {}, h('p', {}, 'The page asks the application: ', h('code', {}, `POST ${path}`), `, answered after ${ms(took)}.`)),
      h('li', {}, h('p', {}, 'The application runs one ordinary statement on its own table, and nothing else:'), h('pre', { tabindex: '0', 'aria-label': 'SQL' }, h('code', {}, sql)),
        h('ul', { class: 'values' }, values), h('p', {}, `${rows} ${rows === 1 ? 'row' : 'rows'}, ${ms(milliseconds)}.`)),
    );
  }

  #wait(number, began, mine) {
    this.#say('busy', 'written; waiting for the live event…');
    let done = false;
    const end = () => {
      done = true;
      clearTimeout(timer);
      // What was heard already is told before `stop` is known.
      queueMicrotask(() => stop());
      return number === this.number;
    };
    const timer = setTimeout(() => end() && this.#say('', 'written; nothing that this page follows has changed'), PATIENCE);
    const stop = listen(began, (change) => {
      if (done || !mine(change) || !end()) return;
      const after = change.time - began;
      this.node.dataset.after = after;
      this.#say('good', `live after ${ms(after)}`);
      announce(`Done. The change arrived after ${ms(after)}.`);
      this.steps.append(
        h('li', {}, h('p', {}, `${ms(after)} after the click, the stream `, h('code', {}, `${change.path}/stream`), ' tells every page that is open:'),
          h('pre', { tabindex: '0', 'aria-label': 'Event' }, h('code', {}, `id: ${change.id}\nevent: ${change.word}_${change.op}\ndata: ${JSON.stringify({ key: change.key, item: short(change.item) }, null, 1)}`))),
      );
    });
  }

  #say(mood, words) {
    this.node.dataset.mood = mood;
    fill(this.summary, h('span', {}, words), mood === 'bad' ? null : h('span', { class: 'deed-more' }, 'what happened'));
  }
}

/** A row without its long texts. */
function short(item) {
  if (!item) return undefined;
  return Object.fromEntries(Object.entries(item).map(([name, value]) => [name, typeof value === 'string' && value.length > 60 ? `${value.slice(0, 57)}…` : value && typeof value === 'object' ? '…' : value]));
}

/** A button that does one thing, and the place beside it. `deed()` → `[path, body, until]`, or null where there is nothing to do. */
export function button(attributes, children, deed, done) {
  const what = new Deed();
  const made = h('button', { type: 'button', ...attributes }, children);
  // A disabled button would lose the focus.
  let busy = false;
  made.addEventListener('click', async () => {
    const wanted = busy ? null : deed();
    if (!wanted) return;
    busy = true;
    const answer = await what.run(...wanted);
    busy = false;
    if (answer) done?.(answer);
  });
  return { node: made, what: what.node };
}

/** A form with one text, and the place beside it. */
export function writing({ label, words, rows = 1 }, deed) {
  const what = new Deed();
  const field = h('textarea', { name: 'text', rows, maxlength: '2000', placeholder: label, 'aria-label': label, required: true, dir: 'auto' });
  let busy = false;
  const form = h('form', { class: 'writing' }, field, h('button', { class: 'main', type: 'submit' }, words));
  field.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (!field.value.trim() || busy) return;
    busy = true;
    const answer = await what.run(...deed(field.value.trim()));
    busy = false;
    if (answer) field.value = '';
  });
  return h('div', { class: 'writing-place' }, form, what.node);
}
