// What the server tells. It is asked again for as long as it takes: a server that was restarted is found again.

/** The answer was no good; `status` is 0 where there was none. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }

  /** Whether the token is none, or none any more. */
  get isOfToken() {
    return this.status === 401;
  }
}

// The token is sent by this page alone, and kept for as long as its tab is open.
const KEY = "wharf-token";
let token = read();

function read() {
  try {
    return sessionStorage.getItem(KEY) ?? "";
  } catch {
    return "";
  }
}

export const hasToken = () => token !== "";

export function setToken(text) {
  token = text;
  try {
    if (text) sessionStorage.setItem(KEY, text);
    else sessionStorage.removeItem(KEY);
  } catch {
    // It is known until the page is loaded again.
  }
}

async function ask(path, options = {}) {
  // No header can have other letters, and the browser would not even ask.
  if (!/^[\x21-\x7e]*$/.test(token)) throw new Refused(401, "This is no token.");
  let response;
  try {
    response = await fetch(`api/v1/${path}`, {
      ...options,
      headers: { Authorization: `Bearer ${token}` },
      credentials: "omit",
      cache: "no-store",
      redirect: "error",
    });
  } catch {
    throw new Refused(0, "The server does not answer.");
  }
  if (response.ok) return response;
  const problem = await response.json().catch(() => undefined);
  throw new Refused(response.status, problem?.detail ?? `The server has answered ${response.status}.`);
}

/** Asks the interface for something. */
export async function call(path, method = "GET") {
  return (await ask(path, { method })).json();
}

const SHORTEST = 500;
const LONGEST = 5000;

/** There is a word each second. Without one for so long the connection is dead, whatever the browser thinks. */
const SILENCE = 15_000;

export class Stream {
  /** `on` has a function for each kind of event in `events`, and `live`, `lost` and `refused` for the connection. */
  constructor(on) {
    this.on = on;
    this.wait = SHORTEST;
  }

  start() {
    this.stop();
    const stop = new AbortController();
    this.current = stop;
    this.run(stop).catch((error) => this.again(stop, error));
  }

  stop() {
    this.current?.abort();
    this.current = undefined;
    clearTimeout(this.timer);
    clearTimeout(this.silence);
  }

  async run(stop) {
    this.heard(stop);
    const { body } = await ask("stream", { signal: stop.signal });
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    this.on.live();
    this.wait = SHORTEST;
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) throw new Refused(0, "The stream has ended.");
      this.heard(stop);
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) {
        if (stop.signal.aborted) return;
        this.tell(block);
      }
    }
  }

  /** An event: lines of fields, of which ours have two. */
  tell(block) {
    let [kind, data] = ["", ""];
    for (const line of block.split("\n")) {
      if (line.startsWith("event: ")) kind = line.slice(7);
      else if (line.startsWith("data: ")) data += line.slice(6);
    }
    if (data) this.on.events[kind]?.(JSON.parse(data));
  }

  heard(stop) {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.again(stop, new Refused(0, "")), SILENCE);
  }

  /** The connection is gone: nobody is there, there are too many readers, or the token is refused now. */
  again(stop, error) {
    if (stop !== this.current) return;
    this.stop();
    if (error.isOfToken) {
      this.on.refused();
      return;
    }
    this.on.lost(error.status ? error.message : "");
    const wait = this.wait * (0.8 + 0.4 * Math.random());
    this.wait = Math.min(LONGEST, this.wait * 1.6);
    this.timer = setTimeout(() => this.start(), wait);
  }
}
