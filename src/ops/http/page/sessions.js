// The table of sessions. It holds any number of them and draws those that can be seen: a row belongs to its session as long as both are
// there, and only what has changed is written.

import { address, atReplica, brief, by, bytes, isUpload, make, plain, progress, rate, say } from "./format.js";

/** Rows above and below what can be seen. */
const MORE = 4;

const ORDERS = {
  user: (a, b) => (a.user ?? "").localeCompare(b.user ?? ""),
  peer: (a, b) => a.peer.localeCompare(b.peer, "en", { numeric: true }),
  // What moves comes first, and stays where it is while others come and go below.
  what: (a, b) => Number(!a.transfer) - Number(!b.transfer),
  moved: (a, b) => total(a) - total(b),
  rate: (a, b) => (a.transfer?.bytes_per_second ?? 0) - (b.transfer?.bytes_per_second ?? 0),
  since: (a, b) => b.session - a.session,
};

const total = (session) => session.received_bytes + session.sent_bytes + (session.transfer?.bytes ?? 0);

export class Sessions {
  /** `open` is called with the session that somebody wants to look at. */
  constructor(open) {
    this.grid = by("sessions");
    this.rows = by("rows");
    this.head = by("sessions-head");
    this.open = open;
    this.all = [];
    this.shown = [];
    this.drawn = new Map();
    this.spare = [];
    this.chosen = undefined;
    this.order = { by: "what", down: false };
    this.words = [];
    this.listen();
    this.showOrder();
  }

  listen() {
    this.grid.addEventListener("scroll", () => this.soon(), { passive: true });
    new ResizeObserver(() => {
      this.height = undefined;
      this.soon();
    }).observe(this.grid);
    this.grid.addEventListener("keydown", (event) => this.key(event));
    this.grid.addEventListener("focus", () => {
      if (!this.shown.some((session) => session.session === this.chosen)) this.choose(0);
    });
    this.rows.addEventListener("click", (event) => {
      const row = event.target.closest(".one-row");
      const session = row && this.shown.find((session) => session.session === row.session);
      if (session) {
        this.chosen = session.session;
        this.draw();
        this.open(session);
      }
    });
    this.head.addEventListener("click", (event) => this.sortBy(event.target.closest("[data-by]")?.dataset.by));
  }

  sortBy(column) {
    if (!column) return;
    const falls = column === "moved" || column === "rate" || column === "since";
    this.order = { by: column, down: this.order.by === column ? !this.order.down : falls };
    this.showOrder();
    this.update(this.all);
  }

  showOrder() {
    for (const cell of this.head.children) {
      if (cell.dataset.by === this.order.by) {
        cell.setAttribute("aria-sort", this.order.down ? "descending" : "ascending");
      } else {
        cell.removeAttribute("aria-sort");
      }
    }
  }

