"""Making demonstrations: somebody's policy acts in an environment, and all that happens is kept."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from devlearn.registry import imported
from devlearn.streams import generator
from devlearn.tasks.data.source import BadData
from devlearn.tasks.demonstrations.episodes import Episodes
from devlearn.tasks.envs import EnvSpec
from devlearn.tasks.envs.actions import random_action
from devlearn.tasks.envs.arrays import to_numpy
from devlearn.tasks.envs.failures import failures, raised
from devlearn.tasks.envs.observations import leaves
from devlearn.tasks.envs.registration import Env, WorldError, make
from devlearn.tasks.envs.spaces import view_and_controls

if TYPE_CHECKING:
    from numpy.typing import NDArray

RANDOM = "random"
LONGEST = 100_000  # steps after which an episode has no end

Policy = Callable[[Any, np.random.Generator], Any]
Row = dict[str, Any]  # by entry, what was seen or done once


def policy_named(name: str) -> Policy | None:
    """``module:function``, of an observation and a generator that gives an action; None for ``random``.

    Raises:
        NoPlugin: it can't be imported.
        BadData: it is no function.
    """
    if name == RANDOM:
        return None
    if ":" not in name:
        raise BadData(f"unknown policy {name!r}; write random, or module:function")
    found = imported(name)
    if not callable(found):
        raise BadData(f"policy {name!r} is no function; write def act(observation, rng): return ACTION")
    policy: Policy = found
    return policy


def record(spec: EnvSpec, policy: str, count: int, seed: int) -> Episodes:
    """``count`` whole episodes of a policy (``policy_named``) in an environment, the same for the same ``seed``.

    Raises:
        UnknownEnv, WorldError: the environment can't be used or fails, or an episode does not end.
        NoPlugin, BadData: there is no such policy.
    """
    act = policy_named(policy)
    view_and_controls(spec)  # what no learner could see or do is refused
    env = make(spec)
    try:
        lived = [_episode(env, spec, act, seed, number) for number in range(count)]
    finally:
        env.close()
    seen, done, won, terminated = zip(*lived, strict=True)
    lengths = np.array([len(each) for each in won], np.int64)
    last = np.zeros(int(lengths.sum()), bool)
    last[np.cumsum(lengths) - 1] = True
    terminations = np.repeat(np.array(terminated), lengths) & last
    about = {
        "env": spec.id,
        "env_kwargs": dict(spec.kwargs),
        "wrappers": [{"id": wrapper.id, **wrapper.kwargs} for wrapper in spec.wrappers],
        **({} if spec.vocabulary is None else {"vocabulary": list(spec.vocabulary)}),
        "policy": policy,
        "seed": seed,
        "made": datetime.now(UTC).date().isoformat(),
    }
    rewards = np.array([reward for each in won for reward in each], np.float64)
    columns = _columns(seen), _columns(done)
    return Episodes(str(spec), *columns, rewards, terminations, last & ~terminations, lengths, about)


def _episode(
    env: Env, spec: EnvSpec, act: Policy | None, seed: int, number: int
) -> tuple[list[Row], list[Row], list[float], bool]:
    """What was seen, done and won in one episode, and whether it terminated."""
    rng, actions = generator(seed, "demonstrate", counter=number), deepcopy(env.action_space)
    start = int(rng.integers(2**31))
    actions.seed(start)
    place = "reset"
    try:
        observation, info = env.reset(seed=start)
        seen, done, won = [row_of(observation, env.observation_space)], list[Row](), list[float]()
        while len(done) < LONGEST:
            place = f"step {len(done) + 1}"
            action = random_action(env, actions, info) if act is None else act(observation, rng)
            done.append(row_of(action, env.action_space))
            observation, reward, terminated, truncated, info = env.step(action)
            seen.append(row_of(observation, env.observation_space))
            won.append(float(reward))
            if terminated or truncated:
                return seen, done, won, bool(terminated)
    except failures() as error:
        raise WorldError(f"{spec}: episode {number}, {place}: {raised(error)}") from error
    mend = "--key max_episode_steps=200 ends it"
    raise WorldError(f"{spec}: episode {number} has no end after {LONGEST:,} steps; {mend}")


def row_of(value: Any, space: Any) -> Row:
    """What is to be kept of an observation or an action, by entry; copied, as environments may write into theirs."""
    value, found = to_numpy(value), {}
    for path, _ in leaves(space):
        leaf = value
        for step in path:
            leaf = leaf[step]
        found["/".join(map(str, path))] = np.array(leaf)
    return found


def _columns(episodes: tuple[list[Row], ...]) -> dict[str, NDArray[Any]]:
    rows = [row for each in episodes for row in each]
    return {key: np.stack([row[key] for row in rows]) for key in rows[0]}
