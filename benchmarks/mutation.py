"""Are there tests that fail when a line is wrong? A seeded sample of mutants of each module, against the tests it has.

    python benchmarks/mutation.py [PART OF A PATH ...]    draw mutants, run their tests, write docs/mutation.json
    python benchmarks/mutation.py --again [PART ...]      only those that survived, after tests were added
    python docs/devlearn_docs/mutation.py                 write the page from the file alone

A survivor is either a test that is missing or no mutant at all: then the file says why, in ``equivalent``, by hand.

The mutants are cosmic-ray's (the group ``mutation``): another operator of arithmetic or comparison, a number 1 more or
less, a condition or a word of logic reversed, a loop that is not entered; and of ours ``min`` for ``max``, ``any`` for
``all``. First a place in the module is drawn, then one of what can happen there. Bits, types and decorators are left
alone: what is done to them is noticed at once, or not at all. Tests run in a copy of the tree, in a process of their
own that has the libraries imported; longer than ``TIMEOUT`` counts as noticed.
"""

import argparse
import compileall
import multiprocessing
import os
import py_compile
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Literal

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Operator
from cosmic_ray.plugins import get_operator, operator_names

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "docs")]
from devlearn_docs.mutation import Row, Survivor, read, write  # noqa: E402

SEED = 9
TIMEOUT = 120  # seconds
LIBRARIES = ["torch", "scipy.stats", "scipy.special", "pydantic", "gymnasium", "yaml", "pytest", "hypothesis", "jinja2"]

ARITHMETIC = "(Add|Sub|Mul|Div|FloorDiv|Mod|Pow)"
ORDER = "(Eq|NotEq|Lt|LtE|Gt|GtE)"
KEPT = re.compile(
    rf"core/(ReplaceBinaryOperator_{ARITHMETIC}_{ARITHMETIC}|ReplaceComparisonOperator_({ORDER}_{ORDER}|Is_IsNot|IsNot_Is)"
    r"|ReplaceUnaryOperator_(USub_UAdd|Delete_USub|Delete_Not)|AddNot|Replace(True|False|And|Or|Break|Continue)With\w+"
    r"|NumberReplacer|ZeroIterationForLoop)"
)
SWAPPED = {"min": "max", "max": "min", "any": "all", "all": "any"}

STATISTICS = "tests/evidence/statistics"
ANALYSIS = "tests/evidence/analysis"
ENGINE = "tests/runs/engine"
PAIRS = (
    "tests/evidence/test_by_hand.py",
    *(
        f"{ANALYSIS}/test_{name}.py"
        for name in ("lineages", "fixed", "verdicts", "several_runs", "damaged_records", "compare")
    ),
)
RENDER = "tests/tasks/envs/test_render.py"
ENVS = ("tests/envs/test_envs.py", RENDER)

