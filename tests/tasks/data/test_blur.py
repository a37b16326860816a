"""Gaussian blur against scipy's, and what it leaves alone."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from devlearn.tasks.data import load, load_altered
from devlearn.tasks.data.blur import blurred, kernel

CPU = torch.device("cpu")


@pytest.mark.parametrize("sd", [0.5, 1.0, 2.0, 4.0])
def test_inside_an_image_it_is_scipys_gaussian(sd: float) -> None:
    """With the kernel normalised anew at the border: scipy's blur with zeros outside, divided by that of ones."""
    images = load("mnist.valid", CPU).images[:20]
    keys = {"sigma": sd, "mode": "constant", "radius": int(np.ceil(3 * sd))}
    ones = ndimage.gaussian_filter(np.ones((28, 28)), **keys)
    expected = [ndimage.gaussian_filter(image.numpy().astype(float), **keys) / ones for image in images]
    np.testing.assert_allclose(blurred(images, sd).double(), np.stack(expected), atol=0.51)


@pytest.mark.parametrize("sd", [0.3, 1.5, 9.0, 28.0])
def test_an_even_image_stays_even(sd: float) -> None:
    torch.testing.assert_close(kernel(28, sd).sum(1), torch.ones(28))
    even = torch.full((2, 28, 28), 131, dtype=torch.uint8)
    assert torch.equal(blurred(even, sd), even)


def test_a_blurred_split_keeps_its_labels_and_type_and_the_sharp_one_stays() -> None:
    sharp = load("mnist.valid", CPU)
    before = sharp.images.clone()
    soft = load_altered("mnist.valid", CPU, blur=2.0)
    assert soft.images.dtype == torch.uint8
    assert soft.images.shape == sharp.images.shape
    assert torch.equal(soft.labels, sharp.labels)
    assert torch.equal(sharp.images, before)
    assert soft.images.float().std() < 0.8 * sharp.images.float().std()
    assert abs(soft.images.float().mean() - sharp.images.float().mean()) < 1.0
