"""``trial.sac`` on top of a reflex: what it does, keeps and learns from; and stages that refuse learners with one."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from devlearn.learners.brains import Needs
from devlearn.learners.objectives import SoftPolicy
from devlearn.registry import get
from devlearn.runs.pipeline import load, plan
from devlearn.scenario import ScenarioError
from devlearn.stages.stage import Stage
from devlearn.tasks.envs.policy import policy_of, spread_of
from tests.laws.rows import context_for, go_on, live
from tests.stages.test_reflex import HERE, PENDULUM, SEEDS, born, reflex, returns, swing_up

SOFT: dict[str, Any] = {**PENDULUM, "env_steps": 10_000, "num_envs": 2, "rollout": 40, "batch": 8, "capacity": 120}


def soft(**keys: Any) -> Stage:
    stage: Stage = get("stages", "trial.sac")(**{**SOFT, "learning_starts": 0, **keys})
    return stage


def test_what_is_done_is_the_reflex_and_the_noise_of_a_newborn_and_the_replay_keeps_what_was_said() -> None:
    """Episodes of 30 steps, so that one is truncated within a rollout of 40: the reflex's memory goes on to its end."""
    stage = soft()
    cohort = born(reflex(deviation=0.3), stage)
    state, _ = live(stage, cohort, 1)
    kept = {name: entry[:, :40].double() for name, entry in state["replay"].items() if isinstance(entry, torch.Tensor)}
    factors = policy_of(stage.environments()[0])[1].factors
    noise = factors.noise(context_for(SEEDS).streams("rollout", counter=0), 40, 2)
    torch.testing.assert_close(kept["actions"], kept["reflex"] + 0.3 * noise, rtol=0, atol=1e-5)
    steps = np.arange(40)
    memory = np.where(steps < 30, steps, steps - 30)[:, None]
    for seen, said, behind in (("observations", "reflex", 0), ("next_observations", "next_reflex", 1)):
        for n in range(3):
            for e in range(2):
                told, _ = swing_up(kept[seen][n, :, e].numpy(), memory + behind)
                np.testing.assert_allclose(kept[said][n, :, e].numpy(), told, atol=1e-5)
    assert kept["ended"][:, 29].all() and kept["ended"].sum() == 6


def test_the_policys_loss_with_a_reflex_is_that_of_a_policy_whose_means_say_the_same() -> None:
    def brain(x: torch.Tensor, sense: str, heads: tuple[str, ...]) -> tuple[torch.Tensor, ...]:
        parts = {"actor": torch.cat([x, x], -1), "spread": 0.1 * x, "gate": x[:, :1]}
        return tuple(parts[head] for head in heads)

    x, noise, said = torch.randn(3, 5, 2).unbind(0)
    plain, gated = SoftPolicy("s", "actor", "spread"), SoftPolicy("s", "actor", "spread", "gate")
    numbers, log_p = plain.act(brain, x, noise)
    for policy, added in ((plain, said), (gated, (1 + x[:, :1]) * said)):
        moved, its = policy.act(brain, x, noise, said)
        torch.testing.assert_close(moved, numbers + added)
        slopes = [2 * (np.log(2) - u - torch.nn.functional.softplus(-2 * u)).sum(-1) for u in (moved, numbers)]
        torch.testing.assert_close(its + slopes[0], log_p + slopes[1])


@pytest.mark.parametrize("gate", ["fixed", "learned"])
def test_a_residual_is_learned_and_the_gate_with_it(gate: str) -> None:
    stage = soft(lr=1e-2, gradient_steps=2)
    cohort = born(reflex(gate=gate, action_scaling="squash"), stage)
    before = returns(cohort, action_scaling="squash")
    live(stage, cohort, 2)
    assert (returns(cohort, action_scaling="squash") != before).all()
    gates = [weight for name, weight in cohort.parameters().items() if "gate_" in name]
    assert bool(gates) == (gate == "learned") and all((weight != 0).any() for weight in gates)


