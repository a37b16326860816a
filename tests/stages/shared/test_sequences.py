"""Sequences of a replay against one learner's own life, from its first step on."""

from typing import Any

import numpy as np
import pytest
import torch

from devlearn.learners.brains import brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.stages.shared.sequences import Sequences
from devlearn.tasks.envs import EnvSpec, VectorEnv
from devlearn.tasks.envs.policy import policy_of
from devlearn.tasks.envs.recurrent_state import Memory
from devlearn.tasks.envs.replay import Replay
from tests.laws.rows import context_for

SPEC, LENGTH, COPIES, GAMMA = EnvSpec("devlearn/RepeatBack-v0", {"k": 1, "questions": 4, "symbols": 3}), 4, 2, 0.9


class Every:
    """A stream that draws every place once, in order."""

    def integers(self, high: int, size: int) -> np.ndarray:
        assert high == size
        return np.tile(np.arange(high), (2, 1))


@pytest.mark.parametrize("memory", ["gru", "episodic"])
@pytest.mark.parametrize("steps", [13, 30])
def test_a_sequence_goes_on_from_what_was_remembered_then(memory: str, steps: int) -> None:
    """Behind it are the steps of a life; with 30 of them a ring of 20 has forgotten the first."""
    needs, policy = policy_of(SPEC)
    brain = {"kind": "mlp", "width": [6], "memory": memory, **({"slots": 3} if memory == "episodic" else {})}
    found = Cohort(brain_builder(brain, needs), (0, 1), dtype=torch.float64)
    target = found.newborn((7, 8))
    world, remembers = VectorEnv(SPEC, (0, 1), COPIES, ("t",)), Memory(found, COPIES)
    replay = Replay(world, policy.factors, 20 * COPIES, found.device, memory=remembers)
    told: list[Any] = []

    def act(seen: torch.Tensor, mask: Any, t: int) -> torch.Tensor:
        told.append((seen, remembers.starts))
        remembers.look(seen, policy.sense, policy.actor)
        return seen.argmax(-1)

    replay.live(act, steps)
    world.close()
    kept = min(steps, 20)
    count = (kept - LENGTH) * COPIES
    every: Any = Every()
    batch = Sequences(count * LENGTH, LENGTH).drawn(replay, every, GAMMA, policy, target, None)
    assert batch["targets"].shape == (2, count * LENGTH) and batch["starts"].any() and not batch["starts"].all()
    acting, judging = found.member(1), target.member(1)
    lived = {name: entry[1, :, 0] for name, entry in replay.entries.items()}  # of copy 0, by place in the ring
    hidden, states = torch.zeros(1, found.memory_size).double(), []
    for seen, starts in told:
        states.append(hidden)
        hidden = acting(seen[1, :1, None], policy.sense, policy.actor, hidden, starts[1, :1, None])[1]
    never = torch.zeros(1, 1, dtype=torch.bool)
    for place in range(0, count, COPIES):
        first = steps - kept + place // COPIES + 1
        hidden = states[first]
        torch.testing.assert_close(batch["hidden"][1, place], hidden[0])
        for t in range(first, first + LENGTH):
            seen, starts = told[t][0][1, :1, None], told[t][1][1, :1, None]
            row, i = place * LENGTH + t - first, t % 20
            torch.testing.assert_close(batch["observations"][1, place, t - first], seen[0, 0])
            hidden = judging(seen, policy.sense, policy.actor, hidden, starts)[1]
            ended_in = lived["next_observations"][i][None, None]
            best = judging(ended_in, policy.sense, policy.actor, hidden, never)[0].max()
            expected = lived["rewards"][i].double() + GAMMA * best * ~lived["terminated"][i]
            torch.testing.assert_close(batch["targets"][1, row], expected, rtol=1e-6, atol=1e-6)


def test_the_next_observation_is_judged_with_the_same_memory_whoever_judges() -> None:
    needs, policy = policy_of(SPEC)
    found = Cohort(brain_builder({"kind": "mlp", "width": [6], "memory": "gru"}, needs), (0, 1))
    world, remembers = VectorEnv(SPEC, (0, 1), COPIES, ("t",)), Memory(found, COPIES)
    replay = Replay(world, policy.factors, 40, found.device, memory=remembers)
    replay.live(lambda seen, mask, t: remembers.look(seen, policy.sense, policy.actor).argmax(-1), 20)
    world.close()
    batches = [
        Sequences(16, 4).drawn(replay, context_for((0, 1)).streams("draws"), GAMMA, policy, found, judge)
        for judge in (None, found)
    ]
    assert torch.equal(batches[0]["targets"], batches[1]["targets"])  # the best by one's own judgement
