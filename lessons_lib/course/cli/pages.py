"""`lessons slides` and `lessons book`: the notebooks for the lecture hall, and for reading."""

import re
import subprocess
from contextlib import nullcontext

import click

from lessons_lib.course.cli.running import finish
from lessons_lib.course.cli.which import ROOT, names_of_notebooks, notebooks

SLIDES = ROOT / "build" / "slides"
ADDRESS = re.compile(r"(?:https://|ssh://git@|git@)github\.com[/:]([\w.-]+)/([\w.-]+?)(?:\.git)?/?")


@click.command()
@names_of_notebooks
@click.option("--pdf", is_flag=True, help="Print the lecturer's, notes under the slides.")
def slides(names, pdf):
    """Make a deck of slides for each notebook under build/slides, and the lecturer's beside it."""
    from lessons_lib.course.pages.assets import copy_assets
    from lessons_lib.course.pages.pdf import chromium, print_deck
    from lessons_lib.course.pages.slides import decks

    try:
        copy_assets(SLIDES / "assets", "reveal", "mathjax")
    except FileNotFoundError as problem:
        raise click.ClickException(str(problem)) from problem
    failed, made = [], []
    for path in notebooks(names):
        room, lecturer = SLIDES / f"{path.stem}.html", SLIDES / f"{path.stem}.answers.html"
        try:
            for file, page in zip((room, lecturer), decks(path), strict=True):
                file.write_text(page, encoding="utf-8")
        except ValueError as problem:
            failed.append(f"{path.stem}: {problem}")
        else:
            made.append(lecturer)
            click.echo(f"✓ {room}, and with answers {lecturer.name}")
    try:
        with chromium() if pdf else nullcontext() as browser:
            for page in made if pdf else ():
                print_deck(browser, page, page.with_suffix(".pdf"))
                click.echo(f"✓ {page.with_suffix('.pdf')}")
    except FileNotFoundError as problem:
        failed.append(f"no PDF: {problem}")
    finish(failed)


@click.command()
@click.option("--repository", metavar="URL", help="https://github.com/OWNER/NAME, for Colab.")
def book(repository):
    """Make the book under build/book from the notebooks as they are; nothing is run."""
    address = public(repository or origin())
    if repository and not address:
        allowed = "allowed is https://github.com/OWNER/NAME"
        raise click.BadParameter(f"--repository is {repository!r}; {allowed}")
    try:
        from lessons_lib.course.pages.book import make

        made = make(repository=address)
    except ModuleNotFoundError as error:
        wanted = "`make book` installs it, or pip install -c constraints.txt -e '.[pages]'"
        raise click.ClickException(f"{error.name} is not installed: {wanted}") from error
    except (FileNotFoundError, RuntimeError) as error:
        raise click.ClickException(str(error)) from error
    if not address:
        click.echo("No button for Colab: origin is not on GitHub, and --repository names none.")
    click.echo(f"✓ {made.pages} pages in {made.seconds:.0f} s: {made.front}")


def public(address: str) -> str:
    """The page of a repository on GitHub, from any address that git knows it by; else ""."""
    found = ADDRESS.fullmatch(address)
    return "https://github.com/{}/{}".format(*found.groups()) if found else ""


def origin() -> str:
    """The address that git has for this checkout; "" where it has none."""
    try:
        asked = ["git", "-C", str(ROOT), "remote", "get-url", "origin"]
        return subprocess.run(asked, capture_output=True, text=True).stdout.strip()
    except OSError:
        return ""
