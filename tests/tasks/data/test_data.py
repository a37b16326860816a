"""The embedded data set and what is drawn from it."""

import gzip
import shutil
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch

from devlearn.registry import get
from devlearn.scenario.splits import is_test, overlap
from devlearn.streams import streams
from devlearn.tasks.data import (
    balanced,
    class_counts,
    gathered,
    load,
    mnist,
    most_balanced,
    places,
    size,
    smallest_parts,
    splits,
)
from devlearn.tasks.data.sets.mnist import MNIST, PaddedMnist

CPU = torch.device("cpu")
SPLITS = splits(MNIST)


def test_the_splits_are_disjoint_parts_of_the_published_files() -> None:
    train, valid, both, test = (load(f"mnist.{part}", CPU) for part in ("train", "valid", "train+valid", "test"))
    assert [len(split) for split in (train, valid, both, test)] == [55_000, 5_000, 60_000, 10_000]
    assert torch.equal(torch.cat([train.images, valid.images]), both.images)
    assert both.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert test.labels.bincount().tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert both.images.float().mean().item() / 255 == pytest.approx(0.1307, abs=1e-4)


def test_the_second_test_set_and_the_rest_are_the_training_images() -> None:
    train, rest, second = (load(f"mnist.{part}", CPU) for part in ("train", "rest", "second"))
    assert (len(rest), len(second)) == (50_000, 5_000)
    assert torch.equal(torch.cat([rest.images, second.images]), train.images)
    assert torch.equal(torch.cat([rest.labels, second.labels]), train.labels)


@pytest.mark.parametrize(("one", "other"), list(combinations(SPLITS, 2)))
def test_names_say_which_splits_share_images(one: str, other: str) -> None:
    taken = {name: {"test": set(range(-10_000, 0))}.get(name[6:], _rows(name)) for name in (one, other)}
    assert overlap(one, other) == overlap(other, one) == bool(taken[one] & taken[other])
    assert is_test(one) == (one in ("mnist.test", "mnist.second"))
    assert overlap(one, one) and not overlap(one, f"other.{other[6:]}")


def _rows(split: str) -> set[int]:
    _, first = places(split)
    return set(range(first, first + size(split)))


@pytest.mark.parametrize("split", SPLITS)
def test_a_split_is_made_of_parts_that_share_no_image(split: str) -> None:
    """So a label that two splits have is paid for once."""
    assert sum(size(part) for part in smallest_parts(split)) == size(split)
    parts = [load(part, CPU).images for part in smallest_parts(split)]
    assert torch.equal(torch.cat(parts), load(split, CPU).images)
    assert {places(part)[0] for part in smallest_parts(split)} == {places(split)[0]}


def test_an_unknown_split_names_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"did you mean 'mnist.train'"):
        size("mnist.trian")


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    for file in mnist.FOLDER.glob("*.gz"):
        shutil.copy(file, tmp_path)
    name = "t10k-labels-idx1-ubyte"
    content = bytearray(gzip.decompress((tmp_path / f"{name}.gz").read_bytes()))
    content[100] ^= 1
    (tmp_path / f"{name}.gz").write_bytes(gzip.compress(bytes(content)))
    with pytest.raises(OSError, match="damaged"):
        mnist.read("t10k", tmp_path)


@pytest.mark.parametrize("count", [10, 37, 100])
def test_labels_are_drawn_class_balanced_without_repeats(count: int) -> None:
    train = load("mnist.train", CPU)
    drawn = balanced(train.labels, count, streams(range(3), "labels"))
    assert drawn.shape == (3, count)
    for rows in drawn:
        per_class = np.bincount(train.labels[rows].numpy(), minlength=10)
        assert per_class.max() - per_class.min() <= 1
        assert len(rows.unique()) == count
    assert not torch.equal(drawn[0], drawn[1])


def test_a_part_of_a_split_is_spread_over_it() -> None:
    test = load("mnist.test", CPU)
    part = test.spread(2_000)
    assert torch.equal(part.images, test.images[::5])
    assert torch.equal(part.labels, test.labels[::5])
    assert len(test.spread(99_999)) == len(test)


@pytest.mark.parametrize("split", SPLITS)
def test_the_rarest_class_limits_a_balanced_draw(split: str) -> None:
    labels = load(split, CPU).labels
    fewest = int(torch.bincount(labels).min())
    assert class_counts(split) == tuple(torch.bincount(labels).tolist()) and most_balanced(split) == 10 * fewest
    drawn = balanced(labels, most_balanced(split), streams((0,), "draw"))
    assert torch.equal(torch.bincount(labels[drawn[0]]), torch.full((10,), fewest))
    with pytest.raises(ValueError, match="larger"):
        balanced(labels, most_balanced(split) + 10, streams((0,), "draw"))


@pytest.mark.parametrize(("keys", "most"), [({}, 49_630), ({"data": "mnist.train+valid"}, 54_210)])
def test_more_labels_than_a_balanced_draw_has_are_refused(keys: dict[str, str], most: int) -> None:
    stage = get("stages", "supervise")
    assert stage(labels=most, **keys).labels == most
    with pytest.raises(ValueError, match=f"has at most {most:,} of its"):
        stage(labels=most + 1, **keys)


@pytest.mark.parametrize("shape", [(3,), (2, 3)])
def test_images_are_gathered_as_by_their_index(shape: tuple[int, ...]) -> None:
    images = load("mnist.test", CPU).images
    index = torch.randint(len(images), shape, generator=torch.Generator().manual_seed(0))
    assert torch.equal(gathered(images, index), images[index])


def test_padded_mnist_is_mnist_in_a_black_frame_and_has_the_published_moments() -> None:
    padded, plain = (load(f"{name}.train+valid", CPU) for name in ("mnist32", "mnist"))
    assert padded.images.shape == (60_000, *PaddedMnist.shape) and torch.equal(padded.labels, plain.labels)
    assert torch.equal(padded.images[:, 2:-2, 2:-2], plain.images)
    assert int(padded.images.sum(dtype=torch.int64)) == int(plain.images.sum(dtype=torch.int64))
    seen = padded.images.float() / 255
    assert (seen.mean().item(), seen.std().item()) == pytest.approx((0.1000, 0.2752), abs=1e-4)  # Hsu et al. 2018
