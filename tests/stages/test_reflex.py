"""Reflexes: the return at birth is the reflex's own, what is learned is a residual, and shams keep what they say."""

from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from devlearn_envs.reflexes import bipedal_walk
from gymnasium.error import DependencyNotInstalled
from pydantic import ValidationError

from devlearn.learners.brains import Needs, brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.learners.objectives import Factors, gaussian
from devlearn.registry import get
from devlearn.stages.context import Context
from devlearn.stages.stage import Stage
from devlearn.tasks.envs import EnvSpec, VectorEnv
from devlearn.tasks.envs.policy import policy_of
from devlearn.tasks.envs.reflex import Reflexes, slot_name
from tests.laws.rows import context_for, go_on, live, measure

Array = np.ndarray[Any, Any]
SEEDS = (3, 4, 8)
PENDULUM: dict[str, Any] = {"env": "Pendulum-v1", "env_kwargs": {"max_episode_steps": 30}}
CART: dict[str, Any] = {"env": "CartPole-v1"}
PLAY = {"env_steps": 10_000, "num_envs": 2, "rollout": 16}
HERE = "tests.stages.test_reflex"
BRAINS: dict[str, dict[str, Any]] = {
    "mlp": {"kind": "mlp", "width": [8, 6], "activation": "tanh"},
    "own": {"kind": "mlp", "width": [8], "critic": "own", "init": "orthogonal"},
    "memory": {"kind": "mlp", "width": [8], "memory": "gru"},
}


class Lacking(gymnasium.Env[Any, Any]):
    """Needs a package that is not there."""

    def __init__(self) -> None:
        raise DependencyNotInstalled("pip install a-package")


gymnasium.register("reflex/Lacking-v0", entry_point=Lacking)


def swing_up(observation: Array, memory: Array) -> tuple[Array, Array]:
    """Pushes a pendulum the way it goes, the harder the longer its episode lasts."""
    return np.tanh(observation[:, 2:3]) * (0.2 + 0.01 * memory), memory + 1


swing_up.memory = 1  # type: ignore[attr-defined]


def lean(observation: Array, memory: Array) -> tuple[Array, Array]:
    """Logits: pushes a cart where its pole falls."""
    falls = observation[:, 2:3] + observation[:, 3:4]
    return np.concatenate([-falls, falls], 1), memory


def wide(observation: Array, memory: Array) -> tuple[Array, Array]:
    return np.zeros((len(observation), 5)), memory


def reflex(**keys: Any) -> Stage:
    stage: Stage = get("stages", "innate.reflex")(**{**PENDULUM, "controller": f"{HERE}:swing_up", **keys})
    return stage


def play(**keys: Any) -> Stage:
    stage: Stage = get("stages", "trial.ppo")(**{**PENDULUM, **PLAY, **keys})
    return stage


def born(*stages: Stage, brain: str = "mlp", seeds: tuple[int, ...] = SEEDS, mapper: Any = None) -> Cohort:
    """Learners of a scenario with these stages, which have lived the first."""
    needs = Needs()
    for stage in stages:
        needs |= stage.needs()
    cohort = Cohort(brain_builder(BRAINS[brain], needs), seeds, mapper=mapper)
    live(stages[0], cohort, 1)
    return cohort


def returns(cohort: Cohort, **keys: Any) -> torch.Tensor:
    probe = get("probes", "return")(**{**PENDULUM, "episodes": 4, **keys})
    return measure(probe, cohort).values["return"]


def own_returns(env: dict[str, Any], act: Any, memory: int, greedy: bool = False) -> Array:
    """Returns (N,) of a script alone in the episodes of the probe."""
    context = Context(SEEDS, "probe", 0, torch.device("cpu"), planned=0, measuring=True)
    world = context.world(EnvSpec.of(env["env"], env.get("env_kwargs")), 4)
    total, running, kept = np.zeros((3, 4)), np.ones((3, 4), bool), np.zeros((12, memory))
    while running.any():
        rows, kept = act(world.observation.reshape(12, -1).astype(np.float64), kept)
        action = rows.astype(np.float32).reshape(3, 4, -1)
        step = world.step(action.argmax(-1) if greedy else action)
        total += np.where(running, step.reward, 0)
        running &= ~(step.terminated | step.truncated)
    world.close()
    mean: Array = total.mean(1)
    return mean


