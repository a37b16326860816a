"""Clusters against labels: the match by hand, k-means where the answer is known, the sub-head that no label chooses."""

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import devlearn
from devlearn.learners.brains import brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.probes.clustering import Clustering, k_means, matched, squares
from devlearn.registry import get
from devlearn.scenario import ScenarioError
from devlearn.stages.stage import Stage
from devlearn.streams import streams
from devlearn.tasks.data import load
from tests.laws.rows import context_for, measure

CPU = torch.device("cpu")
BRAIN = {"kind": "mlp", "width": [24, 12]}


def cluster(**keys: Any) -> Stage:
    stage: Stage = get("stages", "pretrain.cluster")(updates=10, batch=50, **keys)
    return stage


def measured(found: Cohort, stage: Stage | None = None, full: bool = False, **keys: Any) -> Tensor:
    keys = {"data": "mnist.valid", "fit_images": 400, "quick": 500, "restarts": 3, **keys}
    stages = {} if stage is None else {"look": stage}
    probe = Clustering(stage=None if stage is None else "look", **keys)
    return measure(probe, found, full, stages).values["accuracy"]


def test_a_match_by_hand() -> None:
    """Greedy matching would give cluster 0 to class 4 and then cluster 1 only one image: the best gives up one."""
    clusters = torch.tensor([[0, 0, 0, 0, 0, 1, 1, 1, 1]])
    labels = torch.tensor([4, 4, 4, 6, 6, 4, 4, 4, 6])
    assert matched(clusters, labels, 2, 10).sum() == 5  # 0 -> 6 and 1 -> 4: 2 + 3, against 3 + 1
    assert matched(clusters, labels, 2, 10)[0].tolist() == [False, False, False, True, True, True, True, True, False]


def test_the_match_is_the_best_of_all_permutations() -> None:
    rng = np.random.default_rng(0)
    clusters, labels = torch.from_numpy(rng.integers(4, size=(3, 60))), torch.from_numpy(rng.integers(4, size=60))
    for own, right in zip(clusters, matched(clusters, labels, 4, 10), strict=True):
        best = max((torch.tensor(order)[own] == labels).sum() for order in itertools.permutations(range(4)))
        assert right.sum() == best


def test_renamed_classes_are_a_perfect_match_and_spare_clusters_stand_for_nothing() -> None:
    labels = torch.arange(10).repeat(7)
    assert matched((labels * 3 % 10)[None], labels, 10, 10).all()
    halves = labels * 2 + (torch.arange(70) >= 35)  # 20 clusters, two for each class: one of them counts
    assert matched(halves[None], labels, 20, 10).sum() == 40


def test_k_means_finds_separate_blobs_whatever_the_company() -> None:
    rng = np.random.default_rng(1)
    middles = rng.normal(size=(2, 5, 6)) * 20
    which = rng.integers(5, size=200)
    x = torch.from_numpy(middles[:, which] + rng.normal(size=(2, 200, 6)))
    centres = k_means(x, 5, 4, 50, streams((3, 4), "centres"))
    for own, found, middle in zip(x, centres, middles, strict=True):
        groups = squares(own, found).argmin(-1)
        assert len(set(zip(groups.tolist(), which.tolist(), strict=True))) == 5
        nearest = squares(torch.from_numpy(middle), found).amin(-1)
        assert nearest.max() < 2
    torch.testing.assert_close(k_means(x[1:], 5, 4, 50, streams((4,), "centres"))[0], centres[1])


def test_of_the_restarts_the_one_with_the_least_inertia_is_kept() -> None:
    x = torch.from_numpy(np.random.default_rng(2).normal(size=(1, 300, 4)))
    one, many = (k_means(x, 8, restarts, 30, streams((0,), "centres")) for restarts in (1, 20))
    assert squares(x, many).amin(-1).sum() < squares(x, one).amin(-1).sum()


def test_squared_distances() -> None:
    drawn = torch.randn(2, 11, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x, centres = drawn[:, :7], drawn[:, 7:]
    torch.testing.assert_close(squares(x, centres), torch.cdist(x, centres).square())


def test_pixels_cluster_far_above_chance_and_the_same_every_time() -> None:
    found = Cohort(brain_builder(BRAIN, cluster().needs()), range(2))
    accuracy = measured(found, layer="pixels")
    assert (accuracy > 0.4).all()
    assert torch.equal(accuracy, measured(found, layer="pixels"))


def test_the_sub_head_is_the_one_with_the_most_information_and_no_label_is_asked() -> None:
    """Sub-head 2 of 3 is built to sort images by the brightness of their upper half; the others answer at random."""
    stage = cluster(clusters=2, sub_heads=3, overclusters=0, views={"rotate": 5, "shift": 0.5, "elastic": 0})
    found = Cohort(brain_builder({"kind": "mlp", "width": [1]}, stage.needs()), range(2))
    weights = found.parameters()
    for name, tensor in weights.items():
        tensor.zero_()
        if name.endswith("layer.weight") and name.startswith("body"):
            tensor[:, 0, :392] = 1.0  # one unit: the light of the upper half
    head = next(name for name in weights if name.startswith("heads") and name.endswith("weight"))
    weights[head][:, :, 0] = torch.tensor([0.0, 0.0, 1e-3, -1e-3, 9.0, -9.0])
    weights[head.replace("weight", "bias")][:] = torch.tensor([0.0, 0.0, 0.0, 0.0, -450.0, 450.0])
    context = context_for(found.seeds)
    with torch.no_grad():
        chosen = stage.chosen(found, context)
        images = load("mnist.valid", CPU).images[:400]
        assigned = stage.assign(found, images, chosen)
    assert chosen.tolist() == [2, 2]
    light = images[:, :14].float().sum((1, 2)) / 255
    assert torch.equal(assigned[0], (light < 50).long())


def test_a_diverged_learner_is_nan_and_the_others_do_not_notice() -> None:
    stage = cluster()
    found = Cohort(brain_builder(BRAIN, stage.needs()), range(3))
    for of in (None, stage):
        before = measured(found, of)
        state = found.state()
        for weights in found.parameters().values():
            weights[1] = torch.nan
        after = measured(found, of)
        assert after.isnan().tolist() == [False, True, False]
        assert torch.equal(after[[0, 2]], before[[0, 2]])
        found.load(state)


WRONG = """
devlearn: 1
scenario: wrong
seeds: 2
brain: {kind: mlp, width: [8]}
stages:
  look: {kind: pretrain.denoise, updates: 1}
arms: {one: [look]}
probes:
  groups: {kind: clustering, stage: look}
"""


def test_a_stage_that_learns_no_clusters_is_refused_at_its_line(tmp_path: Any) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(WRONG)
    with pytest.raises(ScenarioError, match=r"10:.*stage 'look' \(pretrain.denoise\) has no 'assign' for the probe"):
        devlearn.run(path, out=tmp_path / "run", progress=False, report=False)
