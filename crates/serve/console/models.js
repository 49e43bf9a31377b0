// The list: what needs somebody first, then every model.

import { h, cell, keyed, put, say, section, table } from "./dom.js";
import { ago, badge, bytes, cost, number, rate, time } from "./words.js";
import { sparkline } from "./chart.js";

const STATES = ["fresh", "lagging", "rebuilding", "diverged", "broken"];

/** The samples of one figure of a model. */
export function of(known, name, figure) {
  return known.samples.map((sample) => sample.models[name]?.[figure] ?? null);
}

/** The address of a model's page. */
export function address(name) {
  return `#/model/${encodeURIComponent(name)}`;
}

/** How far behind a model is, in words. */
export function lag(model) {
  if (model.mode === "realtime" && model.status !== "broken" && model.lag_ms === 0) return "in the write itself";
  if (model.lag_ms === null) return "behind: unknown";
  return model.lag_ms === 0 ? "nothing waits" : `${time(model.lag_ms)} behind`;
}

export function models(known) {
  const counts = STATES.map((state) => ({ state, figure: h("strong"), badge: badge(state) }));
  const tiles = counts.map(({ figure, badge }) => h("li", {}, figure, badge.element));
  const facts = { leader: h("dd"), batch: h("dd"), position: h("dd"), streams: h("dd") };
  const alerts = h("ul", { class: "alerts" });
  const setAlerts = keyed(alerts, alert);
  const attention = section("Needs attention", alerts);
  const body = h("tbody", { role: "rowgroup" });
  const setRows = keyed(body, row);
  const filter = h("input", { type: "search", id: "filter", placeholder: "Find a model", "aria-label": "Find a model by name", oninput: () => update() });
  const none = h("p", { class: "empty", hidden: true });
  const all = section("All models",
    h("div", { class: "tools" }, filter),
    h("div", { class: "wide" }, table("Models", ["Model", "Status", ">Rows", ">Changes", "Last 5 min", ">Per change", "Last verify"], body)), none,
    h("p", { class: "hint", id: "figures" }));
  all.id = "models";

  function update() {
    const { overview } = known;
    const list = overview.models ?? [];
    for (const { state, figure } of counts) say(figure, number(list.filter((model) => model.status === state).length));
    const { batches } = overview;
    say(facts.leader, !batches ? "not needed" : batches.leader ? `leads, pid ${batches.leader}` : "nobody leads");
    put(facts.leader, "class", batches && !batches.leader ? "bad" : null);
    say(facts.batch, batches ? `${number(batches.number)}, ${time(batches.age_ms)} ago${batches.waiting ? ", changes wait" : ""}` : "none needed");
    say(facts.position, batches ? batches.position : "none");
    say(facts.streams, number(overview.streams));
    const wrong = list.filter((model) => model.status !== "fresh").sort((a, b) => STATES.indexOf(b.status) - STATES.indexOf(a.status));
    setAlerts(wrong, (model) => model.name);
    put(attention, "hidden", wrong.length === 0);
    const wanted = filter.value.trim().toLowerCase();
    const shown = list.filter((model) => model.name.toLowerCase().includes(wanted));
    setRows(shown.map((model) => ({ model, known })), ({ model }) => model.name);
    say(none, list.length ? `No model is called anything like “${filter.value.trim()}”.` : "No models are installed. headwater apply installs them.");
    put(none, "hidden", shown.length > 0);
    const timed = overview.server?.track_functions;
    say(all.querySelector("#figures"), `Rows are PostgreSQL's estimates. Changes are rows written to the model's table, over ten seconds. Per change is the time in the model's functions over the last five minutes${timed === "none" ? "; it is unknown while track_functions is none (SET track_functions = 'pl' makes PostgreSQL count)" : ""}.`);
  }

  const element = h("div", { class: "view" },
    h("h1", { tabindex: "-1" }, "Models"),
    h("section", { class: "summary", "aria-label": "Summary" },
      h("ul", { class: "tiles" }, tiles),
      h("dl", { class: "facts" }, pair("Leader", facts.leader), pair("Batch", facts.batch), pair("Log at", facts.position), pair("Streams", facts.streams))),
    attention, all);
  return { element, update };
}

function pair(title, value) {
  return h("div", {}, h("dt", {}, title), value);
}

/** A model that is not fresh, why, and what to do. */
function alert(model) {
  const state = badge(model.status), reason = h("p"), fix = h("p", { class: "fix" });
  const link = h("a", { href: address(model.name) }, model.name);
  const element = h("li", {}, state.element, h("div", {}, link, reason, fix));
  const update = (now) => {
    state.update(now.status);
    put(element, "data-state", now.status);
    say(reason, `${now.reason ?? lag(now)}${now.retry_in_ms !== null ? `; tried again in ${time(now.retry_in_ms)}, ${number(now.failures)} failures so far` : ""}`);
    say(fix, now.fix ?? "");
    put(fix, "hidden", !now.fix);
  };
  return { element, update };
}

/** A model's row. */
function row({ model }) {
  const state = badge(model.status), spark = sparkline();
  const about = h("span", { class: "about" }), behind = h("span", { class: "about" });
  const rows = cell("Rows", { class: "number" }), changes = cell("Changes", { class: "number" });
  const each = cell("Per change", { class: "number" }), size = h("span", { class: "about" }), count = h("span");
  const verified = h("span"), when = h("span", { class: "about" });
  rows.append(count, size);
  const element = h("tr", { role: "row" },
    h("th", { scope: "row", role: "rowheader" }, h("a", { href: address(model.name) }, model.name), about),
    cell("Status", {}, state.element, behind), rows, changes,
    cell("Last 5 min", { class: "trend" }, spark.element), each, cell("Last verify", {}, verified, when));
  const update = ({ model: now, known }) => {
    state.update(now.status);
    say(about, `${now.mode} · ${now.tier}`);
    say(behind, lag(now));
    say(count, now.rows === null ? "unknown" : `≈ ${number(now.rows)}`);
    say(size, bytes(now.bytes));
    say(changes, rate(now.changes_per_second));
    unknown(changes, now.changes_per_second);
    say(each, cost(now.us_per_change));
    unknown(each, now.us_per_change);
    spark.update(of(known, now.name, "written"), known.kept);
    const last = now.last_verify;
    say(verified, !last ? "never" : last.exact ? "exact" : last.healed ? "differed, repaired" : "differs");
    put(verified, "class", !last ? "unknown" : last.exact ? "good" : last.healed ? "warn" : "bad");
    say(when, last ? ago(last.at, known.overview.at) : "");
  };
  return { element, update };
}

function unknown(element, value) {
  element.classList.toggle("unknown", value === null);
}
