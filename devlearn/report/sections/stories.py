"""Stories: the chance that learners give to what is right, as it grows with trials, beside the ideal observer's."""

import numpy as np
from numpy.typing import NDArray

from devlearn.records.reader import ArmRecords
from devlearn.report.drawing import figures
from devlearn.report.figure_groups import families, numbered
from devlearn.report.section import Drawn, Page, Place, section

KIND = "causal"


@section("stories", title="What trials tell", after="lessons", folded=True)
def stories(page: Page) -> list[Drawn] | None:
    """The chance given to the right answer after each trial, at the end of each arm, and the ideal observer's.

    There where the probe ``causal`` was measured.
    """
    return [drawn for place in page.places for drawn in _at(page, place)] or None


def _at(page: Page, place: Place) -> list[Drawn]:
    drawn = []
    probes = [name for name, probe in page.run.resolved.probes.items() if probe.kind == KIND]
    several = families(place.comparison)
    for probe in probes:
        found = {name: chances(arm, probe) for name, arm in place.records.arms.items()}
        for index, (family, arms) in enumerate(several):
            known = {arm: found[arm] for arm in arms if len(found.get(arm, ()))}
            if known:
                name = numbered(f"{place.prefix}{probe}-stories", index, several)
                drawn.append(figures.stories(known, probe, name, family))
    return drawn


def chances(arm: ArmRecords, probe: str) -> NDArray[np.float64]:
    """Of every learner that is done and finite, at its end: its own chances and the ideal's, (L, 2, T + 1)."""
    rows = []
    for life in arm.lives.values():
        values = life.moments[-1].values if life.done and life.moments else {}
        trials = range(sum(name == probe and metric.startswith("network_") for name, metric in values))
        row = np.array([[values[probe, f"{who}_{t}"] for t in trials] for who in ("network", "ideal")], float)
        if trials and np.isfinite(row).all():
            rows.append(row)
    return np.array(rows)
