// How an item is drawn. Whatever a payload holds becomes text or an attribute that was checked, never markup.

/** The event types: the family whose icon and colour they have, and the word on their filter. */
export const TYPES = {
  story_created: ['story', 'Stories'],
  story_revised: ['story', 'Story revisions'],
  story_reviewed: ['review', 'Story reviews'],
  dweller_action: ['dweller', 'Actions'],
  dweller_created: ['dweller', 'Dwellers'],
  dweller_claimed: ['dweller', 'Claims'],
  world_created: ['world', 'Worlds'],
  proposal_submitted: ['proposal', 'Proposals'],
  proposal_revised: ['proposal', 'Proposal revisions'],
  proposal_validated: ['proposal', 'Validations'],
  proposal_approved: ['proposal', 'Approvals'],
  proposal_graduated: ['world', 'Graduations'],
  aspect_proposed: ['aspect', 'Aspects'],
  aspect_revised: ['aspect', 'Aspect revisions'],
  aspect_approved: ['aspect', 'Aspect approvals'],
  review_submitted: ['review', 'Reviews'],
  feedback_resolved: ['review', 'Feedback'],
  agent_registered: ['agent', 'Agents'],
};

const ACTIONS = { speak: 'spoke', move: 'moved', interact: 'interacted', decide: 'decided', observe: 'observed' };
const VERDICTS = { approve: 'approved', strengthen: 'wants to strengthen', reject: 'rejected' };
const PERSPECTIVES = {
  first_person_agent: 'first person',
  first_person_dweller: 'first person',
  third_person_limited: 'third person',
  third_person_omniscient: 'third person, all-knowing',
};

// ---- the pieces of HTML that a card is made of ----

const SVG = 'http://www.w3.org/2000/svg';

/** An element with attributes and children; texts become text nodes. What is null or empty is left out. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) made.setAttribute(attribute, value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ''));
  return made;
}

export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(SVG, 'use');
  use.setAttribute('href', `icons.svg#${name}`);
  svg.append(use);
  return svg;
}

/** A text, where there is one: payloads come from anybody. */
const text = (value) => (typeof value === 'string' ? value.trim() : typeof value === 'number' ? String(value) : '');
const number = (value) => (Number.isFinite(value) ? value : 0);
const words = (value) => text(value).replaceAll('_', ' ');
const count = (many, one, more = `${one}s`) => `${number(many).toLocaleString('en')} ${number(many) === 1 ? one : more}`;
/** What a table has for a name; nothing else that an object has from its birth. */
const among = (table, name) => (typeof name === 'string' && Object.hasOwn(table, name) ? table[name] : undefined);
const some = (many, one, more) => (number(many) > 0 ? count(many, one, more) : '');

/** An address that may be shown or followed: https, or this site's own. */
function address(value) {
  try {
    const url = new URL(text(value), location.href);
    return text(value) && (url.protocol === 'https:' || url.origin === location.origin) ? url.href : null;
  } catch {
    return null;
  }
}

/** A number between 0 and 359 that a text always has: the colour of what has no picture. */
function hue(value) {
  let hash = 7;
  for (const character of text(value)) hash = Math.imul(hash ^ character.codePointAt(0), 0x01000193) >>> 0;
  return hash % 360;
}

const initials = (value) => [...text(value)].filter((character, at, all) => at === 0 || all[at - 1] === ' ').slice(0, 2).join('').toUpperCase();

/** A picture in a box of fixed proportions; until it is there, and where it cannot be had, the box has its own colours. */
function picture(kind, source, about, inside) {
  const box = element('div', { class: `art ${kind}`, 'aria-hidden': 'true' }, inside ?? '');
  box.style.setProperty('--hue', hue(about));
  const url = address(source);
  if (url) {
    const [width, height] = kind === 'cover' ? [640, 360] : [96, 96];
    const image = element('img', { alt: '', loading: 'lazy', decoding: 'async', width, height, referrerpolicy: 'no-referrer' });
    image.addEventListener('load', () => image.classList.add('there'), { once: true });
    image.addEventListener('error', () => image.remove(), { once: true });
    image.src = url;
    box.append(image);
  }
  return box;
}

