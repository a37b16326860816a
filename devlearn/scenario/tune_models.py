"""``tune``: values that are tried for every arm alike before the scenario is lived."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from devlearn.scenario.keys import MOST_SEEDS, Frozen, Seed


class Range(Frozen):
    """Numbers to choose from, both ends included: whole ones where both ends are written as whole ones."""

    low: int | float = Field(description="the smallest")
    high: int | float = Field(description="the largest")
    log: bool = Field(False, description="whether they are drawn evenly by their logarithm")

    @property
    def whole(self) -> bool:
        return isinstance(self.low, int) and isinstance(self.high, int)


def _range_or_list(value: Any) -> str:
    return "range" if isinstance(value, Mapping | Range) else "list"


Values = Annotated[
    Annotated[list[Any], Field(min_length=1), Tag("list")] | Annotated[Range, Tag("range")],
    Discriminator(_range_or_list),
]


class Tune(Frozen):
    """Values tried for every arm alike, on seeds of their own, before the scenario is lived."""

    over: Annotated[Mapping[str, Values], Field(min_length=1)] = Field(
        description="a map of dotted paths below stages to lists of values, or, for another sampler than grid, to "
        "{low, high, log}"
    )
    sampler: Literal["grid", "tpe", "random"] = Field(
        "grid",
        description="grid: the trials are the product of the lists; random: drawn at random; tpe: each arm's are "
        "proposed by what its earlier ones came to (Optuna's tree-structured Parzen estimator)",
    )
    trials: int | None = Field(None, ge=2, description="of tpe and random: how many trials each arm has")
    startup: int = Field(10, ge=1, description="of tpe: how many of the first trials are drawn at random")
    sampler_seed: Seed = Field(0, description="of tpe and random: what proposals are drawn by, the same for every arm")
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1, max_length=MOST_SEEDS)] = Field(
        description="seeds of the trials' learners; none of the scenario's own"
    )
    probe: str = Field(
        description="NAME of a probe, or NAME.METRIC, that reads no test split: the trial with the best mean at the "
        "end is set for the arm"
    )
