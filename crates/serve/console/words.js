// How numbers, times and states are said. What is not known is said to be unknown.

import { h, s, put, say } from "./dom.js";

const UNKNOWN = "unknown";
const whole = new Intl.NumberFormat("en");

/** `1,234`. */
export function number(value) {
  return value === null || value === undefined ? UNKNOWN : whole.format(Math.round(value));
}

/** Something a second. */
export function rate(value) {
  if (value === null || value === undefined) return UNKNOWN;
  return value === 0 ? "0 /s" : value < 10 ? `${value.toFixed(1)} /s` : `${whole.format(Math.round(value))} /s`;
}

/** What a change costs. */
export function cost(microseconds) {
  if (microseconds === null || microseconds === undefined) return UNKNOWN;
  return microseconds < 1000 ? `${whole.format(Math.round(microseconds))} µs` : `${(microseconds / 1000).toFixed(1)} ms`;
}

/** Milliseconds as people say them. */
export function time(ms) {
  if (ms === null || ms === undefined) return UNKNOWN;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`;
  if (ms < 172_800_000) return `${Math.round(ms / 3_600_000)} h`;
  return `${Math.round(ms / 86_400_000)} d`;
}

/** Bytes. */
export function bytes(value) {
  if (value === null || value === undefined) return UNKNOWN;
  const units = ["B", "kB", "MB", "GB", "TB"];
  let at = 0;
  while (value >= 1000 && at < units.length - 1) { value /= 1024; at += 1; }
  return `${value < 10 && at > 0 ? value.toFixed(1) : Math.round(value)} ${units[at]}`;
}

/** How long ago. */
export function ago(at, now) {
  if (!at) return "never";
  const ms = Math.max(0, now - Date.parse(at));
  return ms < 5000 ? "just now" : `${time(ms)} ago`;
}

/** A moment of today, or its day. */
export function moment(at) {
  const date = new Date(at);
  const today = date.toDateString() === new Date().toDateString();
  return today ? date.toLocaleTimeString("en-GB") : date.toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });
}

// One path of 16 by 16 for each state: its form tells it apart where colours do not.
export const ICONS = {
  fresh: "M3.5 8.5l3 3 6-7",
  lagging: "M8 4v4l2.5 2M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8z",
  rebuilding: "M13.5 8a5.5 5.5 0 1 1-1.7-4M13.5 2v3h-3",
  diverged: "M3 5.5h10M3 10.5h10M10.5 2.5l-5 11",
  broken: "M8 4.5v4M8 11.2v.3M8 1.5l6.8 12.6H1.2z",
  running: "M13.5 8a5.5 5.5 0 1 1-1.7-4M13.5 2v3h-3",
  done: "M3.5 8.5l3 3 6-7",
  differs: "M3 5.5h10M3 10.5h10M10.5 2.5l-5 11",
  failed: "M4 4l8 8M12 4l-8 8",
  completed: "M3.5 8.5l3 3 6-7",
};

/** A state as icon, word and colour. */
export function badge(state) {
  const path = s("path", { d: "" });
  const word = h("span");
  const element = h("span", { class: "badge" }, s("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, path), word);
  const update = (now) => {
    put(path, "d", ICONS[now] ?? "");
    put(element, "data-state", now);
    say(word, now);
  };
  update(state);
  return { element, update };
}

const WORDS = /(--[^\n]*|\/\*[\s\S]*?\*\/)|('(?:[^']|'')*')|("(?:[^"]|"")*")|\b(\d+(?:\.\d+)?)\b|\b(select|from|where|group|order|by|join|left|right|full|inner|outer|cross|lateral|on|using|as|and|or|not|null|is|in|exists|case|when|then|else|end|union|all|distinct|limit|offset|having|filter|over|partition|with|recursive|create|materialized|view|unique|index|table|function|returns|language|security|definer|set|begin|declare|if|elsif|for|loop|return|perform|insert|into|values|update|delete|conflict|do|nothing|exception|raise|trigger|after|referencing|new|old|each|statement|execute|true|false|between|like|ilike|asc|desc|nulls|first|last|coalesce|count|sum|avg|min|max|replace|temp|array|interval|primary|key)\b/gi;
const KINDS = ["comment", "text", "name", "figure", "word"];

/** SQL with its words coloured. */
export function sql(text) {
  const code = h("code");
  let at = 0;
  for (const match of text.matchAll(WORDS)) {
    code.append(text.slice(at, match.index), h("span", { class: `sql-${KINDS[match.slice(1).findIndex((part) => part !== undefined)]}` }, match[0]));
    at = match.index + match[0].length;
  }
  code.append(text.slice(at));
  return h("pre", { class: "sql", tabindex: "0", role: "region", "aria-label": "SQL" }, code);
}
