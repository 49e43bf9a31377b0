// What is asked of the server. The token is in a cookie that no script can read.

/** What the server refused, in its words. */
export class Refused extends Error {
  constructor(status, { code, message, hint } = {}) {
    super(message ?? `the server answered ${status}`);
    Object.assign(this, { status, code: code ?? "", hint: hint ?? "" });
  }
}

async function ask(path, options) {
  const answer = await fetch(new URL(`../${path}`, document.baseURI), { cache: "no-store", signal: AbortSignal.timeout(20_000), ...options });
  const text = await answer.text();
  let body = {};
  try { body = text ? JSON.parse(text) : {}; } catch { /* a proxy's own page */ }
  if (!answer.ok) throw new Refused(answer.status, body);
  return body;
}

const model = (name) => `v1/admin/models/${encodeURIComponent(name)}`;

export const overview = () => ask("v1/admin/overview");
export const series = (since) => ask(`v1/admin/series?since=${since}`);
export const refreshes = () => ask("v1/admin/refreshes");
export const about = (name) => ask(model(name));
export const operate = (name, kind) => ask(`${model(name)}/${kind}`, { method: "POST" });
export const signIn = (token) => ask("session", { method: "POST", headers: { Authorization: `Bearer ${token}` } });
export const signOut = () => ask("session", { method: "DELETE" });
