"""`lessons lab` and `lessons copy`: JupyterLab, in the reader's own copies of the notebooks."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import click

from lessons_lib.course.cli import which
from lessons_lib.course.cli.which import copies, course, is_path, names_of_notebooks, notebooks


@click.command()
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
    click.echo(f"Opening {which.whose(path)}; --shipped opens the course's own.")
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

    root = which.ROOT if path in course() else path.parent
    here = Path(__file__).parent
    options = [
        f"--ServerApp.root_dir={root}",
        f"--LabApp.default_url=/lab/tree/{path.relative_to(root).as_posix()}",
        f"--LabApp.app_settings_dir={here / 'settings'}",  # no news, no updates
        f"--LabApp.extra_labextensions_path={here / 'labextensions'}",  # alt text
        "--ContentsManager.pre_save_hook=lessons_lib.course.notebooks.keeping.before_saving",
        "--ServerApp.kernel_websocket_connection_class=lessons_lib.course.cli.connection.Connection",
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


@click.command()
@names_of_notebooks
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

    if folder.is_relative_to(which.ROOT):
        raise click.BadParameter(f"{folder} is inside the course's own folder, {which.ROOT}")
    if foreign := [str(path) for path in paths if path not in course()]:
        raise click.BadParameter(f"{', '.join(foreign)}: only the course's own are copied")
    done = [(path, said) for path, said in renew(paths, folder) if said]
    if done:
        click.echo(f"Your own copies are in {folder}:")
    for path, said in done:
        click.echo(f"  ✓ {path.name}: {said}")
