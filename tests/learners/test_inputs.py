"""Bytes that a brain standardises: the same numbers as if they came standardised; other senses are left alone."""

import numpy as np
import pytest
import torch
from gymnasium import spaces

from devlearn.learners.brains import brain_builder
from devlearn.learners.brains.needs import Head, Needs, Sense

BYTES = Sense(spaces.Box(0, 255, (8, 8), np.uint8))
NUMBERS = Sense(spaces.Box(-9, 9, (8, 8), np.float32))
INPUTS = {"mean": 0.1, "std": 0.2752}


@pytest.mark.parametrize("keys", [{"kind": "mlp", "width": [6]}, {"kind": "conv", "channels": [2], "width": [6]}])
def test_bytes_are_standardised_and_other_numbers_are_not(keys: dict[str, object]) -> None:
    images = torch.randint(0, 256, (5, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    own, plain = (
        brain_builder({**keys, "inputs": INPUTS}, Needs({"eye": sense}, {"class": Head(3)}))()
        for sense in (BYTES, NUMBERS)
    )
    plain.load_state_dict(own.state_dict())
    numbers = (images / 255 - INPUTS["mean"]) / INPUTS["std"]
    assert torch.equal(own(images, "eye", "class"), plain(numbers, "eye", "class"))
