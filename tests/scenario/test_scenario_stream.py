"""``stream``: what it is written out as, and what is no stream."""

from pathlib import Path

import numpy as np
import pytest

from devlearn.scenario import ScenarioError, parse, points
from devlearn.tasks.data import check_split, source_named

TEXT = """\
devlearn: 1
scenario: streamed
seeds: 2
brain: {kind: mlp, width: [8]}
stream: {kind: split, data: digits, into: 5, stage: {updates: 3}, probe: {every: 2}}
arms:
  all: [stream]
  fewer: {stages: [{use: stream, set: {batch: 4}}, task1]}
compare: {metric: forgetting, worst: 1, smallest_effect: 0.1, pairs: [[all, fewer]]}
"""
PARTS = [(0, 1), (2, 3), (4, 5), (6, 7), (8, 9)]


def written(setting: str, kind: str = "split") -> tuple[list[object], list[object]]:
    """(classes, head, view) of every stage, and of every probe; a head that is the data set's own is None."""
    text = TEXT.replace("kind: split", f"kind: {kind}, setting: {setting}")
    found = parse(text, "file.yaml")
    heads = [None if probe.head == "digits_8x8" else probe.head for probe in found.probes.values()]
    stages = [(stage.classes, stage.head, stage.view) for stage in found.stages.values()]
    return stages, [(p.classes, head, p.view) for p, head in zip(found.probes.values(), heads, strict=True)]


@pytest.mark.parametrize(
    ("setting", "heads"),
    [
        ("class", [None] * 5),
        ("task", ["task1", "task2", "task3", "task4", "task5"]),
        ("domain", ["part"] * 5),
    ],
)
def test_a_split_stream_gives_every_task_some_classes(setting: str, heads: list[str | None]) -> None:
    wanted = [(part, head, None) for part, head in zip(PARTS, heads, strict=True)]
    assert written(setting) == (wanted, wanted)


def test_permuted_and_rotated_streams_are_of_all_classes_and_the_first_is_as_it_is() -> None:
    stages, probes = written("domain", "permuted")
    assert stages == probes and all(classes is None and head is None for classes, head, _ in stages)
    assert [view and view.permute for *_, view in stages] == [None, 1, 2, 3, 4]
    turned, _ = written("task", "rotated")
    assert [view and view.rotate for *_, view in turned] == [None, 36, 72, 108, 144]
    assert [head for _, head, _ in turned] == ["task1", "task2", "task3", "task4", "task5"]


def keys(kind: str, into: int = 5) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """What makes the task of every stage, and of every probe, beside the data and the read-out."""
    found = parse(TEXT.replace("kind: split", f"kind: {kind}").replace("into: 5", f"into: {into}"), "file.yaml")
    made = ("view", "relabel", "rare", "classes")
    return tuple(
        [{k: v for k, v in one.model_dump().items() if k in made} for one in part.values()]
        for part in (found.stages, found.probes)
    )  # type: ignore[return-value]


def test_blurred_relabelled_and_imbalanced_streams_and_their_probes_are_of_all_classes() -> None:
    blurred, relabelled, imbalanced = (keys(kind) for kind in ("blurred", "relabelled", "imbalanced"))
    assert all(stages == probes for stages, probes in (blurred, relabelled, imbalanced))
    sds = (0.4, 0.8, 1.2, 1.6)
    assert [one["view"]["blur"] for one in blurred[0][1:]] == pytest.approx(sds) and blurred[0][0] == {}  # type: ignore[index]
    assert relabelled[0] == [{}, *({"relabel": number} for number in range(1, 5))]
    assert [one["rare"]["classes"] for one in imbalanced[0]] == [(at, at + 5) for at in range(5)]  # type: ignore[index]
    assert [one["rare"]["classes"] for one in keys("imbalanced", 12)[0]][9:] == [(9,), (0,), (1,)]  # type: ignore[index]


