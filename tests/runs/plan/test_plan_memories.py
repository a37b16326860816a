"""``match: by: bytes``: memories of one size, and what can't be matched so."""

import pytest

from devlearn.runs.plan import plan
from devlearn.runs.plan.model import ArmPlan
from devlearn.scenario import ScenarioError, parse

TEXT = """\
devlearn: 1
scenario: memories
seeds: 2
brain: {kind: mlp, width: [8]}
stages:
  a: {kind: supervise, data: digits.train, classes: [0, 1], updates: 8, batch: 4}
  b: {kind: supervise, data: digits.train, classes: [2, 3], updates: 8, batch: 4}
probes:
  skill: {kind: accuracy, data: digits.valid}
arms:
  ewc: [{use: a, set: {protect: {kind: ewc}}}, {use: b, set: {protect: {kind: ewc}}}]
  KIND: {stages: [{use: a, set: {protect: KEEP}}, {use: b, set: {protect: KEEP}}], match: {arm: ewc, by: BY}}
"""


def arms(keep: str, by: str = "bytes") -> dict[str, ArmPlan]:
    text = TEXT.replace("KIND", "own").replace("KEEP", keep).replace("BY", by)
    return {arm.name: arm for arm in plan(parse(text, "f.yaml")).points[0].arms}


@pytest.mark.parametrize("kind", ["replay", "derpp", "agem"])
def test_memories_are_as_large_as_another_arm_s(kind: str) -> None:
    found = arms(f"{{kind: {kind}, size: 7}}")
    goal, own = found["ewc"].ledger.kept_bytes, found["own"].ledger.kept_bytes
    slot = (64 + 4 + (4 * 10 if kind == "derpp" else 0)) / 2
    assert goal == 2 * 4 * (64 * 8 + 8 + 8 * 10 + 10)
    assert abs(goal - own) <= slot
    sizes = {lived.stage.protect.size for lived in found["own"].stages}
    assert len(sizes) == 1 and sizes != {7} and found["own"].ledger.kept_images in sizes


def test_bytes_and_then_flops_are_met() -> None:
    found = arms("{kind: replay, size: 7}", "[bytes, flops]")
    ewc, own = found["ewc"].ledger, found["own"].ledger
    last = found["own"].stages[-1].costs
    assert abs(ewc.kept_bytes - own.kept_bytes) <= 34
    assert abs(ewc.flops - own.flops) <= last.cost_of(1).flops / 2


@pytest.mark.parametrize(
    ("keep", "said"),
    [
        ("{kind: si}", "none of its stages has a protection with a size, as replay"),
        ("null", "none of its stages has a protection with a size, as replay"),
    ],
)
def test_what_can_t_be_matched_is_refused_with_the_mend(keep: str, said: str) -> None:
    with pytest.raises(ScenarioError) as error:
        arms(keep)
    assert "f.yaml:12:" in str(error.value) and "arm 'own' can't be matched to 'ewc' by bytes" in str(error.value)
    assert said in str(error.value)


def test_two_sizes_in_one_life_are_refused() -> None:
    text = TEXT.replace("KIND", "own").replace("KEEP", "{kind: replay, size: 7}", 1)
    text = text.replace("KEEP", "{kind: replay, size: 9}").replace(", match: {arm: ewc, by: BY}", "")
    with pytest.raises(ScenarioError) as error:
        plan(parse(text, "f.yaml"))
    assert "b: protect: replay keeps 9 here and 7 before; give them one size" in str(error.value)
