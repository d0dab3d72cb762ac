// The live page: what the server tells, shown.

import { Charts } from "./charts.js";
import { Facts } from "./facts.js";
import { by, count, make, plain, say, span } from "./format.js";
import { showEvents, showFailures, showFigures, showLocked } from "./panels.js";
import { OneSession } from "./session.js";
import { Sessions } from "./sessions.js";
import { Stream, call, hasToken, setToken } from "./stream.js";

/** What is not in the stream is asked for so often, in milliseconds, and sooner after something went wrong. */
const EVERY = 5000;
const SOON = 300;

const state = { server: undefined, snapshot: undefined, backends: [], isFull: false };
const one = new OneSession({
  load: async (number) => (await call(`sessions/${number}`)).dialogue,
  end: endSession,
  isFull: () => state.isFull,
});
const table = new Sessions((session) => one.open(session));
const charts = new Charts();
const facts = new Facts();

const stream = new Stream({
  live: () => {
    state.isLive = true;
    lookAround();
  },
  lost: (why) => {
    state.isLive = false;
    showLink(why);
  },
  refused: () => showDoor("Log in again: the server no longer takes this token."),
  events: {
    snapshot: showSnapshot,
    fact: (fact) => {
      facts.add(fact);
      if (/fail|locked|operator/u.test(fact.what)) lookSoon(SOON);
    },
    lost: ({ facts: number }) => facts.missed(number),
  },
});

function showLink(why) {
  const kind = state.isLive ? (state.snapshot?.is_draining ? "draining" : "live") : "lost";
  by("link").dataset.state = kind;
  const away = state.isLive ? missing(state.snapshot?.away ?? []) : "";
  say(by("link"), away || { live: "live", draining: "draining: no new sessions", lost: `reconnecting…${why ? ` (${why})` : ""}` }[kind]);
  by("board").classList.toggle("stale", !state.isLive);
}

/** Replicas that do not answer, of which nothing is shown. */
function missing(away) {
  if (!away.length) return "";
  return away.length === 1 ? `replica ${away[0]} is away` : `replicas ${away.join(", ")} are away`;
}

/** Once a second. */
function showSnapshot(snapshot) {
  state.snapshot = snapshot;
  showLink();
  table.update(snapshot.sessions);
  // Of several replicas, each has its own.
  showFigures(snapshot, snapshot.replica === null ? state.server?.sessions_limit : undefined);
  one.update(snapshot.sessions, snapshot.sessions_count > snapshot.sessions.length);
  showFound();
}

function showFound() {
  const { sessions = [], sessions_count: all = 0 } = state.snapshot ?? {};
  const found = table.shown.length;
  const isFiltered = table.words.length > 0;
  const some = all > sessions.length ? `the ${count(sessions.length)} busiest of ${count(all)}` : "";
  say(by("sessions-note"), isFiltered ? `${count(found)} of ${some || count(all)} found` : some);
  const empty = by("sessions-empty");
  by("sessions").hidden = found === 0;
  empty.hidden = found > 0;
  if (found > 0 || empty.dataset.kind === String(isFiltered)) return;
  empty.dataset.kind = String(isFiltered);
  if (isFiltered) {
    empty.replaceChildren(make("strong", "", "No session has these words."), "Escape in the search field shows all.");
  } else {
    empty.replaceChildren(make("strong", "", "No sessions."), "Connect with ", make("code", "", `ftp://${ftpAddress()}`), " and it appears here.");
  }
}

/** Where this server speaks FTP, as far as it tells. */
function ftpAddress() {
  const [listen] = state.server?.listen ?? [];
  const port = listen ? listen.slice(listen.lastIndexOf(":")) : "";
  // 0 is any free port, of which only the log knows.
  return location.hostname + ([":21", ":0"].includes(port) ? "" : port);
}

function lookSoon(wait) {
  clearTimeout(state.look);
  // Much that goes wrong does not put it off for ever.
  const since = Date.now() - (state.looked ?? 0);
  state.look = setTimeout(lookAround, Math.max(wait, Math.min(EVERY, 1000 - since)));
}

