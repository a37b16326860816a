"""The picture of README: made of the scenario's plan and the committed result, as the numbers beside it are.

``make results`` draws it where it is no longer what these say; the file holds a digest of all that it was drawn from.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from devlearn.records.published import StudyResult, read
from devlearn.runs.plan import plan
from devlearn.runs.plan.model import ArmPlan
from devlearn.scenario import load
from devlearn_docs import drawing, study_pictures

STUDY = "first_steps"
FILE = Path(__file__).parents[1] / f"{STUDY}.svg"
WIDTHS = ("wide", "narrow")
NAMES = tuple(f"{STUDY}-{width}-{look}" for width in WIDTHS for look in ("light", "dark"))


def drawn_from() -> tuple[tuple[ArmPlan, ...], StudyResult]:
    result = read(STUDY)
    assert result is not None, f"README shows {STUDY}, which has no result: devlearn replicate {STUDY} --record"
    return plan(load(STUDY)).points[0].arms, result


def figure(narrow: bool = False) -> Figure:
    arms, result = drawn_from()
    return study_pictures.lives(arms, result, narrow)


def digest(arms: Sequence[ArmPlan], result: StudyResult) -> str:
    """Of every number and name in the picture."""
    said = [[arm.name, [[stage.name, stage.keys] for stage in arm.stages]] for arm in arms]
    values = {name: arm.values for name, arm in result.at().arms.items()}
    return hashlib.sha256(json.dumps([said, values], sort_keys=True).encode()).hexdigest()


def current() -> bool:
    return FILE.exists() and digest(*drawn_from()) in FILE.read_text(encoding="utf-8")


def write() -> None:
    own = figure()
    own.set_facecolor("white")
    with matplotlib.rc_context(drawing.STYLE):
        own.savefig(
            FILE, metadata={"Date": None, "Creator": None, "Description": f"drawn from {digest(*drawn_from())}"}
        )


def write_for_pages(folder: Path) -> None:
    """The same for the landing page, for light and for dark, wide and narrow."""
    for width in WIDTHS:
        drawing.save(figure(width == "narrow"), folder / f"{STUDY}-{width}")
