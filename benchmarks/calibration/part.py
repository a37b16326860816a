"""A part of the study, and what it finds: a table of how often something was said."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Rate:
    """So many of so many experiments."""

    hits: int
    of: int

    @property
    def share(self) -> float:
        return self.hits / self.of

    def __str__(self) -> str:
        """Percent and Monte Carlo standard error."""
        return f"{100 * self.share:.2f} ± {100 * math.sqrt(self.share * (1 - self.share) / self.of):.2f}"


Row = dict[str, Rate]
Table = dict[tuple[str, ...], Row]


def counted(errors: NDArray[np.bool_] | list[bool]) -> Rate:
    return Rate(int(np.count_nonzero(errors)), len(errors))


@dataclass(frozen=True)
class Part:
    """One table of the page: its title, what it means, the names of its rows, and how many experiments it takes.

    ``share``: of the study's experiments. ``sized``: a last column says how often sign-flips of so many seeds can err.
    ``remark``: what the table shows, in a sentence made of its numbers.
    """

    title: str
    meaning: str
    rows: tuple[str, ...]
    run: Callable[[int], Table]
    share: float = 1.0
    sized: bool = False
    remark: Callable[[Table], str] | None = None
