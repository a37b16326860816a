"""Tasks that follow each other within a stage: what each learner is shown, and how online accuracy is counted."""

from itertools import islice
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from devlearn.registry import get
from devlearn.stages.context import Context
from devlearn.stages.shared.task_series import TaskSeries
from tests.laws.rows import cohort_for, live, make

SEEDS = (0, 1)
LABELS = torch.arange(10).repeat(2, 1)  # (N, B)


def context() -> Context:
    return Context(SEEDS, "life", 0, torch.device("cpu"), planned=100)


def shown(kind: str, images: torch.Tensor, count: int, done: int = 0) -> list[dict[str, Any]]:
    batches = ({"images": images, "labels": LABELS} for _ in range(count))
    return list(TaskSeries(kind=kind, every=3).shown(batches, 10, context(), done))  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 3), (20,)])
def test_a_permuted_task_moves_all_pixels_of_all_images_alike_and_a_learner_has_its_own(shape: tuple[int, ...]) -> None:
    images = torch.arange(20).view(*shape[:2], *[1] * (len(shape) == 3)).expand(2, 10, *shape)
    seen = [batch["images"] for batch in shown("permuted", images, 6)]
    pixels = [batch.reshape(2, 10, 20, -1) for batch in seen]
    for batch in pixels:
        assert (batch == batch[:, :1, :, :1]).all()  # the same in every image, and in every colour
        assert torch.equal(batch[:, 0, :, 0].sort(1).values, torch.arange(20).expand(2, -1))
        assert not torch.equal(batch[0], batch[1])
    same = [[torch.equal(a, b) for b in pixels] for a in pixels]
    assert same == [[one // 3 == other // 3 for one in range(6)] for other in range(6)]


def test_a_relabelled_task_renames_classes_and_leaves_images_alone() -> None:
    images = torch.zeros(2, 10, 4, 5)
    seen = shown("relabelled", images, 6)
    assert all(batch["images"] is images for batch in seen)
    names = [batch["labels"] for batch in seen]
    assert all(torch.equal(one.sort(1).values, LABELS) for one in names)
    assert torch.equal(names[0], names[2]) and not torch.equal(names[2], names[3])
    assert not torch.equal(names[0][0], names[0][1])


def test_a_task_that_is_gone_on_with_is_the_same_task() -> None:
    images = torch.zeros(2, 10, 4, 5)
    whole, rest = shown("relabelled", images, 6), shown("relabelled", images, 2, done=4)
    assert all(torch.equal(one["labels"], other["labels"]) for one, other in zip(whole[4:], rest, strict=True))


def test_online_accuracy_is_the_mean_of_the_last_updates_as_many_as_a_task_has() -> None:
    series = TaskSeries(kind="permuted", every=3)
    state = {**series.begin(2, torch.device("cpu")), "done": 0}
    accuracies = [0.5, 1.0, 0.0, 0.25, 0.75]
    found = []
    for accuracy in accuracies:
        state["done"] += 1
        found.append(series.online(state, torch.tensor([accuracy, 2 * accuracy])))
    wanted = [0.5, 0.75, 0.5, 1.25 / 3, 1 / 3]
    torch.testing.assert_close(torch.stack(found), torch.tensor([[mean, 2 * mean] for mean in wanted]))


def test_a_life_of_tasks_says_its_online_accuracy_and_a_life_of_one_task_has_no_such_column() -> None:
    stage = make("school-tasks")
    _, metrics = live(stage, cohort_for("school-tasks", SEEDS), 7)
    told = torch.stack([one["accuracy"] for one in metrics])
    torch.testing.assert_close(metrics[-1]["online"], told[-3:].mean(0).float())
    assert "online" in stage.columns() and "online" not in make("school").columns()
    assert "tasks" not in make("school").model_dump()


def test_tasks_of_images_without_labels_are_refused() -> None:
    with pytest.raises(ValidationError, match="drop tasks or unlabelled: pseudo"):
        get("stages", "supervise")(updates=1, unlabelled="pseudo", tasks={"kind": "permuted", "every": 3})


def test_the_first_minibatches_are_those_of_the_stage_without_tasks_with_other_names() -> None:
    plain = get("stages", "supervise")(updates=9, batch=4)
    tasks = get("stages", "supervise")(updates=9, batch=4, tasks={"kind": "relabelled", "every": 3})
    cohort = cohort_for("school", SEEDS)
    for one, other in zip(
        *(islice(s.minibatches(cohort, {"done": 0}, context()), 5) for s in (plain, tasks)), strict=True
    ):
        assert torch.equal(one["images"], other["images"])
        pairs = {(n, int(a), int(b)) for n in (0, 1) for a, b in zip(one["labels"][n], other["labels"][n], strict=True)}
        assert len({pair[:2] for pair in pairs}) == len(pairs)  # one name for each class
