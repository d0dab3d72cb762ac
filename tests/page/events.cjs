// Events that wait for their receivers, and dead letters, as the page shows them; and that whatever stands in the audit is found.

const { accessible, assert, ask, logIn, main, open, picture } = require("./browser.cjs");

async function events(browser) {
  const page = await open(browser, { colorScheme: "light" });
  await logIn(page);
  const tile = page.locator("#waiting");
  await tile.filter({ hasText: "All are delivered." }).waitFor();
  await accessible(page, "a page without events that wait");
  await ask("store", "/arrived");
  await tile.filter({ hasText: /^Events waiting1.*1 dead letter · oldest \d/u }).waitFor();
  assert(await page.locator("#f-events.hot").isVisible());
  await accessible(page, "a page with dead letters");
  await picture(page, "events-light");
  await ask("drop");
  await tile.filter({ hasText: /^Events waiting1\s*oldest \d/u }).waitFor();
  assert(!(await page.locator("#f-events.hot").isVisible()));
  await found(page, "arrived", "uploaded /arrived");
  await found(page, "drop_events", "1 dead letters");
  await found(page, "wharf.mark", "infected upload /bad/f refused: Wharf.Mark");
}

/** What is found by these words. */
async function found(page, words, text) {
  await page.locator("#search").fill(words);
  await page.locator("#facts li").filter({ hasText: text }).first().waitFor();
}

main({ "events that wait": events });
