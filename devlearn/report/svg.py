"""Figures as files and as inline SVG that follows the page's colours without scripts or style attributes."""

import io
import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from devlearn.records.atomic import write_text
from devlearn.report.aside import Aside
from devlearn.report.looks import LARGER, Look, darken, enlarge
from devlearn.report.style import HOVER, SMALL, TEXT

SETTINGS: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "devlearn",  # the same records give the same file
    "font.size": TEXT,
    "axes.labelsize": TEXT,
    "axes.titlesize": TEXT,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "axes.labelpad": 2.5,
    "hatch.linewidth": 0.5,
    "font.family": "sans-serif",
    "text.parse_math": False,  # names are names, whatever they hold
}
KINDS = ("svg", "png")  # the files of a figure, by their ending
# one marker of a line: where it stands, how it looks, what it tells
MARK = r"""(<use xlink:href="[^"]*"(?: [xy]="[^"]*")*)([^>/]*)(/>|><title>[^<]*</title></use>)"""
DOTS = 300  # dots per inch of the PNG files


@dataclass(frozen=True)
class Saved:
    """A figure as SVG: as it is for the ``page``, and as its ``file`` has it, in its look."""

    page: str
    file: str


def drawing() -> AbstractContextManager[None]:
    """The settings that figures are drawn and saved under; nobody else's are changed."""
    return rc_context(SETTINGS)


def save(figure: Figure, folder: Path, name: str, aside: Aside, look: Look = "paper") -> Saved:
    """Write NAME.svg, and NAME.png ``aside``, in this look; what was drawn. Under ``drawing()``."""
    folder.mkdir(exist_ok=True)
    FigureCanvasAgg(figure)
    page = shown = _svg(figure)
    if look == "dark":
        darken(figure)
        shown = _svg(figure)
    shown = enlarge(shown) if look == "talk" else shown
    write_text(folder / f"{name}.svg", shown)
    # Fast to pack, a quarter larger: most of a report's time goes into these files, which its page does without.
    packed, metadata = {"compress_level": 1}, {"Software": None}
    dots = DOTS * (LARGER if look == "talk" else 1)
    aside.do(lambda: figure.savefig(folder / f"{name}.png", dpi=dots, metadata=metadata, pil_kwargs=packed))
    return Saved(page, shown)


def _svg(figure: Figure) -> str:
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return _hovers(text.getvalue())


def _hovers(svg: str) -> str:
    """What ``style.hover`` has given to artists becomes their <title>, or that of each of their markers."""
    for found in reversed(list(re.finditer(rf"""<g id=(["']){HOVER}(.*?)\1>""", svg, flags=re.DOTALL))):
        texts, end = found[2].split("\n"), _end_of_group(svg, found.end())
        inner = svg[found.end() : end]
        if len(texts) == 1:
            inner = f"<title>{texts[0]}</title>{inner}"
        elif inner.count("<use ") == len(texts):  # a marker beyond the figure's edge is left out: then none is named
            inner = _named_marks(inner, texts)
        svg = f"{svg[: found.start()]}<g>{inner}{svg[end:]}"
    return svg


def _named_marks(inner: str, texts: Sequence[str]) -> str:
    named = iter(texts)
    return re.sub(r"(<use [^>]*)/>", lambda mark: f"{mark[1]}><title>{next(named)}</title></use>", inner)


def _end_of_group(svg: str, start: int) -> int:
    """Where the group ends of which ``start`` is inside."""
    depth = 1
    for tag in re.finditer(r"<g\b[^>]*?(/?)>|</g>", svg[start:]):
        depth += -1 if tag[0] == "</g>" else not tag[1]
        if not depth:
            return start + tag.start()
    raise ValueError("the group has no end")


def inline(svg: str, name: str, alt: str) -> Markup:
    """The SVG for a page: sized by the page, ids made unique by ``name``, described by ``alt``.

    Style attributes become presentation attributes: they need no permission from the page's security policy, and the
    page's own rules can give other colours in the dark.
    """
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r' transform="rotate\(-0 [^"]*"', "", svg)
    svg = re.sub(r' style="([^"]*)"', lambda found: _attributes(found[1]), svg)
    svg = _needed_ids(svg, name)
    svg = re.sub(r"(<(?:path|use|text|clipPath|rect|g)\b[^>]*?)(?=/?>)", lambda found: _rounded(found[1]), svg)
    svg = re.sub(rf"(?:{MARK}){{3,}}", lambda found: _shared(found[0]), re.sub(r">\s+<", "><", svg))
    svg = re.sub(
        r'(<svg[^>]*?) width="[^"]*" height="[^"]*"', rf'\1 role="img" aria-label="{escape(alt)}"', svg, count=1
    )
    return Markup(re.sub(r"\s*\n\s*", " ", svg))


def _shared(marks: str) -> str:
    """Marks in a row that look alike, with how they look said once: it is half of a figure of many points."""
    looks = {found[2] for found in re.finditer(MARK, marks)}
    if len(looks) > 1:
        return marks
    return f"<g{looks.pop()}>{re.sub(MARK, lambda found: f'{found[1]}{found[3]}', marks)}</g>"


def _needed_ids(svg: str, name: str) -> str:
    """Only the ids that something refers to, made unique; short, for there are many."""
    used = set(re.findall(r'(?:url\(|xlink:href=")#([^")]+)', svg))
    short = {old: f"{name}-{place}" for place, old in enumerate(sorted(used))}
    svg = re.sub(r' id="([^"]*)"', lambda found: f' id="{short[found[1]]}"' if found[1] in short else "", svg)
    return re.sub(r'(url\(|xlink:href=")#([^")]+)', lambda found: f"{found[1]}#{short[found[2]]}", svg)


def _rounded(tag: str) -> str:
    """Coordinates to a hundredth of a point: what is finer can't be seen and is half of the file."""
    return re.sub(r"-?\d+\.\d{3,}", lambda found: f"{float(found[0]):.2f}".rstrip("0").rstrip("."), tag)


def _attributes(style: str) -> str:
    pairs = (part.split(":", 1) for part in style.split(";") if part.strip())
    kept = ((name.strip(), value.strip()) for name, value in pairs if name.strip() != "font-family")
    return "".join(f' {name}="{value}"' for name, value in kept)
