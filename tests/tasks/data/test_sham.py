"""Structureless images keep each pixel's own distribution and nothing else."""

import torch

from devlearn.tasks.data import load, load_altered
from devlearn.tasks.data.sham import unstructured

CPU = torch.device("cpu")


def test_every_pixel_keeps_its_values() -> None:
    seen, sham = load("mnist.valid", CPU), load_altered("mnist.valid", CPU, sham=True)
    assert sham.images.dtype == torch.uint8 and torch.equal(sham.labels, seen.labels)
    assert torch.equal(sham.images.sort(0).values, seen.images.sort(0).values)


def test_neighbouring_pixels_are_strangers() -> None:
    def likeness(images: torch.Tensor) -> float:
        centred = images.float() - images.float().mean(0)
        left, right = centred[:, 14, 13], centred[:, 14, 14]
        return float((left * right).mean() / (left.square().mean() * right.square().mean()).sqrt())

    assert likeness(load("mnist.valid", CPU).images) > 0.7
    assert abs(likeness(load_altered("mnist.valid", CPU, sham=True).images)) < 0.06  # 4 standard errors of 5,000 images


def test_the_order_is_the_names() -> None:
    images = load("mnist.valid", CPU).images[:50]
    assert torch.equal(unstructured(images, "a"), unstructured(images, "a"))
    assert not torch.equal(unstructured(images, "a"), unstructured(images, "b"))
