"""A notebook as one page of HTML, which asks the network for nothing."""

import os
import re
from pathlib import Path
from urllib.parse import quote

HERE = Path(__file__).parent

# What a page shows of an output, the first that is there. A widget would ask the network for its
# scripts: its picture stays.
SHOWN = "text/html text/markdown image/svg+xml text/latex image/png image/jpeg text/plain".split()

# Colours of code that come with Pygments itself, with a contrast of at least 4.5 on page.css.
LIGHT, DARK = "xcode", "zenburn"


def to_html(nb, path, scripts: Path | None = None) -> None:
    """Write an executed notebook as a page for the browser.

    scripts: a folder with `mathjax` in it (see assets), to which the page points; without one,
    formulas stay as they are written, and the page says so.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    way = scripts and quote(Path(os.path.relpath(scripts, path.parent)).as_posix())
    path.write_text(page(nb, path.stem, way), encoding="utf-8")


def page(nb, name: str, assets: str | None = None) -> str:
    """The page that is a notebook; assets: where its scripts lie, as seen from the page."""
    about = {"light": colours(LIGHT), "dark": colours(DARK), "assets": assets}
    return exported(nb, "page", heading(nb) or name, about)


def exported(nb, template: str, title: str, about: dict) -> str:
    """A notebook by one of the templates, with the style sheet and the script of that name."""
    from nbconvert import HTMLExporter  # slow to import, and only needed here
    from traitlets.config import Config

    exporter = HTMLExporter(
        config=Config({"NbConvertBase": {"display_data_priority": SHOWN}}),
        template_name=template,
        extra_template_basedirs=[str(HERE / "templates")],
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        exclude_anchor_links=True,
    )
    beside = {kind: (HERE / f"{template}.{kind}").read_text("utf-8") for kind in ("css", "js")}
    resources = {"metadata": {"name": title}, template: beside | about}
    body = exporter.from_notebook_node(nb, resources=resources)[0]
    body = body.replace("<th></th>", "<td></td>")  # a head without words is none
    return re.sub(r'(href="\w+)\.ipynb(?=["#])', r"\1.html", body)  # to the page beside it


def colours(style: str) -> str:
    """The colours of code."""
    from pygments.formatters import HtmlFormatter

    return HtmlFormatter(style=style).get_style_defs(".highlight")


def heading(nb) -> str:
    """The first heading of a notebook; "" if it has none."""
    prose = "\n".join(cell.source for cell in nb.cells if cell.cell_type == "markdown")
    found = re.search(r"^# (.+)", prose, re.M)
    return found[1] if found else ""
