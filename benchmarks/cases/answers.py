"""Comparison and report against the number of seeds, arms, points and records."""

import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import side_by_side

import devlearn
from cases import Case
from devlearn.runs.evaluate import evaluate, report

SCENARIO = """
devlearn: 1
scenario: answers
about: How long do answers take?
seeds: {seeds}
block: {seeds}
brain: {{kind: mlp, width: [2]}}
stages:
  look: {{kind: pretrain.denoise, data: mnist.train, updates: 1, batch: 2}}
  school: {{kind: supervise, data: mnist.train, labels: 10, batch: 2, updates: {updates}}}
arms:
  random-init: [school]
{arms}
probes:
  digits: {{kind: accuracy, data: mnist.valid, every: {every}}}
compare: {{probe: digits, smallest_effect: 0.01, pairs: [{pairs}]}}
vary: {{stages.school.lr: [{points}]}}
"""
KEPT: list[tempfile.TemporaryDirectory[str]] = []  # runs, as long as this process


@cache
def lived(seeds: int = 16, arms: int = 2, points: int = 1, measured: int = 4) -> Path:
    """The folder of a run of so many, each measured so often; made once."""
    names = [f"arm-{number}" for number in range(1, arms)]
    text = SCENARIO.format(
        seeds=seeds,
        updates=2 * measured,
        every=2,
        arms="\n".join(f"  {n}: [{{use: look, set: {{updates: {i}}}}}, school]" for i, n in enumerate(names, 1)),
        pairs=", ".join(f"[{name}, random-init]" for name in names),
        points=", ".join(f"{0.001 * (number + 1):g}" for number in range(points)),
    )
    KEPT.append(tempfile.TemporaryDirectory())
    path = Path(KEPT[-1].name) / "answers.yaml"
    path.write_text(text, encoding="utf-8")
    return devlearn.run(path, out=path.parent / "run", report=False, jobs=1).folder


@cache
def warm(act: Callable[[Path], object]) -> None:
    """Answer once before anything is timed: what is imported and cached then is no part of what grows."""
    act(lived())


def seconds(act: Callable[[Path], object], **size: int) -> tuple[float, list[float]]:
    folder = lived(**size)
    if side_by_side.begin_only:
        raise side_by_side.Begun
    warm(act)
    start = time.perf_counter()
    act(folder)
    return time.perf_counter() - start, []


def grown(act: Callable[[Path], object]) -> Callable[[bool], Case]:
    sizes = {"seeds": (64, 256), "arms": (8, 32), "points": (4, 16), "measured": (40, 400)}
    words = {"seeds": "{} seeds", "arms": "{} arms", "points": "{} points", "measured": "{} measurements"}

    def case(small: bool) -> Case:
        runs = {"16 seeds, 2 arms, 1 point, 4 measurements": lambda r: seconds(act)}
        for name, values in sizes.items():
            for value in values[:0] if small else values:
                runs[words[name].format(value)] = lambda r, size={name: value}: seconds(act, **size)
        return Case("s", runs, lower=True)

    return case


CASES = {
    "comparison": grown(lambda folder: evaluate(folder)),
    "report": grown(lambda folder: report(evaluate(folder))),
}