def test_a_probe_that_calls_classes_otherwise_measures_no_skill() -> None:
    text = TEXT.replace("kind: split", "kind: relabelled").replace("arms:\n", "probes: {task2: {relabel: 7}}\narms:\n")
    with pytest.raises(ScenarioError, match="'task2' call classes otherwise: give both the same relabel"):
        parse(text, "file.yaml")


def test_arms_live_it_in_order_and_the_matrix_is_of_its_tasks() -> None:
    found = parse(TEXT, "file.yaml")
    names = [f"task{number}" for number in range(1, 6)]
    assert [step.use for step in found.arms["all"].steps] == names
    assert [step.stage.batch for step in found.arms["fewer"].steps] == [4] * 5 + [128]
    assert found.compare is not None and found.compare.matrix is not None
    assert found.compare.matrix.skills == dict(zip(names, names, strict=True))
    assert {stage.updates for stage in found.stages.values()} == {3} and {p.every for p in found.probes.values()} == {2}


def test_what_the_file_says_of_a_task_holds_and_other_stages_stand_beside() -> None:
    own = "stages: {task2: {updates: 7}, more: {kind: supervise, updates: 1}}\narms:\n  other: [more, stream]\n"
    found = parse(TEXT.replace("arms:\n", own), "file.yaml")
    assert [stage.updates for stage in found.stages.values()] == [3, 7, 3, 3, 3, 1]
    assert [step.use for step in found.arms["other"].steps][:2] == ["more", "task1"]


def test_its_experts_are_arms_that_learn_one_task_alone() -> None:
    found = parse(TEXT.replace("into: 5", "into: 5, experts: true").replace("forgetting", "intransigence"), "file.yaml")
    assert [*found.arms] == ["all", "fewer", *(f"only-task{number}" for number in range(1, 6))]
    assert [step.use for step in found.arms["only-task4"].steps] == ["task4"]
    assert found.compare is not None and found.compare.matrix is not None
    assert found.compare.matrix.experts["task4"] == "only-task4" and len(found.compare.matrix.experts) == 5
    with pytest.raises(ScenarioError, match="needs an expert of each skill"):
        parse(TEXT.replace("forgetting", "intransigence"), "file.yaml")


def test_a_stream_may_vary() -> None:
    found = parse(TEXT + "vary: {stream.setting: [task, domain, class]}\n", "file.yaml")
    assert [scenario.stages["task3"].head for _, scenario in points(found)] == ["task3", "part", None]


NO_STREAM = {
    "5:16: kind must be 'split', 'permuted', 'rotated', 'blurred', 'imbalanced', 'relabelled' or 'envs', got 'spilt'; "
    "did you mean 'split'?": ("split", "spilt"),
    "5:29: unknown data 'digit'; did you mean 'digits'?": ("digits", "digit"),
    "5:43: the 10 classes of digits don't make 4 tasks of as many each, two at least; write into: 2 or 5": (
        "into: 5", "into: 4",
    ),
    "5:35: in a stream of kind permuted every task has the same classes: write setting: domain, or task": (
        "kind: split", "kind: permuted, setting: class",
    ),
    "5:37: unknown key 'intoo'; did you mean 'into'?": ("into", "intoo"),
    "5:54: unknown key 'updats'; did you mean 'updates'?": ("updates", "updats"),
    "5:9: stream must be a map with a kind, as {kind: split, data: mnist, into: 5}": (
        "{kind: split, data: digits, into: 5, stage: {updates: 3}, probe: {every: 2}}", "split",
    ),
}  # fmt: skip


@pytest.mark.parametrize("says", NO_STREAM)
def test_what_is_no_stream_is_said_with_its_place(says: str) -> None:
    with pytest.raises(ScenarioError) as error:
        parse(TEXT.replace(*NO_STREAM[says], 1), "file.yaml")
    assert str(error.value).splitlines() == [f"file.yaml:{says}"]


