"""The `lessons` command: each subcommand reads its words, calls the course, prints a table."""

import os
import secrets
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import click

from lessons_lib.files import ROOT

MIB = 2**20
BAR = "{desc} {bar} {elapsed}"

# Imports stand inside the commands, so that `lessons --help` answers at once.


@click.group()
def main():
    """An interactive course on diffusion models."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that cannot write ✓ writes ?


def course() -> list[Path]:
    """The course's own notebooks."""
    return sorted((ROOT / "notebooks").glob("*.ipynb"))


def notebooks(names: tuple[str, ...], own: bool = False) -> list[Path]:
    """The notebooks that the words on the command line mean: 3, 03, 03_name; none is all.

    A word with a folder or .ipynb in it is a path and means that file, whatever its name is.
    own: of the course's, take the reader's copy where there is one.
    Raises click.BadParameter naming the word and what there is.
    """
    mine = lambda path: copies() / path.name
    ours = [mine(path) if own and mine(path).is_file() else path for path in course()]
    found = []
    for name in names:
        if is_path(name):
            if not Path(name).is_file():
                raise click.BadParameter(f"there is no file {name!r}")
            found.append(Path(name).resolve())
            continue
        stem = name.zfill(2) if name.isdecimal() else name
        hits = [p for p in ours if stem and stem in (p.stem, p.stem.split("_")[0])]
        if not hits:
            known = ", ".join(p.stem for p in ours) or "none"
            raise click.BadParameter(f"no notebook {name!r}; there are: {known}")
        found += hits
    return found if names else ours


def is_path(name: str) -> bool:
    """Whether a word names a file, and not one of the course's notebooks."""
    return name.endswith(".ipynb") or any(mark in name for mark in (os.sep, os.altsep) if mark)


def copies() -> Path:
    """The folder of the reader's own copies."""
    from lessons_lib.course.practice.memory import home

    return home().resolve() / "notebooks"


def whose(path: Path) -> str:
    """Which file that is, in words."""
    if path in course():
        return "the course's file"
    return f"your copy, {path}" if path.parent == copies() else str(path)


def made(kind: str, path: Path) -> Path:
    """Where something made from a notebook is put; strangers' are kept apart, by their folder."""
    folder = ROOT / "build" / kind
    return folder / path.name if path in course() else folder / path.parent.name / path.name


def executed(path: Path, label: str = "", **options):
    """Run a notebook behind a progress bar that goes away when it is done."""
    from tqdm import tqdm

    from lessons_lib.course.notebooks.execute import run

    text = label or path.stem
    with tqdm(desc=text, leave=False, bar_format=BAR) as bar:

        def progress(done, total):
            bar.total = total
            bar.update(done - bar.n)

        return run(path, progress=progress, **options)


