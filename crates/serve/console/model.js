// One model: how it is, what can be done, its SELECT, its plan, and what is installed of it.

import * as api from "./api.js";
import { h, cell, keyed, put, say, section, table } from "./dom.js";
import { ago, badge, bytes, cost, moment, number, rate, sql, time } from "./words.js";
import { chart } from "./chart.js";
import { lag, of } from "./models.js";
import { operation } from "./routes.js";

const KINDS = {
  verify: {
    button: "Verify",
    title: (name) => `Verify ${name}?`,
    text: () => "Its rows are compared with its SELECT at one snapshot. Nothing is changed.",
    hint: (model) => (model.mode === "eventual" ? "The comparison is part of a batch: other batches wait for as long as the SELECT takes." : "The SELECT is evaluated once, in full."),
  },
  repair: {
    button: "Repair",
    title: (name) => `Repair ${name}?`,
    text: () => "It is compared with its SELECT, and what differs is computed anew. A broken model that is exact then serves again.",
    hint: (model) => (model.mode === "eventual" ? "It happens in a batch: other batches wait for as long as it takes." : "Writers of the rows that differ wait for a moment."),
  },
  refresh: {
    button: "Refresh",
    title: (name) => `Build ${name} anew?`,
    text: () => "The same definition is built beside the one that serves, compared with its SELECT, and swapped in. Readers and writers go on.",
    hint: () => "It takes as long as a first fill and as much room on the disk again. For a moment the sources are locked.",
  },
};

export function model(known, name, ask, operated) {
  const state = badge("fresh");
  const about = h("p", { class: "about" });
  const reason = h("p"), fix = h("p", { class: "fix" });
  const trouble = h("div", { class: "trouble", hidden: true }, reason, fix);
  const error = h("p", { class: "error", role: "alert" });
  const buttons = Object.entries(KINDS).map(([kind, words]) => h("button", { type: "button", "data-kind": kind, onclick: () => begin(kind, words) }, `${words.button}…`));
  const operations = h("ul", { class: "operations", "aria-label": "What is done to this model" });
  const setOperations = keyed(operations, operation);
  const facts = Object.fromEntries(["Lag", "Rows", "Size", "Changes", "Per change", "Last verify", "Serves since", "Key"].map((title) => [title, h("dd")]));
  const written = chart("Rows written", "To the model's table, from PostgreSQL's counters, seen by this server since it started.", rate);
  const behind = chart("Behind", "At most so far behind its SELECT when this server looked.", time);
  const places = h("ul", { class: "chips" }), readers = h("ul", { class: "chips" });
  const more = h("div", { class: "view" }, h("p", { class: "empty" }, "Reading what is installed…"));
  const missing = h("p", { class: "empty", hidden: true }, "There is no such model here (any more). ", h("a", { href: "#/" }, "All models"));
  const whole = h("div", { class: "view" },
    h("section", { class: "card", "aria-label": "State" }, trouble, h("dl", { class: "facts" }, Object.entries(facts).map(([title, value]) => h("div", {}, h("dt", {}, title), value))),
      h("div", { class: "buttons", role: "group", "aria-label": "Operations" }, buttons), error, operations),
    h("div", { class: "charts" }, written.element, behind.element),
    h("div", { class: "halves" }, section("Sources", places), section("Served at", readers)), more);
  let version = null, ended = false, asked = false;

  async function begin(kind, words) {
    const now = find();
    if (!now || !(await ask({ title: words.title(name), text: words.text(), hint: words.hint(now), yes: words.button }))) return;
    say(error, "");
    try {
      await api.operate(name, kind);
      operated(`${words.button} of ${name} has begun`);
    } catch (problem) {
      say(error, [problem.message, problem.hint].filter(Boolean).join("; "));
    }
  }

  const find = () => known.overview.models?.find((model) => model.name === name);

  function update() {
    const { overview } = known;
    const now = find();
    put(missing, "hidden", Boolean(now));
    put(whole, "hidden", !now);
    if (!now) return;
    state.update(now.status);
    say(about, [now.mode, now.tier, now.file, `version ${now.version}`].join(" · "));
    put(trouble, "hidden", !now.reason && !now.fix);
    put(trouble, "data-state", now.status);
    say(reason, `${now.reason ?? ""}${now.retry_in_ms !== null ? `; tried again in ${time(now.retry_in_ms)}, ${number(now.failures)} failures so far` : ""}`);
    say(fix, now.fix ?? "");
    const last = now.last_verify;
    say(facts.Lag, `${lag(now)}${now.mode === "eventual" ? `; ${time(now.allowed_lag_ms)} allowed` : ""}`);
    say(facts.Rows, now.rows === null ? "unknown" : `≈ ${number(now.rows)}`);
    say(facts.Size, bytes(now.bytes));
    say(facts.Changes, rate(now.changes_per_second));
    say(facts["Per change"], cost(now.us_per_change));
    say(facts["Last verify"], !last ? "never" : `${last.exact ? "exact" : last.healed ? `${last.found}; repaired since` : last.found}, ${ago(last.at, overview.at)}`);
    say(facts["Serves since"], now.installed_at ? moment(now.installed_at) : "it does not serve yet");
    say(facts.Key, now.key.join(", ") || "none: one row");
    const own = overview.operations.filter((operation) => operation.model === name).slice(0, 4);
    setOperations(own.map((operation) => ({ operation, now: overview.at })), ({ operation }) => operation.number);
    const busy = own.some((operation) => operation.state === "running");
    for (const button of buttons) put(button, "aria-disabled", busy || !overview.operations_allowed || !now.serves ? "true" : null);
    for (const button of buttons) button.disabled = !overview.operations_allowed || !now.serves;
    written.update(of(known, name, "written"), known.kept, 3);
    behind.update(of(known, name, "lag_ms"), known.kept, 1);
    chips(places, now.sources.map((source) => [source, "#/graph"]));
    chips(readers, overview.routes.filter((route) => route.model === name).map((route) => [route.path, "#/streams"]));
    if (version !== now.version && !asked) read(now.version);
  }

  async function read(wanted) {
    asked = true;
    try {
      const found = await api.about(name);
      if (ended) return;
      version = wanted;
      more.replaceChildren(...installed(found));
    } catch (problem) {
      more.replaceChildren(h("p", { class: "empty" }, `What is installed cannot be read: ${problem.message}`));
    } finally {
      asked = false;
    }
  }

  const element = h("div", { class: "view" },
    h("div", { class: "title" }, h("a", { class: "back", href: "#/" }, "Models"), h("h1", { tabindex: "-1" }, name), state.element, about), missing, whole);
  return { element, update, end: () => { ended = true; } };
}