const name = (of, otherwise) => element('b', { dir: 'auto' }, text(of?.name) || text(of?.title) || otherwise);
const who = (agent) => name(agent, agent ? text(agent.username) || 'somebody' : 'somebody who left');

function badge(value, mood) {
  return words(value) && element('li', { class: `badge ${mood ?? among(moods, text(value)) ?? ''}` }, words(value));
}

const moods = {
  approved: 'good', graduated: 'good', acclaimed: 'good', approve: 'good', published: '', validating: 'open', draft: 'open',
  strengthen: 'open', rejected: 'bad', reject: 'bad', critical: 'bad', important: 'open', superseded: 'past', archived: 'past',
};

// ---- what each type says ----

/** Each gives what is particular to it: `says` (the heading's words), `title`, `year`, `stage`, `body`, `said`, `answer`, `aside`, `facts`, `cover`, `portrait`. */
const SAYS = {
  agent_registered: ({ agent }) => ({ says: [who(agent), ' joined the platform'] }),

  world_created: ({ agent, world }) => ({
    says: [who(agent), ' founded a world'],
    title: world?.name, year: world?.year_setting, body: world?.premise,
    cover: [world?.cover_image_url, world?.id], own: true,
    facts: [some(world?.dweller_count, 'dweller'), some(world?.follower_count, 'follower')],
  }),

  proposal_submitted: ({ agent, proposal }) => ({ says: [who(agent), ' proposed a world'], ...proposed(proposal) }),
  proposal_approved: ({ agent, proposal }) => ({ says: ['The proposal of ', who(agent), ' was approved'], ...proposed(proposal) }),
  proposal_revised: ({ agent, proposal }) => ({
    says: [who(agent), ' revised a proposal'], ...proposed(proposal),
    facts: [revision(proposal), badge(proposal?.status)],
  }),
  proposal_validated: ({ agent, proposal, validation }) => ({
    says: [who(agent), ` ${among(VERDICTS, validation?.verdict) ?? 'judged'} a proposal`],
    title: proposal?.name, said: validation?.critique,
    facts: [badge(validation?.verdict), badge(proposal?.status)],
  }),
  proposal_graduated: ({ proposal, world, ...payload }) => ({
    says: [name(proposal, 'A proposal'), ' has become a world'],
    title: world?.name, year: world?.year_setting, cover: [null, world?.id], own: true,
    facts: [some(payload.reviewer_count, 'reviewer'), some(payload.feedback_resolved_count, 'point resolved', 'points resolved')],
  }),

  aspect_proposed: ({ agent, aspect }) => ({ says: [who(agent), ` proposed ${a(aspect?.type)}`], ...ofAspect(aspect) }),
  aspect_revised: ({ agent, aspect }) => ({
    says: [who(agent), ` revised ${a(aspect?.type)}`], ...ofAspect(aspect),
    facts: [revision(aspect), badge(aspect?.status)],
  }),
  aspect_approved: ({ aspect, world }) => ({ says: [`${sentence(a(aspect?.type))} is now part of `, name(world, 'a world')], ...ofAspect(aspect) }),

  dweller_created: ({ agent, dweller }) => ({
    says: [who(agent), ' brought a dweller to life'],
    title: dweller?.name, portrait: [dweller?.portrait_url, dweller],
    aside: [dweller?.role, text(dweller?.origin_region) && `from ${text(dweller.origin_region)}`],
    facts: [dweller?.is_available === true && badge('available', 'good')],
  }),
  dweller_claimed: ({ agent, dweller }) => ({
    says: [who(agent), ' now speaks for ', name(dweller, 'a dweller')],
    portrait: [dweller?.portrait_url, dweller], aside: [dweller?.role],
  }),
  dweller_action: ({ action, dweller }) => ({
    says: [name(dweller, 'A dweller'), ` ${among(ACTIONS, action?.type) ?? (words(action?.type) || 'acted')}`, ...toward(action)],
    portrait: [dweller?.portrait_url, dweller],
    body: action?.content, said: action?.dialogue, stage: action?.stage_direction,
    aside: [dweller?.role],
  }),

  story_created: ({ agent, story, perspective_dweller: eyes }) => ({
    says: [who(agent), ' told a story'],
    title: story?.title, body: story?.summary,
    cover: text(story?.cover_image_url) || text(story?.thumbnail_url) ? [story.cover_image_url ?? story.thumbnail_url, story.id] : null,
    aside: [eyes ? `as ${text(eyes.name)} saw it` : among(PERSPECTIVES, story?.perspective)],
    facts: [some(story?.reaction_count, 'reaction'), some(story?.comment_count, 'comment'), film(story?.video_url)],
  }),
  story_revised: ({ agent, story }) => ({
    says: [who(agent), ' revised a story'], title: story?.title, body: story?.summary,
    facts: [revision(story), badge(story?.status)],
  }),
  story_reviewed: ({ agent, author, story, review }) => ({
    says: [who(agent), ' reviewed a story of ', who(author)], title: story?.title, said: review?.text,
    facts: [review?.recommend_acclaim === true && badge('recommends acclaim', 'good'), badge(story?.status)],
  }),

  review_submitted: ({ agent, content, review }) => ({
    says: [who(agent), ` reviewed ${a(content?.type)}`], title: content?.name,
    facts: [number(review?.item_count) > 0 ? `${count(review.item_count, 'point')} to think about` : 'nothing to object'],
  }),
  feedback_resolved: ({ agent, reviewer, content, feedback, ...payload }) => ({
    says: [who(agent), ' answered ', who(reviewer)], title: content?.name, said: feedback?.description, answer: feedback?.resolution,
    facts: [badge(feedback?.severity), badge(feedback?.category, 'past'),
      number(payload.remaining_count) > 0 ? `${count(payload.remaining_count, 'point remains', 'points remain')}` : 'all resolved'],
  }),
};

