"""A task: some classes of a data set, seen in one way, under one read-out."""

from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from devlearn.learners.brains.needs import Head
from devlearn.probes.accuracy import Accuracy
from devlearn.stages.context import Context
from devlearn.stages.shared.labelled import LabelledBatches
from devlearn.stages.supervise.cross_entropy import Supervise
from devlearn.tasks.data import class_counts, load, load_altered
from devlearn.tasks.data.blur import blurred
from devlearn.tasks.data.task import Task
from devlearn.tasks.data.view import View, permuted, rotated

CPU = torch.device("cpu")
CONTEXT = Context(seeds=(0, 1), name="school", visit=0, device=CPU, planned=4)


def batches(**keys: object) -> LabelledBatches:
    return Supervise.model_validate({"data": "digits.train", "updates": 4, "batch": 16, **keys}).labelled


def test_a_task_without_classes_is_the_whole_data_set() -> None:
    whole = Task("digits.train")
    labels = load("digits.train", CPU).labels
    assert (whole.count, whole.outputs, whole.read_out) == (len(labels), 10, whole.source.read_out)
    assert torch.equal(whole.rows(labels), torch.arange(len(labels))) and torch.equal(whole.targets(labels), labels)


@pytest.mark.parametrize(("head", "outputs", "seen"), [(None, 10, {3, 7}), ("mine", 2, {0, 1})])
def test_whose_head_it_is_decides_how_labels_are_numbered(head: str | None, outputs: int, seen: set[int]) -> None:
    """class-incremental under the data set's own read-out, task- or domain-incremental under another."""
    own = batches(classes=[7, 3], head=head)
    found = next(own.minibatches(CONTEXT, 0))
    assert set(found["labels"].unique().tolist()) == seen
    counts = class_counts("digits.train")
    assert own.num_labels == counts[3] + counts[7] and own.indices(CONTEXT).shape == (2, own.num_labels)
    assert own.needs.heads == {head or own.source.read_out: Head(outputs)}
    named = load("digits.train", CPU).labels[own.indices(CONTEXT)[0]]
    assert torch.equal(Task("digits.train", (7, 3), "mine").targets(named) == 0, named == 7)  # in the order written


def test_few_labels_are_drawn_from_its_classes_alone_and_balanced() -> None:
    own = batches(classes=[4, 9], labels=20)
    drawn = load("digits.train", CPU).labels[own.indices(CONTEXT)]
    assert drawn.shape == (2, 20) and (drawn == 4).sum(1).tolist() == (drawn == 9).sum(1).tolist() == [10, 10]


def test_the_probe_reads_the_same_task(tmp_path: Path) -> None:
    probe = Accuracy.model_validate({"data": "digits.test", "classes": [4, 9], "head": "mine", "quick": 10})
    rows = probe.labels_read(full=True)["digits.test"]
    assert set(load("digits.test", CPU).labels[rows].tolist()) == {4, 9}
    assert len(rows) == probe.task.count and len(probe.labels_read(full=False)["digits.test"]) == 10
    assert probe.needs().heads == {"mine": Head(2)} and probe.metrics_here()["accuracy"].chance == 0.5


def test_a_relabelled_task_calls_its_classes_by_each_others_names_and_no_others() -> None:
    labels = torch.arange(10)
    names = Task("digits.train", relabel=3).targets(labels)
    assert sorted(names.tolist()) == [*range(10)] and not torch.equal(names, labels)
    assert torch.equal(names, Task("digits.train", relabel=3).targets(labels))
    assert not torch.equal(names, Task("digits.train", relabel=4).targets(labels))
    some = torch.tensor([7, 3, 9])
    for head, there in ((None, {3, 7, 9}), ("mine", {0, 1, 2})):
        changed = [Task("digits.train", (7, 3, 9), head, number).targets(some).tolist() for number in range(1, 9)]
        assert all(set(found) == there for found in changed) and len({*map(tuple, changed)}) > 2


