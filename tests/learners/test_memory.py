"""Memory: the cell against torch's, unrolling against stepping, and rollouts against a learner of its own."""

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import Tensor, nn

from devlearn.learners.brains import Head, Needs, Sense, brain_builder
from devlearn.learners.brains.brain import MLP, Brain
from devlearn.learners.brains.layers import EpisodicMemory, GRUCell
from devlearn.learners.cohort import Cohort, Mapper
from devlearn.learners.objectives import ClippedSurrogate, gaussian
from devlearn.learners.optimiser import Optimiser
from devlearn.registry import get
from devlearn.tasks.envs import EnvSpec, VectorEnv
from devlearn.tasks.envs.acting import Acting
from devlearn.tasks.envs.policy import policy_of
from devlearn.tasks.envs.recurrent_state import Memory
from devlearn.tasks.envs.rollout import CHUNK, collect
from devlearn.testing import assert_ok, check_brain
from tests.laws.rows import BRAINS as ROW_BRAINS
from tests.laws.rows import cohort_for, context_for, make

EYE = Sense(spaces.Box(0, 255, (6, 6), np.uint8))
NEEDS = Needs({"eye": EYE}, {"act": Head(4), "value": Head(1, critic=True)})
HEADS = ("act", "value")
BRAINS: dict[str, dict[str, Any]] = {
    "mlp": {"kind": "mlp", "width": [7, 5], "memory": "gru"},
    "own critic": {"kind": "mlp", "width": [7, 5], "critic": "own", "init": "orthogonal", "memory": "gru"},
    "conv": {"kind": "conv", "channels": [3], "width": [7, 5], "memory": "gru"},
    "episodic": {"kind": "mlp", "width": [7, 5], "memory": "episodic", "slots": 4, "critic": "own"},
}
N, B, T = 3, 2, 6


def cohort(kind: str, mapper: Mapper | None = None) -> Cohort:
    return Cohort(brain_builder(BRAINS[kind], NEEDS), range(N), mapper=mapper, dtype=torch.float64)


def life(size: int) -> tuple[Tensor, Tensor, Tensor]:
    """Observations (N, B, T, 6, 6), hidden (N, B, size) and starts (N, B, T), about a third of them set."""
    rng = np.random.default_rng(0)
    images = torch.from_numpy(rng.integers(0, 256, (N, B, T, 6, 6), dtype=np.uint8))
    return images, torch.from_numpy(rng.normal(size=(N, B, size))), torch.from_numpy(rng.random((N, B, T)) < 0.3)


def test_the_cell_is_torchs_cell() -> None:
    own, peer = GRUCell(5, 7).double(), nn.GRUCell(5, 7).double()
    with torch.no_grad():
        for ours, theirs in (("input", "ih"), ("recurrent", "hh")):
            getattr(own, ours).weight.copy_(getattr(peer, f"weight_{theirs}"))
            getattr(own, ours).bias.copy_(getattr(peer, f"bias_{theirs}"))
    generator = torch.Generator().manual_seed(0)
    x, hidden = (torch.randn(4, size, generator=generator).double().requires_grad_() for size in (5, 7))
    torch.testing.assert_close(own(x, hidden), peer(x, hidden), rtol=1e-12, atol=1e-12)
    gradients = [torch.autograd.grad(cell(x, hidden).square().sum(), (x, hidden)) for cell in (own, peer)]
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-12, atol=1e-12)


def test_newborn_cells_are_distributed_as_torchs() -> None:
    own = torch.cat([weights.detach().flatten() for weights in GRUCell(64, 64).parameters()])
    assert 0.99 / 8 < own.abs().max() <= 1 / 8  # uniform within 1 / sqrt(units)
    assert own.std().item() == pytest.approx(1 / 8 / 3**0.5, rel=0.02)


@pytest.mark.parametrize("kind", BRAINS)
@pytest.mark.parametrize("mapper", [None, "vmap", "loop"])
def test_unrolling_is_stepping(kind: str, mapper: Mapper | None) -> None:
    found = cohort(kind, mapper)
    images, hidden, starts = life(found.memory_size)
    outputs, last = found.forward_sequence(images, hidden, starts, "eye", HEADS)
    for t in range(T):
        step, hidden = found.forward_sequence(images[:, :, t : t + 1], hidden, starts[:, :, t : t + 1], "eye", HEADS)
        for whole, one in zip(outputs, step, strict=True):
            torch.testing.assert_close(whole.unflatten(1, (B, T))[:, :, t], one)
    torch.testing.assert_close(hidden, last)
    assert outputs[0].shape == (N, B * T, 4)