/** What is not in the stream. */
async function lookAround() {
  clearTimeout(state.look);
  state.looked = Date.now();
  try {
    if (!document.hidden) {
      const paths = ["access", "server", "backends", "throughput", "failures", "lockouts"];
      const [access, server, { backends }, throughput, failures, { lockouts }] = await Promise.all(paths.map((path) => call(path)));
      state.isFull = access.may_change;
      showServer(server);
      charts.update(throughput, backends);
      showFailures(failures);
      showLocked(lockouts, { isFull: state.isFull, lift });
    }
  } catch (error) {
    // Without a server the stream ends, too, and tells.
    if (error.isOfToken) showDoor("Log in again: the server no longer takes this token.");
  }
  if (state.isLive) lookSoon(EVERY);
}

function showServer(server) {
  state.server = server;
  const which = server.replica === null ? "" : `replica ${server.replica} · `;
  say(by("where"), `${location.host} · ${which}${server.version} · up ${span(server.uptime_seconds)}`);
  document.title = `Wharf · ${location.host}`;
  showEvents(server.events);
  if (by("sessions-empty").dataset.kind === "false") delete by("sessions-empty").dataset.kind;
  showFound();
}

async function lift(subject) {
  await act(() => call(`lockouts/${encodeURIComponent(subject)}`, "DELETE"), `${plain(subject, 80)} may log in again.`);
  await lookAround();
}

async function endSession(number, name) {
  await act(() => call(`sessions/${number}`, "DELETE"), `Session ${number} of ${name} was ended.`);
}

/** Does it, and tells how it went. */
async function act(work, done) {
  try {
    await work();
    tell(done);
  } catch (error) {
    tell(error.message);
  }
}

let told;
function tell(text) {
  say(by("said"), text);
  clearTimeout(told);
  told = setTimeout(() => say(by("said"), ""), 6000);
}

function showDoor(reason) {
  stream.stop();
  state.isLive = false;
  clearTimeout(state.look);
  setToken("");
  for (const id of ["one", "ask"]) by(id).close();
  // Nothing of what was seen stays.
  state.snapshot = undefined;
  table.update([]);
  facts.clear();
  shown(false);
  say(by("link"), "");
  say(by("where"), "");
  say(by("refused"), reason);
  by("token").focus();
}

function shown(isIn) {
  by("door").hidden = isIn;
  by("board").hidden = !isIn;
  by("find").hidden = !isIn;
  by("leave").hidden = !isIn;
}

/** Looks who this token is, and shows what it may see. */
async function enter() {
  const { may_change: mayChange } = await call("access");
  state.isFull = mayChange;
  shown(true);
  stream.start();
}

by("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = event.target.querySelector("button");
  say(by("refused"), "");
  button.disabled = true;
  setToken(by("token").value.trim());
  try {
    await enter();
    by("token").value = "";
  } catch (error) {
    setToken("");
    say(by("refused"), error.isOfToken ? "This token is not known to the server." : error.message);
    by("token").select();
  }
  button.disabled = false;
});

by("leave").addEventListener("click", () => showDoor(""));

// One search field, for the sessions and for what happened.
const search = by("search");
search.addEventListener("input", () => {
  const words = search.value.toLowerCase().split(/\s+/u).filter(Boolean);
  table.filter(words);
  facts.filter(words);
  showFound();
});
search.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  if (!search.value) by("sessions").focus();
  search.value = "";
  search.dispatchEvent(new Event("input"));
});
document.addEventListener("keydown", (event) => {
  const isTyping = event.target.closest?.("input, dialog");
  if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    search.focus();
  }
});

// The colours: those of the system, or the others.
const dark = matchMedia("(prefers-color-scheme: dark)");
function showTheme() {
  const chosen = document.documentElement.dataset.theme;
  const isDark = chosen ? chosen === "dark" : dark.matches;
  say(by("theme"), isDark ? "Light" : "Dark");
  by("theme").setAttribute("aria-label", isDark ? "Show light colours" : "Show dark colours");
  return isDark;
}
by("theme").addEventListener("click", () => {
  const next = showTheme() ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  try {
    localStorage.setItem("wharf-theme", next);
  } catch {
    // It holds until the page is loaded again.
  }
  showTheme();
});
dark.addEventListener("change", showTheme);
showTheme();

if (!hasToken()) showDoor("");
else {
  // A server that is just not there is waited for.
  enter().catch((error) => {
    if (error.isOfToken) return showDoor("");
    shown(true);
    stream.start();
    return undefined;
  });
}
