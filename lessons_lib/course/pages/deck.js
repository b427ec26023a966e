// Formulas first, since they change the height of a slide; then pictures that fit; then reveal.
const size = document.body.dataset;
window.MathJax = {
  tex: { inlineMath: [["$", "$"], ["\\(", "\\)"]], processEscapes: true },
  options: { enableMenu: false },
  startup: { pageReady: () => MathJax.startup.defaultPageReady().then(begin) },
};

async function begin() {
  await Promise.all([...document.images].map((image) => image.decode()));
  const slides = [...document.querySelectorAll("section:not(:has(section))")];
  slides.forEach(fit);
  if (location.search === "?paper") paper(slides);
  else await Reveal.initialize({
    width: +size.width, height: +size.height, margin: 0.02, center: false, transition: "none",
    hash: true, slideNumber: "c/t", plugins: [RevealNotes],
  });
  size.ready = "yes";
}

// On paper a slide's notes stand under it, and the next slide below; reveal's own rules step aside.
function paper(slides) {
  document.body.classList.add("paper");
  document.querySelector("link[href$='reveal.css']").remove();
  slides.forEach((slide, i) => {
    const said = document.createElement("div");
    said.className = "said";
    said.append(`${i + 1}. `, ...slide.querySelectorAll("aside.notes"));
    slide.after(said);
  });
}

// Pictures share the height that the words leave, and are never smaller than a third of a slide.
function fit(slide) {
  const pictures = [...slide.querySelectorAll("img")];
  const seen = [slide, slide.parentElement];
  seen.forEach((each) => each.classList.add("measured"));
  for (let share = 0.75; share >= 0.32; share -= 0.01) {
    pictures.forEach((each) => (each.style.maxHeight = `${share * size.height}px`));
    if (slide.scrollHeight <= size.height) break;
  }
  seen.forEach((each) => each.classList.remove("measured"));
}
