"""What probes drew of one learner of each arm through its life."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from markupsafe import Markup

from devlearn.records.arrays import Picture, drawn_seed, pictures
from devlearn.records.reader import Point

Lives = Mapping[str, list[Picture]]  # by arm, in the order of life


@dataclass(frozen=True)
class Cell:
    """One picture on the page. ``svg`` is None where there is no room for it."""

    title: str
    note: str
    svg: Markup | None


def lives(point: Point) -> Lives:
    """The pictures of each arm's first learner."""
    return {name: pictures(arm, drawn_seed(arm)) for name, arm in point.arms.items()}


def with_array(found: Lives, array: str) -> Iterator[tuple[str, Lives]]:
    """(probe, its pictures by arm) of every probe that drew ``array``."""
    probes = dict.fromkeys(p.probe for drawn in found.values() for p in drawn if array in p.arrays)
    for probe in probes:
        own = {arm: [p for p in drawn if p.probe == probe and array in p.arrays] for arm, drawn in found.items()}
        yield probe, {arm: drawn for arm, drawn in own.items() if drawn}
