"""What probes drew of one learner of each arm through its life."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from devlearn.records.arrays import Array, Picture, drawn_seed, pictures
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


def moment_of(picture: Picture) -> str:
    """``birth``, ``after look``, ``after look (visit 2)``."""
    if picture.position < 0:
        return "birth"
    return f"after {picture.stage}" + (f" (visit {picture.visit + 1})" if picture.visit else "")


def mosaic(tiles: Array, across: int | None = None, gap: int = 1) -> Array:
    """(U, H, W) or (U, H, W, 3) side by side, ``across`` in a row (about a square where not given), gaps in between."""
    across = across or int(np.ceil(np.sqrt(len(tiles))))
    down = -(-len(tiles) // across)
    height, width = tiles.shape[1] + gap, tiles.shape[2] + gap
    whole = np.full((down * height - gap, across * width - gap, *tiles.shape[3:]), 255, np.uint8)
    for index, tile in enumerate(tiles):
        top, side = index // across * height, index % across * width
        whole[top : top + tile.shape[0], side : side + tile.shape[1]] = tile
    return whole
