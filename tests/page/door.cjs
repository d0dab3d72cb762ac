// Who gets in, what an empty server shows, and the shapes of the page: phone, dark, keyboard alone.

const { accessible, address, assert, ask, fits, live, logIn, main, open, picture, LOOKER, TOKEN } = require("./browser.cjs");

async function wrongToken(browser) {
  const page = await open(browser, { expected: ["401"] });
  await page.goto(`${address}/`);
  await accessible(page, "the login");
  // Something else was pasted, which no header can have.
  await page.getByLabel("Token").fill("“tokén”");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").filter({ hasText: "not known to the server" }).waitFor();
  await page.reload();
  await page.getByLabel("Token").fill("somebody-else-entirely");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").filter({ hasText: "not known to the server" }).waitFor();
  assert.equal(await page.locator("#board").isVisible(), false);
  await page.getByLabel("Token").fill(TOKEN);
  await page.keyboard.press("Enter");
  await live(page);
  // The token is this tab's alone: no cookie goes along with what other pages ask, and nothing outlives the tab.
  assert.equal(await page.evaluate(() => document.cookie), "");
  const stored = await page.evaluate(() => JSON.stringify({ ...localStorage }));
  assert(!stored.includes(TOKEN), stored);
  const other = await page.context().newPage();
  await other.goto(`${address}/`);
  await other.getByLabel("Token").waitFor();
  await other.close();
  // It is still logged in after a reload, and is not after it has left.
  await page.reload();
  await live(page);
  await page.getByRole("button", { name: "Log out" }).click();
  await page.getByLabel("Token").waitFor();
  assert.equal(await page.evaluate(() => JSON.stringify({ ...sessionStorage })), "{}");
  await page.reload();
  await page.getByLabel("Token").waitFor();
}

async function nobodyHere(browser) {
  const page = await open(browser, { colorScheme: "light" });
  await logIn(page);
  const empty = page.locator("#sessions-empty");
  await empty.filter({ hasText: "No sessions." }).waitFor();
  assert((await empty.textContent()).includes("ftp://127.0.0.1 "), await empty.textContent());
  await page.getByText("Nobody is locked out.").waitFor();
  await page.getByText("No errors in the last hour.").waitFor();
  await page.locator("#waiting").filter({ hasText: "Add events to be told." }).waitFor();
  await accessible(page, "an empty page");
  await picture(page, "empty-light");
}

async function aPhone(browser) {
  for (const colorScheme of ["light", "dark"]) {
    const page = await open(browser, { colorScheme, viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true, reducedMotion: "reduce" });
    await logIn(page);
    await fits(page);
    await accessible(page, `a phone, ${colorScheme}`);
    await picture(page, `phone-${colorScheme}`);
  }
}

async function theOtherColours(browser) {
  const page = await open(browser, { colorScheme: "light" });
  await logIn(page);
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await background();
  await page.getByRole("button", { name: "Show dark colours" }).click();
  const dark = await background();
  assert.notEqual(light, dark);
  // It was meant.
  await page.reload();
  await live(page);
  assert.equal(await background(), dark);
  await accessible(page, "the dark page");
  // Who chose nothing has what the system says.
  const other = await open(browser, { colorScheme: "dark" });
  await logIn(other);
  assert.equal(await other.evaluate(() => getComputedStyle(document.body).backgroundColor), dark);
}

/** No hand on a mouse: in, to a session and back, another order, and out. */
async function byKeyboard(browser) {
  const page = await open(browser);
  const focused = () => page.evaluate(() => document.activeElement.id);
  const tabTo = async (id) => {
    for (let presses = 0; (await focused()) !== id; presses += 1) {
      assert(presses < 20, `Tab does not come to ${id}`);
      await page.keyboard.press("Tab");
    }
  };
  await ask("connect", "looked-at");
  await page.goto(`${address}/`);
  await tabTo("token");
  await page.keyboard.type(TOKEN);
  await page.keyboard.press("Enter");
  await live(page);
  await page.getByRole("row", { name: /looked-at/u }).waitFor();
  await tabTo("sessions");
  await page.keyboard.press("ArrowDown");
  await page.locator("#rows [aria-selected=true]").waitFor();
  await page.keyboard.press("Enter");
  await page.getByRole("dialog", { name: /looked-at/u }).waitFor();
  await tabTo("one-end");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog", { name: /^End session/u }).waitFor();
  // What does no harm has the focus.
  assert.equal(await focused(), "ask-no");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Escape");
  await page.locator("#one").waitFor({ state: "hidden" });
  assert.equal(await focused(), "sessions");
  await page.keyboard.press("s");
  await page.locator("#sessions-head [data-by=moved][aria-sort]").waitFor();
  await page.keyboard.press("/");
  assert.equal(await focused(), "search");
  await tabTo("leave");
  await page.keyboard.press("Enter");
  await page.getByLabel("Token").waitFor();
  await ask("disconnect");
}

async function onlyLooking(browser) {
  const page = await open(browser);
  await ask("connect", "looked-at");
  await logIn(page, LOOKER);
  await page.getByRole("row", { name: /looked-at/u }).click();
  await page.getByText("This token may only look.").waitFor();
  assert.equal(await page.locator("#one-end").isVisible(), false);
  await ask("disconnect");
}

main({
  "a wrong token": wrongToken,
  "nobody is here": nobodyHere,
  "a phone": aPhone,
  "the other colours": theOtherColours,
  "by keyboard": byKeyboard,
  "only looking": onlyLooking,
});
