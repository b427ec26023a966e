// Formulas first, since they change the height of a slide; then reveal; then pictures that fit.
const size = document.body.dataset;
window.MathJax = {
  tex: { inlineMath: [["$", "$"], ["\\(", "\\)"]], processEscapes: true },
  options: { enableMenu: false, skipHtmlTags: ["script", "style", "pre", "code", "textarea"] },
  startup: { pageReady: () => MathJax.startup.defaultPageReady().then(begin) },
};

async function begin() {
  await Reveal.initialize({
    width: +size.width, height: +size.height, margin: 0.02, center: false,
    hash: true, slideNumber: "c/t", transition: "none", pdfSeparateFragments: false,
    showNotes: /notes/.test(location.search) ? "separate-page" : false, plugins: [RevealNotes],
  });
  await Promise.all([...document.images].map((image) => image.decode().catch(() => {})));
  document.querySelectorAll("section:not(:has(section))").forEach(fit);
  document.body.dataset.ready = "yes";
}

// Pictures share the height that the words leave, and are never smaller than a third of a slide.
function fit(slide) {
  const shown = [slide, slide.parentElement].map((each) => [each, each.getAttribute("style")]);
  shown.forEach(([each]) => each.style.setProperty("display", "block", "important"));
  const pictures = [...slide.querySelectorAll("img")];
  for (let height = 0.75; height >= 0.32; height -= 0.02) {
    pictures.forEach((each) => (each.style.maxHeight = `${height * size.height}px`));
    if (slide.scrollHeight <= size.height) break;
  }
  shown.forEach(([each, style]) => style === null ? each.removeAttribute("style") : each.setAttribute("style", style));
}
