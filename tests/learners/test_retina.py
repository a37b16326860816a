"""Pixels that are standardised and padded: first the frame, then the scale."""

from typing import Any

import torch

from devlearn.learners.brains import brain_builder
from devlearn.learners.brains.builtin import MLP
from devlearn.stages.supervise.cross_entropy import Supervise
from devlearn.tasks.data import load

NEEDS = Supervise(data="mnist.train", updates=1).needs()


def test_dark_pixels_are_put_around_an_image_before_it_is_standardised() -> None:
    images = load("mnist.valid", torch.device("cpu")).images[:5]
    brain: Any = brain_builder({"kind": "mlp", "width": [8], "pad": 2, "standardise": [0.1, 0.2752]}, NEEDS)()
    framed = torch.zeros(5, 32, 32)
    framed[:, 2:30, 2:30] = images / 255
    expected = ((framed - 0.1) / 0.2752).flatten(1)
    torch.testing.assert_close(brain.features(images, "image_28x28")[0], expected)


def test_fields_are_those_of_the_image_without_its_frame() -> None:
    brain: Any = brain_builder({"kind": "mlp", "width": [8], "pad": 3}, NEEDS)()
    weights = dict(brain.named_parameters())["body.senses.image_28x28.layer.weight"]
    fields = brain.body.senses["image_28x28"].fields()
    assert torch.equal(fields, weights.unflatten(-1, (34, 34))[:, 3:31, 3:31])


def test_a_brain_without_these_keys_is_called_what_it_was_called() -> None:
    assert {"standardise", "pad"} & MLP().model_dump().keys() == set()
    assert MLP(pad=1).model_dump()["pad"] == 1
