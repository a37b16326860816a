"""Numbers as people read them: by their unit, in sentences, tables and figures alike. A share is shown in percent."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from devlearn.evidence.text.points import brief
from devlearn.records.declared import SHARE

Filters = dict[str, Any]
Ends = Sequence[float | None] | None
# One more of a unit buys too little to read: gains are shown per this many.
PORTION = {
    "labels": 100, "label_bits": 100, "labels_validation": 100, "images": 10_000, "env_steps": 10_000, "updates": 100,
    "flops": 1e9, "feedback_events": 10_000, "feedback_bits": 10_000,
}  # fmt: skip
MOMENTS = {"end": "at the end", "birth": "at birth", "area": "over the last stage", "best": "at the best checkpoint"}


def filters() -> Filters:
    """Every filter by its name in the templates."""
    return {
        "number": number, "chance": chance, "moment": moment, "size": size, "count": count, "budget": budget,
        "ends": ends, "percent": percent, "plain": plain, "level": level, "setting": setting, "portion": portion,
        "units": units, "decimals": decimals,
        "threshold": lambda value, unit: threshold(value, unit).replace(" ", "\u00a0"),  # never over two lines
    }  # fmt: skip


def number(value: float | None, unit: str, sign: bool = False) -> str:
    """A value: shares in percent, others to four significant digits. Differences (``sign``) of shares are in points."""
    if value is None or not math.isfinite(value):
        return "unknown"
    if unit == SHARE:
        return f"{100 * value:+.2f} points" if sign else f"{100 * value:.2f} %"
    return f"{value:{'+' if sign else ''}.4g}"


def size(value: float, unit: str) -> str:
    """A distance, without a sign."""
    return f"{100 * value:g} point{'s' * (value != 0.01)}" if unit == SHARE else f"{value:.4g}"


def threshold(value: float, unit: str) -> str:
    """A level that learners reach: ``80 %``, ``0.35``."""
    return f"{100 * value:g} %" if unit == SHARE else f"{value:g}"


def span(low: float, high: float, unit: str) -> str:
    """An interval of differences: ``+0.87 to +16.38 points``."""
    return f"{number(low, unit, sign=True).removesuffix(' points')} to {number(high, unit, sign=True)}"


def ends(found: Ends, unit: str, sign: bool = True) -> str:
    """Both ends of an interval; of differences (``sign``) or of values."""
    if found is None or found[0] is None or found[1] is None:
        return "none"
    low, high = found[0], found[1]
    return span(low, high, unit) if sign else f"{number(low, unit).removesuffix(' %')} to {number(high, unit)}"


def decimals(found: Sequence[float | None]) -> str:
    """An interval of correlations, to two decimals."""
    return "none" if None in found else f"{found[0]:.2f} to {found[1]:.2f}"


def chance(p: float | None) -> str:
    """A p value: two significant digits, ``0.00031``, ``3.1e-5``."""
    return "unknown" if p is None else f"{p:.2g}".replace("e-0", "e-")


def percent(share: float | None) -> str:
    """A probability as a percentage."""
    return "unknown" if share is None else f"{100 * share:.0f} %"


def rate(share: float) -> str:
    """A rate that is not excluded as a percentage, rounded up: a bound never looks lower than it is."""
    return f"{math.ceil(100 * share - 1e-9)} %"


def level(share: float) -> str:
    """The level of an interval: ``95 %``, ``98.33 %`` at one of three looks."""
    return f"{100 * share:.4g} %"


def moment(at: str | int) -> str:
    """``at the end``, ``at the best checkpoint``, ``at birth``, ``over the last stage``, ``at update 50``."""
    return MOMENTS.get(str(at), f"at update {at} of the last stage")


def plain(name: str) -> str:
    """A name of the records as words: ``env_steps`` as ``env steps``."""
    return {"flops": "FLOPs", "labels_validation": "validation labels"}.get(name, name.replace("_", " "))


def units(by: str | Sequence[str]) -> str:
    """What an arm is matched by, one unit or several, as words."""
    return " and ".join(map(plain, [by] if isinstance(by, str) else by))


def listed(things: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return things[0] if len(things) == 1 else f"{', '.join(things[:-1])} and {things[-1]}"


def plural(n: int, thing: str) -> str:
    """``1 seed``, ``16 seeds``."""
    return f"{n} {thing}{'s' * (n != 1)}"


def samples(n: int, seeds: int) -> str:
    """``16 seeds``, or ``4 lineages (16 seeds)`` where seeds share what was learned."""
    return plural(n, "seed") if n == seeds else f"{plural(n, 'lineage')} ({seeds} seeds)"


def count(value: float | None) -> str:
    """A count for readers: 12,345, 420 million, 3.1 billion."""
    if value is None:
        return "–"
    for size_of, word in ((1e15, "quadrillion"), (1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
        if abs(value) >= size_of:
            return f"{value / size_of:.3g} {word}"
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 1000 else f"{value:.1f}"


def budget(given: Sequence[Any] | None) -> str:
    """``["updates", 300]`` as ``300 updates``; a stage without a budget acts once."""
    return "acts once" if given is None else f"{count(given[1])} {plain(str(given[0]))}"


def setting(chosen: Mapping[str, Any]) -> str:
    """``{"stages.school.lr": 0.001}`` as ``stages.school.lr = 0.001``."""
    return ", ".join(f"{key} = {brief(value)}" for key, value in chosen.items())


def portion(unit: str) -> str:
    """What a gain is given per: ``per 100 labels``."""
    return f"per {count(PORTION[unit])} {plain(unit)}".replace("per 1 billion", "per billion")
