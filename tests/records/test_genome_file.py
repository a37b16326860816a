"""Genome files: what is written is read, and every way in which a file can be wrong is told from the others."""

import json
from pathlib import Path

import numpy as np
import pytest

from devlearn.records.genome_file import ABOUT, BadGenome, GenomeFile, find, read

GENOME = GenomeFile(
    {"a.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "order": np.array([2, 0, 1])},
    {"seed": 3, "lineage": "x", "ledger": {"flops": 7}, "brain": {"kind": "mlp"}},
)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    found = read(GENOME.write(tmp_path / "new" / "a.genome.npz"))
    assert found.about == GENOME.about
    assert found.checksum == GENOME.checksum
    for name, tensor in GENOME.tensors.items():
        assert found.tensors[name].dtype == tensor.dtype
        assert np.array_equal(found.tensors[name], tensor)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.genome.npz"]


def test_the_checksum_is_of_every_number_name_and_word() -> None:
    weight = GENOME.tensors["a.weight"]
    others = [
        GenomeFile({**GENOME.tensors, "a.weight": weight + np.float32(1e-7)}, GENOME.about),
        GenomeFile({**GENOME.tensors, "a.weight": weight.reshape(3, 2)}, GENOME.about),
        GenomeFile({"b.weight": weight, "order": GENOME.tensors["order"]}, GENOME.about),
        GenomeFile(GENOME.tensors, {**GENOME.about, "ledger": {"flops": 6}}),
    ]
    assert len({GENOME.checksum, *(other.checksum for other in others)}) == 5


def repack(path: Path, **changed: np.ndarray) -> None:  # type: ignore[type-arg]
    with np.load(path) as found:
        arrays = {name: found[name] for name in found.files}
    with path.open("wb") as file:
        np.savez(file, **{**arrays, **changed})


def test_a_changed_number_is_found(tmp_path: Path) -> None:
    path = GENOME.write(tmp_path / "a.genome.npz")
    repack(path, order=np.array([0, 1, 2]))
    with pytest.raises(BadGenome, match=r"a\.genome\.npz is damaged: its checksum differs"):
        read(path)


def test_a_truncated_file_is_found(tmp_path: Path) -> None:
    path = GENOME.write(tmp_path / "a.genome.npz")
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(BadGenome, match="no genome file, or is damaged"):
        read(path)


def test_another_format_is_refused(tmp_path: Path) -> None:
    path = GENOME.write(tmp_path / "a.genome.npz")
    repack(path, **{ABOUT: np.array(json.dumps({"format": 9, "about": {}, "checksum": ""}))})
    with pytest.raises(BadGenome, match="format 9"):
        read(path)


@pytest.mark.parametrize("said", ["not json", "[1]", "{}", "7", '"text"'])
def test_what_can_not_be_understood_is_told_with_the_file(tmp_path: Path, said: str) -> None:
    path = GENOME.write(tmp_path / "a.genome.npz")
    repack(path, **{ABOUT: np.array(said)})
    with pytest.raises(BadGenome, match=r"a\.genome\.npz is no genome file: what it says about itself"):
        read(path)


def test_what_is_not_said_is_told(tmp_path: Path) -> None:
    path = GenomeFile(GENOME.tensors, {"lineage": "x"}).write(tmp_path / "a.genome.npz")
    with pytest.raises(BadGenome, match="does not say its brain and ledger"):
        read(path)


def test_a_diverged_learner_is_no_ancestor(tmp_path: Path) -> None:
    lost = {**GENOME.tensors, "a.weight": np.full((2, 3), np.nan, np.float32)}
    with pytest.raises(BadGenome, match=r"numbers in a\.weight that are not finite"):
        read(GenomeFile(lost, GENOME.about).write(tmp_path / "a.genome.npz"))


def test_what_is_no_genome_is_told(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("hello")
    np.savez(tmp_path / "arrays.npz", a=np.zeros(3))
    np.save(tmp_path / "one.npy", np.zeros(3))
    for name in ("text.npz", "arrays.npz", "one.npy", "."):
        with pytest.raises(BadGenome, match="no genome file"):
            read(tmp_path / name)


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    np.savez(tmp_path / "evil.npz", a=np.array([print], dtype=object))
    with pytest.raises(BadGenome, match="no plain array of its size: object"):
        read(tmp_path / "evil.npz")


def test_a_file_is_looked_for_in_every_folder_in_turn(tmp_path: Path) -> None:
    first, second = tmp_path / "one", tmp_path / "two"
    here = GENOME.write(second / "a.genome.npz")
    assert find("a.genome.npz", (first, second)) == here
    assert find(str(here), (first,)) == here
    with pytest.raises(BadGenome, match=r"there is no file b\.genome\.npz in .*one and in .*two"):
        find("b.genome.npz", (first, second))
