"""Measure several ways of doing the same work, in turn, on one core: rates, and ratios with their spread."""

import atexit
import gc
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from scipy import stats

from devlearn.runs.executors.local import KEEP_MEMORY, ONE_THREAD

Run = Callable[[int], tuple[float, list[float]]]
SETTINGS = ONE_THREAD | KEEP_MEMORY


class Result(NamedTuple):
    """``rates``: work units a second of each repetition; ``scores``: the quality reached by each learner."""

    rates: list[float]
    scores: list[float]


class Begun(Exception):
    """Raised where the work that is timed would begin, for who wants to know how long everything before it takes."""


begin_only = False  # whether ``timed`` raises it


def timed(work: Callable[[], float], clock: Callable[[], float] = time.perf_counter) -> float:
    """Units a second by a clock: ``work`` returns how many units it did. Raises Begun where only that is asked."""
    if begin_only:
        raise Begun
    start = clock()
    units = work()
    return units / (clock() - start)


def pin(cores: int = 1) -> None:
    """Run on one core (or several) with one thread, in the environment that devlearn gives its workers.

    All contenders share it.
    """
    if any(os.environ.get(name) != value for name, value in SETTINGS.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **SETTINGS})
    import torch

    torch.set_num_threads(1)
    gc.collect()
    gc.freeze()
    atexit.register(gc.unfreeze)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-cores:])


def matmul_peak(repetitions: int = 30) -> float:
    """GFLOP/s of a large float32 matrix product: the most that a core gives."""
    import torch

    matrix = torch.randn(1024, 1024)
    start = time.perf_counter()
    for _ in range(repetitions):
        matrix @ matrix
    return repetitions * 2 * 1024**3 / 1e9 / (time.perf_counter() - start)


def alternate(runs: Mapping[str, Run], repetitions: int) -> dict[str, Result]:
    """Each contender once a repetition, in turn. A run is called with the repetition's number."""
    results = {name: Result([], []) for name in runs}
    for repetition in range(repetitions):
        for name, run in runs.items():
            rate, scores = run(repetition)
            results[name].rates.append(rate)
            results[name].scores.extend(scores)
            print(f"  {repetition + 1}/{repetitions} {name}: {rate:,.0f}/s", flush=True)
    return results


def report(results: Mapping[str, Result], ours: str, unit: str, score: str, margin: float) -> None:
    """Medians, our ratio to each peer (median and range over repetitions), and whether the scores are equivalent."""
    print(f"\n{'':32}{unit + '/s':>16}{'ours / it':>12}{'range':>16}{score:>22}")
    mine = results[ours]
    for name, result in results.items():
        ratios = [a / b for a, b in zip(mine.rates, result.rates, strict=True)]
        spread = f"{min(ratios):.1f} .. {max(ratios):.1f}"
        quality = f"{np.mean(result.scores):.4g} +- {np.std(result.scores, ddof=1):.2g} (n={len(result.scores)})"
        rate, ratio = statistics.median(result.rates), statistics.median(ratios)
        print(f"{name:32}{rate:16,.0f}{ratio:12.2f}{spread:>16}{quality:>22}")
    for name, result in results.items():
        if name != ours:
            print(f"scores, {ours} against {name}: {equivalence(mine.scores, result.scores, margin)}")


def equivalence(a: list[float], b: list[float], margin: float) -> str:
    """Two one-sided Welch tests against a margin fixed beforehand."""
    test = stats.ttest_ind(a, b, equal_var=False)
    low, high = test.confidence_interval(0.90)
    verdict = "equivalent" if -margin < low and high < margin else "not shown to be equivalent"
    difference = f"difference {np.mean(a) - np.mean(b):+.4g}, 90 % interval {low:+.4g} .. {high:+.4g}"
    return f"{difference}, margin {margin:g}: {verdict}"
