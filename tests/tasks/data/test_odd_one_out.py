"""What is odd in three coloured digits, and where what is said of it comes from."""

import numpy as np
import pytest

from devlearn.tasks.data.sets.odd_one_out import DIGITS, TILES, OddOneOut, made
from devlearn.testing import assert_ok, check_data


def odd_colour(images: np.ndarray) -> np.ndarray:
    """The place whose red share is unlike the others'."""
    red, blue = (images[..., channel].reshape(-1, 8, TILES, 8).sum((1, 3)).astype(float) for channel in (0, 2))
    is_red = red > blue
    return np.where(is_red.sum(1) == 1, is_red.argmax(1), (~is_red).argmax(1))


@pytest.mark.parametrize(("part", "share"), [("train", 1.0), ("confounded", 1.0), ("valid", 0.0), ("test", 0.0)])
def test_colour_tells_the_answer_where_it_is_confounded_and_never_else(part: str, share: float) -> None:
    images, labels = OddOneOut().arrays(part)
    assert float((odd_colour(images) == labels).mean()) == share


def test_words_name_the_odd_digit_and_not_its_place() -> None:
    images, labels = OddOneOut().arrays("test")
    words = OddOneOut().descriptions("test")[:, 0]
    table = np.array([[((labels == place) & (words == word)).sum() for word in (0, 1)] for place in range(TILES)])
    assert table.min() > 420, "each digit is odd at each place, 500 times of 1,000 or so"
    ink = images.max(-1).reshape(-1, 8, TILES, 8).sum((1, 3)).astype(float) / 8
    middle = images.max(-1).reshape(-1, 8, TILES, 8)[:, 2:6, :, 3:5].sum((1, 3))  # a one has ink there, a zero has not
    assert ink.min() > 0
    at = middle[np.arange(len(labels)), labels]
    assert np.mean((at > np.median(middle)) == (words == DIGITS.index(1))) > 0.95


def test_it_keeps_the_laws_of_data_sets() -> None:
    assert_ok(check_data("odd_one_out"))


def test_a_part_is_always_the_same() -> None:
    first = made("valid", 1_000)
    assert all(np.array_equal(one, other) for one, other in zip(first, made("valid", 1_000), strict=True))
