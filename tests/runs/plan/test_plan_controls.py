"""Which controls a scenario lacks, what it should add, and that adding just that ends the matter."""

from typing import Any

import pytest
import yaml

from devlearn.evidence import missing_controls, undecidable
from devlearn.runs.plan import plan, resolved
from devlearn.runs.plan.missing_controls import uncontrolled
from devlearn.scenario import parse

BASE: dict[str, Any] = {
    "devlearn": 1,
    "scenario": "x",
    "brain": {"kind": "mlp", "width": [8]},
    "stages": {
        "waves": {"kind": "innate.waves", "updates": 3},
        "look": {"kind": "pretrain.denoise", "updates": 3},
        "mix": {"kind": "innate.shuffle"},
        "fresh": {"kind": "innate.fresh_head"},
        "school": {"kind": "supervise", "labels": 20, "updates": 3},
    },
    "probes": {"digits": {"kind": "accuracy", "data": "mnist.test"}},
}
ALL = {
    "shuffled": ["waves", "mix", "school"],
    "sham": [{"use": "waves", "set": {"sham": "noise"}}, "school"],
    "compute": {"stages": ["school"], "match": {"arm": "born", "by": "flops"}},
}


def text(arms: dict[str, Any], pairs: list[list[str]], **stages: Any) -> str:
    compare = {"probe": "digits", "smallest_effect": 0.01, "pairs": pairs}
    whole = {**BASE, "stages": {**BASE["stages"], **stages}, "arms": {"plain": ["school"], **arms}, "compare": compare}
    return yaml.safe_dump(whole, sort_keys=False)


def lacks(arms: dict[str, Any], pairs: list[list[str]] | None = None, **stages: Any) -> dict[str, list[str]]:
    """By arm, the controls it lacks, where each arm but plain is compared with plain or as ``pairs`` say."""
    pairs = pairs if pairs is not None else [["born", "plain"], *(["born", name] for name in arms if name != "born")]
    found = uncontrolled(parse(text(arms, pairs, **stages), "f"))
    return {name: [entry["control"] for entry in entries] for name, entries in found.items()}


def test_a_prior_alone_lacks_all_and_with_its_controls_none() -> None:
    assert lacks({"born": ["waves", "school"]}) == {"born": ["shuffle", "sham", "compute"]}
    assert lacks({"born": ["waves", "school"], **ALL}) == {}


@pytest.mark.parametrize("gone", ALL)
def test_each_control_is_missed(gone: str) -> None:
    arms = {"born": ["waves", "school"], **{name: arm for name, arm in ALL.items() if name != gone}}
    assert lacks(arms) == {"born": [{"shuffled": "shuffle"}.get(gone, gone)]}


def test_an_arm_without_a_pair_is_no_control_and_the_mend_is_the_pair() -> None:
    pairs = [["born", "plain"], ["born", "sham"], ["compute", "born"]]
    found = uncontrolled(parse(text({"born": ["waves", "school"], **ALL}, pairs), "f"))
    assert found == {"born": [{"control": "shuffle", "stages": ["waves"], "pair": "[born, shuffled]"}]}


@pytest.mark.parametrize(
    ("name", "arm"),
    [
        ("shuffled", ["mix", "waves", "school"]),  # before the prior
        ("shuffled", ["waves", "mix", {"use": "school", "set": {"updates": 4}}]),  # another school
        ("sham", [{"use": "waves", "set": {"sham": "noise", "updates": 2}}, "school"]),  # shorter
        ("compute", {"stages": ["school"], "match": {"arm": "plain", "by": "updates"}}),  # matched to another
        ("compute", {"stages": ["waves", "school"], "match": {"arm": "born", "by": "flops"}}),  # holds the prior
    ],
)
def test_what_is_no_control(name: str, arm: Any) -> None:
    control = {"shuffled": "shuffle"}.get(name, name)
    assert control in lacks({"born": ["waves", "school"], **ALL, name: arm})["born"]


def test_two_priors_are_named_together_and_shammed_together() -> None:
    arms = {"born": ["waves", "look", "school"], "shuffled": ["waves", "look", "mix", "school"]}
    found = uncontrolled(parse(text(arms, [["born", "plain"], ["born", "shuffled"]]), "f"))["born"]
    assert [(entry["control"], entry["stages"]) for entry in found] == [
        ("sham", ["waves", "look"]),
        ("compute", ["waves", "look"]),
    ]
    assert yaml.safe_load("{" + found[0]["arm"] + "}") == {
        "born-sham": [{"use": "waves", "set": {"sham": "phase"}}, {"use": "look", "set": {"sham": True}}, "school"]
    }
    assert yaml.safe_load("{" + found[1]["arm"] + "}") == {
        "born-compute": {"stages": ["school"], "match": {"arm": "born", "by": "flops"}}
    }


