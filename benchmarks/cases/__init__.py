"""What `make bench` measures: cases by name, each with contenders that do the same work.

A contender is called with the number of the repetition and returns (units a second, scores); what is before its call of
``side_by_side.timed`` is its start. The first is ours, or the smallest of a series, and the others are held against it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Run = Callable[[int], tuple[float, list[float]]]


@dataclass(frozen=True)
class Case:
    """One block of the table.

    Args:
        unit: what a contender's number is: UNIT/s, or with ``lower`` the unit itself.
        runs: the contenders, by name.
        total: units that a verdict takes, seeds times budget; None where nothing is trained for one.
        lower: small numbers are good ones.
        missing: contenders that can't be had, with the reason.
        cores: how many the contenders share.
    """

    unit: str
    runs: Mapping[str, Run]
    total: int | None = None
    lower: bool = False
    missing: Mapping[str, str] = field(default_factory=dict)
    cores: int = 1


def peers(names: Mapping[str, tuple[str, Run]]) -> tuple[dict[str, Run], dict[str, str]]:
    """Those peers whose package, {name: (package, run)}, is installed, and why the others are missing."""
    from importlib.util import find_spec

    here = {name: run for name, (package, run) in names.items() if find_spec(package)}
    gone = {name: f"{package} is not installed" for name, (package, _) in names.items() if name not in here}
    return here, gone


def cases() -> dict[str, Callable[[bool], Case]]:
    """Every case by name; called with whether it is only tried, on small sizes."""
    from cases import answers, compiled, growth, learning, playing

    return {**learning.CASES, **playing.CASES, **compiled.CASES, **growth.CASES, **answers.CASES}
