"""Where the scripts lie that pages need; they come with packages, and are never committed."""

import shutil
from importlib.util import find_spec
from pathlib import Path


def reveal() -> Path:
    """The folder of reveal.js, which turns sections of a page into slides."""
    return within("sphinx_revealjs", "_static/revealjs")


def mathjax() -> Path:
    """The folder of MathJax, which sets formulas."""
    return within("sphinx-mathjax-offline", "static/mathjax")


def within(package: str, folder: str) -> Path:
    """A folder inside an installed package.

    Raises FileNotFoundError, saying what to install, where the package or the folder is not there.
    """
    spec = find_spec(package)
    found = Path(spec.origin).parent / folder if spec else None
    if found is None or not found.is_dir():
        wanted = "pip install -c constraints.txt -e '.[pages]'"
        raise FileNotFoundError(f"{package} is not installed: `make slides` does it, or {wanted}")
    return found


def copy_assets(folder: Path, *wanted: str) -> None:
    """Put scripts beside the pages that need them, each in a folder of its name.

    wanted: "reveal", "mathjax".
    Raises FileNotFoundError, saying what to install, where they are not there.
    """
    parts = {
        "reveal": (
            reveal,
            ("dist/reset.css", "dist/reveal.css", "dist/reveal.js", "plugin/notes"),
        ),
        "mathjax": (mathjax, ("tex-chtml.js", "input/tex/extensions", "output/chtml/fonts")),
    }
    for name in wanted:
        found, files = parts[name]
        copy_parts(found(), folder / name, files)


def copy_parts(source: Path, folder: Path, parts: tuple[str, ...]) -> None:
    """Copy files and folders out of one folder into another, each to the same place."""
    for part in parts:
        target = folder / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if (source / part).is_dir():
            shutil.copytree(source / part, target, dirs_exist_ok=True)
        else:
            shutil.copy(source / part, target)