# The modules with the tests that are theirs; the quick ones first, because the first that fails is enough.
MODULES: Mapping[str, Sequence[str]] = {
    **{
        f"devlearn/evidence/statistics/{name}.py": [f"{STATISTICS}/test_{tests}.py"]
        for name, tests in {
            "adjust": "sign_flip",
            "descriptive": "sign_flip",
            "failures": "location",
            "location": "location",
            "quantiles": "quantiles",
            "sign_flip": "sign_flip",
            "skewness": "location",
            "welch": "sign_flip",
        }.items()
    },
    "devlearn/evidence/statistics/pigeonhole_bootstrap.py": [f"{ANALYSIS}/test_new_images.py"],
    "devlearn/evidence/statistics/power_law.py": [f"{ANALYSIS}/test_fits.py", f"{STATISTICS}/test_sign_flip.py"],
    "devlearn/evidence/statistics/simultaneous_bands.py": [f"{ANALYSIS}/test_bands.py"],
    "devlearn/evidence/analysis/arms.py": [*PAIRS, f"{ANALYSIS}/test_best.py"],
    "devlearn/evidence/analysis/failures.py": [f"{ANALYSIS}/test_trust.py"],
    "devlearn/evidence/analysis/looks.py": [f"{ANALYSIS}/test_looks.py"],
    "devlearn/evidence/analysis/pairing.py": PAIRS,
    "devlearn/evidence/analysis/trust.py": [f"{ANALYSIS}/test_trust.py"],
    "devlearn/evidence/analysis/values.py": [*PAIRS, f"{ANALYSIS}/test_best.py"],
    "devlearn/evidence/analysis/verdicts.py": [*PAIRS, f"{ANALYSIS}/test_best.py"],
    "devlearn/learners/cohort.py": ["tests/learners/test_cohort.py"],
    "devlearn/runs/engine/ledger.py": [f"{ENGINE}/test_labels.py", f"{ENGINE}/test_change.py"],
    "devlearn/runs/plan/cost_model.py": ["tests/runs/plan/test_plan_changes.py", f"{ENGINE}/test_change.py"],
    "devlearn/runs/plan/labels.py": ["tests/runs/plan/test_plan_lives.py", f"{ENGINE}/test_labels.py"],
    "devlearn/tasks/envs/recurrent_state.py": ["tests/learners/test_memory.py", f"{ENGINE}/test_memory.py"],
    "devlearn/tasks/envs/returns.py": ["tests/tasks/envs/test_returns.py"],
    "devlearn/tasks/envs/rollout.py": ["tests/learners/test_memory.py"],
    "devlearn/tasks/envs/actions.py": [
        "tests/tasks/envs/test_actions.py",
        "tests/tasks/envs/test_spaces.py",
        "tests/tasks/demonstrations/test_demonstrations.py",
    ],
    "devlearn/tasks/envs/observations.py": ["tests/tasks/envs/test_spaces.py", "tests/tasks/envs/test_arrays.py"],
    "devlearn/tasks/envs/history.py": ["tests/tasks/envs/test_vector_env.py"],
    "devlearn/tasks/envs/sync_vector_env.py": [
        "tests/tasks/envs/test_vector_env.py",
        RENDER,
        "tests/tasks/envs/test_step_processes.py",
    ],
    "devlearn/tasks/envs/vector_env.py": ["tests/tasks/envs/test_vector_env.py", *ENVS],
    "envs/devlearn_envs/batch.py": ENVS,
    "envs/devlearn_envs/cartpole.py": ENVS,
    "envs/devlearn_envs/digit_reach.py": ENVS,
}
SLOW = [f"{ANALYSIS}/test_trust.py::test_false_words_are_rare_once_they_are_read_as_they_are_said"]

End = Literal["killed", "survived", "timeout"]
Place = tuple[tuple[int, int], tuple[int, int]]


class SwapWords(Operator):
    """``min`` for ``max``, ``any`` for ``all``, as functions and as methods."""

    def mutation_positions(self, node: Any) -> Iterator[Place]:
        if node.type == "name" and node.value in SWAPPED:
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        node.value = SWAPPED[node.value]
        return node

    @classmethod
    def examples(cls) -> Sequence[Any]:
        return ()


@dataclass(frozen=True)
class Mutant:
    """A module with one thing changed: the lines before and after, and where."""

    line: int
    before: str
    after: str
    code: str


def mutants(source: str) -> dict[Place, list[tuple[Operator, int]]]:
    """What can happen at each place of a module: operators, and which of their occurrences it is."""
    operators = [SwapWords(), *(get_operator(name)() for name in operator_names() if KEPT.fullmatch(name))]
    nodes = list(ast_nodes(get_ast(source)))
    found: dict[Place, list[tuple[Operator, int]]] = {}
    for operator in operators:
        for occurrence, place in enumerate(place for node in nodes for place in operator.mutation_positions(node)):
            found.setdefault(place, []).append((operator, occurrence))
    return found


def sample(path: str, most: int, seed: int) -> Iterator[Mutant]:
    """So many mutants of a module, at different places."""
    source = (ROOT / path).read_text(encoding="utf-8")
    rng, places = random.Random(f"{seed} {path}"), mutants(source)
    for place in rng.sample(sorted(places), min(most, len(places))):
        operator, occurrence = rng.choice(places[place])
        yield mutant(source, mutate_code(source, operator, occurrence))


def mutant(source: str, code: str) -> Mutant:
    """The first line that differs tells where."""
    lines = zip(source.splitlines(), code.splitlines(), strict=False)
    line, before, after = next((i, a.strip(), b.strip()) for i, (a, b) in enumerate(lines, 1) if a != b)
    return Mutant(line, before, after, code)


