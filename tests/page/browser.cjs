// A real browser in front of a real server, for the scenarios beside this file: node SCENARIO.cjs ADDRESS PICTURES TOKEN LOOKER
//
// The test in Rust that starts a scenario has the server and the FTP clients. The scenario asks it for what has to happen
// there: a line on the standard output, answered by a line of JSON on the standard input. It ends with status 0 if everything was as it
// should be. Nothing sleeps: it is waited for what has to be seen.

const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const readline = require("node:readline");

const tools = path.join(__dirname, "../../.test-tools/browser/node_modules");
const { chromium } = require(path.join(tools, "playwright-core"));

const [address, pictures, TOKEN, LOOKER] = process.argv.slice(2);

/** What the test did when it was asked for something. */
const answers = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
async function ask(...words) {
  process.stdout.write(`${JSON.stringify(words)}\n`);
  const { value, done } = await answers.next();
  assert(!done, `no answer to ${words}`);
  return JSON.parse(value);
}

const watched = [];

/** A new window that is watched for everything that must never happen. `expected` are words or patterns of errors that have to. */
async function open(browser, { expected = [], ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const wrong = [];
  const complain = (text) => expected.some((word) => (word instanceof RegExp ? word.test(text) : text.includes(word))) || wrong.push(text);
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && complain(`console: ${message.text()} ${message.location().url}`));
  page.on("pageerror", (error) => complain(`error: ${error.stack}`));
  page.on("dialog", (dialog) => {
    wrong.push(`a dialog of the browser: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("request", (request) => new URL(request.url()).origin === address || wrong.push(`a request to ${request.url()}`));
  await page.exposeFunction("violated", (what) => wrong.push(`the policy forbids ${what}`));
  await page.addInitScript(() => document.addEventListener("securitypolicyviolation", (event) => window.violated(`${event.violatedDirective} ${event.blockedURI}`)));
  watched.push({ page, wrong });
  return page;
}

/** Opens the page and logs in. */
async function logIn(page, token = TOKEN) {
  await page.goto(`${address}/`);
  await page.getByLabel("Token").fill(token);
  await page.getByRole("button", { name: "Show the live page" }).click();
  await live(page);
}

const live = (page) => page.locator("#link", { hasText: /^live$/u }).waitFor();

/** What people with other eyes or hands would miss. */
async function accessible(page, where) {
  await page.evaluate(fs.readFileSync(path.join(tools, "axe-core/axe.min.js"), "utf8"));
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  const found = violations.map(({ id, impact, nodes }) => `${impact}: ${id}: ${nodes.map((node) => `${node.target} ${node.failureSummary}`).join("; ")}`);
  assert.deepEqual(found, [], `accessibility of ${where}`);
}

/** Nothing is wider than the window. */
async function fits(page) {
  const [wide, window] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  assert(wide <= window, `the page is ${wide} wide in a window of ${window}`);
}

async function picture(page, name) {
  fs.mkdirSync(pictures, { recursive: true });
  await page.screenshot({ path: path.join(pictures, `${name}.png`) });
}

/** Waits until what the function finds in the page is as it should be, and returns it. */
async function until(page, what, look, fits) {
  const end = Date.now() + 20_000;
  for (;;) {
    const seen = await page.evaluate(look);
    if (fits(seen)) return seen;
    if (Date.now() > end) assert.fail(`${what} did not happen; there is ${JSON.stringify(seen)}`);
    // Until something is drawn, there is nothing new to see.
    await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  }
}

/** Runs scenarios one after the other in one browser. */
async function run(scenarios) {
  // As root, as in containers, the browser's own sandbox can't be set up. It opens pages of this test alone.
  const args = process.getuid() === 0 ? ["--no-sandbox"] : [];
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args });
  try {
    for (const [name, scenario] of Object.entries(scenarios)) {
      process.stderr.write(`${name}\n`);
      await scenario(browser).catch(async (error) => {
        const last = watched.at(-1)?.page;
        if (last && !last.isClosed()) await picture(last, `failed-${name.replaceAll(" ", "-")}`).catch(() => {});
        throw error;
      });
      for (const { page, wrong } of watched.splice(0)) {
        assert.deepEqual(wrong, [], name);
        await page.context().close();
      }
    }
  } finally {
    await browser.close();
  }
}

/** All of them, with a status that tells how they went. */
function main(scenarios) {
  run(scenarios).then(
    () => process.exit(0),
    (error) => {
      process.stderr.write(`${error.stack}\n`);
      process.exit(1);
    },
  );
}

module.exports = { assert, ask, open, logIn, live, accessible, fits, picture, until, main, TOKEN, LOOKER, address };
