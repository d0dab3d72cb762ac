// Numbers and names as people read them.

// Between a number and its unit no line ends.
const NARROW = "\u00a0";
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** Bytes in two parts, number and unit, with three digits at most. */
export function sized(bytes) {
  let unit = 0;
  let value = Math.max(0, bytes || 0);
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1;
  return [value.toFixed(digits), UNITS[unit]];
}

export const bytes = (count) => sized(count).join(NARROW);
export const rate = (count) => `${bytes(count)}/s`;
export const count = (number) => Math.round(number || 0).toLocaleString("en");

/** A span of time, in its two largest units. */
export function span(seconds) {
  const s = Math.max(0, Math.floor(seconds || 0));
  if (s < 60) return `${s}${NARROW}s`;
  const [large, small, of] = s < 3600 ? ["min", "s", 60] : s < 86400 ? ["h", "min", 3600] : ["d", "h", 86400];
  const rest = Math.floor((s % of) / (of === 86400 ? 3600 : of / 60));
  return `${Math.floor(s / of)}${NARROW}${large}${rest ? ` ${rest}${NARROW}${small}` : ""}`;
}

/** The same where there is little room. */
export function brief(seconds) {
  const s = Math.max(0, Math.floor(seconds || 0));
  const two = (number) => String(number).padStart(2, "0");
  if (s < 3600) return `${Math.floor(s / 60)}:${two(s % 60)}`;
  if (s < 86400) return `${Math.floor(s / 3600)}:${two(Math.floor((s % 3600) / 60))}:${two(s % 60)}`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });
const written = (format, at) => (Number.isNaN(Date.parse(at)) ? "" : format.format(new Date(at)));
export const clock = (at) => written(CLOCK, at);
export const day = (at) => written(DAY, at);

// Names come from whoever connects. Besides never being markup, they must not break lines, hide, or turn the text around them.
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/gu;
const LONGEST = 400;

/** A name as it may be shown: what can't be seen is named, and what is endless is cut. */
export function plain(text, longest = LONGEST) {
  let shown = String(text ?? "");
  if (shown.length > longest) {
    // Not between the two halves of a letter.
    shown = `${shown.slice(0, longest).replace(/[\ud800-\udbff]$/u, "")}…`;
  }
  return shown.replace(UNSEEN, (letter) => `‹U+${letter.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}›`);
}

/** Where a session is, if there are several replicas. */
export const atReplica = (replica) => (Number.isInteger(replica) ? ` · replica ${replica}` : "");

/** The address of an endpoint, without its port. */
export const address = (peer) => plain(peer, 80).replace(/:\d+$/u, "").replace(/^\[(.*)\]$/u, "$1");

/** Sets the text of an element, unless it is that already. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** An element with a class and a text. */
export function make(tag, name, text) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text !== undefined) element.textContent = text;
  return element;
}

export const by = (id) => document.getElementById(id);

/** How far a transfer is, from 0 to 1; nothing where nobody knows how long it will be. */
export function progress(transfer) {
  const { size_bytes: size, offset_bytes: offset = 0, bytes: moved = 0 } = transfer;
  return size > 0 ? Math.min(1, (offset + moved) / size) : undefined;
}

export const isUpload = (transfer) => transfer.direction === "upload" || transfer.direction === "append";