@pytest.mark.parametrize("kind", BRAINS)
def test_the_mappers_agree_on_outputs_and_gradients(kind: str) -> None:
    outputs, learned, rng = [], [], np.random.default_rng(1)
    images, hidden, starts = life(cohort(kind).memory_size)
    rows = {name: torch.from_numpy(rng.random((N, B, T))) for name in ("log_p", "advantages", "returns", "values")}
    batch = {"observations": images, "hidden": hidden, "starts": starts, "actions": starts.long(), **rows}
    mappers: tuple[Mapper | None, ...] = (None, "vmap", "loop")
    for mapper in mappers:
        found = cohort(kind, mapper)
        outputs.append(found.forward_sequence(images, hidden, starts, "eye", HEADS))
        before = found.flat
        found.update(ClippedSurrogate("eye", *HEADS, discrete=True), batch, Optimiser(found, {}, "sgd", 1.0))
        learned.append(found.flat - before)
    for i in (1, 2):
        torch.testing.assert_close(outputs[i], outputs[0])
        torch.testing.assert_close(learned[i], learned[0])
    assert (learned[0].abs().sum(1) > 0).all()


@pytest.mark.parametrize("kind", BRAINS)
def test_where_an_episode_starts_nothing_is_remembered(kind: str) -> None:
    found = cohort(kind)
    images, hidden, starts = life(found.memory_size)
    starts[:] = False
    starts[:, :, 3] = True
    outputs, _ = found.forward_sequence(images, hidden, starts, "eye", HEADS)
    poisoned = torch.full_like(hidden, torch.nan)
    after, _ = found.forward_sequence(images[:, :, 3:], poisoned, starts[:, :, 3:], "eye", HEADS)
    first = found(images[:, :, 3], "eye", HEADS)  # a step from an empty memory
    for whole, cut, one in zip(outputs, after, first, strict=True):
        torch.testing.assert_close(whole.unflatten(1, (B, T))[:, :, 3:], cut.unflatten(1, (B, T - 3)))
        torch.testing.assert_close(whole.unflatten(1, (B, T))[:, :, 3], one)
    forgotten, _ = found.forward_sequence(images, hidden, torch.zeros_like(starts), "eye", HEADS)
    assert not torch.allclose(forgotten[0], outputs[0])


def test_a_head_that_is_asked_alone_leaves_the_other_towers_memory_as_it_is() -> None:
    found = cohort("own critic")
    images, hidden, starts = life(10)
    both, last = found.forward_sequence(images, hidden, starts, "eye", HEADS)
    for i, (head, own) in enumerate((("act", slice(0, 5)), ("value", slice(5, 10)))):
        alone, after = found.forward_sequence(images, hidden, starts, "eye", head)
        torch.testing.assert_close(alone, both[i])
        expected = hidden.clone()
        expected[..., own] = last[..., own]
        torch.testing.assert_close(after, expected)


@pytest.mark.parametrize("kind", BRAINS)
def test_memory_leaves_the_other_weights_bit_equal(kind: str) -> None:
    bare = Cohort(brain_builder({**BRAINS[kind], "memory": "none"}, NEEDS), range(N), dtype=torch.float64)
    found = cohort(kind)
    assert (bare.memory_size, found.memory_size) == (
        0,
        {"own critic": 10, "episodic": 2 * 4 * (2 * 5 + 1)}.get(kind, 5),
    )
    for name, weights in bare.parameters().items():
        assert torch.equal(weights, found.parameters()[name])


class Watched(VectorEnv):
    """A world that keeps its steps."""

    def step(self, actions: Any) -> Any:
        step = super().step(actions)
        self.seen = [*getattr(self, "seen", []), dataclasses.replace(step, final=step.final.copy())]
        return step


