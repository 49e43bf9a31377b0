// A small line over the last five minutes, drawn as SVG. Gaps are what is not known.

import { h, s, put, say } from "./dom.js";

const WIDTH = 240;

/** The path of a line and of the area under it. */
function paths(values, height, most) {
  const step = WIDTH / Math.max(1, values.length - 1);
  let line = "", area = "", from = null;
  const close = (at) => { if (from !== null) area += `L${(at * step).toFixed(1)} ${height}L${(from * step).toFixed(1)} ${height}Z`; from = null; };
  values.forEach((value, at) => {
    if (value === null) { close(at - 1); return; }
    const point = `${(at * step).toFixed(1)} ${(height - 1.5 - (value / most) * (height - 4)).toFixed(1)}`;
    line += `${from === null ? "M" : "L"}${point}`;
    area += `${from === null ? "M" : "L"}${point}`;
    from ??= at;
  });
  close(values.length - 1);
  return { line, area };
}

/** Means over so many neighbours: PostgreSQL's counters move by the second, not smoothly. */
function smooth(values, by) {
  return values.map((_, at) => {
    const near = values.slice(Math.max(0, at - by + 1), at + 1).filter((value) => value !== null);
    return near.length ? near.reduce((sum, value) => sum + value, 0) / near.length : null;
  });
}

/** A line without words; its element is hidden from assistive technology, for the number stands beside it. */
export function sparkline(height = 24) {
  const area = s("path", { class: "area" }), line = s("path", { class: "line" });
  const element = s("svg", { class: "spark", viewBox: `0 0 ${WIDTH} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true" }, area, line);
  const update = (values, kept, by = 3) => {
    const all = [...Array(Math.max(0, kept - values.length)).fill(null), ...smooth(values, by)];
    const drawn = paths(all, height, Math.max(1, ...all.map((value) => value ?? 0)));
    put(line, "d", drawn.line);
    put(area, "d", drawn.area);
  };
  return { element, update };
}

/** A chart with a title, the present value and the highest one. */
export function chart(title, about, shown) {
  const spark = sparkline(72);
  const now = h("strong"), top = h("span", { class: "top" });
  const element = h("figure", { class: "chart" },
    h("figcaption", {}, h("span", {}, title), now),
    h("div", { class: "plot" }, top, spark.element),
    h("p", { class: "axis", "aria-hidden": "true" }, h("span", {}, "5 min ago"), h("span", {}, "now")),
    h("p", { class: "hint" }, about));
  const update = (values, kept, by) => {
    spark.update(values, kept, by);
    const known = values.filter((value) => value !== null);
    const last = smooth(values, by).at(-1) ?? null;
    say(now, shown(last));
    say(top, known.length ? `at most ${shown(Math.max(...known))}` : "nothing is known yet");
    put(element, "aria-label", `${title}: ${shown(last)} now`);
  };
  return { element, update };
}
