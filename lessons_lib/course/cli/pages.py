"""`lessons book`: the course as pages for a browser, read without a network."""

import re
import subprocess

import click

from lessons_lib.files import ROOT

ADDRESS = re.compile(r"(?:https://|ssh://git@|git@)github\.com[/:]([\w.-]+)/([\w.-]+?)(?:\.git)?/?")


@click.command()
@click.option("--repository", metavar="URL", help="https://github.com/OWNER/NAME, for Colab.")
def book(repository):
    """Make the book under build/book from the notebooks as they are; nothing is run."""
    if repository and not ADDRESS.fullmatch(repository):
        raise click.BadParameter(
            f"--repository is {repository!r}; allowed is https://github.com/OWNER/NAME"
        )
    public = ADDRESS.fullmatch(repository or origin())
    try:
        from lessons_lib.course.pages.book import make

        made = make(
            repository="https://github.com/{}/{}".format(*public.groups()) if public else ""
        )
    except (ImportError, FileNotFoundError) as error:
        wanted = (
            "`make book` installs what it needs, or pip install -c constraints.txt -e '.[pages]'"
        )
        raise click.ClickException(f"{error}; {wanted}") from error
    except RuntimeError as error:
        raise click.ClickException(str(error)) from error
    if not public:
        click.echo("No button for Colab: origin is not on GitHub, and --repository names none.")
    click.echo(f"✓ {made.pages} pages in {made.seconds:.0f} s: {made.front}")


def origin() -> str:
    """The address that git has for this checkout; "" where it has none."""
    try:
        asked = ["git", "-C", str(ROOT), "remote", "get-url", "origin"]
        return subprocess.run(asked, capture_output=True, text=True).stdout.strip()
    except OSError:
        return ""
