"""What it cost: the ledger, what a unit of each cost bought, and tuning."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from devlearn.evidence.text.formats import PORTION
from devlearn.records.results import Comparison, GainPer, PairResult
from devlearn.records.schema import FEEDBACK, TuningEntry
from devlearn.report.section import Page, Place, section

UNITS = (
    "labels",
    "labels_validation",
    "images",
    "env_steps",
    "updates",
    "flops",
    *FEEDBACK,
)  # that gains are shown for
READ = "labels_validation"
SEARCHED = {
    "labels": "Labels", READ: "Validation labels", "images": "Images", "env_steps": "Env steps", "updates": "Updates",
    "flops": "FLOPs",
}  # fmt: skip
COLUMNS = {
    "labels": "Labels", "label_bits": "Label bits, at most", READ: "Validation labels", "images": "Images",
    "env_steps": "Env steps", "updates": "Updates", "flops": "FLOPs", "seconds": "Seconds",
}  # fmt: skip
SOME = {
    "feedback_events": "Feedback events", "feedback_bits": "Feedback bits", "kept_bytes": "Kept bytes",
    "kept_images": "Kept images",
}  # fmt: skip


@dataclass(frozen=True)
class Gains:
    """A pair's gain per portion of each unit; None where no more of it was spent."""

    pair: PairResult
    gains: Sequence[float | None]


@dataclass(frozen=True)
class Cost:
    """The cost of one point.

    ``columns`` of the ledger and ``searched``, those of tuning's, with their headings: labels that choices read stand
    there where any arm has some, feedback where any arm was told something. ``units`` are those of which some pair's
    arm spent more, ``best`` the means at the best checkpoint by arm, ``tuning`` the trials by arm: all three only where
    there are any.
    """

    place: Place
    found: Comparison
    columns: Sequence[tuple[str, str]]
    searched: Sequence[tuple[str, str]]
    units: Sequence[str]
    gains: Sequence[Gains]
    best: Mapping[str, float]
    tuning: Mapping[str, TuningEntry]


@section("cost", title="What it cost", after="bought", folded=True)
def cost(page: Page) -> list[Cost]:
    """The ledger, gain per unit of cost, and, with ``tune``, what tuning cost."""
    return [_at(place) for place in page.places]


def _at(place: Place) -> Cost:
    found = place.comparison
    units = [unit for unit in UNITS if any(pair.gain_per.of(unit) is not None for pair in found.comparisons)]
    pairs = [pair for pair in found.comparisons if any(pair.gain_per.of(unit) for unit in PORTION)]
    return Cost(
        place=place,
        found=found,
        columns=[
            *_columns(COLUMNS, (arm.ledger.labels_validation for arm in found.arms.values())),
            *((unit, name) for unit, name in SOME.items() if any(arm.ledger.of(unit) for arm in found.arms.values())),
        ],
        searched=_columns(SEARCHED, (arm.tuning.ledger.get(READ) for arm in found.arms.values() if arm.tuning)),
        units=units,
        gains=[Gains(pair, _gains(pair.gain_per, units)) for pair in pairs],
        best={name: arm.best for name, arm in found.arms.items() if arm.best is not None},
        tuning={name: arm.tuning for name, arm in found.arms.items() if arm.tuning},
    )


def _columns(units: Mapping[str, str], read: Iterable[float | None]) -> list[tuple[str, str]]:
    return list(units.items()) if any(read) else [(unit, name) for unit, name in units.items() if unit != READ]


def _gains(gain_per: GainPer, units: Sequence[str]) -> list[float | None]:
    return [None if (gain := gain_per.of(unit)) is None else gain * PORTION[unit] for unit in units]
