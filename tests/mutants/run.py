"""Change one thing in the library at a time, and see whether its tests notice: `make mutants`.

Cosmic Ray makes the mutants and keeps the results in a database under build/mutants; this file
chooses a seeded sample of them and runs each against the tests of the module that it changes. A run
may be killed and started again: it goes on. README.md says more, and explains the survivors.
"""

import difflib
import hashlib
import os
import shutil
import signal
import sys
from collections import Counter
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", OMP_WAIT_POLICY="PASSIVE")  # before torch is imported
sys.dont_write_bytecode = True  # a mutant may be as old and as long as the one before it

# Loaded once, here: every mutant is judged in a fork of this process.
import hypothesis.strategies  # noqa: E402, F401
import ipykernel.kernelspec  # noqa: E402, F401
import nbclient  # noqa: E402, F401
import pytest  # noqa: E402
import torch  # noqa: E402, F401
import tqdm  # noqa: E402
from cosmic_ray.ast import ast_nodes, get_ast_from_path  # noqa: E402
from cosmic_ray.commands import init  # noqa: E402
from cosmic_ray.mutating import use_mutation  # noqa: E402
from cosmic_ray.plugins import get_operator  # noqa: E402
from cosmic_ray.work_db import use_db  # noqa: E402
from cosmic_ray.work_item import TestOutcome, WorkerOutcome, WorkResult  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "mutants"
TREE = BUILD / "tree"  # the copy that is changed

SEED, SAMPLE, GOAL = 0, 400, 0.95
LIMIT = 60  # seconds; a mutant that makes the tests run for longer is killed, and counted apart

# What judges each module, in some five seconds at most; the copy has no weights of a network.
NO_SLOPES = "not (the_order_on or order_if or first_order or second_order)"
NO_GRIDS = "not (million or teaching_core or karras_grid or lam_grid)"
NO_NETWORK = "not (network or orders or three_roads or twice or density_of_a_mixture)"
FEW_PATHS = "not (network or straightness_of_a_gaussian or of_a_peer or blind_pairing)"
ORACLES = {
    "guards": ["tests/test_guards.py", "-k", NO_GRIDS],
    "levels": ["tests/test_levels.py"],
    "diffuse": ["tests/test_diffuse.py"],
    "samplers": ["tests/test_samplers.py"],
    "solvers": ["tests/test_solvers.py", "tests/test_multistep.py", "-k", NO_SLOPES],
    "wrap": ["tests/test_wrap.py"],
    "exact": ["tests/test_exact.py"],
    "fast": ["tests/test_fast.py"],
    "score": ["tests/test_score.py"],
    "sde": ["tests/test_sde.py", "-k", NO_NETWORK],
    "flow": ["tests/test_flow.py", "-k", FEW_PATHS],
}
MODULES = [Path("lessons_lib") / f"{name}.py" for name in ORACLES]


def main() -> int:
    copy()
    os.chdir(TREE)
    sys.path.insert(0, str(TREE))
    for module in MODULES:
        check_oracle(module)
    with use_db(session()) as db:
        if not db.num_work_items:
            db.add_work_items(sample())
        done = {item.job_id: result for item, result in db.completed_work_items}
        killed = {job for job, result in done.items() if result.is_killed}
        waiting = sorted((i for i in db.work_items if i.job_id not in killed), key=place)
        for item in tqdm.tqdm(waiting, desc=f"{len(killed)} killed before; mutants"):
            db.set_result(item.job_id, judge(item))
        return report(db.completed_work_items)


def copy() -> None:
    """A copy of the library and of the tests that judge it, made anew at every start."""
    shutil.rmtree(TREE, ignore_errors=True)
    shutil.copytree(ROOT / "lessons_lib", TREE / "lessons_lib")
    tests = {word for words in ORACLES.values() for word in words if word.endswith(".py")}
    for name in ("pyproject.toml", "tests/conftest.py", "tests/family.py", *tests):
        (TREE / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, TREE / name)


def session() -> Path:
    """The database of this sample of these sources: others begin a new one."""
    content = b"".join(module.read_bytes() for module in MODULES)
    name = hashlib.sha256(content).hexdigest()[:12]
    return BUILD / f"{name}-{SEED}-{SAMPLE}.sqlite"


def sample():
    """A seeded sample of the mutants that change what the code does."""
    with use_db(":memory:") as db:
        init(MODULES, db, {})
        items = db.work_items
    silent = {module: list(silent_spans(module)) for module in MODULES}

    def counts(item):
        mutation = item.mutations[0]
        spans = silent[mutation.module_path]
        return not hopeless(mutation.operator_name) and not any(
            start <= mutation.start_pos < end for start, end in spans
        )

    eligible = sorted(filter(counts, items), key=place)
    print(f"{len(eligible)} mutants, of which {SAMPLE} are chosen", flush=True)
    return sorted(eligible, key=lot)[:SAMPLE]


