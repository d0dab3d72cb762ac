// 200 sessions with transfers: they move, can be found, opened and ended, and the page finds a server that was restarted.

const { accessible, assert, ask, live, logIn, main, open, picture, until } = require("./browser.cjs");

// Asked for in the moment in which it was ended.
const ENDED = /404 \(Not Found\) \S+\/api\/v1\/sessions\/\d+$/u;

const rows = (page) => page.locator("#rows .one-row:visible");
const count = (page, id, number) => page.locator(`#${id}`).filter({ hasText: new RegExp(`^${number}$`, "u") }).waitFor();

async function crowd(browser) {
  // Of a server that is gone, or is not there yet.
  const page = await open(browser, { colorScheme: "dark", expected: ["ERR_CONNECTION", "ERR_INCOMPLETE", "ERR_EMPTY", "ERR_SOCKET", "503", ENDED] });
  await logIn(page);
  const { sessions, transfers } = await ask("crowd");
  await count(page, "f-sessions", sessions);
  await count(page, "f-transfers", transfers);
  await moves(page);
  await isNotRebuilt(page);
  await accessible(page, "the page with a crowd");
  await picture(page, "crowd-dark");
  await page.emulateMedia({ colorScheme: "light" });
  await picture(page, "crowd-light");
  await page.emulateMedia({ colorScheme: "dark" });
  await isFound(page);
  await isOpened(page);
  await isEnded(page, sessions);
  await isLocked(page);
  await isRestarted(page);
}

/** Bytes, bars and charts move when bytes do. */
async function moves(page) {
  const look = () => {
    const row = document.querySelector(".one-row:not([hidden]) .to-down")?.parentNode;
    return row && { moved: row.querySelector(".c-moved").textContent, bar: new DOMMatrix(getComputedStyle(row.querySelector(".bar i")).transform).a };
  };
  const before = await until(page, "a download with its progress", look, (row) => row?.moved.includes("%"));
  await ask("move");
  const after = await until(page, "progress", look, (row) => row.moved !== before.moved && row.bar > before.bar);
  assert.notEqual(after.moved, before.moved);
  await until(page, "a throughput", () => document.querySelector("#f-up").textContent, (text) => !text.startsWith("0"));
  const chart = page.getByRole("img", { name: /uploads/u });
  await chart.first().waitFor();
}

/** Rows are written into, and there are no more than can be seen. */
async function isNotRebuilt(page) {
  await page.evaluate(() => {
    window.changes = { rows: 0, texts: 0 };
    new MutationObserver((list) => {
      for (const { type, target, addedNodes } of list) {
        if (type === "childList" && [...addedNodes].some((node) => node.nodeType === 1)) window.changes.rows += 1;
        else if (target.nodeType === 3 || type === "childList") window.changes.texts += 1;
      }
    }).observe(document.getElementById("rows"), { childList: true, subtree: true, characterData: true });
  });
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("Performance.enable");
  const busy = async () => {
    const { metrics } = await cdp.send("Performance.getMetrics");
    const of = (name) => metrics.find((metric) => metric.name === name).value;
    return of("ScriptDuration") + of("LayoutDuration") + of("RecalcStyleDuration");
  };
  const before = await busy();
  const ticks = 3;
  for (let tick = 0; tick < ticks; tick += 1) {
    const seen = await page.evaluate(() => window.changes.texts);
    await ask("move");
    await until(page, "changed rows", () => window.changes.texts, (texts) => texts > seen);
  }
  const each = (1000 * ((await busy()) - before)) / ticks;
  const { changes, drawn } = await page.evaluate(() => ({ changes: window.changes, drawn: document.querySelectorAll(".one-row").length }));
  assert.equal(changes.rows, 0, "rows were made anew");
  assert(drawn < 60, `${drawn} rows are drawn`);
  process.stderr.write(`  ${each.toFixed(1)} ms of the browser for each look at all sessions, ${drawn} rows drawn\n`);
  // The far end is there, too, by the same rows.
  await page.locator("#sessions").focus();
  await page.keyboard.press("End");
  await until(page, "the last row", () => [document.querySelectorAll(".one-row").length, document.querySelector(".one-row.chosen")?.ariaRowIndex], ([all, last]) => all < 70 && last === "201");
  await page.keyboard.press("Home");
}

