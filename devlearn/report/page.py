"""report.html: one page that carries everything with it, without scripts and without a request to anywhere."""

import base64
import hashlib
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from devlearn.evidence.text.curves import conclusion
from devlearn.evidence.text.formats import filters
from devlearn.records.atomic import write_text
from devlearn.records.layout import RunFolder
from devlearn.records.reader import Json, RunRecords
from devlearn.records.results import Results
from devlearn.report.figure_store import FigureStore
from devlearn.report.sections.views import Page, view
from devlearn.report.svg import drawing

HERE = Path(__file__).parent


def write(run: RunRecords, found: Results) -> Path:
    """Write RUN/report.html and RUN/figures/*.svg, *.png from what was found in a run; the path of the page."""
    page = Page.of(run, found, FigureStore(run.folder))
    with drawing():
        shown = view(page)
    text = _environment().get_template("report.html.j2").render(
        run=run, resolved=run.resolved, manifest=run.manifest,
        headline=conclusion(found.comparisons, found.analyses), scenario=_scenario(run), **shown, **_style(),
    )  # fmt: skip
    path = RunFolder(run.folder).report
    write_text(path, text)
    return path


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "sections" / "templates"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= filters()
    return environment


def _style() -> Json:
    """The style sheet and the hash by which the page's security policy allows it, and nothing else."""
    css = (HERE / "style.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return {"css": Markup(css), "css_hash": Markup(digest)}


def _scenario(run: RunRecords) -> str:
    path = RunFolder(run.folder).scenario
    return path.read_text(encoding="utf-8") if path.exists() else ""
