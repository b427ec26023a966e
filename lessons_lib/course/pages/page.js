// Formulas, and then a way for the keyboard into whatever scrolls sideways.
window.MathJax = {
  tex: { inlineMath: [["$", "$"], ["\\(", "\\)"]], processEscapes: true },
  options: { enableMenu: false },
  startup: {
    pageReady: () => MathJax.startup.defaultPageReady().then(() => {
      reachable();
      document.body.dataset.ready = "yes";
    }),
  },
};

function reachable() {
  for (const box of document.querySelectorAll("pre, table, mjx-container")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}
addEventListener("load", reachable);
addEventListener("resize", reachable);
document.addEventListener("toggle", reachable, true);