/** One field finds sessions and facts. */
async function isFound(page) {
  await page.keyboard.press("/");
  await page.keyboard.type("user-5 upload-21");
  await page.getByText("1 of 200 found").waitFor();
  assert.equal(await rows(page).count(), 1);
  await page.keyboard.press("Control+a");
  await page.keyboard.type("no such words");
  await page.getByText("No session has these words.").waitFor();
  await page.keyboard.press("Escape");
  await until(page, "all sessions", () => document.querySelectorAll(".one-row:not([hidden])").length, (shown) => shown > 5);
  await page.keyboard.type("logged in user-5");
  await until(page, "a fact that was searched for", () => [...document.querySelectorAll("#facts li")].map((item) => item.textContent), (facts) => facts.length > 0 && facts.every((text) => text.includes("logged in") && text.includes("user-5")));
  await page.keyboard.press("Escape");
}

/** By keyboard alone: a session shows its last commands, and no password. */
async function isOpened(page) {
  // Out of the search field, and into it again.
  await page.keyboard.press("Escape");
  await page.keyboard.press("/");
  await page.keyboard.type("upload-21");
  await page.getByText("1 of 200 found").waitFor();
  await page.locator("#sessions").focus();
  await page.keyboard.press("Enter");
  const talk = page.locator("#one-talk");
  await talk.getByText("STOR upload-21").waitFor();
  const text = await talk.textContent();
  assert(text.includes("PASS ****"), text);
  assert(!text.includes("secret-of"), "a password is shown");
  assert(!(await page.content()).includes("secret-of"), "a password is in the page");
  await accessible(page, "an opened session");
  await picture(page, "session-dark");
}

/** It ends after a question, and its client hears why. */
async function isEnded(page, sessions) {
  await page.getByRole("button", { name: "End this session…" }).click();
  const question = page.getByRole("dialog", { name: /^End session \d+ of user-5\?$/u });
  await question.waitFor();
  await picture(page, "question-dark");
  await page.keyboard.press("Escape");
  await question.waitFor({ state: "hidden" });
  assert.equal((await ask("is-open", "upload-21")).open, true);
  await page.getByRole("button", { name: "End this session…" }).click();
  await page.getByRole("button", { name: "End the session" }).click();
  const { reply } = await ask("end-of", "upload-21");
  assert(reply.startsWith("421 "), reply);
  await page.getByText(/^Session \d+ of user-5 was ended\.$/u).waitFor();
  await page.getByText("This session has ended.").waitFor();
  await page.keyboard.press("Escape");
  await page.locator("#search").fill("");
  await count(page, "f-sessions", sessions - 1);
}

/** A lock-out is shown and lifted. */
async function isLocked(page) {
  await ask("fail");
  await page.locator("#failed li").filter({ hasText: "127.0.9.0/24" }).waitFor();
  await page.locator("#errors li").first().waitFor();
  const lift = page.getByRole("button", { name: "Lift the lock of address 127.0.9.9" });
  await lift.click();
  await lift.waitFor({ state: "detached" });
  assert.equal((await ask("is-let-in")).reply, "220");
}

/** Nobody has to reload the page. */
async function isRestarted(page) {
  await ask("stop");
  await page.locator("#link", { hasText: "reconnecting…" }).waitFor();
  await picture(page, "reconnecting-dark");
  await ask("start");
  await live(page);
  await page.getByText("No sessions.").waitFor();
  await ask("connect", "back-again");
  await page.getByRole("row", { name: /back-again/u }).waitFor();
}

main({ "a crowd": crowd });
