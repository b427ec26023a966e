"""The `lessons` command: each subcommand reads its words, calls the course, prints a table."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parents[2]  # the repository
MIB = 2**20

# Imports stand inside the commands, so that `lessons --help` answers at once.


@click.group()
def main():
    """An interactive course on diffusion models."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that cannot write ✓ writes ?


def notebooks(names: tuple[str, ...]) -> list[Path]:
    """The notebooks that the words on the command line mean: 3, 03, 03_name, a path; none is all.

    Raises click.BadParameter naming the word and what there is.
    """
    every = sorted((ROOT / "notebooks").glob("*.ipynb"))
    if not names:
        return every
    found = []
    for name in names:
        stem = re.sub(r"^(\d)$", r"0\1", Path(name).name.removesuffix(".ipynb"))
        hits = [p for p in every if p.stem == stem or p.stem.split("_")[0] == stem]
        if not hits and Path(name).suffix == ".ipynb" and Path(name).exists():
            hits = [Path(name).resolve()]
        if not hits:
            known = ", ".join(p.stem for p in every) or "none"
            raise click.BadParameter(f"no notebook {name!r}; there are: {known}")
        found += hits
    return found


def copies() -> Path:
    """The folder of the reader's own copies."""
    from lessons_lib.course.progress import home

    return home() / "notebooks"


def chosen(names: tuple[str, ...], shipped: bool) -> list[Path]:
    """The notebooks that are meant: the reader's own copy, where there is one, unless shipped."""
    mine = lambda path: copies() / path.name
    own = lambda path: not shipped and path.is_relative_to(ROOT) and mine(path).is_file()
    return [mine(path) if own(path) else path for path in notebooks(names)]


def whose(path: Path) -> str:
    """Which file that is, in words."""
    if path.is_relative_to(ROOT):
        return "the course's file"
    return f"your copy, {path}" if path.parent == copies() else str(path)


def executed(path: Path, label: str = "", **options):
    """Run a notebook behind a progress bar that goes away when it is done."""
    from tqdm import tqdm

    from lessons_lib.course.execute import run

    text = label or path.stem
    with tqdm(desc=text, unit="cell", leave=False, bar_format="{desc} {bar} {elapsed}") as bar:

        def progress(done, total):
            bar.total = total
            bar.update(done - bar.n)

        return run(path, progress=progress, **options)