  key(event) {
    const at = this.shown.findIndex((session) => session.session === this.chosen);
    const page = Math.max(1, Math.floor(this.grid.clientHeight / this.rowHeight()) - 2);
    const steps = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: Infinity };
    if (event.key in steps) {
      event.preventDefault();
      this.choose(steps[event.key]);
    } else if ((event.key === "Enter" || event.key === " ") && at >= 0) {
      event.preventDefault();
      this.open(this.shown[at]);
    } else if (event.key === "s") {
      const columns = Object.keys(ORDERS);
      this.sortBy(columns[(columns.indexOf(this.order.by) + 1) % columns.length]);
    }
  }

  choose(at) {
    const index = Math.max(0, Math.min(at, this.shown.length - 1));
    const session = this.shown[index];
    this.chosen = session?.session;
    if (session) {
      const [top, height, head] = [index * this.rowHeight(), this.rowHeight(), this.head.offsetHeight];
      const room = this.grid.clientHeight - head;
      if (top < this.grid.scrollTop) this.grid.scrollTop = top;
      else if (top + height > this.grid.scrollTop + room) this.grid.scrollTop = top + height - room;
    }
    this.draw();
  }

  rowHeight() {
    this.height ??= parseFloat(getComputedStyle(this.grid).getPropertyValue("--row")) || 38;
    return this.height;
  }

  /** Only sessions that have all these words somewhere. */
  filter(words) {
    this.words = words;
    this.update(this.all);
  }

  /** These are the sessions now. */
  update(all) {
    this.all = all;
    const has = (session) => {
      const { user, peer, replica, host, last_command: last, transfer } = session;
      const text = `${user ?? ""} ${peer}${atReplica(replica)} ${host ?? ""} ${last ?? ""} ${transfer?.path ?? ""} ${transfer?.backend ?? ""}`.toLowerCase();
      return this.words.every((word) => text.includes(word));
    };
    const order = ORDERS[this.order.by];
    const sign = this.order.down ? -1 : 1;
    this.shown = (this.words.length ? all.filter(has) : [...all]).sort((a, b) => sign * order(a, b) || a.session - b.session);
    this.draw();
  }

  soon() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      this.draw();
    });
  }

  draw() {
    const height = this.rowHeight();
    const first = Math.max(0, Math.floor(this.grid.scrollTop / height) - MORE);
    const last = Math.min(this.shown.length, Math.ceil((this.grid.scrollTop + this.grid.clientHeight) / height) + MORE);
    const visible = new Set();
    for (let index = first; index < last; index += 1) visible.add(this.shown[index].session);
    for (const [number, row] of this.drawn) {
      if (!visible.has(number)) {
        this.drawn.delete(number);
        row.hidden = true;
        row.classList.remove("chosen");
        this.spare.push(row);
      }
    }
    this.rows.style.height = `${this.shown.length * height}px`;
    this.grid.setAttribute("aria-rowcount", String(this.shown.length + 1));
    for (let index = first; index < last; index += 1) this.drawRow(this.shown[index], index, height);
    const chosen = this.drawn.get(this.chosen);
    if (chosen) this.grid.setAttribute("aria-activedescendant", chosen.id);
    else this.grid.removeAttribute("aria-activedescendant");
  }

  drawRow(session, index, height) {
    let row = this.drawn.get(session.session);
    const isNew = !row;
    if (isNew) {
      row = this.spare.pop() ?? this.rows.appendChild(makeRow());
      row.hidden = false;
      row.session = session.session;
      row.id = `session-${session.session}`;
      this.drawn.set(session.session, row);
    }
    const top = `translateY(${index * height}px)`;
    if (row.style.transform !== top) {
      row.style.transform = top;
      row.setAttribute("aria-rowindex", String(index + 2));
    }
    const isChosen = session.session === this.chosen;
    row.classList.toggle("chosen", isChosen);
    row.setAttribute("aria-selected", String(isChosen));
    fill(row.cells, session, isNew);
  }
}

function makeRow() {
  const row = make("div", "row one-row");
  row.setAttribute("role", "row");
  const cell = (name) => {
    const element = row.appendChild(make("span", name));
    element.setAttribute("role", "gridcell");
    return element;
  };
  const [user, peer, what] = [cell("c-user"), cell("c-peer"), cell("c-what")];
  const [moved, speed, since] = [cell("c-moved number"), cell("c-rate number"), cell("c-since number")];
  const bar = make("span", "bar");
  row.cells = {
    user: user.appendChild(make("bdi")),
    peer,
    what,
    arrow: what.appendChild(make("span", "arrow")),
    path: what.appendChild(make("bdi")),
    bar: what.appendChild(bar),
    fill: bar.appendChild(make("i")),
    moved,
    speed,
    since,
  };
  return row;
}

function fill(cells, session, isNew) {
  const { user, transfer } = session;
  say(cells.user, user ? plain(user, 80) : "not logged in");
  cells.user.parentNode.classList.toggle("nobody", !user);
  say(cells.peer, address(session.peer) + atReplica(session.replica));
  const idle = session.idle_seconds >= 2 ? ` for ${brief(session.idle_seconds)}` : "";
  const last = session.last_command ? `, last ${session.last_command}` : "";
  say(cells.path, transfer ? plain(transfer.path) : `idle${idle}${last}`);
  const way = transfer ? (isUpload(transfer) ? "to-up" : "to-down") : "idle";
  say(cells.arrow, transfer ? (way === "to-up" ? "↑" : "↓") : "");
  const isOpen = transfer && showBar(cells.bar, cells.fill, transfer, isNew);
  const name = `c-what ${way}`;
  if (cells.what.className !== name) cells.what.className = name;
  say(cells.moved, transfer && !isOpen ? `${bytes(transfer.bytes)} · ${Math.floor(100 * progress(transfer))} %` : bytes(total(session)));
  say(cells.speed, transfer ? rate(transfer.bytes_per_second) : "");
  say(cells.since, brief(session.connected_seconds));
}

/** Shows how far a transfer is; whether nobody knows. */
export function showBar(bar, inner, transfer, isNew) {
  const done = progress(transfer);
  const isOpen = done === undefined;
  bar.classList.toggle("open", isOpen);
  bar.classList.toggle("still", isOpen && !(transfer.bytes_per_second > 0));
  // A row that was another's does not move from there.
  inner.style.transition = isNew ? "none" : "";
  inner.style.transform = isOpen ? "" : `scaleX(${done.toFixed(4)})`;
  return isOpen;
}