@pytest.mark.parametrize("keys", [{"gate": "learned"}, {"controller": "oscillator"}, {"sham": "phases"}])
def test_killed_and_resumed_is_uninterrupted(keys: dict[str, Any]) -> None:
    stage, ends = soft(rollout=7), []
    for cuts in ([5], [1, 3, 1]):
        cohort = born(reflex(**keys), stage)
        state, metrics = stage.begin(cohort, context_for(SEEDS)), []
        for yields in cuts:
            metrics += go_on(stage, cohort, state, yields)
        ends.append((cohort.state(), metrics, state["reflexes"], state["replay"]["next_reflex"]))
    (brain, metrics, reflexes, said), (its, others, their, theirs) = ends
    assert all(torch.equal(tensor, its[name]) for name, tensor in brain.items())
    for one, other in zip(metrics, others, strict=True):
        assert all(torch.equal(one[name].nan_to_num(), other[name].nan_to_num()) for name in one)
    assert all(np.array_equal(a, their[slot][leaf]) for slot, own in reflexes.items() for leaf, a in own.items())
    assert torch.equal(said, theirs)


def test_learners_without_a_reflex_learn_as_if_there_were_room_for_none() -> None:
    stage = soft(gradient_steps=2)
    cohorts = [
        born(get("stages", "innate.reflex")(**PENDULUM, sham="absent"), stage),
        born(reflex(sham="absent"), stage),
    ]
    for cohort in cohorts:
        state, _ = live(stage, cohort, 2)
        assert "reflex" not in state["replay"]
    for name, weight in cohorts[0].parameters().items():
        assert torch.equal(weight, cohorts[1].parameters()[name]), name


def test_a_trial_says_how_much_of_the_reflex_acts() -> None:
    stage = soft(reflex=0.5)
    cohort = born(reflex(), stage)
    state, _ = live(stage, cohort, 1)
    seen = state["replay"]["observations"][:, 0].double().numpy().reshape(6, -1)
    told = 0.5 * swing_up(seen, np.zeros((6, 1)))[0].reshape(3, 2, 1)
    np.testing.assert_allclose(state["replay"]["reflex"][:, 0].numpy(), told, atol=1e-6)


def test_deviation_is_what_a_newborn_tries_wherever_it_is_seen() -> None:
    stage = soft()
    needs = Needs() | stage.needs()
    cohort, policy = born(reflex(deviation=0.2), stage), policy_of(stage.environments()[0])[1]
    assert spread_of(policy) in needs.heads
    out = cohort(torch.randn(3, 5, 3), policy.sense, spread_of(policy))
    torch.testing.assert_close(out, torch.full_like(out, float(np.log(0.2))))


TEXT = """
devlearn: 1
scenario: refused
seeds: 2
brain: {{kind: mlp, width: [8]}}
stages:
  lean: {{kind: innate.reflex, env: {env}{reflex}}}
  later: {{kind: {kind}, env: {env}, {keys}}}
arms:
  plain: [later]
  born: [lean, later]
"""
CART = {"env": "CartPole-v1", "reflex": f", controller: '{HERE}:lean'"}
COPY = {**CART, "keys": "env_steps: 400, controller: 'tests.stages.test_reflex_off_policy:left'"}
NO_WAY = (
    r"later: .* has no way to act by the reflex \(tests\.stages\.test_reflex:lean\).*leave the reflex out of this arm"
)


def left(observation: Any, rng: np.random.Generator) -> int:
    return 0


@pytest.mark.parametrize(
    ("kind", "keys", "why"),
    [
        ("trial.dqn", {**CART, "keys": "env_steps: 20000"}, NO_WAY),
        ("imitate.clone", COPY, NO_WAY),
        ("imitate.dagger", COPY, NO_WAY),
        ("caregiver.judge", COPY, NO_WAY),
        ("imitate.observe", {**COPY, "keys": COPY["keys"].replace("env_steps", "updates")}, NO_WAY),
        ("trial.ppo", {**CART, "keys": "env_steps: 4096, random: true, reflex: 0.5"}, r"drop random or reflex"),
        (
            "trial.sac",
            {"env": "Pendulum-v1", "reflex": "", "keys": "env_steps: 400, random: true, reflex: 0.5"},
            r"drop random or reflex",
        ),
    ],
)
def test_what_can_not_act_by_a_reflex_is_refused_in_the_plan(
    tmp_path: Path, kind: str, keys: dict[str, str], why: str
) -> None:
    path = tmp_path / "refused.yaml"
    path.write_text(TEXT.format(kind=kind, **keys))
    with pytest.raises(ScenarioError, match=why):
        plan(load(path))
    path.write_text(path.read_text().replace("born: [lean, later]", "born: [lean]").replace(", reflex: 0.5", ""))
    assert plan(load(path)).own.jobs