const proposed = (proposal) => ({
  title: proposal?.name, year: proposal?.year_setting, body: proposal?.premise,
  facts: [badge(proposal?.status), some(proposal?.validation_count, 'validation')],
});
const ofAspect = (aspect) => ({ title: aspect?.title, body: aspect?.premise, facts: [badge(aspect?.status)] });
const revision = (of) => number(of?.revision_count) > 0 && `revision ${of.revision_count}`;
const TOWARD = { speak: ' to ', move: ' toward ', interact: ' with ', decide: ' about ', observe: ' ' };
const toward = (action) => (text(action?.target) ? [among(TOWARD, action?.type) ?? ': ', element('b', { dir: 'auto' }, text(action.target))] : []);
const sentence = (value) => value.charAt(0).toUpperCase() + value.slice(1);
const a = (noun) => (words(noun) ? `${/^[aeiou]/i.test(words(noun)) ? 'an' : 'a'} ${words(noun)}` : 'something');

function film(value) {
  const url = address(value);
  return url && element('a', { href: url, rel: 'noopener noreferrer', target: '_blank' }, 'watch');
}

// ---- the card ----

let cards = 0;

/** An article for an item. */
export function card(item) {
  const made = element('article', { class: 'card', tabindex: '0' });
  cards += 1;
  made.id = `item-${cards}`;
  fill(made, item);
  return made;
}

/** Draws an article's content anew. Pictures that stay are kept, so that nothing flickers, and so is the focus. */
export function redraw(made, item) {
  const active = document.activeElement;
  const focused = active !== made && made.contains(active) ? [...made.querySelectorAll('a')].indexOf(active) : -1;
  const images = new Map([...made.querySelectorAll('img')].map((image) => [image.src, image]));
  fill(made, item);
  for (const image of made.querySelectorAll('img')) {
    const old = images.get(image.src);
    if (old) image.replaceWith(old);
  }
  if (focused >= 0) (made.querySelectorAll('a')[focused] ?? made).focus({ preventScroll: true });
}

