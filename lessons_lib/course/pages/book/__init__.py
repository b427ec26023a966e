"""The book: every notebook, page, term and function of the course as one site, read offline."""

import io
import re
import shutil
import time
from pathlib import Path
from typing import NamedTuple

from lessons_lib import files
from lessons_lib.course.pages import assets
from lessons_lib.course.pages.book import sources

HERE = Path(__file__).parent
SCRIPTS = ("tex-svg.js", "input/tex/extensions")  # MathJax: formulas drawn without a font's file

SETTINGS = {
    "project": "Diffusion models by hand",
    "html_title": "Diffusion models by hand",
    "extensions": [
        "myst_nb",
        "sphinx_design",
        "sphinx.ext.mathjax",
        "lessons_lib.course.pages.book.passes",
    ],
    "language": "en",
    "root_doc": "index",
    "exclude_patterns": ["notebooks/downloads"],
    # 00 has a ### before its first ##, a taste of what comes; its page makes a section of it.
    "suppress_warnings": ["myst.header"],
    "nb_execution_mode": "off",
    "myst_enable_extensions": ["dollarmath", "amsmath", "colon_fence"],
    "myst_heading_anchors": 4,
    "myst_heading_slug_func": "lessons_lib.course.pages.book.links.slug",
    "mathjax_path": "mathjax/tex-svg.js",
    "mathjax3_config": {"options": {"enableMenu": False}},  # a menu makes each formula a tab stop
    "toc_object_entries_show_parents": "hide",
    "html_theme": "sphinx_book_theme",
    "html_css_files": ["book.css"],
    "html_js_files": ["book.js"],
    "html_copy_source": False,
    "html_show_search_summary": False,  # a page may not fetch others where it is read from a file
    "html_context": {"default_mode": "auto"},
    "html_theme_options": {
        "use_download_button": False,  # each notebook has one of its own, with its words
        "use_fullscreen_button": False,
        "home_page_in_toc": True,
        "footer_content_items": [],
        "show_navbar_depth": 1,
        "show_toc_level": 1,
        **dict.fromkeys(("navbar_start", "navbar_center", "navbar_end", "navbar_persistent"), []),
        "navigation_with_keys": False,
        "pygments_light_style": "a11y-high-contrast-light",
        "pygments_dark_style": "a11y-high-contrast-dark",
    },
}


class Made(NamedTuple):
    """A book that was built: its first page, how many pages it has, and the seconds it took."""

    front: Path
    pages: int
    seconds: float


def make(folder: Path = files.ROOT / "build" / "book", repository: str = "") -> Made:
    """Build the book from the committed notebooks, of which nothing is run, in folder/html.

    repository is the public address of the course, "https://github.com/OWNER/NAME", for Colab.
    Whatever was built there before is gone. Raises RuntimeError with all that Sphinx warns of.
    """
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    began, said = time.perf_counter(), io.StringIO()
    folder = folder.resolve()
    written, html, trees = folder / "source", folder / "html", folder / "trees"
    for old in (written, html, trees):
        shutil.rmtree(old, ignore_errors=True)
    sources.write(written, repository)
    static(written / "_static")
    with patch_docutils(), docutils_namespace():
        settings = SETTINGS | {"html_static_path": [str(written / "_static")]}
        app = Sphinx(written, None, html, trees, "html", settings, status=None, warning=said)
        app.build(force_all=True)
    if said.getvalue():
        plain = re.sub(r"\x1b\[[\d;]*m", "", said.getvalue())
        raise RuntimeError(f"the book is not whole:\n{plain}")
    return Made(html / "index.html", len(app.env.found_docs), time.perf_counter() - began)


def static(folder: Path) -> None:
    """Put the book's own style and script, and what it needs of MathJax, into a folder."""
    shutil.copytree(HERE / "static", folder)
    assets.copy_parts(assets.mathjax(), folder / "mathjax", SCRIPTS)
