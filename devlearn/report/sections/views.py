"""What stands in each section of the page, prepared for the templates. A section without content has no entry."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from devlearn.evidence.analysis.curves import curves
from devlearn.evidence.analysis.timeline import Span, Story, story
from devlearn.evidence.analysis.values import measure, measures
from devlearn.evidence.text.comparison import claim, limits, sentence
from devlearn.evidence.text.points import setting
from devlearn.evidence.text.reasons import render_note
from devlearn.records.reader import ArmRecords, Json, Point, RunRecords
from devlearn.records.results import Comparison, Results, document
from devlearn.report import figures
from devlearn.report.figure_groups import Family, families
from devlearn.report.figure_store import FigureStore
from devlearn.report.figures import Drawn
from devlearn.report.sections import gallery, tables

SHOWN_KEYS = ("labels", "data", "env", "lr", "schedule", "blur", "change")
FOLDED = 12  # rows of what only describes; more stand behind a line to open
TITLES = {
    "points": "Over all points",
    "lives": "The life of each arm",
    "verdicts": "Verdicts",
    "curves": "Learning curves",
    "bought": "What each budget bought",
    "cost": "What it cost",
    "proxy": "Proxy and metric",
    "fields": "Receptive fields",
    "films": "Behaviour",
    "plan": "The plan",
    "reproduce": "How to reproduce",
    "read": "How to read this",
}


@dataclass(frozen=True)
class Page:
    """All that the page is made of: the run, what was found in it, and where figures go.

    ``bodies`` and ``analysis`` are what was found as plain values, point by point and whole, with every metric's unit.
    """

    run: RunRecords
    found: Results
    shelf: FigureStore
    bodies: Sequence[Json]
    analysis: Json

    @classmethod
    def of(cls, run: RunRecords, found: Results, shelf: FigureStore) -> "Page":
        """The page of a run."""
        bodies = [document(point, render_note, units=True) for point in found.comparisons.points]
        return cls(run, found, shelf, bodies, document(found.analyses, render_note, units=True))

    @property
    def places(self) -> Iterator[tuple[Point, Json, Json, str]]:
        """(point, comparison, analysis, prefix of its figures' names) of every point."""
        several = len(self.run.points) > 1
        found = zip(self.run.points, self.bodies, self.analysis["points"], strict=True)
        for index, (point, body, analysed) in enumerate(found):
            yield point, body, analysed, f"point{index}-" if several else ""


def view(page: Page) -> Json:
    """The templates' variables. Figures are shelved in the order of the page, so the last ones give way first."""
    points = page.found.comparisons.points
    shown: Json = {
        "lives": _lives(page),
        "verdicts": [
            _verdicts(page, point, *place)
            for point, place in zip(page.found.comparisons.points, page.places, strict=True)
        ],
        "points": _overall(page),
        "curves": [_curves(page, *place) for place in page.places],
        "proxy": _some([_proxy(page, *place) for place in page.places]),
        **_galleries(page),
    }
    absent = {name for name, content in shown.items() if content is None}
    nav = [(name, title) for name, title in TITLES.items() if name not in absent]
    return shown | {
        "nav": nav,
        "titles": TITLES,
        "claim": _claim(points[0]),
        "point_titles": [setting(body["point"]) for body in page.bodies],
        "bodies": page.bodies,
        "analysis": page.analysis,
        "warnings": tables.warnings(points),
        "stages": [tables.stages(body) for body in page.bodies],
        "quick": [name for name, probe in page.run.resolved.probes.items() if probe.own.get("quick")],
        "cost": [tables.cost(body) for body in page.bodies],
        "plan": _plan(page.run.points[0]),
        "few": FOLDED,
        "single": figures.SINGLE,
        "double": figures.DOUBLE,
    }


def _claim(found: Comparison) -> str:
    """What the verdicts are about; nothing while nobody has lived a whole life."""
    if any(one.n == 0 for one in found.comparisons or found.arms.values()):
        return "There is no claim yet: it takes learners of every compared arm that have lived their whole life."
    return claim(found)


def _some(found: Sequence[Json | None]) -> Sequence[Json | None] | None:
    return found if any(found) else None


def _lives(page: Page) -> list[Json]:
    """A storyboard for each story that differs, with the points that tell it."""
    told: list[tuple[Story, list[str], str]] = []
    for point, body, _, prefix in page.places:
        found = story(point)
        same = next((titles for other, titles, _ in told if other == found), None)
        if same is None:
            told.append((found, [setting(body["point"])], prefix))
        else:
            same.append(setting(body["point"]))
    return [
        {"titles": titles, "figure": page.shelf.figure(figures.storyboard(found, f"{prefix}lives")), "story": found}
        for found, titles, prefix in told
    ]


def _verdicts(page: Page, found: Comparison, point: Point, body: Json, analysed: Json, prefix: str) -> Json:
    matched = [name for name, arm in point.arms.items() if arm.match]
    drawn = [figures.dots(body, f"{prefix}dots", matched)]
    if body["comparisons"]:
        drawn = [figures.differences(body, f"{prefix}differences"), *drawn]
    return {
        "sentences": [sentence(pair, found).replace(" %", "\u00a0%") for pair in found.comparisons],
        "figures": page.shelf.figures(drawn),
        "diverged": tables.diverged(point),
        "extra": tables.extra_intervals(body),
        "limits": limits(found),
        "twice": any(pair["at_best"] for pair in body["comparisons"]),
    }


def _overall(page: Page) -> Json | None:
    """What the points say together: the mean over what is varied, and the fitted power laws."""
    fits = page.analysis["fits"]
    if len(page.bodies) < 2:
        return None
    what = f"{page.bodies[0]['probe']}"
    several = families(page.bodies[0])
    drawn = [
        *(figures.varied(page.bodies, _named("varied", i, several), *family) for i, family in enumerate(several)),
        figures.fits(fits, what, "fits") if fits else None,
    ]
    return {"figures": page.shelf.figures(drawn), "fits": fits} if fits or any(drawn) else None


def _curves(page: Page, point: Point, body: Json, analysed: Json, prefix: str) -> Json:
    stops = {name: _stop(arm) for name, arm in point.arms.items()}
    bands = [
        figures.band(entry, body["unit"], f"{prefix}band-{i}", [stops[entry["arm"]], stops[entry["against"]]])
        for i, entry in enumerate(analysed["bands"])
    ]
    drawn = _learning(page.run, point, body, prefix)
    apart = len(families(body)) > 1  # several plots for each unit: those of the first stand, the others unfold
    first = drawn.pop(next(iter(drawn), ""), []) if apart else [one for same in drawn.values() for one in same]
    more = drawn if apart else {}
    return {
        "figures": page.shelf.figures(first),
        "more": [(figures.UNITS[unit], page.shelf.figures(same)) for unit, same in more.items()],
        "bands": page.shelf.figures(bands),
        "others": page.shelf.figures(list(_others(page.run, point, body, prefix))),
        "levels": tables.levels(analysed, body),
        "level_pairs": analysed["level_pairs"],
        "hot_start": analysed["hot_start"],
        "heights": tables.heights(analysed),
        "left_out": analysed.get("left_out", []),
        "refused_bands": [entry for entry in analysed["bands"] if "refused" in entry],
    }


def _stop(arm: ArmRecords) -> int:
    """The last measured update of an arm's last stage."""
    last = len(arm.stages) - 1
    return max((m.update for life in arm.lives.values() for m in life.moments if m.position == last), default=0)


def _learning(run: RunRecords, point: Point, body: Json, prefix: str) -> dict[str, list[Drawn]]:
    """The learning curves by what they are drawn over, a plot for each family of arms."""
    lines = curves(point.arms, measure(run.resolved.probes, body["probe"], body["metric"]))
    several, found = families(body), dict[str, list[Drawn]]()
    for unit in figures.UNITS:
        names = _stage_names(point) if unit == "updates" else None
        for i, (family, arms) in enumerate(several):
            own = {arm: lines[arm] for arm in arms}
            if any(curve.x[unit].any() for curve in own.values()):
                name = _named(f"{prefix}over-{unit}", i, several)
                found.setdefault(unit, []).append(figures.learning(own, unit, name, names, family))
    return found


def _stage_names(point: Point) -> dict[str, list[str]]:
    return {name: [stage.name for stage in arm.stages] for name, arm in point.arms.items()}


def _others(run: RunRecords, point: Point, body: Json, prefix: str) -> Iterator[Drawn]:
    """The curves of the probes that are not compared."""
    several = families(body)
    for what in measures(run.resolved.probes):
        if what.key[0] != body["probe"]:
            lines = curves(point.arms, what)
            for i, (family, arms) in enumerate(several):
                name = _named(f"{prefix}probe-{what.key[0]}", i, several)
                yield figures.learning({arm: lines[arm] for arm in arms}, "updates", name, None, family)


def _named(name: str, index: int, several: Sequence[Family]) -> str:
    """The name of a figure, of which there is one for each family."""
    return name if len(several) == 1 else f"{name}-{index}"


def _proxy(page: Page, point: Point, body: Json, analysed: Json, prefix: str) -> Json | None:
    """The proxy beside the metric, where the compared probe measures both."""
    if not analysed["proxy"]:
        return None
    some = next(iter(analysed["proxy"].values()))
    probes = page.run.resolved.probes
    proxies, metrics = (curves(point.arms, measure(probes, some[name])) for name in ("proxy", "metric"))
    several = families(body)
    drawn = [
        figures.proxy({arm: proxies[arm] for arm in arms}, metrics, _named(f"{prefix}proxy", i, several), family)
        for i, (family, arms) in enumerate(several)
    ]
    return {"figures": page.shelf.figures(drawn), "arms": analysed["proxy"], "names": (some["proxy"], some["metric"])}


def _galleries(page: Page) -> Json:
    """Receptive fields and behaviour of every point; a film that was shown at an earlier point is only named."""
    probes, seen = page.run.resolved.probes, set[bytes]()
    fields, films = [], []
    for point, _, _, prefix in page.places:
        drawn = gallery.lives(point)
        fields.append(gallery.fields(drawn, page.shelf, prefix))
        films.append(gallery.films(drawn, page.shelf, prefix, probes, seen))
    return {"fields": fields if any(fields) else None, "films": films if any(films) else None}


def _plan(point: Point) -> list[Json]:
    """Each arm as a list of its stages; a stage names the other arms that lived it together with this one."""
    lives = story(point).arms.items()
    return [{"arm": arm, "match": point.arms[arm].match, "stages": [_step(s) for s in spans]} for arm, spans in lives]


def _step(span: Span) -> Json:
    keys = {key: span.keys[key] for key in SHOWN_KEYS if span.keys.get(key) not in (None, [], {})}
    return {"name": span.name, "kind": span.kind, "budget": span.budget, "keys": keys, "shared": span.shared}