UNFIT = {
    "6:27: classes: digits has no class 13; its 10 are 0 to 9": "stages: {task2: {classes: [2, 13]}}",
    "5:1: probe 'task2' asks the read-out 'digits_8x8', and stage 'task2' teaches 'task1'; give both the same head": (
        "stages: {task2: {head: task1}}"
    ),
}


@pytest.mark.parametrize("says", UNFIT)
def test_a_missing_class_or_a_head_that_does_not_fit_is_said(says: str) -> None:
    with pytest.raises(ScenarioError) as error:
        parse(TEXT.replace("arms:\n", f"{UNFIT[says]}\narms:\n"), "file.yaml")
    assert str(error.value) == f"file.yaml:{says}"


WORLDS = """\
devlearn: 1
scenario: worlds
seeds: 2
brain: {kind: mlp, width: [8]}
stream: {kind: envs, envs: [CartPole-v1, {env: Acrobot-v1}], stage: {env_steps: 64, lr: 1e-3}, probe: {every: 2}}
arms:
  all: [stream]
  slower: [{use: stream, set: {lr: 1e-4}}]
compare: {metric: average, worst: 0, smallest_effect: 0.1, pairs: [[slower, all]]}
"""
OF_ONE_ID = WORLDS.replace("[CartPole-v1, {env: Acrobot-v1}]", "[CartPole-v1, {env: CartPole-v1, env_kwargs: {x: 1}}]")


def test_a_stream_of_environments_is_played_measured_and_scored_by_its_experts() -> None:
    found = parse(WORLDS, "file.yaml")
    asked = found.compare and found.compare.matrix
    assert [(stage.kind, stage.env, stage.env_steps) for stage in found.stages.values()] == [
        ("trial.ppo", "CartPole-v1", 64), ("trial.ppo", "Acrobot-v1", 64),
    ]  # fmt: skip
    assert [(probe.kind, probe.env, probe.every) for probe in found.probes.values()] == [
        ("return", "CartPole-v1", 2), ("return", "Acrobot-v1", 2),
    ]  # fmt: skip
    assert [*found.arms] == ["all", "slower", "only-task1", "only-task2"] and asked
    assert [step.stage.lr for step in found.arms["slower"].steps] == [1e-4, 1e-4]
    assert (asked.scores, asked.experts) == ("normalised", {"task1": "only-task1", "task2": "only-task2"})


def test_environments_of_one_id_share_a_read_out_and_need_no_experts() -> None:
    text = OF_ONE_ID.replace("{x: 1}", "{sutton_barto_reward: true}").replace(
        "kind: envs", "kind: envs, setting: domain"
    )
    found = parse(text.replace("stage: {", "stage: {kind: trial.dqn, learning_starts: 8, "), "file.yaml")
    assert [*found.arms] == ["all", "slower"] and found.compare and found.compare.matrix
    assert {stage.kind for stage in found.stages.values()} == {"trial.dqn"}
    assert found.compare.matrix.scores == "raw" and not found.compare.matrix.experts
    assert found.stages["task2"].env_kwargs == found.probes["task2"].env_kwargs == {"sutton_barto_reward": True}


NO_WORLDS = {
    "5:1: missing key 'envs'": ("envs: [CartPole-v1, {env: Acrobot-v1}], ", ""),
    '5:28: envs must have at least 2 item(s), got ["CartPole-v1"]': (", {env: Acrobot-v1}", ""),
    "5:42: task2 is the environment of task1 again; give it other env_kwargs": ("{env: Acrobot-v1}", "CartPole-v1"),
    "5:31: CartPole-v1 and Acrobot-v1 have a read-out each, and setting: domain is of one that all tasks share; give "
    "one id with different env_kwargs, or leave the setting out": ("kind: envs", "kind: envs, setting: domain"),
    "5:31: 2 tasks of 1 id(s) share read-outs, and setting: task gives every task its own; give every task another id, "
    "or leave the setting out": (
        "envs, envs: [CartPole-v1, {env: Acrobot-v1}]",
        "envs, setting: task, envs: [CartPole-v1, {env: CartPole-v1, env_kwargs: {x: 1}}]",
    ),
    "5:31: setting must be 'task' or 'domain', got 'class'": ("kind: envs", "kind: envs, setting: class"),
    "5:43: unknown key 'evn'; did you mean 'env'?": ("{env: Acrobot", "{evn: Acrobot"),
    "5:70: unknown key 'env_step'; did you mean 'env_steps'?": ("env_steps", "env_step"),
}  # fmt: skip