def test_what_both_arms_hold_needs_no_control() -> None:
    assert lacks({"born": ["waves", "look", "school"], "less": ["waves", "school"]}, [["born", "less"]]) == {
        "born": ["shuffle", "sham", "compute"]
    }
    found = uncontrolled(
        parse(text({"born": ["waves", "look", "school"], "less": ["waves", "school"]}, [["born", "less"]]), "f")
    )
    assert {stage for entry in found["born"] for stage in entry["stages"]} == {"look"}
    assert lacks({"born": ["waves", {"use": "school", "as": "other"}]}, []) == {}


SWIM: dict[str, Any] = {
    "stroke": {"kind": "innate.evolve_reflex", "env": "Pendulum-v1", "updates": 2, "population": 4, "limit": 30},
    "play": {"kind": "trial.ppo", "env": "Pendulum-v1", "env_steps": 256, "num_envs": 2, "rollout": 32},
}
BORN = {"plain": ["play"], "born": ["stroke", "play"]}
SHAM = {"sham": [{"use": "stroke", "set": {"sham": "phases"}}, "play"]}


@pytest.mark.parametrize(
    ("more", "wanting"),
    [
        ({}, ["sham", "experience"]),
        (SHAM, ["experience"]),
        ({**SHAM, "lived": {"stages": ["play"], "match": {"arm": "born", "by": "env_steps"}}}, []),
        ({**SHAM, "lived": {"stages": ["play"], "match": {"arm": "born", "by": "flops"}}}, ["experience"]),
        ({**SHAM, "lived": {"stages": ["play"], "match": {"arm": "plain", "by": "env_steps"}}}, ["experience"]),
    ],
)
def test_a_reflex_that_was_evolved_is_to_be_matched_by_env_steps(more: dict[str, Any], wanting: list[str]) -> None:
    found = lacks({**BORN, **more}, [["born", name] for name in ("plain", *more)], **SWIM)
    assert found == ({"born": wanting} if wanting else {})
    if not more:
        mends = uncontrolled(parse(text(BORN, [["born", "plain"]], **SWIM), "f"))["born"]
        lived = {"stages": ["play"], "match": {"arm": "born", "by": "env_steps"}}
        assert yaml.safe_load("{" + mends[1]["arm"] + "}") == {"born-experience": lived}


def test_a_prior_that_is_the_whole_life_makes_no_claim() -> None:
    assert lacks({"born": ["waves"]}) == {}


def test_a_fresh_read_out_makes_no_control_of_an_arm() -> None:
    assert lacks({"born": ["waves", "fresh", "school"]}) == {"born": ["shuffle", "sham", "compute"]}


def test_doing_what_the_warnings_say_ends_them() -> None:
    arms: dict[str, Any] = {"born": ["waves", {"use": "look", "set": {"lr": 0.01}}, "school"]}
    pairs, stages = [["born", "plain"]], {key: BASE["stages"][key] for key in ("waves", "look", "school")}
    whole = {**BASE, "stages": stages, "arms": {"plain": ["school"], **arms}}
    whole["compare"] = {"probe": "digits", "smallest_effect": 0.01, "pairs": pairs}
    for entry in uncontrolled(parse(yaml.safe_dump(whole, sort_keys=False), "f"))["born"]:
        stages |= yaml.safe_load("{" + entry.get("stage", "") + "}")
        whole["arms"] |= yaml.safe_load("{" + entry["arm"] + "}")
        pairs.append(yaml.safe_load(entry["pair"]))
    assert len(pairs) == 4
    again = plan(parse(yaml.safe_dump(whole, sort_keys=False), "f"))
    assert missing_controls(resolved(again)) == []


def test_the_words_are_one_line_an_arm_and_no_part_of_the_digest() -> None:
    arms = {"born": ["waves", "school"]}
    found = resolved(plan(parse(text(arms, [["born", "plain"]]), "f")))
    (line,) = missing_controls(found)
    assert line.startswith(
        "born lacks control pairs for waves: shuffle, sham, compute; add to arms born-shuffle: [waves, mix, school], "
    )
    assert line.endswith("; to pairs [born, born-shuffle], [born, born-sham], [born, born-compute]")
    arms_as_written = found.content()["points"][0]["arms"]
    assert "uncontrolled" in arms_as_written["born"] and "uncontrolled" not in arms_as_written["plain"]


