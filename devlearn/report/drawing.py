"""Figures and their style, imported by the first look at them: matplotlib takes half a second, and a section is listed,
or stands in a plug-in's file, where nothing is drawn.

    from devlearn.report.drawing import figures, style
"""

from typing import TYPE_CHECKING

from devlearn.lazy import Lazy

if TYPE_CHECKING:
    from devlearn.report import figures as figures
    from devlearn.report import style as style
else:
    figures = Lazy("devlearn.report.figures")
    style = Lazy("devlearn.report.style")

__all__ = ["figures", "style"]
