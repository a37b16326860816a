"""The figures of a report: each function draws one from evidence and says in words what it shows.

All are drawn for a paper's column, 3.4 inches (``SINGLE``) or 7 inches (``DOUBLE``) wide, no letter below 7 points.
"""

from devlearn.report.figures.bands import band
from devlearn.report.figures.differences import differences
from devlearn.report.figures.dots import dots
from devlearn.report.figures.fits import fits
from devlearn.report.figures.grown import grown
from devlearn.report.figures.learning import UNITS, learning
from devlearn.report.figures.paper import DOUBLE, SINGLE, Drawn
from devlearn.report.figures.proxy import proxy
from devlearn.report.figures.storyboard import storyboard
from devlearn.report.figures.traces import traces
from devlearn.report.figures.varied import varied

__all__ = [
    "DOUBLE",
    "SINGLE",
    "UNITS",
    "Drawn",
    "band",
    "differences",
    "dots",
    "fits",
    "grown",
    "learning",
    "proxy",
    "storyboard",
    "traces",
    "varied",
]