@pytest.mark.parametrize(
    ("keys", "given"),
    [({"labels": "all"}, True), ({"labels": "all", "data": "mnist.valid"}, False), ({"labels": 40}, False)],
)
def test_whoever_reads_all_labels_of_the_split_is_the_control_of_bought_ones(keys: dict[str, Any], given: bool) -> None:
    genome = {"kind": "innate.genome", "data": "mnist.train", "labels": 30, "updates": 3}
    told = {"kind": "supervise", "updates": 3, "data": "mnist.train", **keys}
    arms = {"born": ["genome", "told"], "untold": ["told"]}
    assert ("data" not in lacks(arms, [["born", "untold"]], genome=genome, told=told)["born"]) == given


GENOME = {"kind": "innate.genome", "data": "mnist.train", "labels": 30, "updates": 3}


@pytest.mark.parametrize(
    ("by", "labels", "missing"),
    [
        ("flops", 20, {"compute", "data"}),
        ("labels", 20, {"compute"}),
        (["labels", "flops"], 20, set()),
        (["labels", "updates"], 20, {"compute"}),
        ("flops", "all", set()),
    ],
)
def test_what_was_bought_with_labels_needs_a_rival_with_both(by: Any, labels: Any, missing: set[str]) -> None:
    school = {"kind": "supervise", "data": "mnist.train", "labels": labels, "updates": 3}
    rival = {"stages": ["school"], "match": {"arm": "born", "by": by}}
    found = lacks({"born": ["genome", "school"], "rival": rival}, [["born", "rival"]], genome=GENOME, school=school)
    assert set(found.get("born", ())) & {"compute", "data"} == missing


def test_one_arm_is_asked_for_where_labels_and_compute_are_missing() -> None:
    arms = {"born": ["waves", "genome", "school"]}
    found = resolved(plan(parse(text(arms, [["born", "plain"]], genome=GENOME), "f")))
    wanting = {entry.control: entry for entry in found.points[0].arms["born"].uncontrolled}
    both = "born-both: {stages: [school], match: {arm: born, by: [labels, flops]}}"
    assert wanting["compute"].arm == wanting["data"].arm == both
    assert (wanting["compute"].stages, wanting["data"].stages) == (("waves", "genome"), ("genome",))
    (line,) = missing_controls(found)
    assert line.count(both) == line.count("[born, born-both]") == 1
    again = {**arms, **yaml.safe_load("{" + both + "}")}
    assert not {"compute", "data"} & set(
        lacks(again, [["born", "plain"], ["born", "born-both"]], genome=GENOME)["born"]
    )


def test_a_plan_that_can_decide_nothing_is_warned_of_and_the_mend_suffices() -> None:
    """2 / 2^5 = 0.0625 with five seeds; six reach 0.03125, which two pairs double: seven are needed."""

    def said(seeds: int, pairs: list[list[str]]) -> list[str]:
        given = text({"born": ["waves", "school"], **ALL}, pairs)
        return undecidable(resolved(plan(parse(given, "f", [f"seeds={seeds}"]))))

    pairs = [["born", "plain"], ["born", "shuffled"]]
    assert said(6, pairs[:1]) == [] and said(7, pairs) == []
    (warning,) = said(6, pairs)
    assert warning == (
        "with 6 seeds and 2 comparisons no difference can reach significance: "
        "the smallest p that can occur, adjusted, is 0.062; 7 seeds can"
    )
    assert said(6, []) == []


CURIOUS: dict[str, Any] = {
    "kind": "trial.ppo",
    "env": "devlearn/KeyCorridor-v0",
    "env_steps": 64,
    "intrinsic": {"kind": "icm", "weight": 0.5},
}


def test_curiosity_asks_for_its_bonuses_in_random_order_and_its_absence_for_nothing() -> None:
    arms = {"blind": [{"use": "play", "set": {"intrinsic": None}}], "curious": ["play"]}
    pairs = [["curious", "blind"]]
    found = uncontrolled(parse(text(arms, pairs, play=CURIOUS), "f"))
    sham = "[{use: play, set: {intrinsic: {kind: icm, weight: 0.5, sham: order}}}]"
    expected = {
        "control": "sham",
        "stages": ["play"],
        "pair": "[curious, curious-sham]",
        "arm": f"curious-sham: {sham}",
    }
    assert found == {"curious": [expected]}
    arms |= yaml.safe_load(f"{{{expected['arm']}}}")
    assert lacks(arms, [*pairs, ["curious", "curious-sham"]], play=CURIOUS) == {}
    arms["curious-sham"] = [{"use": "play", "set": {"intrinsic": {"kind": "rnd", "weight": 0.5, "sham": "order"}}}]
    assert lacks(arms, [*pairs, ["curious", "curious-sham"]], play=CURIOUS) == {"curious": ["sham"]}


