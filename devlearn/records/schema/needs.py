"""What all stages and probes ask of the brain, as job.json has it."""

import math
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field, model_validator

from devlearn.records.schema.base import FileModel, Number

LARGEST = 2**28  # numbers of one observation
Numbers: TypeAlias = Literal[
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64"
]


def _fits(shape: tuple[int, ...]) -> tuple[int, ...]:
    if min(shape, default=1) < 0 or math.prod(shape) > LARGEST:
        raise ValueError(f"{list(shape)} is no shape of an observation of at most {LARGEST:,} numbers")
    return shape


Shape: TypeAlias = Annotated[tuple[int, ...], AfterValidator(_fits)]


class SpaceEntry(FileModel):
    """The Box of one observation."""

    shape: Shape = Field(description="its shape")
    dtype: Numbers = Field(description="the type of its numbers")
    low: tuple[Number, ...] = Field(description="the least of each number, or one for all")
    high: tuple[Number, ...] = Field(description="the most of each number, or one for all")

    @model_validator(mode="after")
    def _as_many(self) -> "SpaceEntry":
        for bounds in (self.low, self.high):
            if len(bounds) not in (1, math.prod(self.shape)):
                raise ValueError(f"{len(bounds)} bounds are not those of the shape {list(self.shape)}")
        return self


class PartEntry(FileModel):
    """One entry of a composite observation."""

    sense: str = Field(description="the sense that it enters by")
    start: int = Field(description="its place in the row")
    shape: Shape = Field(description="its shape")


class SenseEntry(FileModel):
    """An entrance of the brain."""

    omitted = frozenset({"normalise", "scrambled", "words", "parts"})

    space: SpaceEntry = Field(description="what is seen")
    normalise: bool = Field(default=False, description="running statistics scale it")
    scrambled: bool = Field(default=False, description="the order in which its numbers are seen is a buffer")
    words: tuple[str, ...] = Field(default=(), description="the vocabulary of a text")
    parts: tuple[PartEntry, ...] = Field(default=(), description="the entries of a row")


class HeadEntry(FileModel):
    """An exit of the brain."""

    size: int = Field(description="how many numbers it gives")
    gain: Number = Field(description="of its orthogonal initialisation")
    gaussian: bool = Field(description="it gives standard deviations too")
    critic: bool = Field(description="it estimates returns")
    hidden: int = Field(description="units of a layer of its own")


class SlotEntry(FileModel):
    """Room for a reflex."""

    env: str = Field(description="the environment that it acts in")
    outputs: int = Field(description="how many numbers it gives")
    controller: str = Field(description="what computes them")
    angles: tuple[int, ...] = Field(description="the places in an observation that it reads as angles")
    velocities: tuple[int, ...] = Field(description="those that it reads as velocities")
    lags: int = Field(description="steps that its outputs may come late")
    rows: int = Field(description="rows of a table that is played")
    gate: str = Field(description="a head that scales it; empty for none")


class NeedsEntry(FileModel):
    """All that is asked of the brain, as the plan knew it: a job makes no environment to learn its spaces."""

    omitted = frozenset({"feedback", "reflexes"})

    senses: dict[str, SenseEntry] = Field(description="its entrances, by name")
    heads: dict[str, HeadEntry] = Field(description="its exits, by name")
    feedback: bool = Field(default=False, description="layers have buffers of random weights, for feedback alignment")
    reflexes: dict[str, SlotEntry] = Field(default={}, description="room for reflexes, by name")
