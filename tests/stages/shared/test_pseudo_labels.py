"""School with images that have no labels: what is believed, what is never read, and that it helps."""

from typing import Any

import pytest
import torch
from torch import Tensor

from devlearn.evidence.statistics.sign_flip import sign_flip
from devlearn.learners.brains import brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.stages import context as contexts
from devlearn.stages.shared import labelled
from devlearn.stages.shared.pseudo_labels import MEMORY, align_distribution, class_shares, ema_update, mask_rate
from devlearn.stages.supervise.cross_entropy import Supervise
from devlearn.tasks.data import IMAGE_SENSE, Dataset, load
from tests.laws.rows import context_for, go_on, live

CPU = torch.device("cpu")
FEW: dict[str, Any] = {"updates": 100, "labels": 20, "batch": 20, "unlabelled_batch": 32}
EVERY_MODE = {
    "pseudo": {"unlabelled": "pseudo", "threshold": 0.11},
    "consistency": {"unlabelled": "consistency", "threshold": 0.11, "light": {"elastic": 0}},
    "aligned": {"unlabelled": "consistency", "threshold": 0.11, "align": True, "views": {}, "teacher": 0.9},
}


def school(**keys: Any) -> Supervise:
    return Supervise.model_validate({**FEW, **keys})


def pupils(seeds: tuple[int, ...], width: int = 16) -> Cohort:
    return Cohort(brain_builder({"kind": "mlp", "width": [width]}, school().needs()), seeds)


