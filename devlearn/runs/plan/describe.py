"""Needs as JSON."""

import hashlib
from typing import Any

from devlearn.learners.brains import Needs


def describe(needs: Needs) -> dict[str, Any]:
    """Needs as JSON: equal where, and only where, they build the same brain."""
    senses = {
        name: [_box(sense.space), sense.normalise, *["scrambled"] * sense.scrambled]
        for name, sense in sorted(needs.senses.items())
    }
    heads = {name: vars(head) for name, head in sorted(needs.heads.items())}
    return {"senses": senses, "heads": heads, **({"feedback": True} if needs.feedback else {})}


def _box(space: Any) -> list[Any]:
    bounds = hashlib.sha256(space.low.tobytes() + space.high.tobytes()).hexdigest()
    return [list(space.shape), str(space.dtype), bounds]
