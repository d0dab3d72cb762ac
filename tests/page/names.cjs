// Names that clients choose to do harm. They are text: nothing is loaded, run, hidden or turned around.

const { accessible, assert, ask, fits, logIn, main, open, picture, until } = require("./browser.cjs");

async function hostile(browser) {
  const page = await open(browser);
  await page.addInitScript(() => {
    window.harm = 0;
  });
  await logIn(page);
  const { names } = await ask("names");
  await until(page, "all of these names", () => document.querySelectorAll("#rows .one-row:not([hidden]) .to-up").length, (shown) => shown === names);
  const { texts, html, elements } = await page.evaluate(() => ({
    texts: [...document.querySelectorAll("#rows bdi")].map((element) => element.textContent),
    html: document.getElementById("rows").querySelectorAll("img, script, b, a, svg, iframe").length,
    elements: [...document.querySelectorAll(".one-row:not([hidden])")].map((row) => row.getBoundingClientRect().height),
  }));
  assert.equal(html, 0, "a name became markup");
  assert.equal(await page.evaluate(() => window.harm), 0, "a name became a script");
  assert.equal(new Set(elements).size, 1, `a name made its row taller: ${elements}`);
  const all = texts.join("\n");
  assert(all.includes("<img src=x onerror="), all);
  assert(all.includes("‹U+202E›"), "what turns text around is named");
  assert(!/[\u0000-\u0009\u000b-\u001f\u200e\u200f\u202a-\u202e\u2066-\u2069]/u.test(all), "a name has letters that can't be seen");
  assert(texts.every((text) => text.length < 800), "an endless name is cut");
  await fits(page);
  // The same in what happened and in a session that is opened.
  await ask("finish");
  await page.locator("#facts li", { hasText: "<img src=x onerror=" }).first().waitFor();
  assert.equal(await page.locator("#facts img, #facts script").count(), 0);
  await page.locator("#search").fill("onerror");
  await page.locator("#sessions").focus();
  await page.keyboard.press("Enter");
  await page.locator("#one-talk li").first().waitFor();
  assert.equal(await page.locator("#one img, #one script").count(), 0);
  await fits(page);
  await accessible(page, "hostile names");
  await picture(page, "names");
  assert.equal(await page.evaluate(() => window.harm), 0);
}

main({ "hostile names": hostile });