def test_a_rollout_is_what_one_learner_would_remember() -> None:
    """Values, densities and bootstraps of the second rollout, step by step with a learner's own network."""
    env, keys, length, gamma = "Pendulum-v1", {"max_episode_steps": 5}, 12, 0.9
    needs, policy = policy_of(EnvSpec(env, keys))
    brain = {"kind": "mlp", "width": [6], "critic": "own", "memory": "gru"}
    found = Cohort(brain_builder(brain, needs), (0, 1), dtype=torch.float64)
    world, acting = Watched(EnvSpec(env, keys), (0, 1), 2, ("t",)), Acting.of(found, policy, 2)
    for block in range(2):
        world.seen = []
        noise = context_for((0, 1)).streams(str(block))
        rollout = collect(acting, world, noise, length, gamma, 0.0)
    world.close()
    assert rollout["observations"].shape == (2, 2, length, 3)
    assert rollout["starts"][0, 0].nonzero()[:, 0].tolist() == [3, 8]  # steps 15 and 20 of a life
    member, heads = found.member(1), (policy.actor, policy.critic)
    never = torch.zeros(1, 1, dtype=torch.bool)
    for e in range(2):
        hidden, row = rollout["hidden"][1, e][None], {name: entry[1, e] for name, entry in rollout.items()}
        for t in range(length):
            x = row["observations"][t][None, None]
            (out, value), hidden = member(x, policy.sense, heads, hidden, row["starts"][t][None, None])
            torch.testing.assert_close(value[0, 0], row["values"][t])
            torch.testing.assert_close(gaussian(out, row["actions"][t][None])[0][0], row["log_p"][t])
            final = torch.from_numpy(world.seen[t].final[1, e])[None, None]
            following, _ = member(final, policy.sense, policy.critic, hidden, never)
            target = float(world.seen[t].reward[1, e]) + gamma * following[0, 0]
            torch.testing.assert_close(target - value[0, 0], row["advantages"][t], rtol=1e-6, atol=1e-6)


def test_a_rollout_without_memory_is_judged_as_each_step_alone() -> None:
    """Longer than the steps that are judged in one pass; the episodes of a Pendulum are truncated, none terminates."""
    env, keys, length, gamma = "Pendulum-v1", {"max_episode_steps": 5}, CHUNK + 8, 0.9
    needs, policy = policy_of(EnvSpec(env, keys))
    found = Cohort(brain_builder({"kind": "mlp", "width": [6], "critic": "own"}, needs), (0, 1), dtype=torch.float64)
    world, acting = Watched(EnvSpec(env, keys), (0, 1), 2, ("t",)), Acting.of(found, policy, 2)
    world.seen = []
    noise = context_for((0, 1)).streams("0")
    rollout = collect(acting, world, noise, length, gamma, 0.0)
    world.close()
    assert set(rollout) == {"observations", "actions", "log_p", "values", "advantages", "returns"}
    rows = {name: entry.unflatten(1, (length, 2)) for name, entry in rollout.items()}  # (N, T, E, ...)
    member = found.member(1)
    for t, e in itertools.product(range(length), range(2)):
        row = {name: entry[1, t, e] for name, entry in rows.items()}
        out, value = member(row["observations"][None], policy.sense, (policy.actor, policy.critic))
        torch.testing.assert_close(value[0, 0], row["values"])
        torch.testing.assert_close(gaussian(out, row["actions"][None])[0][0], row["log_p"])
        final = torch.from_numpy(world.seen[t].final[1, e])[None]
        target = float(world.seen[t].reward[1, e]) + gamma * member(final, policy.sense, policy.critic)[0, 0]
        torch.testing.assert_close(target - value[0, 0], row["advantages"], rtol=1e-6, atol=1e-6)
        torch.testing.assert_close(row["advantages"] + row["values"], row["returns"])


def test_one_number_is_a_memory_and_none_is_not() -> None:
    needs, _ = policy_of(EnvSpec("CartPole-v1"))
    for brain, size in (({"memory": "gru"}, 1), ({}, 0)):
        found = Cohort(brain_builder({"kind": "mlp", "width": [1], **brain}, needs), (0, 1))
        assert (found.memory_size, bool(Memory(found, 2))) == (size, size > 0)


def test_learning_from_a_fresh_rollout_begins_at_a_ratio_of_one() -> None:
    """The unrolled policy is the one that acted: the first update finds no divergence, whatever was remembered."""
    row = "play-memory-continuous"
    stage: Any = make(row).model_copy(update={"epochs": 1, "minibatches": 1, "normalise_observations": False})
    found = cohort_for(row, (0, 1))
    segment = stage.segment(found, stage.begin(found, context_for((0, 1))), context_for((0, 1)))
    for _ in range(3):
        assert next(segment)["approx_kl"].abs().max() < 1e-12
    segment.close()


