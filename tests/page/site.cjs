// The site as people see it: on a phone, in both colours, with its search, from a server and from a folder.
// node site.cjs ADDRESS PICTURES FOLDER

const { accessible, address, assert, fits, main, open, picture, until, TOKEN: FOLDER } = require("./browser.cjs");

const PHONE = { viewport: { width: 375, height: 667 }, hasTouch: true, isMobile: true };

/** Pages of the guide, as the sidebar has them. */
const guide = (page) => page.evaluate(() => [...new Set([...document.querySelectorAll(".sidebar-tree a")].map((link) => link.href.split("#")[0]))]);

async function aPhone(browser) {
  const page = await open(browser, { ...PHONE, colorScheme: "light" });
  await page.goto(`${address}/index.html`);
  await accessible(page, "the start page on a phone");
  await picture(page, "site-phone-light");
  const pages = await guide(page);
  assert(pages.length > 30, `${pages}`);
  for (const one of pages) {
    await page.goto(one, { waitUntil: "domcontentloaded" });
    await fits(page).catch((error) => assert.fail(`${one}: ${error.message}`));
  }
}

async function theSearch(browser) {
  const page = await open(browser, PHONE);
  await page.goto(`${address}/index.html`);
  await page.locator(".header-left label, .header-left button").first().click();
  await page.getByPlaceholder("Search").fill("several replicas");
  await page.keyboard.press("Enter");
  const found = page.locator("#search-results li a", { hasText: "Several replicas behind one address" }).first();
  await found.waitFor();
  await accessible(page, "the search");
  await found.click();
  await page.getByRole("heading", { level: 1, name: "Several replicas behind one address" }).waitFor();
}

async function bothColours(browser) {
  const page = await open(browser, { colorScheme: "light" });
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  for (const name of ["index.html", "docs/clients.html", "docs/deployment.html", "docs/questions.html"]) {
    await page.goto(`${address}/${name}`);
    await accessible(page, `${name} in light colours`);
  }
  const light = await background();
  await page.locator(".theme-toggle:visible").first().click();
  const dark = await background();
  assert.notEqual(light, dark);
  // It was meant, on every page.
  for (const name of ["docs/deployment.html", "docs/clients.html", "index.html"]) {
    await page.goto(`${address}/${name}`);
    assert.equal(await background(), dark);
    await accessible(page, `${name} in dark colours`);
  }
  await picture(page, "site-dark");
}

/** The film plays to what its commands print, without asking for anything. */
async function theFilm(browser) {
  const page = await open(browser, { colorScheme: "light" });
  await page.goto(`${address}/docs/getting-started.html`);
  const film = page.locator(".film");
  await film.getByText("wharf.yaml: the configuration is good").waitFor();
  await accessible(page, "the page with the film");
  const still = await film.locator("pre").textContent();
  await film.click();
  await until(page, "the film", () => document.querySelector(".film pre").textContent, (shown) => shown !== still && shown.length > 0);
  await picture(page, "site-film");
}

/** What people have before them when they search: a reply code, a port. The builder's own search knows no numbers. */
async function searchesForNumbers(browser) {
  const page = await open(browser);
  const replies = "docs/troubleshooting.html";
  for (const [number, where] of [["550", replies], ["425", replies], ["530", replies], ["421", replies], ["2121", "docs/getting-started.html"]]) {
    await page.goto(`${address}/search.html?q=${number}`);
    await page.locator(`#search-results li a[href^="${where}"]`).first().waitFor();
  }
  // Not everything has every number.
  await page.goto(`${address}/search.html?q=987654321`);
  await page.locator("#search-results", { hasText: "did not match any documents" }).waitFor();
}

/** As unpacked from an archive, with nothing that serves it. */
async function fromAFolder(browser) {
  const page = await browser.newPage();
  const elsewhere = [];
  page.on("request", (request) => request.url().startsWith("file:") || request.url().startsWith("data:") || elsewhere.push(request.url()));
  await page.goto(`file://${FOLDER}/search.html?q=argon2id`);
  await page.locator("#search-results li a").first().waitFor();
  assert.deepEqual(elsewhere, []);
  await page.close();
}

main({ "a phone": aPhone, "the search": theSearch, "searches for numbers": searchesForNumbers, "both colours": bothColours, "the film": theFilm, "from a folder": fromAFolder });
