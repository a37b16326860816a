"""report.html: one page that carries everything with it, without scripts and without a request to anywhere."""

import base64
import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from devlearn.evidence.compare import compare, entries
from devlearn.evidence.curves import curves
from devlearn.evidence.load import Json, Point, Run, load
from devlearn.evidence.values import measure, measures
from devlearn.evidence.words import chance, headline, moment, number, sentence, size, span
from devlearn.report import figures
from devlearn.report.figures import Drawn
from devlearn.report.svg import drawing, inline, save

SHOWN_KEYS = ("labels", "data", "env")


def write(run: Path) -> Path:
    """Write RUN/report.html and RUN/figures/*.svg, *.png; the path of the page.

    Raises:
        EvidenceError: the folder holds no run, or one without probes.
    """
    found = load(run)
    comparison = compare([run])
    bodies = entries(comparison)
    with drawing():
        sections = [_section(found, *place) for place in zip(found.points, bodies, range(len(bodies)), strict=True)]
        overall = figures.varied(bodies, "varied") if len(bodies) > 1 else None
        shown = _shown(run, overall) if overall else None
    text = (
        _environment()
        .get_template("report.html.j2")
        .render(
            run=found,
            resolved=found.resolved,
            manifest=found.manifest,
            headline=headline(comparison),
            sections=sections,
            overall=shown,
            warnings=_warnings(bodies),
            plan=_plan(found.points[0]),
            scenario=_scenario(run),
            **_style(),
        )
    )
    path = run / "report.html"
    draft = path.with_suffix(".html.new")
    draft.write_text(text, encoding="utf-8")
    os.replace(draft, path)
    return path


def _environment() -> Environment:
    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "number": number, "chance": chance, "moment": moment, "size": size, "count": count, "budget": budget,
        "interval": interval, "percent": percent, "plain": lambda name: name.replace("_", " "),
    }  # fmt: skip
    return environment


def _style() -> dict[str, Markup]:
    """The style sheet and the hash by which the page's security policy allows it, and nothing else."""
    css = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return {"css": Markup(css), "css_hash": Markup(digest)}


def _section(run: Run, point: Point, body: Json, index: int) -> Json:
    """What the page shows of one point."""
    prefix = f"point{index}-" if len(run.points) > 1 else ""
    drawn = _figures(run, point, body, prefix)
    return {
        "id": f"point-{index}",
        "title": ", ".join(f"{key} = {value}" for key, value in body["point"].items()),
        "body": body,
        "sentences": [sentence(pair, body).replace(" %", "\u00a0%") for pair in body["comparisons"]],
        "stages": _stages(body),
        "figures": {name: _shown(run.folder, figure) for name, figure in drawn.items()},
        "others": [_shown(run.folder, figure) for figure in _others(run, point, body, prefix)],
    }


def _figures(run: Run, point: Point, body: Json, prefix: str) -> dict[str, Drawn]:
    what = measure(run.resolved["probes"], body["probe"], body["metric"])
    lines = curves(point.arms, what)
    drawn = {"dots": figures.dots(body, f"{prefix}dots")}
    if body["comparisons"]:
        drawn["differences"] = figures.differences(body, f"{prefix}differences")
    for unit in figures.UNITS:
        if any(curve.x[unit].any() for curve in lines.values()):
            drawn[unit] = figures.learning(lines, unit, f"{prefix}over-{unit}")
    return drawn


def _others(run: Run, point: Point, body: Json, prefix: str) -> Iterator[Drawn]:
    """The curves of the probes that are not compared."""
    for what in measures(run.resolved["probes"]):
        if what.key[0] != body["probe"]:
            yield figures.learning(curves(point.arms, what), "updates", f"{prefix}probe-{what.key[0]}")


def _shown(run: Path, drawn: Drawn) -> dict[str, Any]:
    svg = save(drawn.figure, run / "figures", drawn.name)
    return {"svg": inline(svg, drawn.name, drawn.alt), "caption": drawn.caption, "name": drawn.name}


def _stages(body: Json) -> list[Json]:
    """Stages as they were lived: each with the entries of its own probes, and the compared measure's."""
    grouped: dict[tuple[str, int], Json] = {}
    compared = (body["probe"], body["metric"])
    for entry in body["stages"]:
        stage = grouped.setdefault((entry["branch"], entry["position"]), {**entry, "own": [], "compared": None})
        stage["own"] += [entry] * entry["own"]
        if (entry["probe"], entry["metric"]) == compared:
            stage["compared"] = entry
    return list(grouped.values())


def _warnings(bodies: Sequence[Json]) -> list[str]:
    """Each warning once, with its points where there are several."""
    points: dict[str, list[str]] = {}
    for body in bodies:
        name = ", ".join(f"{key} = {value}" for key, value in body["point"].items())
        for warning in body["warnings"]:
            points.setdefault(warning, []).append(name)
    return [w if len(names) == len(bodies) else f"{'; '.join(names)}: {w}" for w, names in points.items()]


def _plan(point: Point) -> list[Json]:
    """Each arm as a storyboard of its stages; a stage names the other arms that lived it together with this one."""
    return [
        {"arm": name, "stages": [_step(name, position, stage, point) for position, stage in enumerate(arm.stages)]}
        for name, arm in point.arms.items()
    ]


def _step(name: str, position: int, stage: Json, point: Point) -> Json:
    same = [
        other
        for other, arm in point.arms.items()
        if other != name and position < len(arm.stages) and arm.stages[position]["branch"] == stage["branch"]
    ]
    keys = stage.get("keys", {})
    shown = {key: keys[key] for key in SHOWN_KEYS if keys.get(key) is not None}
    return {"name": stage["name"], "kind": stage["kind"], "budget": stage.get("budget"), "keys": shown, "shared": same}


def _scenario(run: Path) -> str:
    path = run / "scenario.yaml"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def count(value: float) -> str:
    """A count for readers: 12,345, 420 million, 3.1 billion."""
    for size_of, word in ((1e15, "quadrillion"), (1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
        if abs(value) >= size_of:
            return f"{value / size_of:.3g} {word}"
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 1000 else f"{value:.1f}"


def budget(given: Sequence[Any] | None) -> str:
    """``["updates", 300]`` as ``300 updates``; a stage without a budget acts once."""
    return "acts once" if given is None else f"{count(given[1])} {str(given[0]).replace('_', ' ')}"


def interval(entry: Mapping[str, Any], metric: str) -> str:
    """The interval of a comparison or of a stage's change."""
    if entry["interval"] is None or None in entry["interval"]:
        return "none"
    low, high = entry["interval"]
    return span(low, high, metric)


def percent(share: float | None) -> str:
    """A probability as a percentage."""
    return "unknown" if share is None else f"{100 * share:.0f} %"
