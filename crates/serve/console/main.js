// The console: asks every two seconds how everything is, and shows it in one of five views.

import * as api from "./api.js";
import { h, put, say } from "./dom.js";
import { badge } from "./words.js";
import { models } from "./models.js";
import { model } from "./model.js";
import { graph } from "./graph.js";
import { activity, streams } from "./routes.js";

const INTERVAL = 2000;
const $ = (id) => document.getElementById(id);
const main = $("main");

/** What is known: the newest overview, and samples of the last minutes. */
const known = { overview: null, samples: [], kept: 150, since: 0 };
let view = null, timer = 0, asking = false, signedIn = false;
const state = badge("fresh");

const VIEWS = [
  [/^#?\/?$/, () => models(known), "Models"],
  [/^#\/graph$/, () => graph(known), "Graph"],
  [/^#\/streams$/, () => streams(known), "Streams"],
  [/^#\/activity$/, () => activity(known, operated), "Activity"],
  [/^#\/model\/(.+)$/, (name) => model(known, name, ask, operated), "Model"],
];

/** Shows the view that the address names. */
function show(focus) {
  if (!signedIn) return;
  const [match, make, title] = VIEWS.map(([pattern, make, title]) => [location.hash.match(pattern), make, title]).find(([match]) => match) ?? [[""], VIEWS[0][1], "Models"];
  const name = match[1] && decodeURIComponent(match[1]);
  view?.end?.();
  view = make(name);
  main.replaceChildren(view.element);
  document.title = `${name ?? title} · Headwater console`;
  for (const link of $("tabs").children) {
    const current = link.getAttribute("href") === (location.hash || "#/") || (name && link.getAttribute("href") === "#/");
    put(link, "aria-current", current ? "page" : null);
  }
  if (focus) { scrollTo(0, 0); (main.querySelector("h1") ?? main).focus({ preventScroll: true }); }
  if (known.overview) view.update();
}

/** Asks how everything is. */
async function poll() {
  clearTimeout(timer);
  if (asking) return;
  asking = true;
  try {
    const [overview, series] = await Promise.all([api.overview(), api.series(known.since)]);
    // A server that was started anew counts anew.
    if (series.newest < known.since) known.samples = [];
    known.since = series.newest;
    known.kept = series.kept;
    known.samples = [...known.samples, ...series.samples].slice(-series.kept);
    known.overview = overview;
    enter();
    view.update();
    told(overview.problem ? `The database does not tell how it is: ${overview.problem}. What is shown is as of ${new Date(overview.at).toLocaleTimeString("en-GB")}.` : null);
  } catch (problem) {
    if (problem instanceof api.Refused && [401, 403].includes(problem.status)) leave(problem);
    else told(`The server does not answer${known.overview ? `; what is shown is as of ${new Date(known.overview.at).toLocaleTimeString("en-GB")}` : ""}. ${problem instanceof api.Refused ? problem.message : "It is asked again in a moment."}`);
  } finally {
    asking = false;
    // Whoever has to sign in first asks by that.
    if (!main.querySelector("#sign-in")) timer = setTimeout(poll, document.hidden ? 10 * INTERVAL : INTERVAL);
  }
}

/** Signed in. */
function enter() {
  const { overview } = known;
  say($("where"), overview.server ? overview.server.database : "");
  if (overview.status) state.update(overview.status);
  put($("state"), "aria-label", `All in all: ${overview.status ?? "unknown"}`);
  if (signedIn) return;
  signedIn = true;
  $("state").replaceChildren(state.element);
  put($("tabs"), "hidden", false);
  put($("sign-out"), "hidden", false);
  show(false);
}

/** Not signed in, or not as an administrator. */
function leave(problem) {
  const ended = signedIn && problem.code === "HW0731";
  signedIn = false;
  view?.end?.();
  view = null;
  Object.assign(known, { overview: null, samples: [], since: 0 });
  $("state").replaceChildren();
  say($("where"), "");
  put($("tabs"), "hidden", true);
  put($("sign-out"), "hidden", problem.status !== 403);
  document.title = "Sign in · Headwater console";
  told(null);
  main.replaceChildren(form(ended ? "Your session has ended. Sign in again." : WHY[problem.code] ?? problem.message));
}

const WHY = {
  HW0731: "",
  HW0732: "That token is not valid: it has expired, or it was not signed for this server.",
  HW0733: "You are signed in, but not as an administrator. Sign in with a token that says so.",
  HW0734: "This page was not opened from the server's own address, so the sign-in was refused.",
  HW0735: "That token is too long for a cookie.",
};

/** Takes a token. */
function form(why) {
  const error = h("p", { class: "error", role: "alert" }, why);
  const token = h("input", { id: "token", type: "password", name: "token", required: true, autocomplete: "off", spellcheck: "false", "aria-describedby": "token-hint" });
  const button = h("button", { class: "primary" }, "Sign in");
  const submit = async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      await api.signIn(token.value.trim().replace(/^bearer\s+/i, ""));
      main.replaceChildren(h("p", { class: "empty" }, "Signing in…"));
      await poll();
    } catch (refusal) {
      say(error, WHY[refusal.code] || refusal.message);
      token.focus();
    } finally {
      button.disabled = false;
    }
  };
  const hint = "A JSON Web Token of an administrator, as [serve.auth] in headwater.toml declares it. It becomes a cookie of this browser that no script can read, for as long as the token lasts.";
  queueMicrotask(() => token.focus());
  return h("section", { class: "card sign-in", id: "sign-in" },
    h("h1", { tabindex: "-1" }, "Sign in"), error,
    h("form", { onsubmit: submit }, h("label", { for: "token" }, "Token"), token, h("p", { class: "hint", id: "token-hint" }, hint), button));
}

/** Says what is wrong with what is shown. */
function told(text) {
  say($("banner"), text ?? "");
  put($("banner"), "hidden", !text);
  put(document.body, "data-stale", Boolean(text));
}

/** Asks whether to do something; true where the answer is yes. */
function ask({ title, text, hint, yes }) {
  const dialog = $("ask");
  say($("ask-title"), title);
  say($("ask-text"), text);
  say($("ask-hint"), hint);
  say($("ask-yes"), yes);
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}

/** Something was begun: says so, and looks at once. */
function operated(text) {
  say($("announcer"), text);
  poll();
}

$("sign-out").addEventListener("click", async () => {
  try { await api.signOut(); } catch { /* the cookie is gone with the server, too */ }
  signedIn = false;
  leave(new api.Refused(401, { code: "HW0731" }));
});
addEventListener("hashchange", () => show(true));
document.addEventListener("visibilitychange", () => { if (!document.hidden && signedIn) poll(); });
main.replaceChildren(h("p", { class: "empty" }, "Looking…"));
poll();
