"""What training said on the way, as means over learners: spans by hand, held learners, what is not on record."""

from pathlib import Path

import numpy as np
import pytest

from devlearn.evidence.analysis.training import SPANS, courses, trajectories
from devlearn.evidence.statistics import mean_interval
from devlearn.records.layout import JobFolder
from devlearn.records.reader import ArmRecords, LearnerRecord

HEADER = "seed,update,labels,label_bits,labels_validation,images,env_steps,updates,flops,return,bonus\n"


def arm(folder: Path, *visits: dict[int, list[tuple[int, str, str]]]) -> ArmRecords:
    """An arm of one job: a table of (env_steps, return, bonus) by seed for each visit."""
    for position, visit in enumerate(visits):
        table = JobFolder(folder).records / f"{position:02d}-play.{position}" / "train.csv"
        table.parent.mkdir(parents=True)
        lines = (
            f"{seed},{update},0,0.0,0,0,{steps},{update},0,{paid},{bonus}\n"
            for seed, rows in visit.items()
            for update, (steps, paid, bonus) in enumerate(rows)
        )
        table.write_text(HEADER + "".join(lines))
    seeds = visits[0] if visits else {0: [], 1: []}
    lives = {seed: LearnerRecord(seed, (), {}, None, True, jobs=(folder,)) for seed in seeds}
    return ArmRecords("curious", (), lives, 0.0, ())


def test_each_span_holds_the_mean_of_what_was_told_in_it(tmp_path: Path) -> None:
    """Two learners, 8 steps, four values: the first span has none, a held learner keeps its last, visits go on."""
    first = {0: [(0, "", ""), (2, "1", "9"), (4, "3", "9")], 1: [(0, "", ""), (2, "5", "9"), (4, "7", "9")]}
    second = {0: [(6, "5", "9"), (8, "7", "9")], 1: [(6, "9", "9")]}
    found = courses(arm(tmp_path, first, second), ["return"])["return"]
    assert (found.arm, found.metric, found.unit, found.n) == ("curious", "return", "env_steps", 2)
    # Four values make four spans of 2 steps; one at a span's edge belongs to the next, the last to its own.
    assert found.x.tolist() == [4, 6, 8]
    assert found.mean.tolist() == [3, 5, (6 + 9) / 2]
    bands = [mean_interval(pair) for pair in ([1, 5], [3, 7], [6, 9])]
    np.testing.assert_allclose(np.stack([found.mean, found.low, found.high], 1), bands)


def test_many_rollouts_become_a_hundred_spans(tmp_path: Path) -> None:
    rows = [(step, str(step), "1") for step in range(1, 1001)]
    found = courses(arm(tmp_path, {0: rows, 1: rows}), ["return", "bonus"])
    assert len(found["return"].x) == SPANS and found["bonus"].mean.tolist() == [1.0] * SPANS
    assert found["return"].mean[49] == pytest.approx(np.mean([s for s in range(1, 1001) if 490 <= s < 500]))


def test_what_some_learner_has_not_on_record_has_no_course(tmp_path: Path) -> None:
    assert courses(arm(tmp_path, {0: [(2, "1", "1")], 1: [(2, "1", "")]}), ["return", "bonus", "made-up"]).keys() == {
        "return"
    }
    assert courses(arm(tmp_path / "none"), ["return"]) == {}


def test_each_learner_s_own_line_is_what_it_has_on_record(tmp_path: Path) -> None:
    first = {0: [(0, "", ""), (2, "1", ""), (4, "3", "")], 1: [(0, "", ""), (2, "5", "")]}
    second: dict[int, list[tuple[int, str, str]]] = {0: [(6, "2", "9")], 1: []}
    one = arm(tmp_path, first, second)
    found = {seed: (x.tolist(), y.tolist()) for seed, (x, y) in trajectories(one, "return").items()}
    assert found == {0: ([2, 4, 6], [1, 3, 2]), 1: ([2], [5])}
    assert trajectories(one, "bonus").keys() == {0}
    assert trajectories(one, "made-up") == {}