@main.command()
@click.argument("notebook", required=False, default="00_start_here")
@click.option("--no-browser", is_flag=True, help="Print the address, and open no browser.")
@click.option("--shipped", is_flag=True, help="Open the course's own file, not your copy.")
def lab(notebook, no_browser, shipped):
    """Open the course in JupyterLab, in your own copies of the notebooks.

    They are made the first time, without the outputs that would tell an answer. When the course
    has changed, they are renewed: what you wrote stays.
    """
    if not (shipped or is_path(notebook)):
        try:
            renewed(course(), copies())
        except OSError as problem:
            click.echo(f"No copies can be kept in {copies()} ({problem}); these are not your own:")
    path = notebooks((notebook,), own=not shipped)[0]
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

    root = ROOT if path in course() else path.parent
    options = [
        f"--ServerApp.root_dir={root}",
        f"--LabApp.default_url=/lab/tree/{path.relative_to(root).as_posix()}",
        f"--LabApp.app_settings_dir={Path(__file__).with_name('lab')}",  # no news, no update check
        "--ContentsManager.pre_save_hook=lessons_lib.course.notebooks.keeping.before_saving",
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
    from lessons_lib.course.notebooks.execute import to_html

    failed = []
    click.echo(f"{'notebook':<32} {'seconds':>8} {'peak MiB':>9}")
    for path in notebooks(names):
        try:
            result = executed(path)
        except ValueError as problem:
            failed.append(str(problem))
            continue
        to_html(result.notebook, made("html", path).with_suffix(".html"))
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
    from lessons_lib.course.notebooks.execute import normalise, save

    failed = []
    for path in notebooks(names):
        try:
            result = executed(path)
            if result.error:
                raise ValueError(result.error)
            save(normalise(result.notebook), path)
        except ValueError as problem:
            failed.append(f"{path.stem}, left as it was: {problem}")
        else:
            click.echo(f"✓ {path.stem} ({result.seconds:.1f} s)")
    finish(failed)


@main.command()
@click.argument("names", nargs=-1, metavar="[NN]...")
@click.option("--shipped", is_flag=True, help="Check the course's own files, not your copies.")
@click.option("--again", is_flag=True, help="What failed before comes first.")
@click.option("--strict", is_flag=True, help="For marking: leave with 1 unless all is right.")
@click.option("--seed", type=click.IntRange(0), help="Judge as the run that printed this seed.")
def check(names, shipped, again, strict, seed):
    """Check your answers: ✓ right, ✗ wrong and why, ○ not written yet, – not run and why.

    NN may be the path of any notebook. Its answers are put into the course's own notebook and
    judged one by one, each in a process of its own, on fresh numbers; only the cells that an
    answer needs are run. Leaves with 1 if an answer is wrong or could not be run.
    """
    from lessons_lib.course.notebooks.marking import NOT_RUN
    from lessons_lib.course.say import OPEN, RIGHT, WRONG

    seed = secrets.randbelow(10**6) if seed is None else seed
    all_rows, broken = [], []
    words = {RIGHT: "right", WRONG: "wrong", OPEN: "not written yet", NOT_RUN: "not run"}
    for path in notebooks(names, own=not shipped):
        try:
            which, rows = answers_of(path, seed, strict)
        except ValueError as problem:
            broken.append(str(problem))
            continue
        counts = Counter(mark for _, mark, _ in rows)
        said = ", ".join(f"{counts[mark]} {words[mark]}" for mark in words if counts[mark])
        click.echo(f"{which}, {whose(path)}: {said or 'no exercises'} (of {len(rows)})")
        all_rows += rows
        if not again:
            table(rows)
    if again:
        table(failed_first(all_rows))
    click.echo(f"The numbers were drawn with --seed {seed}.")
    marks = Counter(mark for _, mark, _ in all_rows)
    bad = marks[WRONG] + marks[NOT_RUN] + (strict and marks[OPEN] + (not all_rows))
    finish(broken, bad > 0)


def answers_of(path: Path, seed: int, strict: bool):
    """The name of the course's notebook that a file is, and how each of its exercises was judged.

    Raises ValueError for a file that is no notebook and, when it is strict, none of the course's.
    """
    from tqdm import tqdm

    from lessons_lib.course.notebooks.editions import marked
    from lessons_lib.course.notebooks.execute import load
    from lessons_lib.course.notebooks.marking import mark, original

    submitted = load(path)
    of = original(path, submitted, course(), load)
    if of is None and strict:
        raise ValueError(f"{path} is none of the course's notebooks: no cell of theirs is in it")
    shipped = load(of) if of else submitted  # a notebook of one's own is its own measure
    rows = mark(shipped, submitted, seed)
    count = len(marked(shipped, "exercise"))
    bar = tqdm(rows, path.stem, count, leave=False, disable=None, bar_format=BAR)
    return (of or path).stem, list(bar)


def failed_first(rows):
    """Rows in the order of what to do again: not right by now, then once wrong, then the others."""
    from lessons_lib.course.practice.memory import history, state
    from lessons_lib.course.say import WRONG

    past = history()
    before = {name: state(past.get(name, [])) for name, _, _ in rows}
    return sorted(rows, key=lambda r: (before[r[0]].symbol != WRONG, not before[r[0]].failed))


def table(rows):
    """Print what was found, one exercise a line."""
    width = max((len(name) for name, _, _ in rows), default=0)
    for name, mark, said in rows:
        click.echo(f"  {mark} {name:<{width}}  {said}")


@main.command()
@click.argument("names", nargs=-1, metavar="[NN]...")
@click.option("--to", type=click.Path(path_type=Path), help="Another folder than yours.")
def copy(names, to):
    """Make your own copies of notebooks, or renew them, as `lab` does: what you wrote stays."""
    folder = (to or copies()).resolve()
    try:
        renewed(notebooks(names), folder)
    except OSError as problem:
        raise click.ClickException(f"cannot copy to {folder}: {problem}") from problem


def renewed(paths: list[Path], folder: Path):
    """Make or renew copies, and say so.

    Raises click.BadParameter for a folder inside the course, OSError for one that is not writable.
    """
    from lessons_lib.course.notebooks.copies import renew

    if folder.is_relative_to(ROOT):
        raise click.BadParameter(f"{folder} is inside the course's own folder, {ROOT}")
    if foreign := [str(path) for path in paths if path not in course()]:
        raise click.BadParameter(f"{', '.join(foreign)}: only the course's own are copied")
    done = [(path, said) for path, said in renew(paths, folder) if said]
    if done:
        click.echo(f"Your own copies are in {folder}:")
    for path, said in done:
        click.echo(f"  ✓ {path.name}: {said}")


@main.command()
@click.argument("names", nargs=-1, metavar="[NN]...")
def solve(names):
    """Make the lecturer's edition under build/lecturer: all answers, and every check passed."""
    from lessons_lib.course.notebooks.editions import STRICT, lecturers
    from lessons_lib.course.notebooks.execute import load, normalise, save
    from lessons_lib.course.practice.written import load_questions

    failed = []
    for path in notebooks(names):
        try:
            questions = load_questions(path.name[:2])
        except ValueError:
            questions = ()  # a notebook of one's own
        try:
            result = executed(path, env=STRICT, notebook=lecturers(load(path), questions))
            if result.error:
                raise ValueError(result.error)
            save(normalise(result.notebook), made("lecturer", path))
        except ValueError as problem:
            failed.append(f"{path.stem}: {problem}")
        else:
            click.echo(f"✓ {made('lecturer', path)} ({result.seconds:.0f} s)")
    finish(failed)


@main.command()
@click.argument("notebook", required=False)
@click.option("--forget", is_flag=True, help="Delete what was kept, after asking.")
def progress(notebook, forget):
    """Show what you have solved: the map, or one notebook in detail."""
    from lessons_lib.course import progress as show
    from lessons_lib.course.practice.memory import forget as delete
    from lessons_lib.course.practice.memory import path, whereabouts

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


def finish(failed: list[str], bad: bool = False):
    """Name what failed, and leave with a status that says whether anything did, or is bad."""
    for line in failed:
        click.echo(f"✗ {line}", err=True)
    sys.exit(bool(failed) or bad)
