"""What each budget bought: every stage by its own probe."""

from collections.abc import Sequence
from dataclasses import dataclass

from devlearn.records.results import Comparison, StageGain
from devlearn.report.section import Page, Place, section


@dataclass(frozen=True)
class StageRows:
    """A stage as it was lived: ``stage`` says which, ``own`` its gains by its own probes.

    ``compared`` is its gain by the compared measure, or None.
    """

    stage: StageGain
    own: Sequence[StageGain]
    compared: StageGain | None


@dataclass(frozen=True)
class Bought:
    """The stages of one point."""

    place: Place
    rows: Sequence[StageRows]


@section("bought", title="What each budget bought", after="curves", folded=True)
def bought(page: Page) -> list[Bought]:
    """Each stage by its own probe, from its beginning to its end.

    The changes describe; the verdicts decide.
    """
    return [Bought(place, _rows(place.comparison)) for place in page.places]


def _rows(found: Comparison) -> list[StageRows]:
    grouped: dict[tuple[str, int], list[StageGain]] = {}
    for gain in found.stages:
        grouped.setdefault((gain.branch, gain.position), []).append(gain)
    compared = (found.probe, found.metric)
    return [
        StageRows(
            gains[0],
            [gain for gain in gains if gain.own],
            next((gain for gain in gains if (gain.probe, gain.metric) == compared), None),
        )
        for gains in grouped.values()
    ]
