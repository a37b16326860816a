"""Numbers as people read them: the filters of the page's templates."""

from collections.abc import Mapping, Sequence
from typing import Any

from devlearn.evidence.text.comparison import chance, moment, number, size, span

Filters = dict[str, Any]
# One more of a unit buys too little to read: gains are shown per this many.
PORTION = {"labels": 100, "label_bits": 100, "images": 10_000, "env_steps": 10_000, "updates": 100, "flops": 1e9}


def filters() -> Filters:
    """Every filter by its name in the templates."""
    return {
        "number": number, "chance": chance, "moment": moment, "size": size, "count": count, "budget": budget,
        "interval": interval, "ends": ends, "percent": percent, "plain": plain, "level": level, "setting": setting,
        "portion": portion, "units": units, "decimals": decimals,
        "threshold": threshold,
    }  # fmt: skip


def plain(name: str) -> str:
    """A name of the records as words: ``env_steps`` as ``env steps``."""
    return "FLOPs" if name == "flops" else name.replace("_", " ")


def units(by: str | Sequence[str]) -> str:
    """What an arm is matched by, one unit or several, as words."""
    return " and ".join(map(plain, [by] if isinstance(by, str) else by))


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


def interval(entry: Mapping[str, Any], metric: str) -> str:
    """The interval of a comparison or of a stage's change."""
    return ends(entry["interval"], metric)


def ends(found: Sequence[float | None] | None, metric: str, sign: bool = True) -> str:
    """Both ends of an interval; of differences (``sign``) or of values."""
    if found is None or found[0] is None or found[1] is None:
        return "none"
    low, high = found[0], found[1]
    return span(low, high, metric) if sign else f"{number(low, metric).removesuffix(' %')} to {number(high, metric)}"


def decimals(found: Sequence[float | None]) -> str:
    """An interval of correlations, to two decimals."""
    return "none" if None in found else f"{found[0]:.2f} to {found[1]:.2f}"


def percent(share: float | None) -> str:
    """A probability as a percentage."""
    return "unknown" if share is None else f"{100 * share:.0f} %"


def level(share: float) -> str:
    """The level of an interval: ``95 %``, ``98.3 %``."""
    return f"{100 * share:.3g} %"


def setting(chosen: Mapping[str, Any]) -> str:
    """``{"stages.school.lr": 0.001}`` as ``stages.school.lr = 0.001``."""
    return ", ".join(f"{key} = {value}" for key, value in chosen.items())


def threshold(value: float, metric: str) -> str:
    """A level that learners reach: ``80 %``, ``0.35``; never broken over two lines."""
    return f"{100 * value:g}\u00a0%" if metric == "accuracy" else f"{value:g}"


def portion(unit: str) -> str:
    """What a gain is told per: ``per 100 labels``."""
    return f"per {count(PORTION[unit])} {plain(unit)}".replace("per 1 billion", "per billion")
