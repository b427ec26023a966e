// Whatever scrolls sideways can be reached with the keyboard, and says what it is.
function reachable() {
  for (const box of document.querySelectorAll(
    ".bd-article pre, .bd-article div.math, .bd-article .text_html, .pst-scrollable-table-container"
  )) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}
addEventListener("load", reachable);
addEventListener("resize", reachable);
document.addEventListener("toggle", reachable, true);
