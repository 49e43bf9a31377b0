// One project: what it is, its votes and badges, and what is said about it.

import { art, empty, fill, h, heading, outside, person, text, tile, when } from '../dom.js';
import { writing } from '../deed.js';
import { List, byTime } from '../list.js';
import { Stream, one } from '../live.js';
import { session } from '../session.js';
import { voteButton } from './feed.js';

export default function project(main, [id]) {
  const title = heading('…');
  const name = title.firstElementChild;
  const about = h('p', { class: 'lead', dir: 'auto' });
  const by = h('p', { class: 'byline' });
  const picture = h('div', {});
  let has = false;
  const vote = voteButton(() => id, 0, () => has, (now) => (has = now), 'up and down');
  const tiles = { comments: tile('threads', 0), badges: tile('badges', 0), proof: tile('points of proof', 0) };
  const badges = h('ul', { class: 'badges' });
  const chains = h('ul', { class: 'chips' });
  const head = h('section', { class: 'card head' }, picture, h('div', { class: 'content' }, title, by, about, chains), vote.node);
  const comments = h('ul', { class: 'comments', 'aria-label': 'Comments' });
  const none = empty('Nobody has said anything yet.');
  const form = session.you ? writing({ label: 'What do you think?', words: 'Comment' }, (content) => ['/app/comment', { project_id: id, content }, (change, answer) => change.word === 'comments' && change.item?.id === answer.id]) : h('p', { class: 'hint' }, 'Choose who you are, above, to vote and to comment.');
  const body = [head, vote.what, h('div', { class: 'tiles' }, Object.values(tiles).map(({ node }) => node)), badges, h('h2', {}, 'Comments'), form, comments, none];
  main.append(...body);

  const row = (item) => {
    if (!item) {
      fill(main, heading('Gone'), empty('This project is not there, or not any more.', h('a', { class: 'button', href: '#/' }, 'To the feed')));
      return;
    }
    // It may have come back.
    if (!head.isConnected) fill(main, ...body);
    name.textContent = text(item.title) || 'Untitled';
    document.title = `${name.textContent} · Showcase`;
    if (!picture.firstChild) fill(picture, art('cover-art', item.title, item.id));
    about.textContent = text(item.description);
    fill(by, person(item.user_id, item.username, item.is_verified), when(item.created_at), item.category && h('span', { class: 'tag' }, item.category), outside(item.proof_of_work_link, 'proof of work'));
    vote.set(item.vote_count);
    tiles.comments.set(item.comment_count);
    tiles.badges.set(item.badge_count);
    tiles.proof.set(item.proof_score);
    fill(badges, (item.badges_json ?? []).slice(-12).map((badge) => h('li', { class: `medal ${['bronze', 'silver', 'gold', 'platinum'].includes(badge.badge_type) ? badge.badge_type : ''}` }, text(badge.badge_type), h('small', {}, ' by ', person(badge.validator_id, badge.validator_username)))));
    const chip = (chain, own) => h('li', {}, h('a', { class: 'chip', href: `#/chain/${encodeURIComponent(chain.id)}`, dir: 'auto' }, own ? '🔒 ' : '', text(chain.name)));
    fill(chains, (item.chains_json ?? []).map((chain) => chip(chain, false)), (item.your_chains_json ?? []).map((chain) => chip(chain, true)));
  };
  const stream = one(`/api/projects/${encodeURIComponent(id)}`, 'project', { row, refused: (message) => fill(main, heading('Nothing is here'), empty(text(message))) });
  if (session.you) {
    hasVoted(id).then((found) => {
      has = found;
      vote.voted();
    });
  }
  const list = new List(comments, { compare: byTime('created_at'), draw: comment, changed: (many) => (none.hidden = many > 0) });
  none.hidden = true;
  const said = new Stream(`/api/projects/${encodeURIComponent(id)}/comments`, { limit: 30 }, 'comments', {
    page: (rows, cursor) => list.page(rows, cursor),
    put: (key, item) => list.put(key, item),
    gone: (key) => list.gone(key),
  });
  return () => {
    stream.end();
    said.end();
  };
}

/** The application knows whether one has voted. */
async function hasVoted(id) {
  const response = await fetch(`/app/vote?project_id=${encodeURIComponent(id)}`, { cache: 'no-store' }).catch(() => null);
  return response?.ok ? (await response.json()).voted : false;
}

function comment(item) {
  const said = h('p', { class: 'said', dir: 'auto' });
  const by = h('p', { class: 'byline' });
  const update = (next) => {
    said.textContent = text(next.content);
    fill(by, person(next.author_id, next.author_username, next.author_is_verified), when(next.created_at), next.parent_id && 'in reply', next.reply_count > 0 && `${next.reply_count} ${next.reply_count === 1 ? 'reply' : 'replies'}`);
  };
  const node = h('li', { class: 'comment' }, art('round', item.author_username, item.author_id), h('div', { class: 'content' }, by, said));
  update(item);
  return { node, update };
}
