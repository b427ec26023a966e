// A formula wider than its line scrolls, and what scrolls can be reached with the keyboard.
const WIDE = [
  ...["pre", "div.math", "mjx-container", ".text_html"].map((each) => `.bd-article ${each}`),
  ".pst-scrollable-table-container",
].join(", ");

function reachable() {
  for (const formula of document.querySelectorAll("mjx-container:not([display])")) {
    const room = formula.closest("p, li, td, th, dd, div").clientWidth;
    formula.classList.toggle("wide", formula.firstElementChild.clientWidth > room);
  }
  for (const box of document.querySelectorAll(WIDE)) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}

// An arrow in the margin says what it unfolds.
function named() {
  for (const arrow of document.querySelectorAll("nav details > summary")) {
    const above = arrow.closest("li")?.querySelector("a");
    if (above) arrow.setAttribute("aria-label", `Pages below ${above.textContent.trim()}`);
  }
}

document.addEventListener("DOMContentLoaded", named);
addEventListener("load", async () => {
  await window.MathJax?.startup?.promise;
  reachable();
});
addEventListener("resize", reachable);
document.addEventListener("toggle", reachable, true);