def test_an_episodic_memory_reads_by_attention_over_keys_values_and_ages() -> None:
    """One learner's own loop, step by step, with three slots and an episode that starts in between."""
    cell = EpisodicMemory(4, 3, torch.tanh).double()
    x = torch.randn(1, 6, 4, generator=torch.Generator().manual_seed(0)).double()
    starts = torch.tensor([[True, False, False, False, True, False]])
    features, last = cell.unroll(x.flatten(0, 1), torch.full((1, cell.size), 9.0).double(), starts)
    slots: list[tuple[Tensor, Tensor]] = []
    for t in range(6):
        slots = [] if starts[0, t] else slots
        slots = [(cell.key(x[:, t]), cell.value(x[:, t])), *slots][:3]  # the latest first
        query = cell.query(x[:, t]) / 4**0.5
        scores = torch.stack([((key + cell.ages[age]) * query).sum() for age, (key, _) in enumerate(slots)])
        read = sum(weight * value for weight, (_, value) in zip(scores.softmax(0), slots, strict=True))
        torch.testing.assert_close(features[t], torch.tanh(cell.output(torch.cat([x[:, t], read], -1)))[0])
    keys, values, written = last[0].split((12, 12, 3))
    assert written.tolist() == [0, 1, 1] and not keys[:4].any() and not values[:4].any()
    torch.testing.assert_close(keys[8:], slots[0][0][0])
    torch.testing.assert_close(values[4:8], slots[1][1][0])


def test_a_memory_that_does_not_fit_is_refused_with_the_mend() -> None:
    stage = make("play-memory")
    with torch.device("meta"):
        brain = brain_builder({"kind": "mlp", "width": [64], "memory": "episodic", "slots": 10**7}, stage.needs())()
    with pytest.raises(
        ValueError, match=r"memory is too large: .* 4 sequences are 19.\d GiB.*lower its slots or width"
    ):
        stage.cost(brain)


def test_the_work_counts_the_memory() -> None:
    stage, sizes = make("play-memory"), {}
    for memory in ("none", "gru"):
        brain = brain_builder({**ROW_BRAINS["play-memory"], "memory": memory}, stage.needs())
        with torch.device("meta"):
            sizes[memory] = stage.cost(brain()).flops
    cell, rows, minibatch, epochs = 2 * 8 * 3 * 8, 4 * 6, 2 * 6, 3
    acting = rows * 2 * cell  # the input's and the state's part
    learning = epochs * 2 * minibatch * 3 * 2 * cell - epochs * 2 * 2 * cell  # the first state has no gradient
    assert sizes["gru"] - sizes["none"] == acting + learning


def test_copies_that_can_not_be_split_are_refused_with_the_mend() -> None:
    stage = get("stages", "trial.ppo")(env="CartPole-v1", env_steps=100, num_envs=6, minibatches=4)
    brain = brain_builder(ROW_BRAINS["play-memory"], stage.needs())()
    with pytest.raises(ValueError, match=r"num_envs = 6 can't be split evenly into 4 .* multiple of minibatches"):
        stage.cost(brain.to("meta"))


@pytest.mark.parametrize("kind", ["mlp", "conv"])
def test_the_contract_of_brains_holds_with_memory(kind: str) -> None:
    findings = check_brain(kind, {"memory": "gru", "critic": "own", "width": [8]})
    assert_ok(findings)
    assert "memory" in [finding.name for finding in findings]


class Unforgetting(Brain):
    """Never empties its memory."""

    def __init__(self, needs: Needs) -> None:
        super().__init__(needs, MLP(width=(8,), memory="gru"))

    def forward(self, x: Tensor, sense: str, head: Any, hidden: Any = None, starts: Any = None) -> Any:
        return super().forward(x, sense, head, hidden, None if starts is None else torch.zeros_like(starts))


def test_a_brain_that_remembers_across_episodes_is_told_so() -> None:
    broken = {finding.name: finding.message for finding in check_brain(Unforgetting) if not finding.ok}
    assert set(broken) == {"memory"} and "where 'starts' is set" in broken["memory"]