@pytest.mark.parametrize("says", NO_WORLDS)
def test_what_is_no_stream_of_environments_is_said_with_its_place(says: str) -> None:
    with pytest.raises(ScenarioError) as error:
        parse(WORLDS.replace(*NO_WORLDS[says], 1), "file.yaml")
    assert f"file.yaml:{says}" in str(error.value).splitlines()


def test_a_probe_of_another_read_out_or_of_other_classes_measures_no_skill() -> None:
    other = "probes: {task2: {head: mine}, task3: {classes: [0, 9]}}\narms:\n"
    with pytest.raises(ScenarioError) as error:
        parse(TEXT.replace("arms:\n", other), "file.yaml")
    assert str(error.value).splitlines() == [
        "file.yaml:5:1: probe 'task2' asks the read-out 'mine', and stage 'task2' teaches 'digits_8x8'; give both the "
        "same head",
        "file.yaml:5:1: probe 'task3' and stage 'task3' are of different classes: [0, 9] and [4, 5]",
    ]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("stage: {", "stage: {kind: caregiver.guess, ", "caregiver.guess has no key 'classes'"),
        ("stage: {", "stage: {view: {rotate: 9}, ", "the probes would not have this view"),
        ("probe: {", "probe: {view: {rotate: 9}, ", "the stages would not have this view"),
        ("stage: {", "stage: {classes: [1, 2], ", "'classes' makes the tasks of this stream"),
    ],
)
def test_what_all_tasks_are_given_leaves_them_tasks_that_are_probed(old: str, new: str, words: str) -> None:
    with pytest.raises(ScenarioError) as raised:
        parse(TEXT.replace(old, new), "file.yaml")
    assert len(raised.value.problems) == 1 and words in str(raised.value) and "file.yaml:5:" in str(raised.value)


def test_a_view_of_all_tasks_is_that_of_their_probes_too() -> None:
    both = TEXT.replace("stage: {", "stage: {view: {rotate: 9}, ").replace("probe: {", "probe: {view: {rotate: 9}, ")
    assert all(one.view.rotate == 9 for one in parse(both, "file.yaml").stages.values())


def test_a_stage_that_is_numbered_like_a_task_beyond_the_last_is_named() -> None:
    text = TEXT.replace("arms:", "stages: {task7: {kind: supervise, data: digits.train, updates: 2}}\narms:")
    notes = [str(note) for note in parse(text, "file.yaml")._notes]
    assert [note for note in notes if "'task7' is none of the stream's, which has 5 tasks" in note]


def test_a_stream_of_data_in_a_file_is_of_its_parts(tmp_path: Path) -> None:
    path = tmp_path / "own.npz"
    images, labels = np.zeros((40, 4, 4), dtype=np.uint8), np.arange(40) % 4
    np.savez(path, train_images=images, train_labels=labels, test_images=images, test_labels=labels)
    text = TEXT.replace("data: digits, into: 5", f"data: {path}, into: 2")
    found = parse(text, "file.yaml", check_data=check_split, check_sense=source_named)
    assert [stage.data for stage in found.stages.values()] == [f"{path}:train"] * 2
    assert [probe.data for probe in found.probes.values()] == [f"{path}:test"] * 2
    assert [stage.classes for stage in found.stages.values()] == [(0, 1), (2, 3)]
    with pytest.raises(ScenarioError, match="there is no file"):
        parse(text.replace("own.npz", "none.npz"), "file.yaml", check_sense=source_named)
