"""What a contract test says of one law, and how much of its time is left."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Tell = Callable[[Any], None]  # hears what is being tried


@dataclass(frozen=True)
class Finding:
    """One law of environments: its name, whether it holds, and what was seen: place and mend where it does not.

    ``runs``: where it does not hold, that a run goes on all the same. What it is worth then, the message says.
    """

    name: str
    ok: bool
    message: str
    runs: bool = False


@dataclass
class Clock:
    """How much of the check's time is left, and who is told what is being tried."""

    seconds: float
    tell: Tell
    began: float = field(default_factory=time.monotonic)

    @property
    def over(self) -> bool:
        return time.monotonic() - self.began > self.seconds

    def skipped(self, name: str, done: str = "") -> Finding:
        """That there was no time for a law, or not for all of it."""
        what = f"only {done}" if done else "not tried"
        return Finding(name, True, f"{what}: the {self.seconds:g} seconds of this check were over; give it more")
