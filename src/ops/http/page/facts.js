// What happened, the newest first: a bounded number of facts, of which those are shown that have the words of the search.

import { address, atReplica, by, bytes, clock, count, make, plain, span } from "./format.js";
import { moved } from "./panels.js";

/** How many are kept, and how many are drawn. */
const KEPT = 2000;
const DRAWN = 150;

/** More often than this nobody could read. */
const EVERY = 400;

const DONE = { upload: "uploaded", append: "appended to", download: "downloaded", list: "listed" };

/** A fact as a sentence, and whether it means trouble. */
function told(fact) {
  const path = plain(fact.path);
  const seconds = span(fact.seconds);
  switch (fact.what) {
    case "session_refused":
      return [`refused a session: ${plain(fact.cause, 200)}`, true];
    case "client_mistaken":
      return [`is mistaken: ${plain(fact.cause, 200)}`, true];
    case "session_closed":
      return [`left after ${seconds}: ${moved(fact.received_bytes, fact.sent_bytes)}`];
    case "session_displaced":
      return ["gave way to a new session before it had logged in"];
    case "account_expired":
      return ["the account has expired; its session ends", true];
    case "encryption_changed":
      return [fact.is_encrypted ? "began TLS" : "ended TLS on the control connection"];
    case "logged_in":
      return [fact.host ? `logged in at ${plain(fact.host, 120)}` : "logged in"];
    case "logged_out":
      return [`logged out: ${moved(fact.received_bytes, fact.sent_bytes)}`];
    case "login_failed":
      return [`login failed: ${plain(fact.cause, 200)}`, true];
    case "login_refused":
      return [`login refused: ${plain(fact.cause, 200)}`];
    case "other_certificate":
      return ["showed the certificate of somebody else", true];
    case "login_abandoned":
      return ["left before the password was checked"];
    case "address_locked_out":
      return ["this address is locked out", true];
    case "name_locked_out":
      return ["this name is locked out", true];
    case "too_many_transfers":
      return ["refused a transfer: too many at once", true];
    case "transfer_ended":
      return fact.failure
        ? [`${fact.direction} of ${path} failed after ${bytes(fact.bytes)}: ${plain(fact.failure, 200)}`, true]
        : [`${DONE[fact.direction] ?? fact.direction} ${path}: ${bytes(fact.bytes)} in ${seconds}`];
    case "scan_found":
      return [`infected upload ${path} refused: ${plain(fact.finding, 120)}, found by ${plain(fact.scanner, 120)}${fact.quarantined ? `; copy at ${plain(fact.quarantined)}` : ""}`, true];
    case "scan_unavailable":
      return [`upload ${path} ${fact.is_stored ? "stored" : "refused"} without a verdict of ${plain(fact.scanner, 120)}: ${plain(fact.cause, 200)}`, true];
    case "changed":
      return [`${plain(fact.operation, 40)} ${path}${fact.to ? ` → ${plain(fact.to)}` : ""}${fact.value ? ` (${plain(fact.value, 40)})` : ""}`];
    case "command_failed":
      return [`${plain(fact.operation, 40)} ${path} failed: ${plain(fact.cause, 200)}`, true];
    case "operator_acted":
      return [`${plain(fact.action, 60)} ${plain(fact.detail, 120)}${fact.failure ? `: ${plain(fact.failure, 200)}` : ""}`, Boolean(fact.failure)];
    default:
      return [plain(String(fact.what ?? "").replaceAll("_", " "), 60)];
  }
}

/** What the table of sessions shows anyway, and what balancers do each second. */
function isNoise({ what, user, direction, failure }) {
  if (what === "session_closed") return !user;
  return what === "session_opened" || what === "transfer_began" || (what === "transfer_ended" && direction === "list" && !failure);
}

export class Facts {
  constructor() {
    this.list = by("facts");
    this.all = [];
    this.new = [];
    this.words = [];
    this.lost = 0;
    this.draw();
  }

  add(fact) {
    if (isNoise(fact)) return;
    const [text, isTrouble] = told(fact);
    const who = fact.user ? plain(fact.user, 80) : fact.by ? plain(fact.by, 80) : "";
    const peer = address(fact.peer ?? "") + atReplica(fact.replica);
    // What is not shown is found, too: the number of the session, and the backend.
    const unseen = `${fact.session === undefined ? "" : `session ${fact.session}`} ${fact.backend ?? ""}`;
    this.new.push({ at: fact.at, who, peer, text, isTrouble, all: `${who} ${peer} ${text} ${unseen}`.toLowerCase() });
    if (this.new.length > KEPT) this.new.shift();
    this.timer ??= setTimeout(() => this.flush(), EVERY);
  }

  clear() {
    clearTimeout(this.timer);
    Object.assign(this, { all: [], new: [], lost: 0, timer: undefined });
    this.draw();
  }

  /** So many were more than the server could tell. */
  missed(number) {
    this.lost += number;
    this.note();
  }

  flush() {
    this.timer = undefined;
    const matching = this.new.filter((fact) => this.matches(fact)).reverse();
    this.all.push(...this.new);
    this.all.splice(0, Math.max(0, this.all.length - KEPT));
    this.new = [];
    this.list.prepend(...matching.slice(0, DRAWN).map(row));
    while (this.list.children.length > DRAWN) this.list.lastChild.remove();
    this.note();
  }

  filter(words) {
    this.words = words;
    this.draw();
  }

  matches(fact) {
    return this.words.every((word) => fact.all.includes(word));
  }

  draw() {
    const rows = [];
    for (let index = this.all.length - 1; index >= 0 && rows.length < DRAWN; index -= 1) {
      if (this.matches(this.all[index])) rows.push(row(this.all[index]));
    }
    this.list.replaceChildren(...rows);
    this.note();
  }

  note() {
    const drawn = this.list.children.length;
    const lost = this.lost ? ` · ${count(this.lost)} were too many to tell` : "";
    by("facts-note").textContent = (this.words.length ? `${count(drawn)}${drawn === DRAWN ? " or more" : ""} found in the last ${count(this.all.length)}` : drawn ? `the last ${count(drawn)}` : "") + lost;
    const empty = by("facts-empty");
    empty.hidden = drawn > 0;
    this.list.hidden = drawn === 0;
    empty.textContent = this.words.length
      ? "Nothing found: the search looks at names of users, addresses, paths and causes."
      : "Nothing yet: logins, transfers, changes and failures appear here as they happen.";
  }
}

function row(fact) {
  const item = make("li");
  const time = make("time", "", clock(fact.at));
  time.dateTime = fact.at ?? "";
  item.append(time, make("bdi", "who", fact.who), make("span", "peer", fact.peer), make("bdi", fact.isTrouble ? "text trouble" : "text", fact.text));
  return item;
}
