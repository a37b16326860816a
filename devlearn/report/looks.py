"""How the files of figures look: for paper, a talk, a dark ground. The page itself follows its reader's screen."""

import re
from typing import Any, Literal, get_args

import numpy as np
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from devlearn.report.style import COLOURS, GRID, INK, PAPER

Look = Literal["paper", "talk", "dark"]
LOOKS: tuple[Look, ...] = get_args(Look)
LARGER = 2.0  # how many times a figure for a talk is as large as one for paper, letters and lines too
DARK = dict(zip(COLOURS, ("#56b4e9", "#ff8a3d", "#2fd0a3", "#e79ac6", "#f0c04a", "#b4bbc6"), strict=True)) | {
    INK: "#e8eaee", GRID: "#363b44", PAPER: "#15171b",
}  # fmt: skip
COLOURED = ("color", "facecolor", "edgecolor", "markerfacecolor", "markeredgecolor")


def darken(figure: Figure) -> None:
    """Give a figure the colours that the page has in the dark, on its ground."""
    for artist in figure.findobj():
        for name in COLOURED:
            setter, getter = (getattr(artist, f"{verb}_{name}", None) for verb in ("set", "get"))
            if setter is not None and getter is not None and (new := DARK.get(_hex(getter()))):
                alpha = artist.get_alpha()
                setter(new)
                artist.set_alpha(alpha)


def _hex(colour: Any) -> str:
    """A colour, or the only one of a collection, as ``#rrggbb``; empty where there is none."""
    if isinstance(colour, np.ndarray) and colour.ndim == 2:
        colour = colour[0] if len(colour) == 1 else "none"
    return "" if isinstance(colour, str) and colour in ("none", "auto") else to_hex(colour)


def enlarge(svg: str) -> str:
    """An SVG twice as large: on half a slide its letters are as large as a slide's."""
    return re.sub(
        r'(<svg[^>]*?) width="([\d.]+)pt" height="([\d.]+)pt"',
        lambda found: f'{found[1]} width="{LARGER * float(found[2]):g}pt" height="{LARGER * float(found[3]):g}pt"',
        svg,
        count=1,
    )
