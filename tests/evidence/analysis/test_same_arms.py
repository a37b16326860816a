"""A/A through the engine: arms that differ in nothing but the name of a stage, and so in their random draws."""

import numpy as np
import pytest
from scipy import stats

import devlearn
from benchmarks.calibration.tests import attainable
from devlearn.evidence import RunRecords, load, measure, statistics, values

GROUP = 8
SCENARIO = """
devlearn: 1
scenario: same-arms
about: Two names for one stage.
seeds: 320
block: 64
brain: {kind: mlp, width: [6]}
stages:
  school: {kind: supervise, data: mnist.train, labels: 20, batch: 10, updates: 12, lr: 0.01}
arms:
  one: [school]
  again: [school]
  other: [{use: school, as: elsewhere}]
probes:
  digits: {kind: "few_digits:Few"}
compare: {probe: digits, smallest_effect: 0.01, pairs: [[other, one], [again, one]]}
"""
# The accuracy on 200 images: noise of the test set is part of what both arms share.
PROBE = """
from typing import ClassVar
from devlearn.tasks.data import IMAGE_SENSE
from devlearn.probes.probe import Measurement, Metric, Probe, probe


@probe("few-digits")
class Few(Probe):
    metrics: ClassVar = {"accuracy": Metric("higher", 0.0)}

    def measure(self, cohort, probing, full):
        data = probing.context.data("mnist.valid").spread(200)
        logits = cohort(data.images.expand(cohort.n, *data.images.shape), IMAGE_SENSE, "digits")
        return Measurement({"accuracy": (logits.argmax(-1) == data.labels).double().mean(1)})
"""


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> RunRecords:
    folder = tmp_path_factory.mktemp("same")
    (folder / "same.yaml").write_text(SCENARIO)
    (folder / "few_digits.py").write_text(PROBE)
    devlearn.run(folder / "same.yaml", out=folder / "run", jobs=1, progress=False, report=False)
    return load(folder / "run")


def differences(lived: RunRecords, arm: str) -> np.ndarray:
    """(320,) accuracy of ``arm`` minus that of ``one``, by seed."""
    what = measure(lived.resolved.probes, "digits")
    found = [values(lived.points[0].arms[name], what, "end") for name in (arm, "one")]
    return np.array([found[0][seed] - found[1][seed] for seed in found[1]])  # type: ignore[operator]


def test_learners_learned_and_the_names_changed_their_draws(lived: RunRecords) -> None:
    accuracy = list(values(lived.points[0].arms["one"], measure(lived.resolved.probes, "digits"), "end").values())
    assert np.mean(accuracy) > 0.2  # type: ignore[arg-type]
    assert np.mean(differences(lived, "other") != 0) > 0.95


def test_forty_experiments_reject_as_often_as_chance_says(lived: RunRecords) -> None:
    """Disjoint groups of 8 seeds are 40 independent experiments; each p is at most .05 with probability 12 / 256."""
    groups = differences(lived, "other").reshape(-1, GROUP)
    rejected = sum(statistics.sign_flip(group) <= statistics.ALPHA for group in groups)
    assert len(groups) == 40
    assert rejected <= stats.binom.ppf(0.999, len(groups), attainable(GROUP))
    covered = sum(low <= 0 <= high for low, high in map(statistics.interval, groups))
    assert covered == len(groups) - rejected


def test_p_values_are_spread_as_chance_says(lived: RunRecords) -> None:
    """Half of the experiments have p <= .5, within the binomial's 99.8 %."""
    groups = differences(lived, "other").reshape(-1, GROUP)
    low = sum(statistics.sign_flip(group) <= 0.5 for group in groups)
    assert stats.binom.ppf(0.001, len(groups), 0.5) <= low <= stats.binom.ppf(0.999, len(groups), 0.5)


def test_pooled_differences_centre_on_zero(lived: RunRecords) -> None:
    assert statistics.sign_flip(differences(lived, "other")) > 0.001


def test_the_same_stage_under_its_own_name_is_identical(lived: RunRecords) -> None:
    assert not differences(lived, "again").any()
