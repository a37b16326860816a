"""What is said before a run: the same sentences as after it, each with lines of YAML that mend it."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from devlearn.records.schema import Resolved
from devlearn.runs import pipeline
from devlearn.runs.forewarnings import Forewarning, forewarnings
from devlearn.runs.plan import sketch

MATCH = {"match": {"arm": "a", "by": "flops"}}
WANTING = [
    {"control": "sham", "stages": ["look"], "pair": "[a, a-sham]", "arm": "a-sham: [school]"},
    {"control": "shuffle", "stages": ["look"], "pair": "[a, s]", "arm": "s: [mix, school]", "stage": "mix: {kind: x}"},
]


def resolved(pairs: list[list[str]], more: dict[str, Any], asked: dict[str, Any] | None = None) -> Resolved:
    """A plan of 16 seeds with arms a, b and more, all of which end in school."""
    school = {"kind": "supervise", "name": "school", "visit": 0, "index": 0, "keys": {}}
    arms = {name: {"path": ["school"], "stages": [school]} for name in ("a", "b", *more)}
    held = {"kind": "accuracy", "data": "mnist.valid", "every": 5}
    content = {
        "format": 1,
        "scenario": "fair",
        "digest": "",
        "seeds": list(range(16)),
        "brain": {"kind": "mlp"},
        "jobs": [],
        "probes": {"digits": {"kind": "accuracy", "data": "mnist.test", "every": 5}, "held": held},
        "compare": {"probe": "digits", "at": "end", "pairs": pairs, **(asked or {})},
        "points": [{"point": {}, "arms": {name: {**arm, **more.get(name, {})} for name, arm in arms.items()}}],
    }
    return Resolved.of(content)


def test_a_matched_arm_without_select_is_told_with_what_to_add() -> None:
    (found,) = forewarnings(resolved([["a", "m"]], {"m": MATCH}))
    assert found.what.startswith("m is matched and scored at its end only")
    assert yaml.safe_load("\n".join(found.paste)) == {"compare": {"select": "held"}}


@pytest.mark.parametrize(
    "plan",
    [
        resolved([["a", "m"]], {"m": MATCH}, {"select": "held"}),
        resolved([["a", "m"]], {"m": MATCH}, {"at": "best"}),
        resolved([["a", "b"]], {"m": MATCH}),
        resolved([["m", "n"]], {"m": MATCH, "n": MATCH}),
        resolved([["a", "b"]], {}),
    ],
)
def test_nothing_is_told_where_the_match_is_fair_or_not_asked(plan: Resolved) -> None:
    assert forewarnings(plan) == []


def test_missing_controls_are_lines_to_paste() -> None:
    (found,) = forewarnings(resolved([["a", "b"]], {"a": {"uncontrolled": WANTING}}))
    assert yaml.safe_load("\n".join(found.paste)) == {
        "stages": {"mix": {"kind": "x"}},
        "arms": {"a-sham": ["school"], "s": ["mix", "school"]},
        "compare": {"pairs": [["a", "a-sham"], ["a", "s"]]},
    }
    assert found.text.startswith(found.what) and "to pairs [a, a-sham], [a, s]" in found.text
    assert str(found).startswith("warning: a lacks control pairs for look: sham, shuffle; add\n  stages:\n")


def test_a_long_sentence_stands_on_a_line_for_each_part() -> None:
    assert str(Forewarning("x", f"{'a' * 90}; {'b' * 30}")) == f"warning: {'a' * 90};\n  {'b' * 30}"


STACK: dict[str, Any] = {"id": "FrameStackObservation", "stack_size": 2}


@pytest.mark.parametrize(
    ("env", "lived", "measured", "told"),
    [
        ("CartPole-v1", [STACK], [], "in no wrapper and stage play in FrameStackObservation: learners are measured"),
        ("CartPole-v1", [], [STACK], "in FrameStackObservation and stage play in no wrapper: learners"),
        ("CartPole-v1", [STACK], [{**STACK, "stack_size": 3}], "learners are measured by what they have not met"),
        ("CartPole-v1", [STACK], [STACK], ""),
        ("Acrobot-v1", [STACK], [], ""),
    ],
)
def test_a_probe_that_is_wrapped_otherwise_than_its_stage_is_told(
    env: str, lived: list[Any], measured: list[Any], told: str
) -> None:
    play = {"kind": "trial.ppo", "name": "play", "visit": 0, "index": 0}
    arm = {"path": ["play"], "stages": [{**play, "keys": {"env": "CartPole-v1", "wrappers": lived}}]}
    plan = resolved([["a", "b"]], {"a": arm}).content()
    plan["probes"]["skill"] = {"kind": "return", "env": env, "wrappers": measured}
    found = [one.what for one in forewarnings(Resolved.of(plan))]
    assert [what.startswith("probe skill sees CartPole-v1 ") and told in what for what in found] == [True] * bool(told)


@pytest.mark.parametrize(
    ("kind", "scaling", "told"),
    [
        ("trial.sac", {}, "affine and stage play with squash: .*; give the probe 'action_scaling: squash'"),
        ("trial.sac", {"action_scaling": "squash"}, ""),
        ("trial.ppo", {}, ""),
        ("trial.ppo", {"action_scaling": "none"}, "with action_scaling: none and stage play with affine"),
    ],
)
def test_a_probe_that_acts_on_another_scale_than_its_stage_is_told(
    kind: str, scaling: dict[str, str], told: str
) -> None:
    play = {"kind": kind, "name": "play", "visit": 0, "index": 0, "keys": {"env": "Pendulum-v1"}}
    plan = resolved([["a", "b"]], {"a": {"path": ["play"], "stages": [play]}}).content()
    plan["probes"]["skill"] = {"kind": "return", "env": "Pendulum-v1", **scaling}
    found = [one.what for one in forewarnings(Resolved.of(plan))]
    assert [bool(re.search(told, what)) for what in found] == [True] * bool(told)


@pytest.mark.parametrize(
    ("accept", "said"),
    [
        (0.99, "accepts that 99 % fail: where 14 of 16 did or fewer, no verdict says"),
        (0.2, "accepts that 20 % fail: where none of 16 did or fewer"),
        (0.1, "accepts that 0.1 of learners fail, and 16 learners can't exclude less than 0.171 even if none"),
        (None, ""),
    ],
)
def test_a_failure_rate_that_empties_words_or_changes_nothing_is_told(accept: float | None, said: str) -> None:
    found = forewarnings(resolved([["a", "b"]], {}, {"fails": {"accept": accept}}))
    assert [said in one.text for one in found] == [True] * (accept is not None)


LONE = """
devlearn: 1
scenario: lone
seeds: 4
brain: {{kind: mlp, width: [16]}}
stages:
  waves: {{kind: innate.waves, updates: 10{waves}}}
  play: {{kind: trial.ppo, env: {env}, env_steps: 1024}}
  school: {{kind: supervise, data: {data}.train, labels: 100, updates: 10}}
