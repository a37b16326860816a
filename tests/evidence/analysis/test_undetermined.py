"""Which pairs hang on an environment whose seed decides nothing: those that did not live it together."""

from devlearn.evidence.analysis.undetermined import hangs_on, undetermined
from devlearn.evidence.text.reasons import render_note
from devlearn.records.reader import ArmRecords, Undetermined


def arm(
    name: str, *lived: tuple[str, str], probes: tuple[tuple[str, str], ...] = (), cut: tuple[str, ...] = ()
) -> ArmRecords:
    """An arm that lived in such environments, each (branch, environment)."""
    found = frozenset(Undetermined(branch, 0, env) for branch, env in lived)
    return ArmRecords(
        name, (), {}, 0.0, (), undetermined=found, undetermined_probes=frozenset(probes), restarted=frozenset(cut)
    )


def test_arms_are_paired_where_they_lived_it_as_one_life() -> None:
    born, play, other = arm("born"), arm("play", ("play-1", "Dice-v0")), arm("other", ("play-2", "Dice-v0"))
    assert hangs_on(born, play, ["skill"]) == hangs_on(play, born, ["skill"]) == ("Dice-v0",)
    assert hangs_on(play, other, ["skill"]) == ("Dice-v0",)
    assert hangs_on(play, arm("more", ("play-1", "Dice-v0")), ["skill"]) == ()
    assert hangs_on(play, arm("both", ("play-1", "Dice-v0"), ("then", "Coin-v0")), ["skill"]) == ("Coin-v0",)


def test_a_probe_counts_where_it_is_the_one_compared() -> None:
    one, other = arm("a", probes=(("skill", "Dice-v0"),)), arm("b", probes=(("skill", "Dice-v0"),))
    assert hangs_on(one, other, ["skill"]) == ("Dice-v0",) and hangs_on(one, other, ["digits"]) == ()


def test_each_environment_is_told_once_and_who_was_cut() -> None:
    arms = {
        "a": arm("a", ("x", "Dice-v0"), cut=("Dice-v0",)),
        "b": arm("b", ("y", "Dice-v0"), probes=(("skill", "Coin-v0"),)),
    }
    told = [render_note(one) for one in undetermined(arms, ["skill"])]
    assert [text.partition(":")[0] for text in told] == [
        "the seed of Coin-v0 does not decide what it shows",
        "the seed of Dice-v0 does not decide what it shows",
        "a",
    ]
    assert (
        "unpaired (Welch)" in told[0]
        and told[2] == "a: the run was resumed, and episodes of Dice-v0 that it had cut began anew"
    )
    assert len(list(undetermined(arms, ["digits"]))) == 2
