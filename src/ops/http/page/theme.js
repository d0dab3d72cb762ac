// Loaded before anything is drawn, so that the page does not flash in the other colours.
"use strict";
try {
  const chosen = localStorage.getItem("wharf-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // A browser that stores nothing follows the system.
}