def lot(item) -> str:
    """The mutant's lot in the draw, from its line's text and not its place: a change elsewhere in
    the library leaves the rest of the sample as it is."""
    mutation = item.mutations[0]
    line, column = mutation.start_pos
    text = mutation.module_path.read_text(encoding="utf-8").splitlines()[line - 1]
    words = SEED, mutation.definition_name, text, column, mutation.operator_name
    return hashlib.sha256(repr(words).encode()).hexdigest()


def silent_spans(module: Path):
    """Where a change does nothing: in annotations, and in error messages. Strings never change."""
    for node in ast_nodes(get_ast_from_path(module)):
        found = None
        if node.type == "raise_stmt":
            found = node
        elif node.type in ("param", "funcdef"):
            found = node.annotation
        elif node.type == "annassign":
            found = node.children[1]
        if found:
            yield found.start_pos, found.end_pos


def hopeless(operator: str) -> bool:
    """Arithmetic turned into bit work: a TypeError on every float, and too easy a kill."""
    _, *change = operator.split("_")
    bits = {"RShift", "LShift", "BitOr", "BitAnd", "BitXor"}
    return "ReplaceBinaryOperator" in operator and change[0] not in bits and change[1] in bits


def place(item):
    m = item.mutations[0]
    return str(m.module_path), m.start_pos, m.operator_name, m.occurrence


def check_oracle(module: Path) -> None:
    """The tests pass as things are, and fail if the copy's module is empty: they see the copy."""
    source = module.read_text(encoding="utf-8")
    passed = run_tests(module)
    module.write_text("", encoding="utf-8")
    blind = run_tests(module)
    module.write_text(source, encoding="utf-8")
    if passed != "survived" or blind == "survived":
        raise SystemExit(f"{module}: its tests fail without any mutant, or do not look at the copy")


def judge(item) -> WorkResult:
    """Make the mutant, run the tests of its module, and take it back."""
    mutation = item.mutations[0]
    operator = get_operator(mutation.operator_name)()
    with use_mutation(mutation.module_path, operator, mutation.occurrence) as (old, new):
        fate = run_tests(mutation.module_path)
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), n=0, lineterm="")
    diff = "\n".join(line for line in lines if not line.startswith(("---", "+++", "@@")))
    outcome = TestOutcome.SURVIVED if fate == "survived" else TestOutcome.KILLED
    return WorkResult(WorkerOutcome.NORMAL, fate, outcome, diff)


def run_tests(module: Path) -> str:
    """What became of the module: survived, killed, or killed by the time limit."""
    child = os.fork()
    if child == 0:
        try:
            signal.alarm(LIMIT)
            for stream in (1, 2):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
            quick = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:nbval"]
            os._exit(pytest.main([*ORACLES[module.stem], *quick]))
        except BaseException:
            os._exit(1)
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM:
        return "killed by the time limit"
    return "survived" if status == 0 else "killed"


def report(judged) -> int:
    """A line per module, the survivors, the score; 1 if it is too low or a survivor unexplained."""
    explained = (ROOT / "tests" / "mutants" / "README.md").read_text(encoding="utf-8")
    fates = Counter((item.mutations[0].module_path.stem, result.output) for item, result in judged)
    print(f"{'module':10} mutants  killed  by the time limit")
    for name in ORACLES:
        mine = {fate: n for (module, fate), n in fates.items() if module == name}
        late = mine.get("killed by the time limit", 0)
        print(f"{name:10} {sum(mine.values()):7} {mine.get('killed', 0) + late:7} {late:10}")
    survivors = [(item, result) for item, result in judged if not result.is_killed]
    unexplained = 0
    for item, result in sorted(survivors, key=lambda pair: place(pair[0])):
        module, (line, _), operator, _ = place(item)
        changed = filter(None, (each[1:].strip() for each in result.diff.splitlines()))
        known = any(f"`{each}`" in explained for each in changed)
        unexplained += not known
        print(f"\nsurvived: {module}:{line}, {operator}")
        print(result.diff, "\n  explained in README.md" if known else "\n  NOT EXPLAINED")
    score = 1 - len(survivors) / len(judged)
    print(f"\n{len(judged) - len(survivors)} of {len(judged)} killed, {score:.1%}", end="; ")
    print(f"{len(survivors)} survived, {unexplained} of them unexplained")
    return int(score < GOAL or unexplained > 0)


if __name__ == "__main__":
    sys.exit(main())
