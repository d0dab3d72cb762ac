// Pictures as WebP, without loss, which Chromium makes of PNG.
"use strict";

const path = require("node:path");

const { chromium } = require(path.join(__dirname, "../../.test-tools/browser/node_modules/playwright-core"));

const launch = () => chromium.launch({ executablePath: "/usr/bin/chromium", args: process.getuid() === 0 ? ["--no-sandbox"] : [] });

/** The same picture as WebP, without loss. */
async function smaller(browser, picture) {
  const page = await browser.newPage();
  const webp = await page.evaluate(async (png) => {
    const bytes = Uint8Array.from(atob(png), (letter) => letter.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    canvas.getContext("2d").drawImage(bitmap, 0, 0);
    const blob = await canvas.convertToBlob({ type: "image/webp", quality: 1 });
    return [...new Uint8Array(await blob.arrayBuffer())];
  }, picture.toString("base64"));
  await page.close();
  return Buffer.from(webp);
}

module.exports = { launch, smaller };
