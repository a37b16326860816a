"""What arms take from each other (``of``): every mistake has its place and its mend."""

from collections.abc import Mapping
from types import MappingProxyType

import pytest

from devlearn.scenario import Of, ScenarioError, parse, schema
from devlearn.scenario.artifacts import gives_at, steps_behind, taken

STAGES = {
    "copy": "kind: imitate.clone, env: CartPole-v1, env_steps: 64, of: {arm: expert, stage: play}",
    "again": "kind: imitate.clone, env: CartPole-v1, env_steps: 64, of: {arm: clone, stage: copy}",
    "play": "kind: trial.ppo, env: CartPole-v1, env_steps: 64, num_envs: 2, rollout: 8",
}
NOTHING: Mapping[str, str] = MappingProxyType({})
ARMS = {"expert": "[play, {use: play, as: more}]", "clone": "[copy]"}


def text(stages: Mapping[str, str] = NOTHING, arms: Mapping[str, str] = NOTHING) -> str:
    named = {**STAGES, **stages}, {**ARMS, **arms}
    lists = [
        "\n".join(f"  {name}: {wrap(entry)}" for name, entry in part.items())
        for part, wrap in zip(named, (lambda keys: f"{{{keys}}}", str), strict=True)
    ]
    head = "devlearn: 1\nscenario: s\nseeds: 2\nbrain: {kind: mlp, width: [4]}\n"
    return f"{head}stages:\n{lists[0]}\narms:\n{lists[1]}\n"


def said(**parts: dict[str, str]) -> list[str]:
    with pytest.raises(ScenarioError) as error:
        parse(text(**parts), "f.yaml")
    return str(error.value).splitlines()


def of(arm: str, stage: str) -> dict[str, str]:
    return {"copy": STAGES["copy"].replace("{arm: expert, stage: play}", f"{{arm: {arm}, stage: {stage}}}")}


def test_what_is_there_is_taken_from_the_last_visit() -> None:
    scenario = parse(text(arms={"expert": "[play, play, {use: play, as: more}]", "third": "[again]"}), "f.yaml")
    copy, again = scenario.stages["copy"], scenario.stages["again"]
    assert list(taken(copy)) == [(("of",), Of(arm="expert", stage="play"))]
    assert gives_at(["play", "play", "more"], copy.of) == 1
    assert [step.stream for step in steps_behind(scenario.arms, copy)] == ["play", "play"]
    assert [step.stream for step in steps_behind(scenario.arms, again)] == ["copy", "play", "play"]
    assert list(taken(scenario.stages["play"])) == []


@pytest.mark.parametrize(
    ("stage", "arm", "place", "what"),
    [
        ("play", "exprt", "f.yaml:6:74: ", "no arm is called 'exprt'; did you mean 'expert'?"),
        ("plai", "expert", "f.yaml:6:89: ", "arm 'expert' has no stage 'plai'; did you mean 'play'?"),
        ("copy", "clone", "f.yaml:6:74: ", "arm 'clone' takes from itself in 'copy'; a stage goes on with its own"),
    ],
)
def test_who_is_not_there_and_who_takes_from_himself_is_told_at_his_name(
    stage: str, arm: str, place: str, what: str
) -> None:
    (line,) = said(stages=of(arm, stage))
    assert line.startswith(f"{place}{what}")


def test_an_alias_is_what_a_stage_is_called_in_an_arm() -> None:
    parse(text(stages=of("expert", "more")), "f.yaml")
    (line,) = said(stages=of("expert", "more"), arms={"expert": "[play]"})
    assert "arm 'expert' has no stage 'more'" in line


def test_a_circle_is_told_once_and_in_full() -> None:
    (line,) = said(arms={"expert": "[again, play]"})
    assert line == (
        "f.yaml:7:69: arms take from each other in a circle: 'again' of arm 'expert' <- 'copy' of arm 'clone' <- "
        "'play' of arm 'expert' <- 'again' of arm 'expert'"
    )


def test_two_arms_may_take_from_each_other_one_after_another() -> None:
    parse(text(arms={"expert": "[play, again]"}), "f.yaml")


def test_what_an_arm_sets_is_told_where_it_sets_it() -> None:
    (line,) = said(arms={"other": "[{use: copy, set: {of: {arm: nobody, stage: play}}}]"})
    assert line.startswith("f.yaml:12:39: no arm is called 'nobody'")


def test_a_broken_giver_makes_no_second_complaint() -> None:
    (line,) = said(arms={"expert": "[ply]"})
    assert "no stage is called 'ply'" in line


def test_the_key_is_in_the_schema() -> None:
    assert "Of" in schema()["$defs"]
