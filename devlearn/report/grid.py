"""Differences and verdicts as a table of cells, shaded where a difference was found, by its size and direction."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from devlearn.evidence.text.comparison import FEW
from devlearn.evidence.text.points import setting
from devlearn.records.results import Comparison, PairResult, Verdict

SHADES = 4
DIRECTIONS: Mapping[Verdict, str] = {"better": "up", "worse": "down"}
SPARSE = 4  # places for each pair from which on most cells would be empty


@dataclass(frozen=True)
class Cell:
    """One pair; ``shade`` is a class of style.css, empty where neither was found better."""

    pair: PairResult
    shade: str


@dataclass(frozen=True)
class Grid:
    """Rows and columns with their names; a cell is None where nothing is compared. ``body`` says what is measured."""

    corner: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Cell | None]]]
    body: Comparison


def grid(bodies: Sequence[Comparison]) -> Grid | None:
    """Pairs by points where several are varied, arms by controls where pairs are many; else None."""
    pairs = [pair for body in bodies for pair in body.comparisons]
    if len(bodies) > 1 and pairs:
        return _over_points(bodies)
    return _by_control(bodies[0]) if len(pairs) > FEW else None


def _over_points(bodies: Sequence[Comparison]) -> Grid:
    names = [f"{pair.arm} − {pair.against}" for pair in bodies[0].comparisons]
    columns = [_cells(body.comparisons) for body in bodies]
    rows = [(name, [column[row] for column in columns]) for row, name in enumerate(names)]
    return Grid("Pair", [setting(body.point) for body in bodies], rows, bodies[0])


def _by_control(body: Comparison) -> Grid | None:
    """Arms by what they are compared with; ``waves-shuffle`` of ``waves`` stands under ``shuffle``."""
    places = {(cell.pair.arm, _control(cell.pair)): cell for cell in _cells(body.comparisons)}
    arms, controls = (list(dict.fromkeys(place[side] for place in places)) for side in (0, 1))
    if len(places) < len(body.comparisons) or len(arms) * len(controls) > SPARSE * len(places):
        return None
    controls.sort(key=lambda one: -sum(control == one for _, control in places))
    return Grid("Arm against", controls, [(arm, [places.get((arm, one)) for one in controls]) for arm in arms], body)


def _control(pair: PairResult) -> str:
    return pair.against.removeprefix(f"{pair.arm}-")


def _cells(pairs: Sequence[PairResult]) -> list[Cell]:
    most = max((abs(pair.difference or 0.0) for pair in pairs if pair.suggests in DIRECTIONS), default=0.0)
    return [Cell(pair, _shade(pair, most)) for pair in pairs]


def _shade(pair: PairResult, most: float) -> str:
    """``up1`` to ``up4`` where the first arm is better, ``down1`` to ``down4`` where it is worse; else nothing."""
    difference, direction = pair.difference or 0.0, DIRECTIONS.get(pair.suggests)
    if direction is None or not difference or not math.isfinite(difference / most):
        return ""
    return f"{direction}{math.ceil(SHADES * abs(difference) / most)}"
