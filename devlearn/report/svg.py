"""Figures as files and as inline SVG that follows the page's colours without scripts or style attributes."""

import io
import re
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

SETTINGS: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "devlearn",  # the same records give the same file
    "font.size": 10.0,
    "font.family": "sans-serif",
    "text.parse_math": False,  # names are names, whatever they hold
}


def drawing() -> AbstractContextManager[None]:
    """The settings that figures are drawn and saved under; nobody else's are changed."""
    return rc_context(SETTINGS)


def save(figure: Figure, folder: Path, name: str) -> str:
    """Write NAME.svg and NAME.png (160 dpi); the SVG's text. Called under ``drawing()``."""
    folder.mkdir(exist_ok=True)
    FigureCanvasAgg(figure)
    figure.savefig(folder / f"{name}.png", dpi=160, metadata={"Software": None})
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    (folder / f"{name}.svg").write_text(text.getvalue())
    return text.getvalue()


def inline(svg: str, name: str, alt: str) -> Markup:
    """The SVG for a page: sized by the page, ids made unique by ``name``, described by ``alt``.

    Style attributes become presentation attributes: they need no permission from the page's security policy, and the
    page's own rules can give other colours in the dark.
    """
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' style="([^"]*)"', lambda found: _attributes(found[1]), svg)
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'(url\(|xlink:href=")#', rf"\g<1>#{name}-", svg)
    svg = re.sub(
        r'(<svg[^>]*?) width="[^"]*" height="[^"]*"', rf'\1 role="img" aria-label="{escape(alt)}"', svg, count=1
    )
    return Markup(re.sub(r">\s+<", "><", svg))


def _attributes(style: str) -> str:
    pairs = (part.split(":", 1) for part in style.split(";") if part.strip())
    kept = ((name.strip(), value.strip()) for name, value in pairs if name.strip() != "font-family")
    return "".join(f' {name}="{value}"' for name, value in kept)
