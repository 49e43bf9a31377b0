// The feed: projects as they rise and fall.

import { art, chips, empty, h, heading, icon, number, person, setNumber, text, when } from '../dom.js';
import { button } from '../deed.js';
import { List, by, byTime } from '../list.js';
import { Stream, page } from '../live.js';
import { session } from '../session.js';

const SORTS = [['trending', 'Trending', by('heat')], ['top-rated', 'Top rated', by('proof_score')], ['newest', 'Newest', byTime('created_at')]];
const CATEGORIES = ['ai', 'climate', 'devtools', 'education', 'games', 'hardware', 'health', 'web3'];
const ROWS = 20;
const MORE_ROWS = 50;
/** Before the page is read anew, in milliseconds: whatever makes it short may do so again at once. */
const PAUSE = 300;

const link = (sort, category) => {
  const query = new URLSearchParams({ ...(sort !== 'trending' && { sort }), ...(category && { category }) });
  return query.size ? `#/?${query}` : '#/';
};

/** Which projects the viewer has voted for, as far as it is known. */
const votes = { user: null, has: new Map() };

export default function feed(main, parts, query) {
  const [sort, , compare] = SORTS.find(([name]) => name === query.get('sort')) ?? SORTS[0];
  const category = query.get('category') ?? '';
  const rows = h('ul', { class: 'cards', 'aria-label': 'Projects', 'aria-busy': 'true' });
  const cards = new Map();
  const none = empty('Nothing is shown here yet. What comes will appear by itself.');
  none.hidden = true;
  let limit = ROWS;
  const more = h('div', { class: 'acts end', hidden: true }, h('button', { class: 'button', type: 'button', onclick: grow }, 'Show more'));
  main.append(
    heading('The feed', chips('Order', SORTS.map(([name, words]) => [words, link(name, category), name === sort]))),
    h('p', { class: 'lead' }, 'Other people vote, comment and award badges all the time. Vote yourself, and see how long it takes until every open page knows. ', !session.you && 'First choose who you are, above.'),
    chips('Category', [['All', link(sort, ''), !category], ...CATEGORIES.map((name) => [name, link(sort, name), name === category])]),
    rows,
    none,
    more,
  );
  const draw = (item) => {
    const made = card(item);
    cards.set(item.id, made);
    return made;
  };
  const changed = (many) => {
    rows.setAttribute('aria-busy', 'false');
    none.hidden = many > 0;
  };
  const list = new List(rows, { compare, draw, changed, hold: true, thin: () => restart() });
  const open = () =>
    new Stream('/api/feed', { sort, category, limit }, 'feed', {
      page: (found, cursor) => {
        list.page(found, cursor);
        more.hidden = !cursor || limit === MORE_ROWS;
        know(sort, category).then(() => cards.forEach((made) => made.voted()));
      },
      put: (key, item) => list.put(key, item),
      gone: (key) => list.gone(key),
    });
  let stream = open();
  let restarting = 0;
  const restart = () => {
    clearTimeout(restarting);
    restarting = setTimeout(() => {
      stream.end();
      stream = open();
    }, PAUSE);
  };
  function grow() {
    limit = MORE_ROWS;
    restart();
  }
  return () => {
    clearTimeout(restarting);
    stream.end();
  };
}

/** The page as document 003 has it says which of its projects the viewer has voted for. */
async function know(sort, category) {
  const user = session.you?.id;
  if (votes.user !== user) Object.assign(votes, { user, has: new Map() });
  if (!user) return;
  const { rows } = await page('/api/projects', { sort, category, limit: 50 }).catch(() => ({ rows: [] }));
  if (votes.user === user) for (const { id, user_has_upvoted: has } of rows) votes.has.set(id, has);
}

function card(first) {
  let item = first;
  const title = h('a', { class: 'title', href: `#/project/${encodeURIComponent(item.id)}`, dir: 'auto' });
  const about = h('p', { class: 'about', dir: 'auto' });
  const by = h('p', { class: 'byline' });
  const facts = { comments: number(item.comment_count), badges: number(item.badge_count), proof: number(item.proof_score) };
  const vote = voteButton(() => item.id, item.upvote_count, () => votes.has.get(item.id) ?? false, (has) => votes.has.set(item.id, has));
  const fact = (name, words, shown) => h('li', { title: words }, icon(name), shown, h('span', { class: 'unseen' }, ` ${words}`));
  const node = h('li', { class: 'card project' },
    art('tile-art', item.title, item.id),
    h('div', { class: 'content' }, title, about, by, h('ul', { class: 'facts' }, fact('comment', 'comments', facts.comments), fact('badge', 'badges', facts.badges), fact('proof', 'points of proof', facts.proof)), vote.what),
    vote.node);
  const update = (next) => {
    item = next;
    title.textContent = text(item.title) || 'Untitled';
    about.textContent = text(item.description);
    about.hidden = !about.textContent;
    by.replaceChildren(...[person(item.user_id, item.username, item.is_verified), when(item.created_at), item.category && h('span', { class: 'tag' }, item.category), item.is_featured && h('span', { class: 'tag featured' }, icon('star'), 'featured')].filter(Boolean));
    setNumber(facts.comments, item.comment_count);
    setNumber(facts.badges, item.badge_count);
    setNumber(facts.proof, item.proof_score);
    vote.set(item.upvote_count);
  };
  update(item);
  return { node, update, voted: vote.voted };
}

/** A button with the number of votes on it. `has` and `keep` know whether the viewer has voted; the caption tells what is counted
 *  where it is not the votes for it: document 003 counts those in the feed, all of them in a project's details. */
export function voteButton(id, votesNow, has, keep, caption = '') {
  const shown = number(votesNow);
  const words = h('span', { class: 'unseen' });
  let wanted = false;
  const { node, what } = button({ class: 'vote' }, [icon('up'), shown, caption && h('small', {}, caption), words], () => {
    if (!session.you) {
      document.getElementById('who').focus();
      document.getElementById('announcer').textContent = 'Choose who you are first.';
      return null;
    }
    const about = id();
    wanted = !has();
    const mine = (change) => (change.word === 'feed' || change.word === 'project') && change.item?.id === about;
    return ['/app/vote', { project_id: about, voted: wanted }, mine];
  }, () => {
    keep(wanted);
    voted();
  });
  const voted = () => {
    node.setAttribute('aria-pressed', String(has()));
    words.textContent = has() ? ' votes, yours among them' : ' votes; vote for it';
  };
  voted();
  return { node, what, voted, set: (value) => setNumber(shown, value) };
}
