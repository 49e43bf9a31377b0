// Source tables and the models that read them: two layers, ordered so that few lines cross, and the same as a list.

import { h, s, put, say, section } from "./dom.js";
import { ICONS, badge, rate } from "./words.js";
import { address } from "./models.js";

const ROW = 34, BOX = 26, TOP = 8;

/** Orders both layers by the mean place of their neighbours, a few times over. */
export function order(models) {
  let right = models.map((model) => model.name);
  let left = [...new Set(models.flatMap((model) => model.sources))].sort();
  const readers = new Map(left.map((source) => [source, models.filter((model) => model.sources.includes(source)).map((model) => model.name)]));
  const sources = new Map(models.map((model) => [model.name, model.sources]));
  const by = (layer, neighbours, other) => {
    const place = new Map(other.map((name, at) => [name, at / Math.max(1, other.length - 1)]));
    const mean = (name) => neighbours.get(name).reduce((sum, next) => sum + place.get(next), 0) / Math.max(1, neighbours.get(name).length);
    return layer.map((name, at) => [mean(name), at, name]).sort((a, b) => a[0] - b[0] || a[1] - b[1]).map(([, , name]) => name);
  };
  for (let turn = 0; turn < 8; turn += 1) {
    right = by(right, sources, left);
    left = by(left, readers, right);
  }
  return { left, right };
}

export function graph(known) {
  const canvas = h("div", { class: "canvas" });
  const list = h("ul", { class: "reads" });
  const element = h("div", { class: "view" }, h("h1", { tabindex: "-1" }, "Graph"),
    section("From tables to models", h("p", { class: "hint" }, "A line is drawn where a model reads a table. Tables that are written to just now are marked."), canvas),
    section("As a list", list));
  let drawn = "", parts = null;

  function update() {
    const models = known.overview.models ?? [];
    const width = Math.max(300, canvas.clientWidth || 900);
    const shape = JSON.stringify([Math.round(width), models.map((model) => [model.name, model.sources])]);
    if (shape !== drawn) {
      drawn = shape;
      parts = draw(models, width);
      canvas.replaceChildren(models.length ? parts.svg : h("p", { class: "empty" }, "No models are installed."));
      list.replaceChildren(...parts.items);
    }
    for (const model of models) {
      parts.badges.get(model.name)?.update(model.status);
      put(parts.boxes.get(model.name), "data-state", model.status);
      put(parts.boxes.get(model.name).querySelector(".icon"), "d", ICONS[model.status]);
    }
    for (const table of known.overview.tables ?? []) {
      const box = parts.boxes.get(`table ${table.name}`);
      if (!box) continue;
      put(box, "data-active", table.changes_per_second > 0);
      put(box, "data-state", table.missing_triggers.length ? "broken" : null);
      say(box.querySelector("title"), `${table.name}: ${rate(table.changes_per_second)}${table.missing_triggers.length ? ", a trigger is missing" : ""}`);
    }
  }

  const resized = () => known.overview && update();
  addEventListener("resize", resized);
  return { element, update, end: () => removeEventListener("resize", resized) };
}

function draw(models, width) {
  const { left, right } = order(models);
  const column = Math.min(280, width * 0.4);
  const height = Math.max(left.length, right.length) * ROW + TOP;
  const place = (layer, at) => TOP + (at + 0.5) * ((height - TOP) / Math.max(1, layer.length));
  const boxes = new Map(), badges = new Map(), edges = [];
  const letters = Math.floor((column - 24) / 7.3);
  const cut = (name) => (name.length > letters ? `${name.slice(0, letters - 1)}…` : name);
  const light = (name, on) => { for (const edge of edges) if (edge.ends.includes(name)) edge.path.classList.toggle("lit", on); };
  const box = (id, name, x, y, href) => {
    const mark = href ? s("path", { class: "icon", d: "", transform: `translate(${x + 6} ${y - 6.5}) scale(.8)` }) : s("circle", { cx: x + 12, cy: y, r: 3.5 });
    const shape = s("g", { class: "node", onmouseenter: () => light(id, true), onmouseleave: () => light(id, false) },
      s("title", {}, name), s("rect", { x, y: y - BOX / 2, width: column, height: BOX, rx: 6 }), mark, s("text", { x: x + 24, y: y + 4 }, cut(name)));
    boxes.set(id, shape);
    return href ? s("a", { href, tabindex: "-1" }, shape) : shape;
  };
  const from = new Map(left.map((name, at) => [name, place(left, at)])), to = new Map(right.map((name, at) => [name, place(right, at)]));
  for (const model of models) {
    for (const source of model.sources) {
      const [x, y, X, Y] = [column, from.get(source), width - column, to.get(model.name)], middle = (x + X) / 2;
      edges.push({ ends: [`table ${source}`, model.name], path: s("path", { class: "edge", d: `M${x} ${y}C${middle} ${y} ${middle} ${Y} ${X} ${Y}` }) });
    }
  }
  const svg = s("svg", { class: "graph", viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true" },
    edges.map((edge) => edge.path), left.map((name) => box(`table ${name}`, name, 0, from.get(name))), right.map((name) => box(name, name, width - column, to.get(name), address(name))));
  const items = models.map((model) => {
    const state = badge(model.status);
    badges.set(model.name, state);
    return h("li", {}, h("a", { href: address(model.name) }, model.name), state.element, h("span", { class: "about" }, `reads ${model.sources.join(", ")}`));
  });
  return { svg, items, boxes, badges };
}
