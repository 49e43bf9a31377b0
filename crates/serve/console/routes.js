// Who reads what over HTTP, and what was done of late.

import * as api from "./api.js";
import { h, cell, keyed, put, say, section, table } from "./dom.js";
import { ago, badge, moment, number, time } from "./words.js";
import { chart } from "./chart.js";
import { address } from "./models.js";

export function streams(known) {
  const open = chart("Open streams", "Of all routes together, on this server.", number);
  const body = h("tbody", { role: "rowgroup" });
  const setRows = keyed(body, route);
  const none = h("p", { class: "empty" }, "No routes are declared, and no model declares its access, so nothing is served.");
  const element = h("div", { class: "view" }, h("h1", { tabindex: "-1" }, "Streams"), open.element,
    section("Routes", h("div", { class: "wide" }, table("Routes", ["Path", "Model", "Access", ">Followers", "Live", "Cache", "Told up to"], body)), none,
      h("p", { class: "hint" }, "Followers are clients that hold a stream of the route open on this server; other servers count their own.")));
  const update = () => {
    open.update(known.samples.map((sample) => sample.streams), known.kept, 1);
    setRows(known.overview.routes, (route) => route.path);
    put(none, "hidden", known.overview.routes.length > 0);
  };
  return { element, update };
}

function route(first) {
  const model = h("a"), access = cell("Access"), followers = cell("Followers", { class: "number" });
  const live = cell("Live"), cache = cell("Cache"), position = cell("Told up to", { class: "mono" });
  const element = h("tr", { role: "row" }, h("th", { scope: "row", role: "rowheader", class: "mono" }, first.path), cell("Model", {}, model), access, followers, live, cache, position);
  const update = (now) => {
    say(model, now.model);
    put(model, "href", address(now.model));
    say(access, now.access);
    say(followers, number(now.followers));
    say(live, now.live ? "yes" : "no");
    say(cache, now.cached ? "kept" : "read anew");
    say(position, now.position);
  };
  return { element, update };
}

/** A verify, repair or refresh. */
export function operation(first) {
  const state = badge(first.operation.state), title = h("span"), when = h("span", { class: "about" });
  const bar = h("progress", { "aria-label": "Progress" }), step = h("p", { class: "step" }), message = h("p", { role: "status" }), hint = h("p", { class: "fix" });
  const element = h("li", {}, h("div", { class: "line" }, state.element, title, when), h("div", { class: "work" }, bar, step), message, hint);
  const update = ({ operation: now, now: at, link }) => {
    state.update(now.state);
    put(element, "data-state", now.state);
    if (link) title.replaceChildren(`${now.kind} `, h("a", { href: address(now.model) }, now.model));
    else say(title, now.kind);
    const running = now.state === "running";
    say(when, [running ? `for ${time(Math.max(0, at - now.began))}` : `${ago(new Date(now.ended).toISOString(), at)}, took ${time(now.ended - now.began)}`, now.by ? `by ${now.by}` : null].filter(Boolean).join(" · "));
    put(bar.parentElement, "hidden", !running);
    if (now.total > 1) { put(bar, "max", now.total); put(bar, "value", now.done); } else { put(bar, "value", null); }
    say(step, now.step ? `${now.step}${now.total > 1 ? `, ${number(now.done)} of ${number(now.total)}` : ""}` : "begins");
    say(message, now.message ?? "");
    put(message, "hidden", !now.message);
    say(hint, now.hint ?? "");
    put(hint, "hidden", !now.hint);
  };
  return { element, update };
}

export function activity(known) {
  const list = h("ul", { class: "operations" });
  const setOperations = keyed(list, operation);
  const none = h("p", { class: "empty" }, "Nothing was verified, repaired or refreshed from here since this server started.");
  const refreshes = h("tbody", { role: "rowgroup" }), batches = h("tbody", { role: "rowgroup" });
  const quiet = h("p", { class: "empty", hidden: true }, "The refresh log has no rows yet.");
  const error = h("p", { class: "error", role: "alert" });
  const element = h("div", { class: "view" }, h("h1", { tabindex: "-1" }, "Activity"),
    section("Operations", list, none),
    section("Rebuilds and failures", error, quiet, h("div", { class: "wide" }, table("Rebuilds and failures", ["When", "Model", "State", ">Took", ">Rows", "Because"], refreshes))),
    section("Batches by the minute", h("div", { class: "wide" }, table("Batches by the minute", ["Until", "State", ">Keys", "What"], batches))));
  let read = 0;

  async function look() {
    read = Date.now();
    try {
      const found = await api.refreshes();
      refreshes.replaceChildren(...found.refreshes.map((refresh) => h("tr", { role: "row" }, cell("When", {}, moment(refresh.completed_at)),
        h("th", { scope: "row", role: "rowheader" }, h("a", { href: address(refresh.view) }, refresh.view)), cell("State", {}, badge(refresh.status).element),
        cell("Took", { class: "number" }, time(refresh.duration_ms)), cell("Rows", { class: "number" }, number(refresh.row_count)),
        cell("Because", { class: "grow" }, [refresh.triggered_by, refresh.message].filter(Boolean).join(": ")))));
      batches.replaceChildren(...found.batches.map((batch) => h("tr", { role: "row" }, cell("Until", {}, moment(batch.completed_at)), cell("State", {}, badge(batch.status).element),
        cell("Keys", { class: "number" }, number(batch.row_count)), cell("What", { class: "grow" }, batch.triggered_by ?? ""))));
      put(quiet, "hidden", found.refreshes.length > 0);
      say(error, "");
    } catch (problem) {
      say(error, `The refresh log cannot be read: ${problem.message}`);
    }
  }

  function update() {
    const { overview } = known;
    setOperations(overview.operations.map((operation) => ({ operation, now: overview.at, link: true })), ({ operation }) => operation.number);
    put(none, "hidden", overview.operations.length > 0);
    if (Date.now() - read > 5000) look();
  }
  return { element, update };
}