@main.command()
@click.argument("notebook", required=False, default="00_start_here")
@click.option("--no-browser", is_flag=True, help="Print the address, and open no browser.")
@click.option("--shipped", is_flag=True, help="Open the course's own file, not your copy.")
def lab(notebook, no_browser, shipped):
    """Open the course in JupyterLab: your copy of a notebook, where you made one."""
    path = chosen((notebook,), shipped)[0]
    if not path.is_relative_to(ROOT):
        if path.parent != copies():
            raise click.BadParameter(f"{path} is outside the course's folder, {ROOT}")
        click.echo(f"Opening {whose(path)}; --shipped opens the course's own.")
    words = [sys.executable, "-m", "jupyterlab", *lab_options(path, no_browser)]
    # The kernel of this environment comes before one that was registered for the whole user.
    # Threads that sleep when they wait: on a busy machine spinning ones are three times slower.
    ours = {"JUPYTER_PREFER_ENV_PATH": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    # In a terminal of JupyterLab, `lessons` is then found too.
    search = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    child = subprocess.Popen(words, env=ours | os.environ | {"PATH": search})
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    while True:
        try:
            raise SystemExit(max(0, child.wait()))
        except KeyboardInterrupt:
            continue  # JupyterLab had the same Ctrl-C, and is stopping its kernels


def lab_options(path: Path, no_browser: bool = False) -> list[str]:
    """JupyterLab's options: this notebook first, few words, root only for root."""
    import zmq

    root = ROOT if path.is_relative_to(ROOT) else path.parent
    options = [
        f"--ServerApp.root_dir={root}",
        f"--LabApp.default_url=/lab/tree/{path.relative_to(root).as_posix()}",
        f"--LabApp.app_settings_dir={Path(__file__).with_name('lab')}",  # no news, no update check
        "--LabApp.log_level=ERROR",
        "--ServerApp.log_level=ERROR",  # the address is printed all the same
        "--ServerApp.answer_yes=True",  # Ctrl-C stops without asking
    ]
    screen = not sys.platform.startswith("linux") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    if zmq.has("curve"):
        options.append("--KernelManager.transport_encryption=auto")  # or each kernel warns
    if no_browser or not screen:
        options.append("--no-browser")
    if hasattr(os, "getuid") and os.getuid() == 0:
        options.append("--allow-root")
    return options


@main.command()
@click.argument("names", nargs=-1, metavar="[NN]...")
def run(names):
    """Run notebooks top to bottom, with no browser; pages go to build/html."""
    from lessons_lib.course.execute import to_html

    failed = []
    click.echo(f"{'notebook':<32} {'seconds':>8} {'peak MiB':>9}")
    for path in notebooks(names):
        result = executed(path)
        to_html(result.notebook, ROOT / "build" / "html" / f"{path.stem}.html")
        mark = "✗" if result.error else "✓"
        row = f"{path.stem:<32} {result.seconds:8.1f} {result.peak_bytes / MIB:9.0f}  {mark}"
        click.echo(row)
        if result.error:
            failed.append(f"{path.stem}: {result.error}")
    finish(failed)


@main.command("notebooks")
@click.argument("names", nargs=-1, metavar="[NN]...")
def rewrite(names):
    """Run notebooks and write their outputs back, the way they are committed."""
    from lessons_lib.course.execute import normalise, save

    failed = []
    for path in notebooks(names):
        result = executed(path)
        error = result.error
        if error is None:
            try:
                save(normalise(result.notebook), path)
            except ValueError as problem:
                error = str(problem)
        click.echo(f"{'✗' if error else '✓'} {path.stem} ({result.seconds:.1f} s)")
        if error:
            failed.append(f"{path.stem}, left as it was: {error}")
    finish(failed)


@main.command()
@click.argument("names", nargs=-1, metavar="[NN]...")
@click.option("--shipped", is_flag=True, help="Check the course's own files, not your copies.")
@click.option("--again", is_flag=True, help="What failed before comes first.")
@click.option("--strict", is_flag=True, help="An answer not written yet counts as a failure.")
def check(names, shipped, again, strict):
    """Check your answers in a fresh kernel: ✓ right, ✗ wrong and why, ○ not written yet.

    Only the cells that the exercises need are run. NN may be a path to any notebook. Leaves with 1
    if an answer is wrong.
    """
    from lessons_lib.course.editions import OPEN, RIGHT, WRONG, needed, results
    from lessons_lib.course.execute import load
    from lessons_lib.course.progress import history, state

    rows = []
    for path in chosen(names, shipped):
        try:
            nb = needed(load(path))
        except ValueError as problem:
            raise click.ClickException(str(problem)) from problem
        done = executed(path, keep_going=True, notebook=nb)
        found = results(done.notebook)
        click.echo(f"{path.stem} ({whose(path)}): {len(found)} exercises, {done.seconds:.0f} s")
        rows += found
        if not again:
            table(found)
    if again:
        past = history()
        before = {name: state(past.get(name, [])) for name, _, _ in rows}
        rows.sort(key=lambda row: (before[row[0]].symbol != WRONG, not before[row[0]].failed))
        table(rows)
    marks = [mark for _, mark, _ in rows]
    right, wrong, blank = (marks.count(mark) for mark in (RIGHT, WRONG, OPEN))
    click.echo(f"{right} of {len(marks)} right, {wrong} wrong, {blank} not written yet")
    sys.exit(wrong > 0 or (strict and right < len(marks)))


def table(rows):
    """Print what was found, one exercise a line."""
    width = max((len(name) for name, _, _ in rows), default=0)
    for name, mark, said in rows:
        click.echo(f"  {mark} {name:<{width}}  {said}")


@main.command()
@click.argument("names", nargs=-1, metavar="[NN]...")
@click.option("--to", type=click.Path(path_type=Path), help="Another folder than your own.")
def copy(names, to):
    """Copy notebooks, to write in: `lab` and `check` then take your copy. Overwrites nothing."""
    folder = to or copies()
    if folder.resolve().is_relative_to(ROOT):
        raise click.BadParameter(f"{folder} is inside the course's own folder, {ROOT}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in notebooks(names):
            place = folder / path.name
            if there := place.exists():
                same = place.read_bytes() == path.read_bytes()
                words = "is there already" if same else "is there already, and yours: left alone"
            else:
                shutil.copyfile(path, place)
                words = "copied"
            click.echo(f"{'·' if there else '✓'} {place}: {words}")
    except OSError as problem:
        raise click.ClickException(f"cannot copy to {folder}: {problem}") from problem


@main.command()
@click.argument("names", nargs=-1, metavar="[NN]...")
def solve(names):
    """Make the lecturer's edition under build/lecturer: all answers, and every check passed."""
    from lessons_lib.course.answers import load_questions
    from lessons_lib.course.editions import STRICT, lecturers
    from lessons_lib.course.execute import load, normalise, save

    failed = []
    for path in notebooks(names):
        try:
            questions = load_questions(path.name[:2])
        except ValueError:
            questions = ()  # a notebook of one's own
        result = executed(path, env=STRICT, notebook=lecturers(load(path), questions))
        place = ROOT / "build" / "lecturer" / path.name
        if result.error:
            failed.append(f"{path.stem}: {result.error}")
        else:
            save(normalise(result.notebook), place)
            click.echo(f"✓ {place} ({result.seconds:.0f} s)")
    finish(failed)


@main.command()
@click.argument("notebook", required=False)
@click.option("--forget", is_flag=True, help="Delete what was kept, after asking.")
def progress(notebook, forget):
    """Show what you have solved: the map, or one notebook in detail."""
    from lessons_lib.course import progress as show
    from lessons_lib.course.progress import forget as delete
    from lessons_lib.course.progress import path, whereabouts

    if forget:
        click.confirm(f"Delete {path()}?", abort=True)
        try:
            click.echo("Deleted." if delete() else "There was nothing to delete.")
        except OSError as problem:
            raise click.ClickException(f"cannot delete it: {problem}") from problem
        return
    try:
        show(notebook)
    except ValueError as problem:
        raise click.BadParameter(str(problem)) from problem
    click.echo(f"\n{whereabouts()}")


@main.command()
@click.argument("name")
def train(name):
    """Train a model that the course ships again, from nothing; `all` trains every one."""
    from lessons_lib.course.recipes import RECIPES, write_card

    if name not in (*RECIPES, "all"):
        raise click.BadParameter(f"no recipe {name!r}; there are: {', '.join(RECIPES)}, all")
    for each in RECIPES if name == "all" else [name]:
        RECIPES[each](ROOT / "data" / "checkpoints", True)
    try:
        click.echo(f"the model card: {write_card(ROOT / 'data' / 'checkpoints')}")
    except OSError as problem:  # the weights are safe: the recipe asked where to put them
        raise click.ClickException(f"the model card could not be written: {problem}") from problem


@main.command()
@click.argument("name")
def measure(name):
    """Measure again what a lesson claims, with its error bars; `all` measures everything."""
    from lessons_lib.course.measure import MEASURES, lines, write

    if name not in (*MEASURES, "all"):
        raise click.BadParameter(f"no measure {name!r}; there are: {', '.join(MEASURES)}, all")
    for each in MEASURES if name == "all" else [name]:
        found = write(each, ROOT / "data")
        click.echo(f"{each}: {found['what']}")
        for line in lines(found):
            click.echo(f"  {line}")


@main.command()
@click.argument("names", nargs=-1, metavar="[SECTION]...")
@click.option("--write", is_flag=True, help="Write what was found into docs/benchmarks.md.")
def bench(names, write):
    """Measure our samplers beside diffusers', taking turns; no SECTION is all of them."""
    from lessons_lib import files
    from lessons_lib.course.bench import SECTIONS, diffusers, merged, section
    from lessons_lib.course.start import begin

    for name in names:
        if name not in SECTIONS:
            raise click.BadParameter(f"no section {name!r}; there are: {', '.join(SECTIONS)}")
    try:
        diffusers()
    except ImportError as error:
        raise click.ClickException(str(error)) from error
    begin()
    page = ROOT / "docs" / "benchmarks.md"
    for name in names or SECTIONS:
        lines = section(name)
        click.echo("\n".join(lines) + "\n")
        if write:
            files.write(page, merged(page.read_text(encoding="utf-8"), lines).encode())


@main.command()
def doctor():
    """Look at this machine, and say what to do about each problem."""
    from lessons_lib.course.doctor import report

    broken = 0
    for line in report():
        broken += line.broken
        mark = "✗" if line.broken else "!" if line.advice else "✓"
        click.echo(f"{mark} {line.what:<11} {line.found}")
        if line.advice:
            click.echo(f"  {'':<11} → {line.advice}")
    sys.exit(broken > 0)


def finish(failed: list[str]):
    """Name what failed, and leave with a status that says whether anything did."""
    for line in failed:
        click.echo(f"✗ {line}", err=True)
    sys.exit(bool(failed))
