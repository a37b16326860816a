"""Recall: how far back learners answer, beside the optimum."""

from collections.abc import Mapping, Sequence
from typing import Any

from devlearn.evidence.analysis.curves import mean_of
from devlearn.evidence.analysis.values import measure, values
from devlearn.evidence.text.points import settings
from devlearn.records.schema import ProbeEntry
from devlearn.report.drawing import figures
from devlearn.report.section import Drawn, Page, Place, section

KIND = "recall"


@section("recall", title="How far back", after="lessons", folded=True)
def recall(page: Page) -> list[Drawn] | None:
    """Right answers over lags beside the optimum, all learners that were asked the same in one plot.

    There with a probe of kind ``recall``. The optimum is drawn where the environment declares one.
    """
    probes = page.run.resolved.probes
    return [drawn for name in probes if probes[name].kind == KIND for drawn in _of(page, name)] or None


def _of(page: Page, name: str) -> list[Drawn]:
    """The plots of one probe: one for each set of lags and optima."""
    asked: dict[tuple[Any, ...], list[tuple[Place, ProbeEntry]]] = {}
    for index, place in enumerate(page.places):
        probe = page.run.resolved.probes_at(index)[name]
        lags = _lags(probe)
        best = tuple(probe.metrics[f"recall_{lag}"].optimum for lag in lags)
        asked.setdefault((lags, best), []).append((place, probe))
    plots = []
    for number, ((lags, best), alike) in enumerate(asked.items()):
        lines: dict[str, figures.Answers] = {}
        for (place, probe), title in zip(alike, _titles([place for place, _ in alike]), strict=True):
            arms = place.records.arms
            called = {arm: ", ".join([*title, *([arm] if len(arms) > 1 or not title else [])]) for arm in arms}
            lines |= {called[arm]: _answers(place, probe, name, arm) for arm in arms}
        best_known = None if None in best else best
        plots.append(figures.recall(lines, lags, best_known, f"{name}-recall-{number}", name))
    return [drawn for drawn in plots if drawn is not None]


def _lags(probe: ProbeEntry) -> tuple[int, ...]:
    return tuple(int(metric.rpartition("_")[2]) for metric in probe.metrics if metric.startswith("recall_"))


def _titles(places: Sequence[Place]) -> list[list[str]]:
    """What is different among some points, in words."""
    points = [settings(place.records.point) for place in places]
    keys = dict.fromkeys(key for point in points for key in point)
    told = {key for key in keys if len({repr(point.get(key)) for point in points}) > 1}
    return [[_plain(value) for key, value in point.items() if key in told and value] for point in points]


def _plain(value: object) -> str:
    """A setting without its brackets: ``FrameStackObservation 8``."""
    if isinstance(value, Mapping):
        return " ".join(_plain(entry) for entry in value.values())
    return " ".join(_plain(entry) for entry in value) if isinstance(value, list | tuple) else str(value)


def _answers(place: Place, probe: ProbeEntry, name: str, arm: str) -> "figures.Answers":
    each = (measure({name: probe}, name, f"recall_{lag}") for lag in _lags(probe))
    return [mean_of(values(place.records.arms[arm], what, "end").values()) for what in each]
