"""Learning curves: joined with the ledger along the whole path."""

from pathlib import Path

import numpy as np
import pytest

from devlearn.evidence import curves, load, measure
from devlearn.evidence.analysis.curves import Curve
from tests.evidence.fake_run import finish, tiny_run


def drawn(run: Path, arm: str, probe: str) -> Curve:
    found = load(run)
    return curves(found.points[0].arms, measure(found.resolved.probes, probe))[arm]


def test_a_curve_runs_over_the_whole_life(made_up: Path) -> None:
    curve = drawn(made_up, "developmental", "digits")
    assert list(curve.x["updates"]) == [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120]
    assert list(curve.positions) == [-1] + [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3
    assert list(curve.x["labels"]) == [0] * 10 + [100] * 3
    assert curve.x["env_steps"][-1] == 3000
    assert np.all(curve.low < curve.mean)
    assert curve.n == 16


def test_band_is_the_t_interval_of_the_seeds(tmp_path: Path) -> None:
    run = tiny_run(tmp_path, {"a": [1.0, 2.0, 3.0]}, on_the_way={10: [0.0, 0.0, 3.0]})
    curve = drawn(run, "a", "score")
    assert list(curve.mean) == pytest.approx([0.1, 1.0, 2.0])
    assert (curve.low[2], curve.high[2]) == pytest.approx((2 - 2.48414, 2 + 2.48414), abs=1e-5)


def test_over_labels_a_level_shows_what_was_known_before_the_next(made_up: Path) -> None:
    curve = drawn(made_up, "developmental", "digits")
    short = curve.last_at_each("labels")
    assert list(short.x["labels"]) == [0, 100]
    assert list(short.mean) == [curve.mean[9], curve.mean[-1]]


def test_a_diverged_learner_stays_in_the_curve(made_up: Path) -> None:
    curve = drawn(made_up, "more-school", "digits")
    assert len(curve) == 13
    assert curve.mean[-1] == pytest.approx(0.7327250)
    assert list(curve.x["updates"]) == [10 * moment for moment in range(13)], "where those are that went on"


def test_an_unknown_value_ends_the_curve(made_up: Path) -> None:
    curve = drawn(made_up, "more-school", "digits.cross_entropy")
    assert list(curve.x["updates"]) == [0, 10]


def test_a_learner_held_early_keeps_its_last_value(tmp_path: Path) -> None:
    run = tiny_run(tmp_path, {"a": [1.0, 2.0]}, on_the_way={10: [0.4, 0.6]})
    file = run / "jobs/a/all/records/00-school.0/probes.csv"
    kept = [line for line in file.read_text().splitlines() if not line.startswith("1,school,0,20")]
    file.write_text("\n".join(kept) + "\n")
    assert list(drawn(run, "a", "score").mean) == pytest.approx([0.1, 0.5, 0.8])


def test_only_finished_learners_are_drawn(copy: Path) -> None:
    finish(copy / "jobs/plain/seeds-0-7", "running")
    assert drawn(copy, "random-init", "digits").n == 8
    finish(copy / "jobs/plain/seeds-8-15", "running")
    assert len(drawn(copy, "random-init", "digits")) == 0
