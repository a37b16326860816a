"""Moved images: by whole pixels, evenly, each always by the same."""

import torch

from devlearn.tasks.data import load, load_altered
from devlearn.tasks.data.shift import shifted

CPU = torch.device("cpu")


def dots(count: int) -> torch.Tensor:
    """Images with one bright pixel in the middle."""
    images = torch.zeros(count, 28, 28, dtype=torch.uint8)
    images[:, 14, 14] = 200
    return images


def test_a_dot_goes_to_every_place_within_reach_alike() -> None:
    found = shifted(dots(9000), 1, "x")
    assert found.dtype == torch.uint8 and (found.flatten(1).sum(1) == 200).all()
    share = (found == 200).float().mean(0)
    assert abs(float(share[13:16, 13:16].sum()) - 1) < 1e-5
    assert (share[13:16, 13:16] - 1 / 9).abs().max() < 0.015  # 4.5 standard errors


def test_what_leaves_is_lost_and_what_comes_in_is_black() -> None:
    found = shifted(torch.full((500, 28, 28), 7, dtype=torch.uint8), 3, "x")
    edges = torch.stack([found[:, 0, 14], found[:, -1, 14], found[:, 14, 0], found[:, 14, -1]])
    assert set(found.unique().tolist()) == {0, 7}
    assert (edges == 0).float().mean() > 0.3 and (found[:, 3:-3, 3:-3] == 7).all()


def test_an_image_always_moves_by_the_same_and_nought_leaves_it() -> None:
    images = load("mnist.valid", CPU).images
    assert torch.equal(load_altered("mnist.valid", CPU, shift=4).images, shifted(images, 4, "mnist.valid"))
    assert torch.equal(shifted(images, 0, "a"), images)
    assert not torch.equal(shifted(images, 4, "a"), shifted(images, 4, "b"))


def test_moving_and_blurring_go_together() -> None:
    both = load_altered("mnist.valid", CPU, shift=4, blur=2.0).images.float()
    assert both.std() < 0.9 * load_altered("mnist.valid", CPU, shift=4).images.float().std()
    assert (both.mean(0) - load_altered("mnist.valid", CPU, blur=2.0).images.float().mean(0)).abs().max() > 5
