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
