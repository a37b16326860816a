"""The point of ``vary`` that something was found at, in words: for sentences, tables and figures alike."""

import math
import re
from collections.abc import Mapping, Sequence

DRAWN = 12  # letters; nobody wrote a number that has more
EXPONENT = re.compile(r"e\+?(-?)0*")  # of 1e+09 and 1e-05


def settings(point: Mapping[str, object]) -> dict[str, object]:
    """What a point varies, by short names: the last key of a path where that is enough to tell it from the others.

    Paths that end in the same key and hold the same value are one setting: ``stages.school.shift: 4`` with
    ``probes.digits.shift: 4`` is ``shift: 4``. Where their values differ, as many keys go before as tell them apart.
    """
    found: dict[str, object] = {}
    for path, value in point.items():
        alike = [other for other in point if _last(other) == _last(path)]
        same = all(point[other] == value for other in alike)
        found[_last(path) if same else _apart(path, alike)] = value
    return found


def _last(path: str) -> str:
    return path.rpartition(".")[2]


def _apart(path: str, alike: Sequence[str]) -> str:
    """The shortest end of ``path``, in whole keys, that none of ``alike`` shares."""
    keys = path.split(".")
    ends = (".".join(keys[-count:]) for count in range(1, len(keys)))
    return next((end for end in ends if sum(f".{other}".endswith(f".{end}") for other in alike) == 1), path)


def axis(points: Sequence[Mapping[str, object]]) -> str | None:
    """Which of the points' ``settings`` is a number or a word at every one, a number at two at least, and never twice.

    None where there is no such setting.
    """
    for key in points[0]:
        values = [point.get(key) for point in points]
        numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
        words = [value for value in values if isinstance(value, str)]
        if len(set(numbers)) + len(set(words)) == len(points) and len(numbers) > 1:
            return key
    return None


def setting(point: Mapping[str, object]) -> str:
    """``labels = 10, batch = 32``: a point as a title; nothing where nothing is varied."""
    return ", ".join(f"{name} = {_short(value)}" for name, value in settings(point).items())


def place(point: Mapping[str, object]) -> str:
    """``labels = 10: `` before a sentence about a point, nothing where nothing is varied."""
    return f"{setting(point)}: " if point else ""


def _short(value: object) -> str:
    """A varied value as it would be written in the file."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_short(entry)}" for key, entry in value.items()) + "}"
    return brief(value)


def brief(value: object) -> str:
    """A value in few letters: ``1e9``, ``1e-5``; a number that was drawn, 0.0031415926535, to four digits."""
    if not isinstance(value, float):
        return str(value)
    short = f"{value:g}"
    if float(short) != value and math.isfinite(value):
        whole = str(value).removesuffix(".0")
        short = whole if len(whole) <= DRAWN else f"{value:.4g}"
    return EXPONENT.sub(r"e\1", short)