@pytest.mark.parametrize("mode", sorted(EVERY_MODE))
def test_labels_outside_the_pool_are_never_read(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All other labels drawn anew: bit-equal weights. One label of the pool changed: others, so the test can tell.

    The new ones are 0 to 4 alone. Permuted ones would leave the classes as frequent as they were, and whoever reads
    only that unnoticed.
    """
    taught, data, seeds = school(**EVERY_MODE[mode]), load("mnist.train", CPU), (0, 1)
    pool = taught.labelled.indices(context_for(seeds))
    monkeypatch.setattr(labelled, "balanced", lambda *_: pool)
    outside = torch.ones(len(data), dtype=torch.bool).index_fill_(0, pool.flatten(), False).nonzero().squeeze(1)
    redrawn = data.labels.clone()
    redrawn[outside] = torch.randint(5, (len(outside),), generator=torch.Generator().manual_seed(0))
    assert (redrawn != data.labels).float().mean() > 0.8
    assert (torch.bincount(redrawn, minlength=10) / torch.bincount(data.labels)).log().abs().min() > 0.5
    told = data.labels.index_put((pool[0, :1],), (data.labels[pool[0, :1]] + 1) % 10)
    found = []
    for labels in (data.labels, redrawn, told):
        monkeypatch.setattr(contexts, "load", lambda *_, labels=labels: Dataset(data.images, labels))
        cohort = pupils(seeds)
        _, metrics = live(taught, cohort, 5)
        found.append(cohort.flat)
    assert all((one["sure"] > 0).any() for one in metrics)
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_without_new_keys_school_is_what_it_was() -> None:
    """A plain school's minibatches hold the pool's own images, and nothing else."""
    taught, data = school(), load("mnist.train", CPU)
    batch = next(taught.minibatches(pupils((0, 1)), {"done": 0}, context_for((0, 1))))
    pool = taught.labelled.indices(context_for((0, 1)))
    assert set(batch) == {"images", "labels"}
    for i in range(2):
        shown = {tuple(image) for image in batch["images"][i].flatten(1).tolist()}
        assert shown == {tuple(image) for image in data.images[pool[i]].flatten(1).tolist()}
    assert mask_rate(batch).tolist() == [0, 0]


def unlabelled_part(taught: Supervise, cohort: Cohort, done: int = 0) -> dict[str, Tensor]:
    context = context_for(cohort.seeds)
    state = {**taught.begin(cohort, context), "done": done}
    return next(taught.minibatches(cohort, state, context))


def test_pseudo_labels_are_the_answers_on_the_very_image_and_only_confident_ones_count() -> None:
    cohort = pupils((0, 1))
    for weight in cohort.parameters().values():
        weight.mul_(4)  # otherwise nobody is sure of anything at birth
    batch = unlabelled_part(school(unlabelled="pseudo", threshold=0.5, weight=3.0), cohort)
    p = cohort(batch["unlabelled"], IMAGE_SENSE, "digits").softmax(-1)
    assert torch.equal(batch["answers"], p.argmax(-1))
    assert torch.equal(batch["trust"], 3.0 * (p.amax(-1) >= 0.5))
    assert 0 < mask_rate(batch).mean() < 1


def test_the_weight_grows_over_the_ramp() -> None:
    cohort, taught = pupils((0,)), school(unlabelled="pseudo", threshold=0.0, weight=2.0, ramp=4)
    for done, expected in ((0, 0.0), (1, 0.5), (3, 1.5), (4, 2.0), (9, 2.0)):
        assert unlabelled_part(taught, cohort, done)["trust"].unique().tolist() == [expected]


def test_consistency_asks_about_one_view_and_shows_another() -> None:
    cohort, keys = pupils((0, 1)), {"unlabelled": "consistency", "threshold": 0.0}
    plain, strong = unlabelled_part(school(unlabelled="pseudo", threshold=0.0), cohort), school(**keys)
    batch = unlabelled_part(strong, cohort)
    assert torch.equal(batch["answers"], plain["answers"])  # light: null asks about the image as it is
    far = (batch["unlabelled"] - plain["unlabelled"]).abs().mean((-2, -1))
    assert (far > 1).float().mean() > 0.9


def test_alignment_by_hand() -> None:
    """Two classes wanted alike; with these answers a learner has given the first three times as often."""
    p = torch.tensor([[[0.75, 0.25], [0.5, 0.5], [1.0, 0.0]], [[0.75, 0.25], [0.5, 0.5], [0.25, 0.75]]])
    now, mean = torch.tensor([[0.75, 0.25], [0.5, 0.5]]), torch.tensor([[0.75, 0.25]] * 2)
    share = (mean - (1 - MEMORY) * now) / MEMORY
    found = align_distribution(p, torch.tensor([[0.5, 0.5]] * 2), share)
    torch.testing.assert_close(share, mean)
    torch.testing.assert_close(found[0], torch.tensor([[0.5, 0.5], [0.25, 0.75], [1.0, 0.0]]))
    torch.testing.assert_close(found[1], torch.tensor([[0.5, 0.5], [0.25, 0.75], [0.1, 0.9]]))
    assert class_shares(torch.tensor([[0, 0, 3, 9]]), 10).tolist() == [[0.5, 0, 0, 0.25, 0, 0, 0, 0, 0, 0.25]]


def test_the_teacher_is_a_running_mean() -> None:
    teacher, cohort = pupils((0,)), pupils((1,))
    before, own = teacher.flat, cohort.flat
    ema_update(teacher, cohort, 0.75)
    torch.testing.assert_close(teacher.flat, 0.75 * before + 0.25 * own)


def test_a_schools_teacher_follows_its_learner() -> None:
    """Three updates: the teacher has followed at birth and after the first and the second."""
    cohort, taught = pupils((0, 1)), school(unlabelled="pseudo", threshold=0.0, teacher=0.75)
    state, wanted = taught.begin(cohort, context_for((0, 1))), cohort.parameters()
    wanted = {name: weights.clone() for name, weights in wanted.items()}
    for _ in range(3):
        own = cohort.parameters()
        wanted = {name: 0.75 * weights + 0.25 * own[name] for name, weights in wanted.items()}
        go_on(taught, cohort, state, 1)
    for name, weights in wanted.items():
        torch.testing.assert_close(state["teacher"][name], weights)
        assert not torch.equal(state["teacher"][name], cohort.parameters()[name])


def test_what_is_shown_without_labels_is_on_the_ledger() -> None:
    brain = pupils((0,)).member(0).to("meta")
    plain, more = school().cost(brain), school(unlabelled="consistency").cost(brain)
    assert (plain.images, more.images, more.labels) == (20, 20 + 2 * 32, 20)  # each of 32 is answered, and learned
    forward = 2 * (784 * 16 + 16 * 10)  # multiply and add, an image
    step = forward + 2 * 784 * 16 + 2 * 2 * 16 * 10  # no gradient for the pixels
    assert plain.flops == 20 * step
    assert more.flops == 52 * step + 32 * forward


def test_consistency_beats_labels_only_with_twenty_labels() -> None:
    """Six seeds, paired: significant, and by five points of validation accuracy."""
    seeds, held = tuple(range(6)), load("mnist.valid", CPU).spread(1000)
    scores = []
    for keys in ({}, {"unlabelled": "consistency", "unlabelled_batch": 128, "align": True, "views": {}}):
        cohort = pupils(seeds, width=64)
        live(school(**keys, threshold=0.7, lr=2e-3), cohort, 200, planned=200)
        with torch.no_grad():
            answers = cohort(held.images.expand(6, -1, -1, -1), IMAGE_SENSE, "digits").argmax(-1)
        scores.append((answers == held.labels).double().mean(1).numpy())
    gain = scores[1] - scores[0]
    assert sign_flip(gain) < 0.05
    assert gain.mean() > 0.05
