// One session, opened: who it is, what it moves, its last commands and replies, and its end.

import { brief, by, bytes, clock, day, isUpload, make, plain, progress, rate, say, span } from "./format.js";
import { showBar } from "./sessions.js";

/** A question with two answers; whether it was yes. */
export function ask(title, text, yes) {
  const dialog = by("ask");
  say(by("ask-title"), title);
  say(by("ask-text"), text);
  say(by("ask-yes"), yes);
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((answer) => dialog.addEventListener("close", () => answer(dialog.returnValue === "yes"), { once: true }));
}

export class OneSession {
  /** `load` asks for one session, `end` ends it, `isFull` is whether this token may. */
  constructor({ load, end, isFull }) {
    Object.assign(this, { load, end, isFull });
    this.dialog = by("one");
    this.number = undefined;
    by("one-close").addEventListener("click", () => this.dialog.close());
    by("one-end").addEventListener("click", () => this.askToEnd());
    this.dialog.addEventListener("close", () => {
      this.number = undefined;
      by("sessions").focus();
    });
    // A click beside it closes it.
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
  }

  open(session) {
    this.number = session.session;
    this.lines = "";
    by("one-talk").replaceChildren();
    this.isGone = false;
    by("one-end").hidden = !this.isFull();
    by("one-end").disabled = false;
    say(by("one-note"), this.isFull() ? "" : "This token may only look.");
    this.show(session);
    this.dialog.showModal();
    this.refresh();
  }

  /** With each look at all sessions, of which the idlest may be missing. */
  update(sessions, isCut) {
    if (this.number === undefined || this.isGone) return;
    const session = sessions.find((session) => session.session === this.number);
    if (session) this.show(session);
    else if (!isCut) this.gone();
    this.refresh();
  }

  gone() {
    if (this.isGone) return;
    this.isGone = true;
    by("one-end").disabled = true;
    by("one-moving").hidden = true;
    say(by("one-note"), "This session has ended.");
  }

  async refresh() {
    if (this.isLoading || this.isGone || this.number === undefined) return;
    this.isLoading = true;
    const number = this.number;
    try {
      const found = await this.load(number);
      if (number === this.number) this.showTalk(found);
    } catch (error) {
      // Whatever else there is, the stream tells.
      if (error.status === 404 && number === this.number) this.gone();
    } finally {
      this.isLoading = false;
    }
  }

  show(session) {
    const { user, peer, replica, host, transfer } = session;
    this.name = user ? plain(user, 80) : "not logged in";
    say(by("one-title"), `Session ${session.session} · ${this.name}`);
    const about = [
      ["User", this.name],
      ["Client", plain(peer, 80)],
      ...(replica === null ? [] : [["Replica", String(replica)]]),
      ...(host ? [["Host", plain(host, 120)]] : []),
      ["Connected", `${day(session.connected_at)}, for ${span(session.connected_seconds)}`],
      ["Protection", session.is_encrypted ? "TLS" : "none: passwords and files can be read on the way"],
      ["Moved", `↑ ${bytes(session.received_bytes)} received, ↓ ${bytes(session.sent_bytes)} sent`],
    ];
    if (!transfer) about.push(["Idle", `${span(session.idle_seconds)}${session.last_command ? `, last command ${session.last_command}` : ""}`]);
    const list = by("one-about");
    about.forEach(([term, text], index) => {
      const [dt, dd] = [list.children[2 * index] ?? list.appendChild(make("dt")), list.children[2 * index + 1] ?? list.appendChild(make("dd"))];
      say(dt, term);
      say(dd, text);
    });
    while (list.children.length > 2 * about.length) list.lastChild.remove();
    this.showTransfer(transfer);
  }

  showTransfer(transfer) {
    const box = by("one-moving");
    box.hidden = !transfer;
    if (!transfer) return;
    const up = isUpload(transfer);
    box.className = `moving ${up ? "to-up" : "to-down"}`;
    say(by("one-arrow"), up ? "↑" : "↓");
    say(by("one-path"), plain(transfer.path));
    const done = progress(transfer);
    showBar(by("one-bar"), by("one-bar").firstElementChild, transfer, false);
    if (done === undefined) by("one-bar").removeAttribute("aria-valuenow");
    else by("one-bar").setAttribute("aria-valuenow", String(Math.floor(100 * done)));
    const { size_bytes: size, offset_bytes: offset = 0, bytes: moved, bytes_per_second: speed } = transfer;
    const left = done !== undefined && speed > 0 ? `, ${span((size - offset - moved) / speed)} left` : "";
    const of = done === undefined ? "" : ` of ${bytes(size)}`;
    const place = transfer.backend ? ` · backend ${plain(transfer.backend, 60)}` : "";
    say(by("one-progress"), `${bytes(offset + moved)}${of} · ${rate(speed)} · ${brief(transfer.seconds)}${left}${place}`);
  }

  showTalk(lines) {
    const list = by("one-talk");
    if (!lines) return say(list, "The engine of this server does not tell.");
    const now = JSON.stringify(lines);
    if (now === this.lines) return;
    this.lines = now;
    const isAtEnd = list.scrollTop + list.clientHeight >= list.scrollHeight - 4;
    list.replaceChildren(
      ...lines.map(({ at, from, line }) => {
        const isCommand = from === "client";
        const isBad = !isCommand && /^[45]/u.test(line);
        const item = make("li");
        item.append(make("time", "", clock(at)), make("span", isCommand ? "sent" : "", isCommand ? "›" : "‹"), make("bdi", isCommand ? "sent" : isBad ? "said-bad" : "", plain(line)));
        return item;
      }),
    );
    if (!lines.length) list.append(make("li", "", "Nothing was said yet."));
    if (isAtEnd) list.scrollTop = list.scrollHeight;
  }

  async askToEnd() {
    const [number, name] = [this.number, this.name];
    const isMoving = !by("one-moving").hidden;
    const text = `${isMoving ? "Its transfer breaks off. " : ""}The client is told that the operator ended its session, and may come again.`;
    if (!(await ask(`End session ${number} of ${name}?`, text, "End the session"))) return;
    by("one-end").disabled = true;
    await this.end(number, name);
  }
}
