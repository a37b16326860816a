"""k nearest neighbours: the vote by hand, against scipy's, held out and read-only."""

from typing import Any

import pytest
import torch
from scipy.spatial.distance import cdist
from torch import Tensor

from devlearn.learners.brains import Head, Needs, brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.probes.neighbours import Neighbours, vote
from devlearn.tasks.data import IMAGE, IMAGE_SENSE, load
from tests.laws.rows import measure

CPU = torch.device("cpu")
BRAIN = {"kind": "mlp", "width": [24, 12]}


def cohort(n: int = 3) -> Cohort:
    return Cohort(brain_builder(BRAIN, Needs({IMAGE_SENSE: IMAGE}, {"digits": Head(10)})), range(n))


def measured(found: Cohort, full: bool = False, **keys: Any) -> Tensor:
    keys = {"data": "mnist.valid", "fit_images": 300, "quick": 400, **keys}
    return measure(Neighbours(**keys), found, full).values["accuracy"]


def test_a_vote_by_hand() -> None:
    labels = torch.tensor([3, 7, 7, 5, 5])
    nearness = torch.tensor([0.9, 0.8, 0.7, 0.6, 0.1])
    assert vote(nearness, labels, 1, 10) == 3
    assert vote(nearness, labels, 3, 10) == 7
    assert vote(nearness, labels, 2, 10) == 3  # one vote each: the nearer wins
    assert vote(nearness, labels, 5, 10) == 7  # 7 and 5 have two each, and those of 7 are nearer
    assert vote(nearness, labels, 99, 10) == 7
    later = torch.tensor([1, 2, 2, 2, 1])
    assert vote(nearness, later, 5, 10) == 2  # nearness breaks ties and outvotes nobody


@pytest.mark.parametrize("k", [1, 4])
def test_pixels_agree_with_scipys_distances(k: int) -> None:
    known, asked = load("mnist.train", CPU).spread(300), load("mnist.valid", CPU).spread(400)
    far = cdist(asked.images.flatten(1).double() / 255, known.images.flatten(1).double() / 255, "cosine")
    by_peer = (vote(-torch.from_numpy(far), known.labels, k, 10) == asked.labels).double().mean()
    found = measured(cohort(), layer="pixels", k=k)
    assert (found - by_peer).abs().max() <= 1 / 400  # float32 may break a tie otherwise
    assert by_peer > 0.75


def test_layers_differ_and_the_last_is_the_second_of_two() -> None:
    found = cohort()
    assert torch.equal(measured(found), measured(found, layer=2))
    assert not torch.equal(measured(found), measured(found, layer=1))
    assert torch.equal(measured(found, full=True), measured(found, full=True, quick=1))


def test_a_diverged_learner_is_nan_and_the_others_do_not_notice() -> None:
    found = cohort()
    before = measured(found)
    for weights in found.parameters().values():
        weights[1] = torch.nan
    after = measured(found)
    assert after.isnan().tolist() == [False, True, False]
    assert torch.equal(after[[0, 2]], before[[0, 2]])


def test_a_layer_that_is_not_there_is_refused_with_those_that_are() -> None:
    brain = cohort(1).member(0).to("meta")
    Neighbours(layer=2).check_brain(brain)
    with pytest.raises(ValueError, match="layer 3 is asked for and the brain has 2; ask for last, or for 1 to 2"):
        Neighbours(layer=3).check_brain(brain)
