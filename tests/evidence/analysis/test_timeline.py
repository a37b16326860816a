"""The life of each arm on one axis, and the pictures of its first learner, as they are on record."""

from pathlib import Path

import numpy as np
import pytest

from devlearn.evidence import EvidenceError, load
from devlearn.evidence.analysis.timeline import story
from devlearn.records.arrays import drawn_seed, pictures
from tests.evidence.fake_run import finish, tiny_run, write_run
from tests.report.fake_pictures import UNITS, add_pictures


def test_stages_follow_each_other_on_the_axis(tmp_path: Path) -> None:
    told = story(load(write_run(tmp_path / "run")).points[0])
    assert told.unit == "updates"
    spans = told.arms["shuffled"]
    assert [(span.name, span.start, span.end) for span in spans] == [
        ("waves", 0, 30), ("look", 30, 60), ("play", 60, 90), ("shuffle", 90, 90), ("school", 90, 120),
    ]  # fmt: skip
    assert [span.shared for span in spans] == [("developmental",)] * 3 + [()] * 2
    assert told.arms["twin"][0].shared == ("random-init",)


def test_a_learner_that_stopped_early_shortens_the_mean(tmp_path: Path) -> None:
    """15 of 16 learners of more-school made 120 updates, the one that diverged at 17 had paid for 20."""
    (span,) = story(load(write_run(tmp_path / "run")).points[0]).arms["more-school"]
    assert span.budget == ("updates", 120)
    assert span.end == pytest.approx((15 * 120 + 20) / 16)


def test_what_nobody_lived_yet_is_planned(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", seeds=2)
    for path in run.glob("jobs/grown/*/records/*/probes.csv"):
        path.unlink()
    for state in run.glob("jobs/grown/*/state.json"):
        finish(state.parent, "running")
    spans = story(load(run).points[0]).arms["developmental"]
    assert (spans[-1].start, spans[-1].end, spans[-1].planned) == (90, 120, True)


def test_pictures_come_in_the_order_of_life(tmp_path: Path) -> None:
    run = load(add_pictures(write_run(tmp_path / "run")))
    arm = run.points[0].arms["shuffled"]
    found = [p for p in pictures(arm, drawn_seed(arm)) if p.probe == "fields"]
    assert [(p.position, p.stage) for p in found] == [
        (-1, "birth"), (0, "waves"), (1, "look"), (2, "play"), (3, "shuffle"), (4, "school"),
    ]  # fmt: skip
    assert all(p.seed == 0 and p.arrays["fields"].shape == (UNITS, 9, 9) for p in found)
    assert [p.values["smoothness"] for p in found] == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4, 0.5])
    on_record = np.load(run.folder / "jobs/shuffled/seeds-0-7/records/04-school.0/arrays/fields.pictures.npz")
    assert np.array_equal(found[-1].arrays["fields"], on_record["fields"])


def test_only_the_first_learner_of_a_block_was_drawn(tmp_path: Path) -> None:
    run = load(add_pictures(write_run(tmp_path / "run")))
    arm = run.points[0].arms["random-init"]
    assert pictures(arm, 1) == []
    assert {p.seed for p in pictures(arm, 8)} == {8}


def test_a_run_without_pictures_has_none(tmp_path: Path) -> None:
    run = load(tiny_run(tmp_path, {"a": [0.1, 0.2]}))
    assert pictures(run.points[0].arms["a"], 0) == []


def test_a_broken_picture_file_is_named(tmp_path: Path) -> None:
    folder = add_pictures(write_run(tmp_path / "run"))
    path = folder / "jobs/plain/seeds-0-7/records/birth/arrays/fields.pictures.npz"
    path.write_bytes(path.read_bytes()[:100])
    run = load(folder)
    with pytest.raises(EvidenceError, match=r"birth/arrays/fields\.pictures\.npz: not readable"):
        pictures(run.points[0].arms["random-init"], 0)