@pytest.mark.parametrize("brain", BRAINS)
@pytest.mark.parametrize("gate", ["fixed", "learned"])
def test_the_return_at_birth_is_the_reflexs_own(brain: str, gate: str) -> None:
    at_birth = returns(born(reflex(gate=gate), brain=brain))
    assert at_birth.tolist() == own_returns(PENDULUM, swing_up, 1).tolist()
    assert len(set(at_birth.tolist())) == 3


def test_choices_are_the_likeliest_by_the_reflexs_logits() -> None:
    cohort = born(reflex(env="CartPole-v1", env_kwargs={}, controller=f"{HERE}:lean"))
    at_birth = returns(cohort, env="CartPole-v1", env_kwargs={})
    assert at_birth.tolist() == own_returns(CART, lean, 0, greedy=True).tolist()
    assert (at_birth > 100).all()


def test_learners_without_a_reflex_act_as_if_there_were_none() -> None:
    plain = Cohort(brain_builder(BRAINS["mlp"], play().needs()), SEEDS)
    roomy = Cohort(brain_builder(BRAINS["mlp"], play().needs() | reflex().needs()), SEEDS)
    assert torch.equal(returns(plain), returns(roomy))
    metrics = [live(play(), cohort, 2)[1] for cohort in (plain, roomy)]
    for one, other in zip(*metrics, strict=True):
        for name in one:
            torch.testing.assert_close(one[name], other[name], rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("brain", ["mlp", "own", "memory"])
@pytest.mark.parametrize("gate", ["fixed", "learned"])
def test_before_the_first_update_the_ratio_is_one(brain: str, gate: str) -> None:
    """With one minibatch and one epoch, the policy that learns is the one that acted: approx_kl is zero."""
    stage = play(epochs=1, minibatches=1)
    cohort = born(reflex(gate=gate), stage, brain=brain)
    _, (first, second) = live(stage, cohort, 2)
    for metrics in (first, second):
        torch.testing.assert_close(metrics["approx_kl"], torch.zeros(3), rtol=0, atol=1e-5)
        assert (metrics["clip_fraction"] == 0).all()
    gates = [weight for name, weight in cohort.parameters().items() if "gate_" in name]
    assert bool(gates) == (gate == "learned")
    assert all((weight != 0).any() for weight in gates)


def test_the_residual_and_the_gate_move_the_mean() -> None:
    """By hand: mean = residual + gain * strength * (1 + gate) * reflex."""
    output, said, gate = torch.tensor([[0.5, -1.0]]), torch.tensor([[2.0]]), torch.tensor([[-0.25]])
    moved = Factors(numbers=1).moved(output, said, gate)
    torch.testing.assert_close(moved, torch.tensor([[2.0, -1.0]]))
    action = torch.tensor([[1.0]])
    by_hand = torch.distributions.Normal(2.0, float(np.exp(-1))).log_prob(torch.tensor(1.0))
    torch.testing.assert_close(gaussian(moved, action)[0], by_hand[None])
    torch.testing.assert_close(Factors((2,)).moved(torch.zeros(1, 2), torch.ones(1, 2)), torch.ones(1, 2))


@pytest.mark.parametrize("keys", [{}, {"gate": "learned"}, {"controller": "oscillator"}, {"sham": "phases"}])
def test_killed_and_resumed_is_uninterrupted(keys: dict[str, Any]) -> None:
    stage = play()
    ends = []
    for cuts in ([4], [1, 2, 1]):
        cohort = born(reflex(**keys), stage)
        state, metrics = stage.begin(cohort, context_for(SEEDS)), []
        for yields in cuts:
            metrics += go_on(stage, cohort, state, yields)
        ends.append((cohort.state(), metrics, state["reflexes"]))
    for name, tensor in ends[0][0].items():
        assert torch.equal(tensor, ends[1][0][name]), name
    for name, slot in ends[0][2].items():
        for leaf, array in slot.items():
            assert np.array_equal(array, ends[1][2][name][leaf]), leaf


def test_a_learner_is_the_same_in_any_company() -> None:
    stage = play()
    together, alone = born(reflex(), stage), born(reflex(), stage, seeds=(4,))
    for cohort in (together, alone):
        live(stage, cohort, 3)
    for name, tensor in alone.state().items():
        torch.testing.assert_close(together.state()[name][1], tensor[0], rtol=1e-4, atol=1e-5)


def test_a_trial_says_how_much_of_the_reflex_acts() -> None:
    with_reflex, stage = reflex(), play(reflex=0.0)
    cohort = born(with_reflex, stage)
    before = returns(cohort)
    live(stage, cohort, 1)
    gains = [buffer for name, buffer in cohort.buffers.items() if name.endswith(".gain")]
    assert [gain.tolist() for gain in gains] == [[[0.0]] * 3]
    live(play(reflex=1.0, lr=1e-12), cohort, 1)
    assert all((gain == 1).all() for gain in gains)
    assert not torch.equal(before, returns(cohort))


def test_a_trial_that_fades_a_reflex_needs_one() -> None:
    brain = brain_builder(BRAINS["mlp"], play().needs())()
    with pytest.raises(ValueError, match=r"add an innate\.reflex"):
        play(reflex=0.5).cost(brain)


def said(cohort: Cohort, steps: int, copies: int = 2) -> Array:
    """What reflexes say at one observation, step by step: (T, N, E, O)."""
    policy = policy_of(EnvSpec.of(PENDULUM["env"], PENDULUM["env_kwargs"]))[1]
    reflexes = Reflexes.of(cohort, policy, copies)
    seen = np.tile(np.array([1.0, 0.0, 0.5]), (cohort.n, copies, 1))
    return np.stack([reflexes.act(seen).numpy() for _ in range(steps)])


def test_oscillators_give_a_sine_and_hold_it_by_pd() -> None:
    keys = {"amplitude": 0.8, "offset": 0.1, "phase": 0.3, "swing": 3.0, "stance": 3.0, "seconds": 0.05}
    wanted = 0.8 * np.sin(0.3 + 3.0 * 0.05 * np.arange(40)) + 0.1
    free = said(born(reflex(controller="oscillator", oscillator=keys)), 40)
    np.testing.assert_allclose(free[:, 1, 0, 0], wanted, atol=1e-5)
    held = reflex(
        controller="oscillator",
        oscillator={**keys, "angles": [1], "velocities": [2], "stiffness": 2.0, "damping": 0.5},
        strength=0.5,
    )
    np.testing.assert_allclose(said(born(held), 40)[:, 2, 1, 0], 0.5 * (2 * (wanted - 0) - 0.5 * 0.5), atol=1e-5)


def test_phases_begin_anew_with_an_episode() -> None:
    cohort = born(reflex(controller="oscillator"))
    policy = policy_of(EnvSpec.of(PENDULUM["env"], PENDULUM["env_kwargs"]))[1]
    reflexes, seen = Reflexes.of(cohort, policy, 2), np.zeros((3, 2, 3))
    first = reflexes.act(seen)
    for _ in range(5):
        reflexes.act(seen)
    reflexes.end(np.array([[True, False]] * 3))
    after = reflexes.act(seen)
    assert torch.equal(after[:, 0], first[:, 0])
    assert (after[:, 1] != first[:, 1]).all()


def test_shuffled_phases_come_late_and_keep_the_movement() -> None:
    shuffled = born(reflex(sham="phases", lags=8))
    lags = next(buffer for name, buffer in shuffled.buffers.items() if name.endswith(".lag"))
    own, late = said(born(reflex()), 30), said(shuffled, 30)
    for n, lag in enumerate(lags[:, 0].tolist()):
        np.testing.assert_array_equal(late[lag:, n], own[: 30 - lag, n])
        assert (late[:lag, n] == own[0, n]).all()
    turned = born(reflex(controller="oscillator", sham="phases"))
    drawn = next(buffer for name, buffer in turned.buffers.items() if name.endswith(".phase"))
    assert len(set(drawn.flatten().tolist())) == 3
    np.testing.assert_allclose(said(turned, 1)[0, :, 0, 0], 0.5 * np.sin(drawn[:, 0].numpy()), atol=1e-5)


def test_noise_is_what_the_reflex_did_in_another_order_and_posture_its_mean() -> None:
    keys: dict[str, Any] = {"sham_steps": 40, "num_envs": 3}
    world = context_for(SEEDS).world(EnvSpec.of(PENDULUM["env"], PENDULUM["env_kwargs"]), 3)
    cohort = born(reflex())
    policy = policy_of(world.spec)[1]
    reflexes, done = Reflexes.of(cohort, policy, 3), []
    for _ in range(40):
        done.append(reflexes.act(world.observation).numpy())
        step = world.step(done[-1])
        reflexes.end(step.terminated | step.truncated)
    world.close()
    rows = np.stack(done, 1).reshape(3, -1)
    noise, posture = born(reflex(sham="noise", **keys)), born(reflex(sham="posture", **keys))
    tables = [next(b for name, b in c.buffers.items() if name.endswith(".table")) for c in (noise, posture)]
    np.testing.assert_allclose(np.sort(tables[0][..., 0].numpy()), np.sort(rows), atol=1e-6)
    assert not np.allclose(tables[0][..., 0].numpy(), rows)
    np.testing.assert_allclose(tables[1][:, 0, 0].numpy(), rows.mean(1), atol=1e-6)
    assert (said(posture, 5) == said(posture, 1)[0]).all()
    assert reflex(sham="noise", **keys).cost(brain_builder(BRAINS["mlp"], reflex().needs())()).env_steps == 120
    present = {name: buffer for name, buffer in noise.buffers.items() if name.endswith(".present")}
    assert sorted(buffer[0].item() for buffer in present.values()) == [0.0, 1.0]


def test_an_absent_reflex_leaves_a_silent_actor() -> None:
    cohort = born(reflex(sham="absent", deviation=0.5))
    policy = policy_of(EnvSpec.of(PENDULUM["env"], PENDULUM["env_kwargs"]))[1]
    assert not Reflexes.of(cohort, policy, 2)
    out = cohort(torch.randn(3, 5, 3), policy.sense, policy.actor)
    torch.testing.assert_close(out, torch.tensor([0.0, np.log(0.5)], dtype=out.dtype).expand_as(out))


def test_a_newborn_tries_as_much_as_is_asked_for() -> None:
    cohort = born(reflex(deviation=0.2))
    deviations = next(weight for name, weight in cohort.parameters().items() if name.endswith("log_std"))
    torch.testing.assert_close(deviations.exp(), torch.full_like(deviations, 0.2))


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ({"controller": "tests.stages.test_reflex:nothing"}, "no controller"),
        ({"controller": "nowhere"}, "write module:function"),
        ({"controller": "tests.stages.test_reflex:SEEDS"}, "is no function"),
        ({"controller": "oscillator", "oscillator": {"phase": [0, 1]}}, "has 2 entries, and the actor has 1 outputs"),
        ({"controller": "oscillator", "oscillator": {"angles": [7]}}, "outside of an observation of 3 numbers"),
        ({"controller": "oscillator", "oscillator": {"velocities": [2]}}, "give both"),
        ({"oscillator": {"swing": 1.0}}, "a script is asked for"),
        ({"controller": "oscillator", "env": "tests.stages.test_reflex:reflex/Lacking-v0"}, "pip install a-package"),
    ],
)
def test_what_can_not_be_a_reflex_is_refused_with_the_mend(keys: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        reflex(**keys)


def test_a_script_that_gives_another_shape_is_named() -> None:
    with pytest.raises(ValueError, match=r"controller .*wide gave actions of shape \(1, 5\).*takes \(1, 1\)"):
        reflex(controller=f"{HERE}:wide").needs()


def test_the_walking_reflex_does_what_gymnasiums_heuristic_does() -> None:
    walker = pytest.importorskip("gymnasium.envs.box2d.bipedal_walker")
    world = VectorEnv("BipedalWalker-v3", (0, 1), 2, ("t",))
    theirs = [walker.BipedalWalkerHeuristics() for _ in range(4)]
    memory, phases = np.zeros((4, 3)), set()
    for _ in range(300):
        seen = world.observation.reshape(4, 24)
        action, memory = bipedal_walk(seen.astype(np.float64), memory)
        np.testing.assert_allclose(
            action, [one.step_heuristic(row) for one, row in zip(theirs, seen, strict=True)], atol=1e-5
        )
        phases |= set(memory[:, 0].tolist())
        step = world.step(action.reshape(2, 2, 4).astype(np.float32))
        for place in np.flatnonzero(step.terminated | step.truncated):
            theirs[place], memory[place] = walker.BipedalWalkerHeuristics(), 0
    world.close()
    assert phases == {0, 1, 2}


def test_slots_of_different_reflexes_have_different_names() -> None:
    kinds = [
        reflex(),
        reflex(gate="learned"),
        reflex(sham="phases"),
        reflex(sham="noise"),
        reflex(controller="oscillator"),
    ]
    names = [slot_name(stage.slots()[1]) for stage in kinds]  # type: ignore[attr-defined]
    assert len(set(names)) == len(kinds)
