"""Fields that stages share: gates, changes on the way, and the types of common keys."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

Count = Annotated[int, Field(gt=0)]


class Gate(BaseModel):
    """``until``: a learner moves on when a probe reaches a level. Exactly one of at_least and at_most."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    probe: str = Field(description="NAME of a probe, or NAME.METRIC; its first metric is the default")
    at_least: float | None = Field(None, description="the level that a rising metric has to reach")
    at_most: float | None = Field(None, description="the level that a falling metric has to reach")
    min_updates: int = Field(0, ge=0, description="updates that every learner lives before the gate may open")

    @model_validator(mode="after")
    def _one_level(self) -> "Gate":
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("give exactly one of at_least and at_most")
        return self


class Change(BaseModel):
    """One item of ``change``: other values for some keys while the updates of a visit are in [from, until)."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    from_: int = Field(alias="from", ge=0, description="updates of the visit after which the change begins")
    until: int | None = Field(None, gt=0, description="updates after which it is over; empty: it lasts to the end")
    set: Annotated[Mapping[str, Any], Field(min_length=1)] = Field(description="keys of the stage and their new values")

    @model_validator(mode="after")
    def _forward(self) -> "Change":
        if self.until is not None and self.until <= self.from_:
            raise ValueError(f"until ({self.until}) must be after from ({self.from_})")
        return self

    def covers(self, updates: int) -> bool:
        """Whether it holds after that many updates."""
        return self.from_ <= updates and (self.until is None or updates < self.until)