TAUGHT: dict[str, Any] = {
    "kind": "trial.ppo",
    "env": "devlearn/KeyCorridor-v0",
    "env_steps": 64,
    "lessons": [{"door": 5}, {"door": 17}],
    "teacher": {"kind": "mastery", "level": 0.5},
}
UNTAUGHT = [{"use": "play", "set": {"lessons": None, "teacher": None}}]


def taught_by(kind: str, **keys: Any) -> list[dict[str, Any]]:
    return [{"use": "play", "set": {"teacher": {"kind": kind}, **keys}}]


def test_an_order_of_lessons_asks_for_them_in_no_order() -> None:
    arms = {"none": UNTAUGHT, "taught": ["play"]}
    pairs = [["taught", "none"]]
    found = uncontrolled(parse(text(arms, pairs, play=TAUGHT), "f"))
    growing = "taught-order: [{use: play, set: {teacher: {kind: growing}}}]"
    assert found == {
        "taught": [{"control": "order", "stages": ["play"], "pair": "[taught, taught-order]", "arm": growing}]
    }
    pairs = [*pairs, ["taught", "other"]]
    assert (
        lacks({**arms, **yaml.safe_load(f"{{{growing}}}")}, [*pairs[:1], ["taught", "taught-order"]], play=TAUGHT) == {}
    )
    assert lacks({**arms, "other": taught_by("random")}, pairs, play=TAUGHT) == {}
    assert lacks({**arms, "other": taught_by("reversed")}, pairs, play=TAUGHT) == {
        "taught": ["order"],
        "other": ["order"],
    }
    fewer = taught_by("growing", lessons=[{"door": 6}, {"door": 17}])
    assert lacks({**arms, "other": fewer}, pairs, play=TAUGHT) == {"taught": ["order"]}


def test_lessons_in_no_order_ask_for_nothing_and_those_in_ranges_for_any() -> None:
    arms = {"none": UNTAUGHT, "taught": taught_by("random")}
    assert lacks(arms, [["taught", "none"]], play=TAUGHT) == {}
    ranges = {**TAUGHT, "lessons": {"door": {"low": 5, "high": 17, "whole": True}}, "teacher": {"kind": "progress"}}
    found = uncontrolled(parse(text({"none": UNTAUGHT, "taught": ["play"]}, [["taught", "none"]], play=ranges), "f"))
    assert found["taught"][0]["arm"] == "taught-order: [{use: play, set: {teacher: {kind: random}}}]"


COPY: dict[str, Any] = {"env": "CartPole-v1", "env_steps": 5000, "of": {"arm": "expert", "stage": "play"}}
EXPERT = {"kind": "trial.ppo", "env": "CartPole-v1", "env_steps": 64}


@pytest.mark.parametrize("kind", ["clone", "dagger", "observe"])
def test_imitation_asks_for_the_same_demonstrations_with_their_actions_in_random_order(kind: str) -> None:
    """Also where it is all of a life, and whoever shows has learned in another arm; who shows asks for nothing."""
    stages = {
        "copy": {"kind": f"imitate.{kind}", **COPY, **({"rollout": 8} if kind == "observe" else {})},
        "play": EXPERT,
    }
    arms: dict[str, Any] = {"expert": ["play"], "alone": [{"use": "play", "as": "other"}], "copied": ["copy"]}
    pairs = [["copied", "alone"], ["copied", "expert"]]
    (entry,) = uncontrolled(parse(text(arms, pairs, **stages), "f"))["copied"]
    assert entry == {
        "control": "sham",
        "stages": ["copy"],
        "pair": "[copied, copied-sham]",
        "arm": "copied-sham: [{use: copy, set: {sham: actions}}]",
    }
    arms |= yaml.safe_load(f"{{{entry['arm']}}}")
    assert lacks(arms, [*pairs, ["copied", "copied-sham"]], **stages) == {}
    arms["copied-sham"] = [{"use": "copy", "set": {"sham": "actions", "lr": 0.5}}]
    assert lacks(arms, [*pairs, ["copied", "copied-sham"]], **stages) == {"copied": ["sham"]}
