"""The figures of a report: each function draws one from evidence and says in words what it shows.

All are drawn for a paper's column, 3.4 inches (``SINGLE``) or 7 inches (``DOUBLE``) wide, no letter below 7 points.
"""

from devlearn.report.figures.bands import band
from devlearn.report.figures.bonuses import bonuses
from devlearn.report.figures.differences import differences
from devlearn.report.figures.feedback import feedback
from devlearn.report.figures.fields_grid import grown
from devlearn.report.figures.fits import fits
from devlearn.report.figures.heat_map import heat_map, over_life
from devlearn.report.figures.learning import UNITS, learning
from devlearn.report.figures.lessons import lessons
from devlearn.report.figures.observation_traces import traces
from devlearn.report.figures.online import online
from devlearn.report.figures.over_points import varied
from devlearn.report.figures.proxy import proxy
from devlearn.report.figures.recall import Answers, recall
from devlearn.report.figures.stories import stories
from devlearn.report.figures.strip_plot import dots
from devlearn.report.figures.timeline import storyboard
from devlearn.report.section import Drawn
from devlearn.report.style import DOUBLE, SINGLE

__all__ = [
    "DOUBLE",
    "SINGLE",
    "UNITS",
    "Answers",
    "Drawn",
    "band",
    "bonuses",
    "differences",
    "dots",
    "feedback",
    "fits",
    "grown",
    "heat_map",
    "learning",
    "lessons",
    "online",
    "over_life",
    "proxy",
    "recall",
    "stories",
    "storyboard",
    "traces",
    "varied",
]