function chips(list, links) {
  const text = JSON.stringify(links);
  if (list.dataset.shown === text) return;
  list.dataset.shown = text;
  list.replaceChildren(...(links.length ? links.map(([word, href]) => h("li", {}, h("a", { href }, word))) : [h("li", { class: "unknown" }, "nowhere")]));
}

/** What does not change while a version is installed. */
function installed(found) {
  const groups = Map.groupBy ? Map.groupBy(found.objects, (object) => object.kind) : group(found.objects);
  const objects = [...groups].map(([kind, list]) => h("div", { class: "group" }, h("h3", {}, `${kind}s`.replace(/xs$/, "xes")),
    list.map((object) => {
      const details = h("details", {}, h("summary", {}, h("span", { class: "mono" }, object.name)));
      details.addEventListener("toggle", () => { if (details.open && details.children.length === 1) details.append(sql(object.sql)); });
      return details;
    })));
  const rows = h("tbody", { role: "rowgroup" }, found.refreshes.map((refresh) => h("tr", { role: "row" },
    cell("When", {}, moment(refresh.completed_at)), cell("State", {}, badge(refresh.status).element), cell("Took", { class: "number" }, time(refresh.duration_ms)),
    cell("Rows", { class: "number" }, number(refresh.row_count)), cell("Because", { class: "grow" }, [refresh.triggered_by, refresh.message].filter(Boolean).join(": ")))));
  return [
    section("Declared", sql(found.definition)),
    section("Plan", found.explanation ? h("pre", { class: "plan", tabindex: "0", role: "region", "aria-label": "Plan" }, found.explanation.trimEnd()) : h("p", { class: "empty" }, "Unknown: an older Headwater installed this version. A refresh writes it down.")),
    section("Rebuilds and failures", found.refreshes.length ? h("div", { class: "wide" }, table("Rebuilds and failures", ["When", "State", ">Took", ">Rows", "Because"], rows)) : h("p", { class: "empty" }, "None: every change has reached it by itself.")),
    section("Installed", h("p", { class: "hint" }, "As PostgreSQL has it now. Trigger functions serve all models of their table."), objects),
  ];
}

function group(objects) {
  const groups = new Map();
  for (const object of objects) groups.set(object.kind, [...(groups.get(object.kind) ?? []), object]);
  return groups;
}
