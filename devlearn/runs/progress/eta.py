"""Remaining time from observed progress."""

import time
from collections.abc import Callable


class EtaEstimator:
    """For each name, the remaining seconds at the pace seen since progress was first reported."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.begun: dict[str, tuple[float, float]] = {}

    def seconds_left(self, name: str, share: float) -> float | None:
        """``share`` of the work is done, in 0..1. None until there is a pace to go by."""
        now = self.clock()
        begun, first = self.begun.setdefault(name, (now, share))
        if share <= first or now <= begun:
            return None
        return (1 - share) * (now - begun) / (share - first)


def duration(seconds: float | None) -> str:
    """``0:42``, ``12:05``, ``3:07:00``, or nothing for None."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
