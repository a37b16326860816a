"""What stands before all results: the warnings of all points, each once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from devlearn.evidence.text.points import setting
from devlearn.evidence.text.reasons import render_note
from devlearn.evidence.text.warnings import additions, lacking
from devlearn.records.results import Comparison, Warning_


@dataclass(frozen=True)
class Caution:
    """A warning in words; what it asks to add to the scenario stands apart, as YAML."""

    text: str
    yaml: str = ""


def cautions(points: Sequence[Comparison]) -> list[Caution]:
    """Each warning once, with its points where it isn't said of all."""
    return [_caution(where, warning) for where, warning in _once(points)]


def _caution(where: str, warning: Warning_) -> Caution:
    if warning.code != "missing_controls":
        return Caution(f"{where}{render_note(warning)}")
    fields: Any = warning.fields
    return Caution(f"{where}{lacking(**fields)}", _yaml(additions(fields["wanting"])))


def _yaml(adds: Mapping[str, Sequence[str]]) -> str:
    """Lines to add to a scenario, under the key that each belongs to."""
    return "\n".join(line for where, lines in adds.items() for line in _block(where, lines))


def _block(where: str, lines: Sequence[str]) -> list[str]:
    if where == "pairs":
        return ["compare:", "  pairs:", *(f"    - {line}" for line in lines)]
    return [f"{where}:", *(f"  {line}" for line in lines)]


def _once(points: Sequence[Comparison]) -> list[tuple[str, Warning_]]:
    """(its points where it isn't said of all, warning)."""
    found: list[tuple[Warning_, list[str]]] = []
    for point in points:
        place = setting(point.point)
        for warning in point.warnings:
            names = next((names for known, names in found if known == warning), None)
            if names is None:
                found.append((warning, names := []))
            if place not in names:  # two runs may say the same at one point
                names.append(place)
    return [("" if len(names) == len(points) else f"{'; '.join(names)}: ", known) for known, names in found]
