"""Data sets that are fetched once: read from the files in which they are published, kept as arrays, never by a run."""

import gzip
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from devlearn.registry import names
from devlearn.tasks.data import BadData, check_split, load, source_named
from devlearn.tasks.data.sets import downloads
from devlearn.tasks.data.sets.downloads import Cifar10, Downloaded, Emnist, Fashion, Svhn
from tests.commands import call

FETCHED = [name for name in names("data") if isinstance(source_named(name), Downloaded)]
FEW = {"train": (3, 2), "test": (1, 2)}


@pytest.fixture(scope="module", autouse=True)
def datasets() -> Any:
    return pytest.importorskip("torchvision.datasets", reason="it fetches them; pip install 'devlearn[data]'")


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(downloads.VARIABLE, str(tmp_path / "kept"))


def idx(path: Path, array: np.ndarray[Any, Any]) -> None:
    """Bytes in MNIST's format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    head = struct.pack(">BBBB", 0, 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(head + array.astype(np.uint8).tobytes())


def few(shape: tuple[int, ...], part: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    labels = np.repeat([0, 1], FEW[part])
    rng = np.random.default_rng(len(labels))
    return rng.integers(0, 256, (len(labels), *shape), dtype=np.uint8), labels


@pytest.mark.parametrize("name", FETCHED)
def test_where_it_is_not_there_the_command_and_the_folder_are_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadData, match=f"`devlearn list data --download {name}`.*kept/{name}.npz.*DEVLEARN_DATA"):
        check_split(f"{name}.train")
    result = call("run", "first_steps", "--dry-run", f"--set=stages.school.data={name}.train")
    assert result.exit_code == 2 and f"{name} is not on this machine" in result.output
    assert f"not here: --download {name}" in call("list", "data").output


def test_files_of_mnists_format_are_kept_as_arrays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Fashion, "counts", FEW)
    source = Fashion()

    def fetched(self: Fashion, datasets: Any, root: Path, part: str) -> Any:
        for own, stem in (("train", "train"), ("test", "t10k")):
            images, labels = few((28, 28), own)
            idx(root / "FashionMNIST" / "raw" / f"{stem}-images-idx3-ubyte", images)
            idx(root / "FashionMNIST" / "raw" / f"{stem}-labels-idx1-ubyte", labels)
        return read(self, datasets, root, part)

    read = Fashion.published_arrays
    monkeypatch.setattr(Fashion, "published_arrays", fetched)
    assert source.download() == tmp_path / "kept" / "fashion.npz" and not source.missing()
    for part in ("train", "test"):
        images, labels = source.read(part)
        assert np.array_equal(images, few((28, 28), part)[0]) and labels.tolist() == few((28, 28), part)[1].tolist()
    assert [file.name for file in (tmp_path / "kept").iterdir()] == ["fashion.npz"]


def test_cifars_pickles_are_kept_as_colour_images(
    datasets: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    batches = {"test_batch": few((32, 32, 3), "test")}
    whole = few((32, 32, 3), "train")
    for number in range(5):
        batches[f"data_batch_{number + 1}"] = (whole[0][number : number + 1], whole[1][number : number + 1])
    for file, (images, labels) in batches.items():
        flat = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
        (folder / file).write_bytes(pickle.dumps({"data": flat, "labels": labels.tolist()}))
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": ["a", "b"]}))
    monkeypatch.setattr(datasets.CIFAR10, "_check_integrity", lambda self: True)
    monkeypatch.setattr("torchvision.datasets.cifar.check_integrity", lambda *_: True)
    for part in ("train", "test"):
        images, labels = Cifar10().published_arrays(datasets, tmp_path, part)
        assert (
            np.array_equal(images, few((32, 32, 3), part)[0]) and labels.tolist() == few((32, 32, 3), part)[1].tolist()
        )


class Tensors:
    """What torchvision gives of EMNIST and SVHN."""

    def __init__(self, root: Path, split: str, download: bool, train: bool = True) -> None:
        import torch

        images, labels = few((28, 28) if split == "balanced" else (3, 32, 32), "train" if train else "test")
        self.data = torch.from_numpy(images) if split == "balanced" else images
        self.targets, self.labels = torch.from_numpy(labels), labels


def test_letters_stand_upright_and_colours_come_last() -> None:
    class Fake:
        EMNIST, SVHN = Tensors, Tensors

    upright, _ = Emnist().published_arrays(Fake, Path(), "train")
    assert np.array_equal(upright, few((28, 28), "train")[0].transpose(0, 2, 1))
    colour, labels = Svhn().published_arrays(Fake, Path(), "train")
    assert colour.shape == (5, 32, 32, 3) and colour[0, 1, 2, 0] == few((3, 32, 32), "train")[0][0, 0, 1, 2]
    assert labels.dtype == np.int64


def test_without_a_network_it_is_said_and_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Fashion, datasets: Any, root: Path, part: str) -> Any:
        raise OSError("Name or service not known")

    monkeypatch.setattr(Fashion, "published_arrays", fail)
    result = call("list", "data", "--download", "fashion")
    assert (
        result.exit_code == 2
        and "could not be fetched (Name or service not known); is there a network?" in result.output
    )
    assert list((tmp_path / "kept").iterdir()) == []


def test_what_is_something_else_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Fashion, "published_arrays", lambda self, *_: few((28, 28), "train"))
    result = call("list", "data", "--download", "fashion")
    assert result.exit_code == 2 and "images of each class, and counts says" in result.output


def test_only_what_is_fetched_can_be_fetched() -> None:
    assert call("list", "data", "--download", "mnist").exit_code == 2
    assert "did you mean 'fashion'" in call("list", "data", "--download", "fashio").output
    assert "--download is for data" in call("list", "stages", "--download", "fashion").output


def test_a_damaged_file_says_how_it_is_fetched_anew(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "fashion.npz").write_bytes(gzip.compress(b"no"))
    import torch

    with pytest.raises(BadData, match=r"is damaged .*remove it, and fetch it anew"):
        load("fashion.train", torch.device("cpu"))
