// Elements without markup: whatever the server says is text, never HTML.

const SVG = "http://www.w3.org/2000/svg";

/** An element. Attributes that are null or false are left out, true ones are empty; `on…` are listeners. */
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same, of SVG. */
export function s(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else put(element, name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** Sets an attribute where it differs. */
export function put(element, name, value) {
  if (value === null || value === undefined || value === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value === true ? "" : value)) element.setAttribute(name, value === true ? "" : value);
}

/** Sets a text where it differs. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Keeps a list of children in step with values: what stays is the same element, so that focus and reading place stay too.
 * `make` gives `{ element, update }`.
 */
export function keyed(parent, make) {
  let known = new Map();
  return (values, key) => {
    const next = new Map();
    let before = null;
    for (const value of values) {
      const name = key(value);
      const part = known.get(name) ?? make(value);
      part.update(value);
      const place = before ? before.nextSibling : parent.firstChild;
      if (place !== part.element) parent.insertBefore(part.element, place);
      before = part.element;
      next.set(name, part);
    }
    for (const [name, part] of known) if (!next.has(name)) part.element.remove();
    known = next;
  };
}

/** A heading with what belongs under it. */
export function section(title, ...children) {
  const id = `section-${title.toLowerCase().replaceAll(/[^a-z]+/g, "-")}`;
  return h("section", { class: "card", "aria-labelledby": id }, h("h2", { id }, title), ...children);
}

/** A table in a box of its own that scrolls where it is too wide. */
export function table(label, titles, body) {
  const head = titles.map((title) => h("th", { scope: "col", role: "columnheader", class: title.startsWith(">") ? "number" : null }, title.replace(">", "")));
  return h("table", { role: "table", "aria-label": label }, h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, head)), body);
}

/** A cell; on a phone its title stands before it. */
export function cell(title, attributes = {}, ...children) {
  return h("td", { role: "cell", "data-title": title, ...attributes }, ...children);
}
