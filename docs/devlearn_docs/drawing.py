"""What all pictures of the documentation share: colours for light and dark pages, letters, files."""

import io
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

INK, FAINT = "#1a1c20", "#d0d4da"
DOT, MEAN = "#0066a0", "#1a1c21"
VERDICTS = {
    "better": "#00735a",
    "worse": "#b34700",
    "equivalent": "#0066a1",
    "identical": "#0066a2",
    "undecided": "#62686f",
}
IN_THE_DARK = {
    INK: "#e8eaed", FAINT: "#44494f", DOT: "#6fbdf0", MEAN: "#ffffff",
    "#00735a": "#4fd1a9", "#b34700": "#ff9c5f", "#0066a1": "#6fbdf1", "#0066a2": "#6fbdf2", "#62686f": "#a9b0b8",
    "#7d4fb8": "#c3a6f5", "#7d5c00": "#dcc15a", "#b0207a": "#f08ac8",
}  # fmt: skip
STYLE = {
    "svg.hashsalt": "devlearn",
    "font.size": 8.0,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "axes.titlesize": 8.5,
    "xtick.color": INK,
    "ytick.color": INK,
}
Array = NDArray[np.uint8]


def sheet(width: float, height: float) -> Figure:
    """An empty figure in inches, without a background."""
    return Figure(figsize=(width, height), facecolor="none", layout="constrained")


def plain(axes: Axes, *spines: str) -> Axes:
    """Only the named spines, no ticks along y, a faint grid along x."""
    for side, spine in axes.spines.items():
        spine.set_visible(side in spines)
    axes.set_facecolor("none")
    axes.tick_params(left=False)
    return axes


def save(figure: Figure, at: Path) -> tuple[Path, Path]:
    """Write ``at`` with ``-light.svg`` and ``-dark.svg`` behind its name; both paths."""
    light = svg(figure)
    dark = light
    for day, night in IN_THE_DARK.items():
        dark = dark.replace(day, night)
    paths = at.with_name(f"{at.name}-light.svg"), at.with_name(f"{at.name}-dark.svg")
    for path, text in zip(paths, (light, dark), strict=True):
        written(path, text.encode())
    return paths


def svg(figure: Figure) -> str:
    """A figure as SVG; the same figure gives the same text."""
    file = io.StringIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    return file.getvalue()


def png(picture: Array, at: Path) -> Path:
    """Write a picture, (H, W) or (H, W, 3), as PNG; its path."""
    from matplotlib.image import imsave

    file = io.BytesIO()
    imsave(
        file,
        picture,
        format="png",
        metadata={"Software": None},
        **({"cmap": "gray", "vmin": 0, "vmax": 255} if picture.ndim == 2 else {}),
    )
    path = at.with_name(f"{at.name}.png")
    written(path, file.getvalue())
    return path


def written(path: Path, content: bytes) -> None:
    """Write a file where it says something else by now, so that what did not change is not built again."""
    if not path.exists() or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def tiled(pictures: list[Array], columns: int, times: int, gap: int = 4) -> Array:
    """Pictures of one shape in rows of ``columns``, each pixel ``times`` as large, on white."""
    height, width = (side * times for side in pictures[0].shape[:2])
    rows = -(-len(pictures) // columns)
    colours = pictures[0].shape[2:]
    sheet_ = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, *colours), 255, np.uint8)
    for k, picture in enumerate(pictures):
        top, left = k // columns * (height + gap), k % columns * (width + gap)
        sheet_[top : top + height, left : left + width] = picture.repeat(times, 0).repeat(times, 1)
    return sheet_
