"""Needs as JSON."""

import hashlib
from typing import Any

from devlearn.learners.brains import Needs, Sense


def describe(needs: Needs) -> dict[str, Any]:
    """Needs as JSON: equal where, and only where, they build the same brain."""
    senses = {
        name: [_box(sense.space), sense.normalise, *["scrambled"] * sense.scrambled, *_more(sense)]
        for name, sense in sorted(needs.senses.items())
    }
    heads = {name: vars(head) for name, head in sorted(needs.heads.items())}
    feedback = {"feedback": True} if needs.feedback else {}
    reflexes = {name: vars(slot) for name, slot in sorted(needs.reflexes.items())}
    return {"senses": senses, "heads": heads, **feedback, **({"reflexes": reflexes} if reflexes else {})}


def _more(sense: Sense) -> list[Any]:
    """What only some senses have."""
    words = [{"words": list(sense.words)}] if sense.words else []
    parts = [[part.sense, part.start, list(part.shape)] for part in sense.parts]
    return [*words, *([{"parts": parts}] if parts else [])]


def _box(space: Any) -> list[Any]:
    bounds = hashlib.sha256(space.low.tobytes() + space.high.tobytes()).hexdigest()
    return [list(space.shape), str(space.dtype), bounds]
