"""GAE: by hand, and against a computation episode by episode."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from devlearn.tasks.envs.returns import advantages


def column(*numbers: float) -> torch.Tensor:
    return torch.tensor(numbers, dtype=torch.float64).reshape(-1, 1, 1)


def test_by_hand_with_a_termination_and_a_truncation_in_the_middle() -> None:
    """gamma 0.5, lambda 0.5; step 1 terminates, step 3 truncates, step 4 is cut by the rollout's end.

    delta: 1 + 0.5*4 - 2 = 1 | 2 + 0 - 4 = -2 | 3 + 0.5*8 - 6 = 1 | 4 + 0.5*10 - 8 = 1 | 5 + 0.5*6 - 2 = 6
    sums, backwards: 6 | 1 (cut) | 1 + 0.25*1 = 1.25 | -2 (cut) | 1 + 0.25*-2 = 0.5
    """
    got = advantages(
        rewards=column(1, 2, 3, 4, 5),
        values=column(2, 4, 6, 8, 2),
        next_values=column(4, 99, 8, 10, 6),
        terminated=column(0, 1, 0, 0, 0).bool(),
        truncated=column(0, 0, 0, 1, 0).bool(),
        gamma=0.5,
        lam=0.5,
    )
    assert got.flatten().tolist() == [0.5, -2.0, 1.25, 1.0, 6.0]


def test_a_value_behind_a_termination_is_never_used_even_if_it_is_nan() -> None:
    nan = float("nan")
    got = advantages(column(1, 1), column(0, 0), column(0, nan), column(0, 1).bool(), column(0, 1).bool(), 1.0, 1.0)
    assert got.flatten().tolist() == [2.0, 1.0]


def episode_by_episode(r, v, w, terminated, truncated, gamma, lam):  # type: ignore[no-untyped-def]
    """The definition: for each step, the discounted sum of the deltas up to the end of ITS episode."""
    out = np.zeros_like(r)
    for t in range(len(r)):
        for k in range(t, len(r)):
            behind = 0.0 if terminated[k] else w[k]
            out[t] += (gamma * lam) ** (k - t) * (r[k] + gamma * behind - v[k])
            if terminated[k] or truncated[k]:
                break
    return out


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(1, 12), st.integers(0, 2**31), st.floats(0, 1), st.floats(0, 1))
def test_equals_the_definition_episode_by_episode(steps: int, seed: int, gamma: float, lam: float) -> None:
    rng = np.random.default_rng(seed)
    r, v, w = rng.normal(size=(3, steps, 2, 3))
    terminated, truncated = rng.random((2, steps, 2, 3)) < 0.2
    got = advantages(*(torch.from_numpy(x) for x in (r, v, w, terminated, truncated)), gamma, lam)
    for n in range(2):
        for e in range(3):
            one = (x[:, n, e] for x in (r, v, w, terminated, truncated))
            assert got[:, n, e].numpy() == pytest.approx(episode_by_episode(*one, gamma, lam), abs=1e-9)
