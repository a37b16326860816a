"""Old names of keys: understood everywhere, noted at their place; both names at once are refused."""

import pytest

from devlearn.scenario import experiment, load, parse, points

SAYS = "it keeps working until 0.3"
COPIES = f"'copies' is called 'num_envs' since 0.2; {SAYS}"


def noted(scenario):
    return [str(note) for note in scenario.notes]


def test_new_names_need_no_note(valid):
    assert parse(valid, "f").notes == ()


def test_an_old_name_in_the_file(valid):
    scenario = parse(valid.replace("    env_kwargs", "    copies: 3\n    keys"), "f")
    play = scenario.stages["play"]
    assert (play.num_envs, play.env_kwargs) == (3, {"size": 3})
    assert noted(scenario) == [f"f:12:5: {COPIES}", f"f:13:5: 'keys' is called 'env_kwargs' since 0.2; {SAYS}"]


def test_an_old_name_on_the_command_line(valid):
    scenario = parse(valid, "f", ["stages.play.copies=5", "stages.play.keys.size=4"])
    play = scenario.stages["play"]
    assert (play.num_envs, play.env_kwargs) == (5, {"size": 4})
    assert noted(scenario)[0] == f"--set stages.play.copies=5: {COPIES}" and len(scenario.notes) == 2


@pytest.mark.parametrize("old", ["copies: 3", "change: [{from: 0, set: {copies: 3}}]"])
def test_an_old_name_that_an_arm_sets(valid, old):
    scenario = parse(valid.replace("[play, {use", f"[{{use: play, set: {{{old}}}}}, {{use"), "f")
    stage = scenario.arms["playful"].steps[0].stage
    assert stage.num_envs == 3 if not stage.change else dict(stage.change[0].set) == {"num_envs": 3}
    assert [note.message for note in scenario.notes] == [COPIES]


def test_an_old_name_in_vary_and_tune(valid):
    text = valid.replace("vary: {stages.review.labels", "vary: {stages.play.copies: [3, 4], stages.review.labels")
    scenario = parse(text, "f")
    assert [at.stages["play"].num_envs for _, at in points(scenario)] == [3, 3, 3, 3, 4, 4, 4, 4]
    assert {point["stages.play.num_envs"] for point, _ in points(scenario)} == {3, 4}
    assert [note.message for note in scenario.notes] == [
        f"'stages.play.copies' is called 'stages.play.num_envs' since 0.2; {SAYS}"
    ]
    text = valid.replace("stages.review.learning_rate: [1e-2, 2e-2]", "stages.play.copies: [1, 2]")
    text = text.replace("plain: [review]", "plain: [play, review]").replace(
        "stages: [review]", "stages: [play, review]"
    )
    tried = [at.stages["play"].num_envs for _, at in points(experiment(parse(text, "f")))]
    assert tried == [1, 2] * 4


def test_a_whole_stage_of_vary_with_an_old_name(valid):
    part = "{kind: fake.play, env: Known-v0, updates: 3, copies: 7}"
    scenario = parse(valid.replace("vary: {stages.review.labels: [20, 30]", f"vary: {{stages.play: [{part}]"), "f")
    assert {at.stages["play"].num_envs for _, at in points(scenario)} == {7}
    assert [note.message for note in scenario.notes] == [COPIES]


def test_a_file_that_extends_another_may_use_the_other_name(valid, tmp_path):
    (tmp_path / "base.yaml").write_text(valid.replace("    env_kwargs", "    copies: 3\n    env_kwargs"))
    child = tmp_path / "child.yaml"
    child.write_text("extends: base.yaml\nstages: {play: {num_envs: 6}}\n")
    assert load(child).stages["play"].num_envs == 6
    (tmp_path / "base.yaml").write_text(valid.replace("    env_kwargs", "    num_envs: 3\n    env_kwargs"))
    child.write_text("extends: base.yaml\nstages: {play: {copies: 6}}\n")
    assert load(child).stages["play"].num_envs == 6
    assert noted(load(child)) == [f"{child}:2:17: {COPIES}"]


def test_both_names_at_once_are_refused(valid, problems):
    both = "'copies' is the old name of 'num_envs', and both stand here; keep 'num_envs'"
    assert problems(valid.replace("    env_kwargs", "    copies: 3\n    num_envs: 4\n    env_kwargs")) == [
        f"file.yaml:12:5: {both}"
    ]
    assert problems(valid.replace("[play, {use", "[{use: play, set: {num_envs: 3, copies: 3}}, {use")) == [
        f"file.yaml:24:44: {both}"
    ]


def test_a_mistake_under_an_old_name_is_told_under_the_new_one(valid, problems):
    assert problems(valid.replace("    env_kwargs", "    copies: none\n    env_kwargs")) == [
        "file.yaml:12:13: num_envs must be a whole number, got 'none'"
    ]