def test_a_task_has_few_images_of_its_rare_classes_for_training_and_for_probing() -> None:
    rare = {"classes": [2, 5], "share": 0.25}
    own, counts = batches(rare=rare), class_counts("digits.train")
    wanted = [round(count / 4) if label in (2, 5) else count for label, count in enumerate(counts)]
    labels = load("digits.train", CPU).labels[own.indices(CONTEXT)[0]]
    assert labels.bincount().tolist() == wanted and own.num_labels == sum(wanted)
    probe = Accuracy.model_validate({"data": "digits.test", "classes": [2, 3], "rare": {"classes": [3]}})
    seen = load("digits.test", CPU).labels[probe.labels_read(full=True)["digits.test"]].bincount()
    assert seen[3] == round(class_counts("digits.test")[3] / 10) and seen[2] == class_counts("digits.test")[2]


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"rare": {"classes": [10]}}, "class 10 can't be rare, as the task has 0, 1, 2, 3, 4, 5, 6, 7, 8, 9"),
        ({"classes": [1, 2], "rare": {"classes": [3]}}, "class 3 can't be rare, as the task has 1, 2"),
        ({"rare": {"classes": [3, 3]}}, "class 3 stands twice"),
        ({"rare": {"classes": [3]}, "labels": 20}, "no class is rare then; write labels: all"),
        ({"relabel": 1, "unlabelled": "pseudo"}, "leave classes, head, relabel and rare out"),
        ({"relabel": 0}, "greater than or equal to 1"),
    ],
)
def test_what_makes_no_task_is_refused(keys: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        batches(**keys)


def test_a_view_without_a_blur_is_written_as_it_was_before_there_was_one() -> None:
    assert View(permute=2).model_dump() == {"permute": 2, "rotate": 0.0}
    images = load("digits.train", CPU).images[:5]
    assert View(blur=1.0).model_dump()["blur"] == 1.0
    assert torch.equal(View(blur=1.0)(images), blurred(images, 1.0))
    assert torch.equal(View(blur=1.0, permute=2)(images), permuted(blurred(images, 1.0), 2))


def test_views_move_pixels_and_lose_none() -> None:
    images = load("digits.train", CPU).images[:50]
    seen = View(permute=3)(images)
    assert torch.equal(seen.flatten(1).sort(1).values, images.flatten(1).sort(1).values)
    assert not torch.equal(seen, images) and not torch.equal(permuted(images, 4), seen)
    order = torch.stack([images, seen]).flatten(2).float()
    assert torch.equal(permuted(images[:1], 3), seen[:1]) and order.shape[-1] == 64  # one order for every image
    colours = images[..., None].expand(-1, -1, -1, 3)
    assert torch.equal(permuted(colours, 3)[..., 1], seen)


def test_a_quarter_turn_is_that_of_torch_and_a_whole_turn_is_none() -> None:
    images = load("mnist.valid", CPU).images[:20]
    assert torch.equal(rotated(images, 90), torch.rot90(images, 1, (1, 2)))
    assert torch.equal(rotated(images, 360), images)
    assert 0 < (rotated(images, 30).float() - images.float()).abs().mean() < 60
    assert torch.equal(View(rotate=90, permute=2)(images), permuted(torch.rot90(images, 1, (1, 2)), 2))


def test_a_view_comes_from_the_data_as_it_is_asked_for() -> None:
    own = batches(view={"rotate": 90})
    turned = load_altered("digits.train", CPU, view=View(rotate=90)).images
    assert torch.equal(own.dataset(CONTEXT).images, turned) and torch.equal(
        turned, rotated(load("digits.train", CPU).images, 90)
    )


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"classes": [0, 10]}, "digits has no class 10; its 10 are 0 to 9"),
        ({"classes": [1, 1]}, "class 1 stands twice"),
        ({"classes": [0, 1], "labels": 500}, "labels of 2 classes are 2 to 258, or all"),
        ({"classes": [0, 1], "unlabelled": "pseudo"}, "images without labels are of all classes"),
        ({"view": {"permute": 0}}, "greater than or equal to 1"),
        ({"head": "a b"}, "should match pattern"),
    ],
)
def test_what_is_no_task_is_refused(keys: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        batches(**keys)


def test_older_stages_and_probes_are_written_as_they_were() -> None:
    assert not {"classes", "head", "view"} & Supervise.model_validate({"updates": 4}).model_dump(mode="json").keys()
    probe = Accuracy.model_validate({"data": "digits.test"}).model_dump(mode="json")
    assert not {"classes", "view"} & probe.keys() and probe["head"] == "digits_8x8"
    assert Supervise.model_validate({"updates": 4, "classes": [0, 1]}).model_dump(mode="json")["classes"] == [0, 1]
