"""The untrained control of a trial stage: its learners act at random in its environment and learn nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devlearn.lazy import torch
from devlearn.stages.shared.yoking import left
from devlearn.tasks.envs.rollout import act_randomly

if TYPE_CHECKING:
    from collections.abc import Iterator

    from devlearn.learners.objectives import Factors
    from devlearn.stages.context import Context, State
    from devlearn.stages.shared.yoking import Yoke
    from devlearn.stages.stage import Metrics
    from devlearn.tasks.envs import EnvSpec


def live_randomly(
    state: State,
    context: Context,
    spec: EnvSpec,
    factors: Factors,
    num_envs: int,
    rollout: int,
    learned: tuple[str, ...],
    yoke: Yoke | None = None,
) -> Iterator[Metrics]:
    """A trial stage's segment under ``random: true``: a yield is ``rollout`` steps in each of ``num_envs`` copies.

    ``state`` has ``done``, the yields so far, and ``world``; with a ``yoke`` what is done is noted for
    others. Metrics are return, length and those that are ``learned``
    otherwise, which are nan.
    """
    nothing = dict.fromkeys(learned, torch.full((len(context.seeds),), torch.nan))
    stream = None if yoke is None else yoke.course(context, state)[0]
    world = context.world(spec, num_envs, state["world"], stream=stream)
    try:
        while True:
            act_randomly(world, factors, context.streams("rollout", counter=state["done"]), rollout)
            state["done"] += 1
            returns, lengths, _ = world.completed
            yield {"return": torch.from_numpy(returns), "length": torch.from_numpy(lengths), **nothing}
    finally:
        state |= {"world": world.state(), **left(stream, state)}
        world.close()
