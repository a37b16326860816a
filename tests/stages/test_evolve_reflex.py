"""Oscillators that evolve: what is known to be best is found, learners are born with it, shams do not have it."""

from typing import Any, ClassVar

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces

from devlearn.evidence.statistics.sign_flip import interval, sign_flip
from devlearn.learners.brains import brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.registry import get
from devlearn.stages.stage import Stage
from devlearn.tasks.envs.reflex import flops_of
from tests.laws.rows import live, measure

BRAIN = {"kind": "mlp", "width": [8], "activation": "tanh"}
SEEDS = tuple(range(8))
LENGTH, SECONDS = 40, 0.05
AMPLITUDE, OFFSET, PHASE, SPEED = (0.6, 0.3), (0.2, -0.3), (0.5, 1.6), 5.0


class Dance(gymnasium.Env[Any, Any]):
    """Two joints that have to follow two known sines, blindly: the reward is minus the squared distance to them."""

    observation_space: ClassVar = spaces.Box(-1, 1, (1,), np.float32)  # type: ignore[misc]
    action_space: ClassVar = spaces.Box(-1, 1, (2,), np.float32)  # type: ignore[misc]

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.step_number = 0
        return np.zeros(1, np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        theta = SPEED * SECONDS * self.step_number + np.array(PHASE)
        wanted = np.array(AMPLITUDE) * np.sin(theta) + np.array(OFFSET)
        self.step_number += 1
        reward = -float(((np.asarray(action, np.float64) - wanted) ** 2).sum())
        return np.zeros(1, np.float32), reward, False, self.step_number >= LENGTH, {}


gymnasium.register("tests/Dance-v0", entry_point=f"{__name__}:Dance")
ENV = {"env": "tests/Dance-v0"}
OSCILLATOR = {"seconds": SECONDS, "swing": 4.0, "stance": 4.0}


def evolved(seeds: tuple[int, ...] = SEEDS, generations: int = 60, **keys: Any) -> tuple[Cohort, list[Any], Stage]:
    stage: Stage = get("stages", "innate.evolve_reflex")(
        **{**ENV, "oscillator": OSCILLATOR, "population": 16, "limit": LENGTH, "sigma": 0.1, "lr": 0.1, **keys},
        updates=generations,
    )
    cohort = Cohort(brain_builder(BRAIN, stage.needs()), seeds)
    _, metrics = live(stage, cohort, generations)
    return cohort, metrics, stage


def returns(cohort: Cohort) -> torch.Tensor:
    return measure(get("probes", "return")(**ENV, episodes=2), cohort).values["return"]


def test_known_sines_are_found_and_a_newborn_moves_by_them() -> None:
    """The best return is 0; the coordination of the phases is worth a fifth of what standing still costs, at least."""
    cohort, metrics, _ = evolved()
    born, shuffled = returns(cohort), returns(evolved(sham="phases")[0])
    absent = returns(evolved(generations=1, sham="absent")[0])
    assert (absent == absent[0]).all()  # a silent actor stands still, and pays for it
    still = abs(float(absent[0]))
    assert (born > -0.2 * still).all()
    for control in (shuffled, absent):
        gain = (born - control).numpy()
        assert sign_flip(gain) < 0.05 and interval(gain)[0] > 0.2 * still
    assert float(metrics[-1]["return"].mean()) > float(metrics[0]["return"].mean())
    name = next(key for key in cohort.buffers if key.endswith(".amplitude")).removesuffix(".amplitude")
    torch.testing.assert_close(
        cohort.buffers[f"{name}.offset"].double().mean(0), torch.tensor(OFFSET, dtype=torch.float64), rtol=0, atol=0.1
    )


def test_all_bodies_move_to_the_limit_and_are_paid_for() -> None:
    cohort, metrics, stage = evolved(seeds=(0, 1), generations=2)
    cost = stage.cost(brain_builder(BRAIN, stage.needs())())
    assert (cost.updates, cost.env_steps, cost.flops) == (1, 16 * LENGTH, 16 * LENGTH * flops_of(stage.slot()))
    assert all((one["length"] == LENGTH).all() for one in metrics)
    assert cohort.updates == 2


def test_a_lineage_is_born_alike_and_lineages_differ() -> None:
    cohort, _, stage = evolved(seeds=(0, 1, 2, 3), generations=3, lineages=2)
    assert [stage.lineage(seed) for seed in (0, 2)] == ["innate.evolve_reflex: ancestor 0"] * 2
    name = next(key for key in cohort.buffers if key.endswith(".offset"))
    first, second, third, fourth = cohort.buffers[name]
    assert torch.equal(first, third) and torch.equal(second, fourth) and not torch.equal(first, second)
    alone, _, _ = evolved(seeds=(2,), generations=3, lineages=2)
    assert torch.equal(alone.buffers[name][0], first)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"oscillator\.amplitude has 3 entries, and the actor has 2 outputs"):
        evolved(generations=1, oscillator={"amplitude": [1, 1, 1]})


def test_symmetric_oscillators_keep_their_offsets_and_one_ratio_of_speeds() -> None:
    keys = {"offset": [0.1, -0.2], "swing": 6.0, "stance": 3.0}
    cohort, _, _ = evolved(seeds=(0, 1, 2), generations=3, symmetric=True, oscillator=keys)
    own = {name.rpartition(".")[2]: buffer for name, buffer in cohort.buffers.items()}
    torch.testing.assert_close(own["offset"], torch.tensor([[0.1, -0.2]]).expand(3, 2).to(own["offset"]))
    torch.testing.assert_close(own["speeds"][:, 0] / own["speeds"][:, 1], torch.full((3,), 2.0).to(own["speeds"]))
    assert len(set(own["speeds"][:, 0].tolist())) == 3 and (own["amplitude"] != 0.5).all()
