"""Curiosity: a bonus for steps that are news to the learner, added to what the environment pays."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from devlearn.lazy import torch
from devlearn.learners import flops
from devlearn.learners.cohort import Cohort
from devlearn.learners.optimiser import Optimiser
from devlearn.learners.running_moments import merge_moments
from devlearn.streams import torch_seed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gymnasium.spaces import Box
    from torch import Tensor, nn

    from devlearn.learners.objectives import Factors
    from devlearn.stages.context import Context, State

CURIOSITY_METRICS = ("bonus", "novelty")
BITS, PLACES = 32, 65_521  # of a hash, and of the table of counts: a prime
STREAM, SHAM = "curiosity", "sham"
MOMENTS = ("mean", "var", "count")


class Intrinsic(BaseModel):
    """What a learner is curious about, and how much that counts beside what the environment pays.

    A step is worth a bonus by what it led to: of a truncated or terminated episode, its last observation. ``rnd``: the
    error of a network that learns what a fixed random one says of it. ``icm``: the error of a forecast of its features,
    those by which the action can be told. ``progress``: by how much the forecast of it is better than it was about
    ``window`` rollouts ago; below zero where it is worse. ``count``: 1 / sqrt(n), where n is how often it was seen, by
    a hash, this rollout included.

    Bonuses are divided by the standard deviation, so far, of their discounted sums (as Burda et al. 2018 do), centred
    by each rollout's mean, and multiplied by ``weight``. Centred, as they would else be worth surviving for: who opens
    a door would lose all bonuses of an episode that ends there. What is seen is whitened by its mean and spread so far,
    and cut at 5 standard deviations; a hash sees it as it is. Bytes count as 0..1, words by their numbers. After each
    rollout the networks take one pass over it in as many minibatches as the stage has; these steps are no ``updates``,
    their FLOPs are on the ledger.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    kind: Literal["rnd", "icm", "progress", "count"] = Field(description="what is news")
    weight: float = Field(1.0, ge=0, description="of the bonus beside the reward")
    only: bool = Field(False, description="nothing but the bonus is learned from; returns are recorded all the same")
    sham: Literal["none", "order"] = Field(
        "none", description="a control: order gives each rollout's bonuses to its steps in random order"
    )
    lr: float = Field(1e-3, gt=0, description="learning rate of Adam, of what foresees")
    hidden: int = Field(64, ge=1, description="units of its hidden layers")
    features: int = Field(32, ge=1, description="rnd, icm: numbers that say what was seen")
    window: float = Field(
        10.0, ge=1, description="progress: rollouts that what is compared with lags behind, on average"
    )

    def costs(self, space: Box, factors: Factors, rows: int, minibatches: int) -> tuple[int, int]:
        """FLOPs of a rollout of ``rows`` steps, and bytes that last, both of one learner."""
        size = math.prod(space.shape)
        if self.kind == "count":
            return 2 * rows * BITS * size, 4 * PLACES
        from devlearn.learners.curiosity import Foreseeing

        with torch.device("meta"):
            model = self.network(size, factors)()
        whole, part = (_shapes(size, factors, count) for count in (rows, rows // minibatches))
        with torch.no_grad():
            judge = flops.of(lambda device: flops.blank(model, device)(flops.blank_batch(whole, device), "bonus"))
        learn = flops.update(model, Foreseeing(), part) * minibatches
        return judge + learn, 4 * 4 * sum(weight.numel() for weight in model.parameters())

    def network(self, size: int, factors: Factors) -> Callable[[], nn.Module]:
        """What makes one learner's network that foresees; ``size``: numbers of what is seen."""
        from devlearn.learners.curiosity import FORESIGHTS

        return lambda: FORESIGHTS[self.kind](size, factors, self.hidden, self.features)


def _shapes(size: int, factors: Factors, rows: int) -> dict[str, tuple[tuple[int, ...], torch.dtype]]:
    actions = (rows, *factors.shape), torch.int64 if factors.discrete else torch.float32
    return {
        "observations": ((rows, size), torch.float32),
        "following": ((rows, size), torch.float32),
        "actions": actions,
    }


@dataclass(frozen=True)
class Curiosity:
    """The curiosity of N learners in E copies of an environment. ``rewards`` is what a stage composes.

    Attributes:
        keys: what they are curious about.
        gamma: the discount of the stage, in which bonuses are summed to find their scale.
        minibatches: in which a rollout is learned.
        judge: what says how new a step is, and learns it.
        scale: by name, (N, ...): the bonuses' discounted sums so far in each copy, and the moments of these.
        found: the metrics of the last rollout, (N,) each.
    """

    keys: Intrinsic
    gamma: float
    judge: Foresight | Counts
    scale: dict[str, Tensor]
    context: Context
    found: dict[str, Tensor]

    @classmethod
    def of(
        cls,
        keys: Intrinsic,
        space: Box,
        factors: Factors,
        copies: int,
        minibatches: int,
        gamma: float,
        cohort: Cohort,
        context: Context,
        state: State | None = None,
    ) -> Curiosity:
        """Newborn, or as it was in ``state``. ``space``: of what is seen; ``copies``: E."""
        kept = state or {"judge": None, "scale": None}
        judge: Foresight | Counts
        if keys.kind == "count":
            judge = Counts.of(math.prod(space.shape), cohort, context, kept["judge"])
        else:
            judge = Foresight.of(keys, math.prod(space.shape), factors, minibatches, cohort, context, kept["judge"])
        none = torch.zeros(cohort.n, 1, dtype=cohort.dtype, device=cohort.device)
        scale = kept["scale"] or {
            "sums": none.expand(-1, copies).clone(),
            "mean": none,
            "var": none + 1,
            "count": none + 1e-4,
        }
        return cls(keys, gamma, judge, scale, context, {})

    def rewards(self, lived: Mapping[str, Tensor], block: int) -> Tensor:
        """What is learned from in place of the rewards of a rollout, the ``block``-th of its streams: (N, T, E).

        ``lived`` has observations, following, actions and rewards, (N, T, E, ...) each. What is news is learned.
        """
        rewards = lived["rewards"]
        shape = rewards.shape[1:]
        steps = {name: _rows(lived[name]).to(rewards.dtype) for name in ("observations", "following")}
        steps["actions"] = lived["actions"].flatten(1, 2)
        novelty = self.judge.bonus(steps)  # (N, T * E)
        scaled = self._scaled(novelty.unflatten(1, shape)).flatten(1)
        bonus = self.keys.weight * (scaled - scaled.mean(1, keepdim=True))
        self.judge.learn(steps, block)
        self.found.update(bonus=bonus.std(1, correction=0).cpu(), novelty=novelty.mean(1).cpu())
        if self.keys.sham == "order":
            order = self.context.streams(SHAM, counter=block).permutation(bonus.shape[1])
            bonus = bonus.gather(1, torch.from_numpy(order).to(bonus.device))
        added: Tensor = bonus.unflatten(1, shape)
        return added if self.keys.only else rewards + added

    def _scaled(self, bonus: Tensor) -> Tensor:
        """Bonuses (N, T, E) over the standard deviation of their discounted sums so far."""
        sums = []
        for now in bonus.unbind(1):
            self.scale["sums"] = self.gamma * self.scale["sums"] + now
            sums.append(self.scale["sums"])
        rows = torch.stack(sums, 1).flatten(1).unsqueeze(-1)  # (N, T * E, 1)
        mean, var, count = (self.scale[name] for name in MOMENTS)
        self.scale.update(zip(MOMENTS, merge_moments(mean, var, count, rows), strict=True))
        return bonus / (self.scale["var"] + 1e-8).sqrt().unsqueeze(-1)

    def state(self) -> State:
        """All that a resume needs, with a leading N axis."""
        return {"judge": self.judge.state(), "scale": dict(self.scale)}


def _rows(seen: Tensor) -> Tensor:
    """What was seen (N, T, E, ...) as rows of numbers (N, T * E, D), bytes as 0..1."""
    rows = seen.flatten(1, 2).flatten(2)
    return rows / 255 if rows.dtype == torch.uint8 else rows


@dataclass(frozen=True)
class Foresight:
    """Networks of each learner that foresee, apart from its brain, and how they learn."""

    keys: Intrinsic
    minibatches: int
    networks: Cohort
    moments: dict[str, Any]
    context: Context

    @classmethod
    def of(
        cls,
        keys: Intrinsic,
        size: int,
        factors: Factors,
        minibatches: int,
        cohort: Cohort,
        context: Context,
        state: State | None,
    ) -> Foresight:
        """Born by themselves, or as they were in ``state``; ``size``: numbers of what is seen."""
        born = [torch_seed(seed, context.name, context.visit, STREAM) for seed in context.drawn_by(STREAM)]
        networks = Cohort(keys.network(size, factors), born, cohort.device, dtype=cohort.dtype)
        if state is not None:
            networks.load(state["networks"])
            return cls(keys, minibatches, networks, state["moments"], context)
        made = cls(keys, minibatches, networks, {}, context)
        made._follow(1.0)
        return made

    def bonus(self, steps: Mapping[str, Tensor]) -> Tensor:
        """How new steps (N, B, ...) are, (N, B); what they look like is merged into what is known of looks."""
        mean, var, count = (self.networks.buffers[f"normaliser.{name}"] for name in MOMENTS)
        for buffer, merged in zip((mean, var, count), merge_moments(mean, var, count, steps["following"]), strict=True):
            buffer.copy_(merged)
        with torch.no_grad():
            judged: Tensor = self.networks(steps, "bonus")
        return judged

    def learn(self, steps: Mapping[str, Tensor], block: int) -> None:
        """One pass over a rollout, in random order."""
        from devlearn.learners.curiosity import Foreseeing

        optimiser, objective = Optimiser(self.networks, self.moments, "adam", self.keys.lr), Foreseeing()
        rows = steps["actions"].shape[1]
        device = self.networks.device
        order = torch.from_numpy(self.context.streams(STREAM, counter=block).permutation(rows)).to(device)  # (N, B)
        learners, size = torch.arange(self.networks.n, device=device)[:, None], rows // self.minibatches
        for k in range(self.minibatches):
            index = learners, order[:, k * size : (k + 1) * size]
            self.networks.update(objective, {name: entry[index] for name, entry in steps.items()}, optimiser)
        self._follow(1 / self.keys.window)

    def _follow(self, share: float) -> None:
        """Move what progress is measured against to what is foreseen now, by a share."""
        weights = self.networks.parameters()
        with torch.no_grad():
            for name, tensor in weights.items():
                if name.startswith("slow."):
                    tensor.lerp_(weights[name.replace("slow.", "predictor.", 1)], share)

    def state(self) -> State:
        return {"networks": self.networks.state(), "moments": self.moments}


@dataclass(frozen=True)
class Counts:
    """How often each learner has seen what: a random hyperplane a bit, the bits a place in a table.

    Source: Tang et al. (2017), #Exploration, arXiv:1611.04717 (SimHash); Bellemare et al. (2016) for 1 / sqrt(n).
    """

    planes: Tensor  # (N, bits, D + 1), the last a threshold
    table: Tensor  # (N, places) int32

    @classmethod
    def of(cls, size: int, cohort: Cohort, context: Context, state: State | None) -> Counts:
        # in double precision: which side of a plane a row is on must not depend on which others it lies among
        planes = torch.from_numpy(context.streams(STREAM, "planes").normal(BITS, size + 1)).double().to(cohort.device)
        table = torch.zeros(cohort.n, PLACES, dtype=torch.int32, device=cohort.device)
        return cls(planes, table if state is None else state["table"].clone())

    def bonus(self, steps: Mapping[str, Tensor]) -> Tensor:
        """1 / sqrt(n) of what steps (N, B, ...) led to, which is counted: (N, B)."""
        seen = steps["following"]
        sides = torch.baddbmm(self.planes[..., -1:], self.planes[..., :-1], seen.double().mT) > 0  # (N, bits, B)
        powers = 2 ** torch.arange(BITS, device=seen.device)
        places = (sides * powers[:, None]).sum(1) % PLACES  # (N, B)
        self.table.scatter_add_(1, places, torch.ones_like(places, dtype=torch.int32))
        return self.table.gather(1, places).to(seen.dtype).rsqrt()

    def learn(self, steps: Mapping[str, Tensor], block: int) -> None:
        """Nothing: what was seen is counted already."""

    def state(self) -> State:
        return {"table": self.table}
