"""Runs that are cut off in their middle, on machines of any speed.

A run that is to be killed when it is half done may be over before anybody looks, where a core is fast, or is busy.
That says nothing about what happens to a run that is killed, so the same is tried with a run that takes twice as long.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

LONGEST = 16
Found = TypeVar("Found")


class Over(Exception):
    """A run ended before it could be cut off."""


def long_enough(folder: Path, attempt: Callable[[Path, int], Found]) -> Found:
    """What ``attempt`` finds, called with a folder and 1, 2, 4, .. times the budget until its run is not Over."""
    times = 1
    while True:
        place = folder / f"times-{times}"
        place.mkdir()
        try:
            return attempt(place, times)
        except Over:
            if times == LONGEST:
                raise
            times *= 2
