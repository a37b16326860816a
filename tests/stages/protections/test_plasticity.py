"""What keeps a network able to learn: exact where it is exact, and as often as it says."""

from typing import Any

import torch

from tests.laws.protected import guarded, live_protected, protected, protection_of
from tests.laws.rows import cohort_for, go_on

HIDDEN, LAST = "body.senses.image_28x28.layer", "body.trunk.0"


def test_shrinking_without_noise_multiplies_and_noise_has_its_size() -> None:
    stage = protected("school", protection_of("shrink_perturb", every=None, shrink=0.5, noise=0.0))
    cohort = cohort_for("school", (0, 1))
    kept = live_protected(cohort, [stage], 2)
    before = {name: weight.clone() for name, weight in cohort.parameters().items()}
    with guarded(cohort, stage, kept):
        for name, weight in cohort.parameters().items():
            assert torch.equal(weight, 0.5 * before[name])
    noisy = protected("school", protection_of("shrink_perturb", every=None, shrink=0.0, noise=0.3))
    with guarded(cohort, noisy, kept):
        drawn = torch.cat([weight.flatten(1) for weight in cohort.parameters().values()], 1)
    assert (drawn.std(1) - 0.3).abs().max() < 0.02
    assert not torch.equal(drawn[0], drawn[1])


def test_a_whole_reset_is_another_birth_and_of_heads_leaves_the_body() -> None:
    for pattern in ("*", "heads.*"):
        stage = protected("school", protection_of("reset", weights=pattern))
        cohort = cohort_for("school", (0, 1))
        kept = live_protected(cohort, [stage], 5)
        before = {name: weight.clone() for name, weight in cohort.parameters().items()}
        with guarded(cohort, stage, kept):
            for name, weight in cohort.parameters().items():
                assert torch.equal(weight, before[name]) == (pattern != "*" and not name.startswith("heads")), name


def test_freezing_leaves_the_body_and_lets_the_head_learn_from_the_second_stage_on() -> None:
    stage = protected("school", protection_of("freeze"))
    cohort = cohort_for("school", (0, 1))
    born = {name: weight.clone() for name, weight in cohort.parameters().items()}
    kept = live_protected(cohort, [stage], 3)
    first = {name: weight.clone() for name, weight in cohort.parameters().items()}
    live_protected(cohort, [stage], 3, kept)
    for name, weight in cohort.parameters().items():
        assert not torch.equal(first[name], born[name])
        assert torch.equal(weight, first[name]) == name.startswith("body")


def test_units_are_replaced_at_the_rate_that_is_asked_for_and_begin_without_a_say() -> None:
    own = protection_of("continual_backprop", rate=0.02, maturity=5)
    stage = protected("school", own, optimiser="sgd", lr=0.01)
    cohort, kept = cohort_for("school", (0, 1, 2)), {}
    replaced, updates = torch.zeros(3), 60
    with guarded(cohort, stage, kept) as state:
        for _ in range(updates):
            go_on(stage, cohort, state, 1)
            new = kept[f"age:{LAST}"] == 0
            replaced += new.sum(1)
            for row, unit in new.nonzero().tolist():
                assert not cohort.parameters()["heads.digits.layer.weight"][row, :, unit].any()
                assert kept[f"utility:{LAST}"][row, unit] == 0
    units = kept[f"age:{LAST}"].shape[1]
    expected = 0.02 * units * (updates - 5)  # a little less, as new units are spared for a while
    assert (replaced > 0.75 * expected - 1).all()
    assert (replaced <= expected + 1).all()


def test_the_least_useful_unit_goes_first() -> None:
    """A unit whose outgoing weights are zero has no use; it is the first that is drawn anew."""
    own = protection_of("continual_backprop", rate=0.02, maturity=3)
    stage = protected("school", own, optimiser="sgd", lr=1e-6)
    cohort, kept = cohort_for("school", [0]), {}
    outgoing: Any = cohort.parameters()["body.trunk.0.weight"]
    outgoing[:, :, 3] = 0.0
    first: list[int] = []
    with guarded(cohort, stage, kept) as state:
        while not first:
            go_on(stage, cohort, state, 1)
            first = (kept[f"age:{HIDDEN}"][0] == 0).nonzero()[:, 0].tolist()
    assert first == [3]