def ended(copy: Path, tests: Sequence[str]) -> End:
    """How the tests of a copy of the tree end."""
    context = multiprocessing.get_context("forkserver")
    process = context.Process(target=_pytest, args=(str(copy), list(tests)))
    process.start()
    process.join(TIMEOUT)
    if process.is_alive():
        assert process.pid is not None
        os.killpg(process.pid, signal.SIGKILL)
        process.join()
        return "timeout"
    return "killed" if process.exitcode else "survived"


def _pytest(copy: str, tests: list[str]) -> None:
    """In a process and a group of its own, without a word."""
    os.setsid()
    os.chdir(copy)
    sys.dont_write_bytecode = True  # a mutant may be as long as the one before, and written in the same second
    sys.path[:0] = [copy, f"{copy}/envs"]
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    import pytest

    import devlearn

    assert devlearn.__file__.startswith(copy)
    options = ["-x", "-q", "-p", "no:cacheprovider", "--hypothesis-seed=0", *(f"--deselect={test}" for test in SLOW)]
    os._exit(int(pytest.main([*options, *tests])))


def copied(to: Path) -> Path:
    """The tree as git has it, with what is not committed, compiled so that a mutant is noticed by what it says."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, to / name)
    for folder in ("devlearn", "envs"):
        compileall.compile_dir(to / folder, quiet=2, invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH)
    return to


def tried(copy: Path, path: str, chosen: Sequence[Mutant]) -> list[Mutant]:
    """Those mutants of a module that survive the tests."""
    if not chosen:
        return []
    source = (copy / path).read_text(encoding="utf-8")
    if ended(copy, MODULES[path]) != "survived":
        raise SystemExit(f"{path}: its tests fail as it is: {' '.join(MODULES[path])}")
    survivors = []
    for one in chosen:
        start = time.monotonic()
        (copy / path).write_text(one.code, encoding="utf-8")
        end = ended(copy, MODULES[path])
        (copy / path).write_text(source, encoding="utf-8")
        if end == "survived":
            survivors.append(one)
        print(f"{path}:{one.line}: {one.after}: {end}, {time.monotonic() - start:.0f} s", flush=True)
    return survivors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", help="parts of their paths; all without")
    parser.add_argument("--most", type=int, default=10, help="mutants of a module")
    parser.add_argument("--again", action="store_true", help="only those that survived, after tests were added")
    args = parser.parse_args()
    rows = read()
    multiprocessing.get_context("forkserver").set_forkserver_preload(LIBRARIES)
    with tempfile.TemporaryDirectory() as folder:
        copy = copied(Path(folder).resolve())
        for path in MODULES:
            if args.modules and not any(part in path for part in args.modules):
                continue
            rows[path] = again(copy, path, rows[path]) if args.again else anew(copy, path, rows.get(path), args.most)
            write({path: rows[path] for path in MODULES if path in rows})


def anew(copy: Path, path: str, old: Row | None, most: int) -> Row:
    """A row of mutants drawn now; survivors that are those of the row before are what they were found to be."""
    chosen = list(sample(path, most, SEED))
    survivors = tried(copy, path, chosen)
    why = {(one.before, one.after): one.equivalent for one in old.survivors} if old else {}
    return Row(
        date.today().isoformat(), SEED, len(chosen), len(survivors),
        [Survivor(m.line, m.before, m.after, why.get((m.before, m.after))) for m in survivors],
    )  # fmt: skip


def again(copy: Path, path: str, row: Row) -> Row:
    """A row whose survivors were tried again; equivalent ones are what they are."""
    drawn = {(one.before, one.after): one for one in sample(path, row.mutants, row.seed)}
    open_ = [one for one in row.survivors if one.equivalent is None]
    if lost := [one for one in open_ if (one.before, one.after) not in drawn]:
        raise SystemExit(f"{path} has changed and {lost[0].after!r} is no longer drawn; run the whole module")
    alive = {(one.before, one.after) for one in tried(copy, path, [drawn[one.before, one.after] for one in open_])}
    kept = [one for one in row.survivors if one.equivalent or (one.before, one.after) in alive]
    return replace(row, survivors=kept, date=date.today().isoformat())


if __name__ == "__main__":
    main()
