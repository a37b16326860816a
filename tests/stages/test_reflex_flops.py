"""FLOPs of reflexes: what the formula says is what is computed, and the ledger has it where a learner was born so."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch.utils.flop_counter import FlopCounterMode

from devlearn.learners.brains import brain_builder
from devlearn.learners.brains.needs import OSCILLATOR, Slot, born_with
from devlearn.runs.engine import live
from devlearn.runs.pipeline import load, plan
from devlearn.stages.stage import Stage
from devlearn.tasks.envs.reflex import begun, flops_of, output_of
from tests.laws.rows import context_for
from tests.runs.engine.jobs import rows, write_job
from tests.stages.test_reflex import BRAINS, born, play, reflex
from tests.stages.test_reflex_off_policy import soft

Array = np.ndarray[Any, Any]
WHERE = np.where
UNCOUNTED = ("less", "greater", "equal", "not_equal", "floor")
LEARNERS, COPIES = 1, 4000  # so many copies that what is computed once a learner rounds away


class Counted(np.ndarray[Any, Any]):
    """An array whose arithmetic is counted: one for each number of a result, or of what is summed."""

    total = 0

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **keys: Any) -> Any:
        plain = [np.asarray(x) if isinstance(x, Counted) else x for x in inputs]
        result = getattr(ufunc, method)(*plain, **{key: value for key, value in keys.items() if key != "out"})
        if ufunc.__name__ not in UNCOUNTED:
            first = result[0] if isinstance(result, tuple) else result
            Counted.total += plain[0].size if method == "reduce" else np.size(first)
        if isinstance(result, tuple):
            return tuple(np.asarray(part).view(Counted) for part in result)
        return np.asarray(result).view(Counted)


def where(condition: Any, *values: Any) -> Counted:
    return WHERE(np.asarray(condition), *(np.asarray(value) for value in values)).view(Counted)


@pytest.mark.parametrize("outputs", [1, 3, 6])
@pytest.mark.parametrize("angles", [False, True])
def test_an_oscillators_formula_is_what_it_computes(
    monkeypatch: pytest.MonkeyPatch, outputs: int, angles: bool
) -> None:
    """Strength, gain and the sum over reflexes, 3 for each output, are outside of it."""
    places = tuple(range(outputs)) if angles else ()
    slot = Slot("e", outputs, OSCILLATOR, angles=places, velocities=places)
    draw = np.random.default_rng(0).random
    own = {name: draw((LEARNERS, *shape)).view(Counted) for name, (shape, _) in slot.buffers.items()}
    state = begun(slot, LEARNERS, COPIES)
    state |= {name: state[name].view(Counted) for name in ("theta", "radius")}
    monkeypatch.setattr(np, "where", where)
    Counted.total = 0
    output_of(slot, own, state, draw((LEARNERS, COPIES, 6)).view(Counted))
    assert round(Counted.total / COPIES) == flops_of(slot) - 3 * outputs + 1, "and a step is counted"


def counted(stage: Stage, gate: str, **keys: Any) -> tuple[int, int]:
    """FLOPs that torch computes in a yield of a newborn with a reflex, and those that are declared."""
    before = reflex(gate=gate, **keys)
    cohort = born(before, stage, seeds=(3,), mapper="loop")
    context = context_for((3,))
    state = stage.begin(cohort, context)
    segment = stage.segment(cohort, state, context)
    next(segment)
    with FlopCounterMode(display=False) as counter:
        next(segment)
    segment.close()  # type: ignore[attr-defined]
    brain = brain_builder(BRAINS["mlp"], before.needs() | stage.needs())()
    with born_with(brain, before.reflexes()):
        declared = stage.cost(brain).flops
    return int(counter.get_total_flops()), declared


@pytest.mark.parametrize("gate", ["fixed", "learned"])
@pytest.mark.parametrize("stage", [play(), soft(rollout=7)], ids=["trial.ppo", "trial.sac"])
def test_what_a_yield_declares_is_what_it_does_and_what_the_oscillators_do(stage: Any, gate: str) -> None:
    keys = {"controller": OSCILLATOR}
    said = flops_of(reflex(**keys).slots()[1])  # type: ignore[attr-defined]
    (done, declared), (without, plain) = counted(stage, gate, **keys), counted(stage, "fixed", sham="absent", **keys)
    steps = stage.num_envs * stage.rollout * (2 if stage.kind == "trial.sac" else 1)
    assert declared - plain - said * steps == done - without
    assert (done > without) == (gate == "learned")


def test_scripts_are_not_counted_and_what_a_sham_records_is() -> None:
    brain = brain_builder(BRAINS["mlp"], reflex().needs())()
    assert flops_of(reflex().slots()[1]) == 3  # type: ignore[attr-defined]
    for controller, sham, flops in ((OSCILLATOR, "posture", 80 * (3 + 4 + 15 + 7 + 7)), (OSCILLATOR, "none", 0)):
        stage = reflex(controller=controller, sham=sham, sham_steps=40, num_envs=2)
        assert stage.cost(brain).flops == flops


WAVY = {"kind": "mlp", "width": [8], "activation": "tanh"}
TEXT = """
devlearn: 1
scenario: paid
seeds: 2
brain: {kind: mlp, width: [8], activation: tanh}
stages:
  wave: {kind: innate.reflex, env: Pendulum-v1, gate: learned}
  play: {kind: trial.ppo, env: Pendulum-v1, env_steps: 128, num_envs: 2, rollout: 32}
arms:
  plain:  [play]
  born:   [wave, play]
  absent: [{use: wave, set: {sham: absent}}, play]
  twice:  [wave, play, play]
"""


def test_the_plan_counts_reflexes_of_those_who_were_born_with_one(tmp_path: Path) -> None:
    path = tmp_path / "paid.yaml"
    path.write_text(TEXT)
    arms = {arm.name: [lived.ledger.flops for lived in arm.stages] for arm in plan(load(path)).own.points[0].arms}
    assert arms["absent"] == [0, *arms["plain"]]
    extra = arms["born"][1] - arms["plain"][0]
    # acting 128 steps: 30 of the oscillator, and the gate's read-out; learning each of them in four epochs, thrice
    assert extra == 128 * (3 + 4 + 15 + 7 + 7 + 2 * 8) + 4 * 128 * 3 * 2 * 8
    assert arms["twice"] == [0, arms["born"][1], arms["born"][1]]


@pytest.mark.parametrize("sham", ["none", "absent"])
def test_the_ledger_of_a_job_is_that_of_the_plan(tmp_path: Path, sham: str) -> None:
    wave = {"kind": "innate.reflex", "env": "Pendulum-v1", "gate": "learned", "sham": sham}
    trial = {"kind": "trial.ppo", "env": "Pendulum-v1", "env_steps": 128, "num_envs": 2, "rollout": 32}
    folder = write_job(tmp_path, "life", {"wave": wave, "play": trial}, {}, (0, 1), brain=WAVY)
    live(folder)
    path = tmp_path / "paid.yaml"
    path.write_text(TEXT)
    arms = {arm.name: sum(lived.ledger.flops for lived in arm.stages) for arm in plan(load(path)).own.points[0].arms}
    spent = {int(row["flops"]) for row in rows(folder, "01-play.0/train.csv") if row["env_steps"] == "128"}
    assert spent == {arms["born" if sham == "none" else "absent"]}