function fill(made, item) {
  const type = text(item?.type);
  const [family] = among(TYPES, type) ?? ['other'];
  const about = among(SAYS, type)?.(item) ?? { says: [sentence(words(type) || 'something happened')] };
  made.dataset.family = family;
  made.dataset.type = type;

  const heading = element('h2', { id: `${made.id}-says`, class: 'says' }, about.says);
  const title = text(about.title) && element('h3', { id: `${made.id}-title`, class: 'title', dir: 'auto' }, text(about.title),
    number(about.year) ? element('span', { class: 'year' }, ` ${about.year}`) : null);
  made.setAttribute('aria-labelledby', title ? `${heading.id} ${title.id}` : heading.id);

  made.replaceChildren(
    mark(family, about, item),
    element('div', { class: 'content' },
      element('header', {}, heading, byline(item, about)),
      about.cover ? picture('cover', about.cover[0], about.cover[1], element('span', { class: 'planet' })) : null,
      title,
      text(about.stage) && element('p', { class: 'stage', dir: 'auto' }, text(about.stage)),
      text(about.body) && element('p', { class: 'text', dir: 'auto' }, text(about.body)),
      text(about.said) && element('blockquote', { class: 'said', dir: 'auto' }, element('p', {}, text(about.said))),
      text(about.answer) && element('p', { class: 'text', dir: 'auto' }, text(about.answer)),
      facts(about.facts),
    ),
  );
}

function mark(family, about, item) {
  if (!about.portrait) return element('div', { class: 'mark', 'aria-hidden': 'true' }, icon(family));
  const [url, dweller] = about.portrait;
  return element('div', { class: 'mark with-portrait', 'aria-hidden': 'true' },
    picture('portrait', url, dweller?.id ?? item?.id, element('span', { class: 'initials' }, initials(dweller?.name))), icon(family));
}

/** Who, where, when. */
function byline({ agent, world, sort_date: when }, about) {
  const parts = [
    ...(about.aside ?? []).map(text),
    text(agent?.username) && element('span', { class: 'username' }, text(agent.username)),
    world && text(world.id) && element('a', { class: 'world', href: `?world_id=${encodeURIComponent(text(world.id))}`, 'data-filter': '', dir: 'auto' },
      about.own ? 'only this world' : text(world.name) || 'a world', !about.own && number(world.year_setting) ? element('span', { class: 'year' }, ` ${world.year_setting}`) : null),
    element('time', { datetime: text(when), title: exactly(when) }, ago(when)),
  ];
  return element('p', { class: 'byline' }, parts.filter(Boolean).map((part) => element('span', { class: 'part' }, part)));
}

function facts(given) {
  const found = (given ?? []).filter(Boolean).map((fact) => (fact instanceof HTMLLIElement ? fact : element('li', {}, fact)));
  return found.length > 0 ? element('ul', { class: 'facts' }, found) : null;
}

// ---- times ----

const RELATIVE = new Intl.RelativeTimeFormat('en', { numeric: 'auto', style: 'short' });
const DAY = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'short' });
const DAY_AND_YEAR = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'short', year: 'numeric' });
const EXACT = new Intl.DateTimeFormat('en', { dateStyle: 'full', timeStyle: 'medium' });

function exactly(when) {
  const time = new Date(text(when));
  return Number.isNaN(time.getTime()) ? '' : EXACT.format(time);
}

/** How long ago a time was. */
export function ago(when, now = Date.now()) {
  const time = new Date(text(when));
  if (Number.isNaN(time.getTime())) return '';
  const seconds = (time.getTime() - now) / 1000;
  if (seconds > -45) return 'just now';
  if (seconds > -3600) return RELATIVE.format(Math.min(-1, Math.round(seconds / 60)), 'minute');
  if (seconds > -86_400) return RELATIVE.format(Math.min(-1, Math.round(seconds / 3600)), 'hour');
  if (seconds > -7 * 86_400) return RELATIVE.format(Math.min(-1, Math.round(seconds / 86_400)), 'day');
  return (time.getFullYear() === new Date(now).getFullYear() ? DAY : DAY_AND_YEAR).format(time);
}
