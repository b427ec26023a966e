"""`lessons slides` and `lessons book`: the notebooks for the lecture hall, and for reading."""

from contextlib import nullcontext

import click

from lessons_lib.course.cli.running import finish
from lessons_lib.course.cli.which import ROOT, names_of_notebooks, notebooks

SLIDES = ROOT / "build" / "slides"


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
