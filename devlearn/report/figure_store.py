"""Where a page's figures and pictures go: always into figures/, and into the page as long as it stays small.

A page is sent without its folder as often as with it. So it holds what it links, CSV and, while there is room, SVG; a
file that only lies in figures/, as every PNG does, is named without a link, for that would be dead.
"""

from pathlib import Path

from markupsafe import Markup, escape

from devlearn.records.arrays import Array
from devlearn.records.atomic import write_text
from devlearn.records.layout import RunFolder
from devlearn.report.aside import Aside
from devlearn.report.data import as_address, as_csv, svg_address
from devlearn.report.looks import Look
from devlearn.report.png import data_uri
from devlearn.report.section import Drawn, SectionError, Shown
from devlearn.report.style import DOUBLE
from devlearn.report.svg import KINDS, Saved, inline, save

DATA = 400_000  # bytes of the page that the numbers of figures may take
FILES = 300_000  # and the SVG files that can be saved from it
ROOM = 2_050_000  # and figures and pictures as they are seen; a page is promised to stay under 3 MB


class FigureStore:
    """Figures of one run. What no longer fits into the page is named there with its file, never left out quietly.

    They go into ``out``/figures, in this ``look``. ``aside`` writes the files that the page does without.
    """

    def __init__(self, out: Path, aside: Aside, room: int = ROOM, look: Look = "paper") -> None:
        self.folder, self.left, self.aside = RunFolder(out).figures, room, aside
        self.look: Look = look
        self.room = {"data": DATA, "SVG": FILES}
        self.names: set[str] = set()
        self.files: set[str] = set()  # in figures/
        self._known: dict[str, str] = {}  # pictures by their content, with the id of the place that holds them

    def figure(self, drawn: Drawn) -> Shown:
        """A figure saved and, where there is room, ready for the page.

        Raises:
            SectionError: another figure has its name.
        """
        saved = self._save(drawn)
        return self._shown(drawn, self._put(inline(saved.page, drawn.name, drawn.alt)), saved)

    def file(self, drawn: Drawn) -> Shown:
        """A figure that is saved only, because the page shows its pictures one by one."""
        return self._shown(drawn, None, self._save(drawn))

    def _shown(self, drawn: Drawn, svg: Markup | None, saved: Saved) -> Shown:
        offered = [("SVG", f"{drawn.name}.svg", svg_address(saved.file))]
        if drawn.data:
            text, name = as_csv(drawn.data), f"{drawn.name}.csv"
            write_text(self.folder / name, text)
            self.files.add(name)
            offered.insert(0, ("data", name, as_address(text)))
        held = [file for file in offered if self._holds(*file)]
        beside = [file[1] for file in offered if file not in held]
        wide = float(drawn.figure.get_figwidth()) >= DOUBLE
        return Shown(svg, drawn.caption, drawn.name, wide, drawn.alt, held, [*beside, f"{drawn.name}.png"])

    def _holds(self, what: str, name: str, address: str) -> bool:
        """Whether the page has room for a file, which it then takes."""
        fits = len(address) <= self.room[what]
        self.room[what] -= fits * len(address)
        return fits

    def _save(self, drawn: Drawn) -> Saved:
        if drawn.name in self.names:
            mend = "begin a figure's name with its section's"
            raise SectionError(f"two figures are called {drawn.name!r}: the second would replace the first; {mend}")
        self.names.add(drawn.name)
        self.files |= {f"{drawn.name}.{kind}" for kind in KINDS}
        return save(drawn.figure, self.folder, drawn.name, self.aside, self.look)

    def picture(self, image: Array, alt: str) -> Markup | None:
        """(H, W) or (H, W, 3) bytes as SVG for the page; the same picture is carried once. None where room is out."""
        height, width = image.shape[:2]
        uri = data_uri(image)
        key = f"{height}x{width}:{uri}"
        if key in self._known:
            inner = f'<use href="#{self._known[key]}"/>'
        else:
            inner = f'<image id="picture-{len(self._known)}" width="{width}" height="{height}" href="{uri}"/>'
        frame = f'<svg class="picture" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(alt)}">'
        shown = self._put(Markup(f"{frame}{inner}</svg>"))
        if shown is not None:
            self._known.setdefault(key, f"picture-{len(self._known)}")
        return shown

    def _put(self, markup: Markup) -> Markup | None:
        size = len(markup.encode())
        if size > self.left:
            self.left = 0  # what comes later is left out too: a page with holes would be read as complete
            return None
        self.left -= size
        return markup
