// The figures on top and the panels at the side.

import { by, bytes, count, isUpload, make, plain, say, sized, span } from "./format.js";

/** A number with its unit in small. */
function figure(id, value, unit) {
  const element = by(id);
  if (element.dataset.value === `${value} ${unit}`) return;
  element.dataset.value = `${value} ${unit}`;
  element.textContent = value;
  if (unit) element.append(" ", make("small", "", unit));
}

const sum = (list, of) => list.reduce((total, item) => total + of(item), 0);

/** How many sessions there are, and how much they move. */
export function showFigures(snapshot, limit) {
  const { sessions_count: all, sessions_logged_in: known, transfers_count: moving } = snapshot;
  figure("f-sessions", count(all));
  say(by("f-sessions-of"), limit ? `of at most ${count(limit)}` : `${count(known)} logged in`);
  figure("f-transfers", count(moving));
  say(by("f-transfers-of"), `${count(all - moving)} idle`);
  for (const [id, speed] of [["f-up", snapshot.received_bytes_per_second], ["f-down", snapshot.sent_bytes_per_second]]) {
    const [number, unit] = sized(speed);
    figure(id, number, `${unit}/s`);
  }
  const [ups, downs] = [true, false].map((isUp) => snapshot.sessions.filter(({ transfer }) => transfer && isUpload(transfer) === isUp).length);
  const isAll = all <= snapshot.sessions.length;
  say(by("f-up-of"), isAll ? `${count(ups)} under way` : "");
  say(by("f-down-of"), isAll ? `${count(downs)} under way` : "");
}

/** The minutes whose failures are shown in the colour of trouble. */
const FRESH = 5;

/** What failed in the last hour. */
export function showFailures({ logins, errors }) {
  const failed = sum(logins, (of) => of.failures);
  const others = errors.filter((of) => of.of !== "login");
  const wrong = sum(others, (of) => of.failures);
  figure("f-errors", count(wrong));
  figure("f-failed", count(failed));
  // An hour ago is no alarm.
  for (const [id, list] of [["f-errors", others], ["f-failed", logins]]) {
    const fresh = sum(list, (of) => sum(of.per_interval.slice(-FRESH), (number) => number));
    by(id).classList.toggle("hot", fresh > 0);
    say(by(`${id}-of`), fresh ? `${count(fresh)} in ${FRESH} minutes` : "in the last hour");
  }
  bars("errors", errors, (of) => [`${of.of}: ${plain(of.cause, 90)}`, of.failures]);
  bars("failed", logins, (of) => [of.network, of.failures]);
}

/** The most that is shown of a list; the rest is counted. */
const LONGEST = 12;

function bars(id, list, row) {
  const place = by(id);
  by(`${id}-empty`).hidden = list.length > 0;
  const shown = list.slice(0, LONGEST).map(row);
  if (list.length > LONGEST) {
    const rest = list.slice(LONGEST).map(row);
    shown.push([`${rest.length} more`, sum(rest, ([, number]) => number)]);
  }
  const most = Math.max(1, ...shown.map(([, number]) => number));
  while (place.children.length > shown.length) place.lastChild.remove();
  shown.forEach(([name, number], index) => {
    let item = place.children[index];
    if (!item) {
      item = place.appendChild(make("li"));
      item.append(make("i"), make("bdi"), make("b"));
    }
    const [bar, label, value] = item.children;
    bar.style.transform = `scaleX(${(number / most).toFixed(3)})`;
    say(label, name);
    say(value, count(number));
  });
}

/** Whom nobody lets in, each with its button where this token may press it. */
export function showLocked(list, { isFull, lift }) {
  const place = by("locked");
  by("locked-empty").hidden = list.length > 0;
  say(by("locked-note"), list.length ? count(list.length) : "");
  const items = new Map([...place.children].map((item) => [item.subject, item]));
  for (const locked of list.slice(0, 50)) {
    const { subject, remaining_seconds: left, by_operator: byHand } = locked;
    const item = items.get(subject) ?? place.appendChild(makeLocked(locked, lift));
    items.delete(subject);
    say(item.querySelector(".note"), ` ${byHand ? "by an operator, " : ""}for ${span(left)}`);
    item.querySelector("button").hidden = !isFull;
  }
  for (const item of items.values()) item.remove();
}

function makeLocked({ subject, kind }, lift) {
  const item = make("li");
  item.subject = subject;
  const text = item.appendChild(make("span"));
  text.append(make("bdi", "", plain(subject, 80)), make("span", "note"));
  const button = item.appendChild(make("button", "", "Lift"));
  button.type = "button";
  button.setAttribute("aria-label", `Lift the lock of ${kind} ${plain(subject, 80)}`);
  button.addEventListener("click", () => lift(subject));
  return item;
}

/** Longer than this an event waits for a receiver that is gone or slow. */
const LATE = 900;

/** Events that wait for their receivers, and those that were given up; `null` where nobody is told of events. */
export function showEvents(events) {
  if (!events) {
    figure("f-events", "–");
    by("f-events").classList.remove("hot");
    say(by("f-events-of"), "Add events to be told.");
    return;
  }
  const { waiting, dead, oldest_seconds: oldest, refusals } = events;
  figure("f-events", count(waiting));
  by("f-events").classList.toggle("hot", dead > 0 || oldest > LATE);
  const words = [];
  if (dead) words.push(`${count(dead)} dead letter${dead === 1 ? "" : "s"}`);
  if (waiting) words.push(`oldest ${span(oldest)}`);
  if (refusals) words.push(`${count(refusals)} refusal${refusals === 1 ? "" : "s"}`);
  say(by("f-events-of"), words.join(" · ") || "All are delivered.");
}

export const moved = (received, sent) => `↑ ${bytes(received)}, ↓ ${bytes(sent)}`;
