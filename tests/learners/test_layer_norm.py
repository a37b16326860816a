"""Layer normalisation of hidden layers: what drives units has mean 0 and variance 1, in a cohort as alone."""

from typing import Any

import pytest
import torch

from devlearn.learners.brains import brain_builder
from devlearn.learners.brains.builtin import MLP
from devlearn.learners.cohort import Cohort
from devlearn.stages.supervise.cross_entropy import Supervise

SCHOOL = Supervise(data="digits.train", updates=1)
IMAGES = torch.randint(0, 255, (3, 5, 8, 8), dtype=torch.uint8)


@pytest.mark.parametrize("keys", [{"kind": "mlp"}, {"kind": "conv", "channels": [2]}], ids=["mlp", "conv"])
def test_units_are_driven_with_mean_0_and_variance_1(keys: dict[str, Any]) -> None:
    builder = brain_builder({**keys, "width": [16, 12], "layer_norm": True, "activation": "tanh"}, SCHOOL.needs())
    cohort = Cohort(builder, (0, 1, 2))
    sense = SCHOOL.labelled.objective.sense
    for hidden in cohort.features(IMAGES, sense)[-2:]:
        driven = hidden.atanh()
        torch.testing.assert_close(driven.mean(-1), torch.zeros(3, 5), atol=1e-4, rtol=0)
        torch.testing.assert_close(driven.var(-1, unbiased=False), torch.ones(3, 5), atol=1e-2, rtol=0)
    together = cohort(IMAGES, sense, SCHOOL.labelled.task.read_out)
    for row in range(3):
        torch.testing.assert_close(cohort.member(row)(IMAGES[row], sense, SCHOOL.labelled.task.read_out), together[row])


def test_a_brain_without_it_is_called_what_it_was_called() -> None:
    assert "layer_norm" not in MLP().model_dump()
