"""Tables: the bytes of every number are those that reading gives back; torch's tensors and numpy's arrays are alike."""

from pathlib import Path

import numpy as np
import pytest
import torch

from devlearn.records.arrays import correct, pictures
from devlearn.records.reader import ArmRecords, EvidenceError, LearnerRecord, lines
from devlearn.records.schema import LEDGER, StageEntry
from devlearn.records.writer import Recorder, offsets, truncate

ALL = np.ones(2, bool)
THIRD = 1 / 3


def write(folder: Path, like: type) -> dict[str, bytes]:
    """One visit, from numpy arrays or from tensors."""
    make = torch.from_numpy if like is torch.Tensor else np.asarray
    rows, at = make(np.array([True, False])), make(np.array([10, 20]))
    ledger = {unit: make(np.array([7, 8])) for unit in LEDGER}
    ledger["label_bits"] = make(np.array([5 * np.log2(10), np.nan]))
    metrics = {"loss": make(np.array([THIRD, 2], np.float32)), "wide": make(np.array([THIRD, 1e-300]))}
    with Recorder(folder, (3, 11), "school", 1, ("loss", "wide", "absent")) as recorder:
        recorder.train(at, ledger, metrics, make(ALL))
        recorder.train(at, ledger, {}, rows)
        recorder.probe(at, "every", "digits", {"accuracy": make(np.array([THIRD, np.inf]))}, make(ALL))
        recorder.event(at, "passed", 'digits >= 0.5, "twice"', rows)
        recorder.seconds(10, 1.23456)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("like", [np.ndarray, torch.Tensor])
def test_the_bytes_of_format_2(tmp_path: Path, like: type) -> None:
    assert write(tmp_path, like) == {
        "train.csv": b"seed,update,labels,label_bits,labels_validation,images,env_steps,updates,flops,"
        b"loss,wide,absent\n"
        b"3,10,7,16.609640474436812,7,7,7,7,7,0.3333333432674408,0.3333333333333333,\n"
        b"11,20,8,nan,8,8,8,8,8,2.0,1e-300,\n"
        b"3,10,7,16.609640474436812,7,7,7,7,7,,,\n",
        "probes.csv": b"seed,stage,visit,update,moment,probe,metric,value\n"
        b"3,school,1,10,every,digits,accuracy,0.3333333333333333\n11,school,1,20,every,digits,accuracy,inf\n",
        "events.csv": b'seed,stage,visit,update,event,detail\n3,school,1,10,passed,"digits >= 0.5, ""twice"""\n',
        "seconds.csv": b"update,seconds\n10,1.235\n",
    }


def test_a_second_writer_goes_on_below_the_first(tmp_path: Path) -> None:
    write(tmp_path, np.ndarray)
    sizes = offsets(tmp_path)
    write(tmp_path, np.ndarray)
    assert len(list(lines(tmp_path / "probes.csv"))) == 4
    truncate(tmp_path, sizes)
    assert offsets(tmp_path) == sizes and len(list(lines(tmp_path / "probes.csv"))) == 2


def arm_of(job: Path, seeds: tuple[int, ...], done: bool = True) -> ArmRecords:
    lives = {
        seed: LearnerRecord(seed=seed, moments=(), ledger={}, diverged=None, done=done, jobs=(job,)) for seed in seeds
    }
    return ArmRecords(
        name="a", stages=(StageEntry(name="school", kind="supervise"),), lives=lives, seconds=0.0, unfinished=()
    )


def test_arrays_come_back_as_they_were(tmp_path: Path) -> None:
    right = np.random.default_rng(1).random((2, 13)) < 0.5
    frames = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    with Recorder(tmp_path / "records" / "00-school.0", (3, 11), "school", 0) as recorder:
        recorder.correct("digits", right)
        recorder.pictures("reach", 3, {"frames": frames})
    found = correct(arm_of(tmp_path, (11, 3)), "digits")
    assert found is not None and list(found) == [11, 3]
    np.testing.assert_array_equal(found[3], right[0])
    np.testing.assert_array_equal(found[11], right[1])
    (picture,) = pictures(arm_of(tmp_path, (3,)), 3)
    assert (picture.probe, picture.stage, picture.visit, picture.position) == ("reach", "school", 0, 0)
    np.testing.assert_array_equal(picture.arrays["frames"], frames)
    assert pictures(arm_of(tmp_path, (11,)), 11) == []


def test_arrays_that_are_not_there_or_not_whole(tmp_path: Path) -> None:
    assert correct(arm_of(tmp_path, (3,)), "digits") is None
    with Recorder(tmp_path / "records" / "00-school.0", (3,), "school", 0) as recorder:
        recorder.correct("digits", np.ones((1, 8), bool))
    with pytest.raises(EvidenceError, match="no row for seed 4"):
        correct(arm_of(tmp_path, (4,)), "digits")
    assert correct(arm_of(tmp_path, (4,), done=False), "digits") == {}
    path = tmp_path / "records" / "00-school.0" / "arrays" / "digits.npz"
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(EvidenceError, match="not readable"):
        correct(arm_of(tmp_path, (3,)), "digits")
