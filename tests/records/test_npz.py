"""Archives of others: what they would take is known before anything is unpacked, and nothing of them is run."""

import io
import json
import pickle
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from devlearn.records.genome_file import ABOUT, BadGenome, GenomeFile, read
from devlearn.records.npz import BadArchive, read_arrays

SAID = {"brain": {"kind": "mlp"}, "ledger": {"flops": 7}, "lineage": ["x"]}


def header(shape: tuple[int, ...], descr: str = "<f4") -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": descr, "fortran_order": False, "shape": shape})
    return file.getvalue()


def packed(path: Path, *members: tuple[str, bytes], how: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def test_arrays_are_read_as_numpy_reads_them(tmp_path: Path) -> None:
    given = {"a": np.arange(6.0).reshape(2, 3), "b": np.array("text"), "c": np.zeros((0, 3), np.uint8)}
    np.savez_compressed(tmp_path / "a.npz", **given)  # type: ignore[arg-type]
    found = read_arrays(tmp_path / "a.npz", 2**20)
    assert list(found) == list(given)
    assert all(np.array_equal(found[name], given[name]) and found[name].dtype == given[name].dtype for name in given)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.npz", ("a.npy", header((2**24,)) + bytes(2**26)), how=zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 2**17
    tracemalloc.start()
    with pytest.raises(BadArchive, match="unpacked it takes more than 1,048,576 bytes"):
        read_arrays(path, 2**20)
    with pytest.raises(BadGenome, match="unpacked it takes more than"):
        read(path)
    assert tracemalloc.get_traced_memory()[1] < 2**22
    tracemalloc.stop()
    assert read_arrays(path, 2**27)["a"].shape == (2**24,)


class Runs:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("ran"),)


@pytest.mark.parametrize(
    "content",
    [
        header((10**6, 10**6)),
        header((-1,)),
        header((2,)) + bytes(9),
        header((1,), "|O") + pickle.dumps(np.array([Runs()], dtype=object)),
        pickle.dumps(Runs()),
        b"",
        b"\x93NUMPY\x01\x00\xff\xff",
        b"\x93NUMPY\x01\x00\x04\x00{'a'",
    ],
    ids=["huge", "negative", "longer", "objects", "a pickle", "empty", "cut", "no header"],
)
def test_what_is_no_plain_array_is_refused(tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadArchive):
        read_arrays(packed(tmp_path / "a.npz", ("a.npy", content)), 2**20)
    assert not (tmp_path / "ran").exists()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_one_name_is_one_array(tmp_path: Path) -> None:
    member = ("a.npy", header((1,)) + bytes(4))
    with pytest.raises(BadArchive, match="two arrays have one name"):
        read_arrays(packed(tmp_path / "a.npz", member, member), 2**20)


@pytest.mark.parametrize(
    ("tensors", "said", "why"),
    [
        ({"w": np.array(["a"])}, SAID, "holds no numbers in w"),
        ({"w": np.zeros(2)}, SAID | {"lineage": 5}, "is none of ours: lineage"),
        ({"w": np.zeros(2)}, SAID | {"stages": [3]}, "is none of ours: stages.0"),
        ({"w": np.zeros(2)}, SAID | {"ledger": {"flops": "x"}}, "is none of ours: ledger.flops"),
        ({"w": np.zeros(2)}, SAID | {"brain": []}, "is none of ours: brain"),
    ],
)
def test_a_genome_says_what_ours_say(tmp_path: Path, tensors: Any, said: Any, why: str) -> None:
    with pytest.raises(BadGenome, match=why):
        read(GenomeFile(tensors, said).write(tmp_path / "a.genome.npz"))


@pytest.mark.parametrize("said", ["[" * 100_000, json.dumps({"format": 1, "about": [], "checksum": "x"})])
def test_what_a_genome_says_has_an_end(tmp_path: Path, said: str) -> None:
    np.savez(tmp_path / "a.npz", **{ABOUT: np.array(said)})  # type: ignore[arg-type]
    with pytest.raises(BadGenome) as found:
        read(tmp_path / "a.npz")
    assert len(str(found.value)) < 2000