arms:
  born: [waves, play{school}]
probes:
  fields: {{kind: fields{fields}}}
"""
USUAL = {"waves": "", "env": "CartPole-v1", "data": "digits", "school": ", school", "fields": ""}
MINE = ", sense: digits"


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, ["stage waves"]),
        ({"waves": MINE}, ["probe fields"]),
        ({"fields": MINE}, ["stage waves"]),
        ({"waves": MINE, "fields": MINE}, []),
        ({"data": "mnist"}, []),
        ({"data": "mnist", "waves": MINE}, ["stage waves"]),
        ({"env": "devlearn/DigitReach-v0"}, []),  # which shows digits of mnist
        ({"school": ""}, []),  # no image is seen: the newborn is what is looked at
    ],
)
def test_a_sense_that_nothing_else_has_is_told_with_the_key_that_mends_it(
    changed: dict[str, str], told: list[str], tmp_path: Path
) -> None:
    file, keys = tmp_path / "lone.yaml", USUAL | changed
    file.write_text(LONE.format(**keys), encoding="utf-8")
    found = [one.text for one in forewarnings(sketch(pipeline.load(str(file)).scenario), False)]
    lone = [text for text in found if " is for images of " in text]
    assert [text.split(" is for ")[0] for text in lone] == told
    assert all(f"give it 'sense: {keys['data']}'" in text for text in lone)
