"""What is asked of a brain, to job.json and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from devlearn.learners.brains.needs import Head, Needs, Part, Sense, Slot
from devlearn.records.schema import HeadEntry, NeedsEntry, PartEntry, SenseEntry, SlotEntry, SpaceEntry


def entry_of(needs: Needs) -> NeedsEntry:
    """Needs as job.json has them: ``needs_from`` gives equal ones, to the last bit of every bound."""
    return NeedsEntry(
        senses={name: _sense(sense) for name, sense in needs.senses.items()},
        heads={name: HeadEntry(**vars(head)) for name, head in needs.heads.items()},
        feedback=needs.feedback,
        reflexes={name: SlotEntry(**vars(slot)) for name, slot in needs.reflexes.items()},
    )


def needs_from(entry: NeedsEntry) -> Needs:
    """The needs that ``entry_of`` wrote."""
    return Needs(
        senses={
            name: Sense(
                _box(sense.space),
                sense.normalise,
                sense.scrambled,
                sense.words,
                tuple(Part(part.sense, part.start, part.shape) for part in sense.parts),
            )
            for name, sense in entry.senses.items()
        },
        heads={name: Head(**dict(head)) for name, head in entry.heads.items()},
        feedback=entry.feedback,
        reflexes={name: Slot(**dict(slot)) for name, slot in entry.reflexes.items()},
    )


def _sense(sense: Sense) -> SenseEntry:
    box = sense.space
    bounds = {"low": _bounds(box.low), "high": _bounds(box.high)}
    return SenseEntry(
        space=SpaceEntry.model_validate({"shape": box.shape, "dtype": str(box.dtype), **bounds}),
        normalise=sense.normalise,
        scrambled=sense.scrambled,
        words=tuple(sense.words),
        parts=tuple(PartEntry(sense=part.sense, start=part.start, shape=part.shape) for part in sense.parts),
    )


def _bounds(values: NDArray[Any]) -> tuple[int | float, ...]:
    """One number where all are the same."""
    same = values.size > 0 and (values == values.flat[0]).all()
    return tuple((values.reshape(-1)[:1] if same else values.reshape(-1)).tolist())


def _box(entry: SpaceEntry) -> spaces.Box[Any]:
    dtype = np.dtype(entry.dtype).type
    return spaces.Box(_spread(entry, entry.low), _spread(entry, entry.high), dtype=dtype)


def _spread(entry: SpaceEntry, bounds: tuple[int | float, ...]) -> NDArray[Any]:
    values = np.asarray(bounds, entry.dtype)
    return np.full(entry.shape, values[0]) if values.size == 1 else values.reshape(entry.shape)
