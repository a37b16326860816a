"""Every field of analyses.json is described in the reference, and nothing else is."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from devlearn_docs.fields import described, paths

from devlearn.evidence import LearnerRecord, RunRecords, analyse, document
from devlearn.records.reader import Json, load
from tests.evidence.fake_arms import arm, run
from tests.evidence.lives import question, write_lives

UPDATES = list(range(0, 70, 10))


def made(schedule: str, points: int, over: str) -> RunRecords:
    """Two arms of eight learners that rise from 10 to 90 %, at points of growing size."""
    rng = np.random.default_rng(1)
    rise = 0.1 + 0.8 * (1 - np.exp(-np.array(UPDATES) / 20)) + rng.normal(0, 0.01, (8, len(UPDATES)))
    arms = [
        {name: arm(name, UPDATES, rise - gap, keys={"schedule": schedule}, labels=10**i) for name, gap in GAPS.items()}
        for i in range(points)
    ]
    return run(arms, {"pairs": [["a", "b"]], "levels": [0.3, 0.6], "fit": {"over": over, "from": None, "to": None}})


GAPS = {"a": 0.0, "b": 0.03}


def lived(folder: Path) -> RunRecords:
    """A life of two skills, of one of which its expert learned nothing."""
    alone = {"a": [[0.1, 0.0], [0.1, 0.0]], "b": [[0.0, 0.1], [0.0, 0.9]]}
    arms = {"plain": (["a", "b"], np.tile(np.array([[0.1, 0.1], [0.9, 0.2], [0.5, 0.8]]), (2, 1, 1)))}
    arms |= {f"only-{task}": ([task], np.tile(np.array(values), (2, 1, 1))) for task, values in alone.items()}
    matrix = {"experts": {task: f"only-{task}" for task in alone}, "scores": "normalised"}
    return load(write_lives(folder, arms, "ab", compare=question("average", "ab", matrix=matrix)))


def test_every_field_is_described(tmp_path: Path) -> None:
    known = described()["analyses"]
    few = made("constant", 1, "labels")
    short = run(
        [{"a": arm("a", [0, 10], np.ones((2, 2))), "b": arm("b", [0, 10], np.ones((2, 2)))}], {"pairs": [["a", "b"]]}
    )
    whole = arm("a", [0, 10], np.ones((2, 2)))
    late = {seed: LearnerRecord(seed, life.moments[1:], life.ledger, None, True) for seed, life in whole.lives.items()}
    unborn = run([{"a": replace(whole, lives=late)}], {})
    runs = made("constant", 3, "labels"), made("cosine", 1, "labels"), few, short, unborn, lived(tmp_path)
    found: list[Json] = [document(analyse(one)) for one in runs]
    seen = {path for analysis in found for path in paths(analysis, known)}
    assert not seen - set(known), f"devlearn/records/results: no model has {sorted(seen - set(known))}"
    assert not set(known) - seen, f"devlearn/records/results: no analysis has {sorted(set(known) - seen)}"
