// Plays each film of the page, which stands in it as text.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  for (const place of document.querySelectorAll(".film")) {
    const data = place.querySelector("script").textContent;
    window.AsciinemaPlayer.create({ data }, place, { fit: "width", idleTimeLimit: 2, poster: "npt:14", preload: true, terminalFontFamily: "monospace" });
  }
});
