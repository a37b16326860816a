"""Learning-rate schedules over a declared budget."""

import math
from typing import Literal

Schedule = Literal["constant", "linear", "cosine"]


def factor(schedule: Schedule, done: int, planned: int) -> float:
    """What the learning rate is multiplied by after ``done`` of ``planned`` yields: 1 at first, 0 at the end."""
    share = min(done / max(planned, 1), 1.0)
    if schedule == "constant":
        return 1.0
    return 1.0 - share if schedule == "linear" else 0.5 * (1.0 + math.cos(math.pi * share))
