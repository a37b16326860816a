"""Where a page's figures and pictures go: always into figures/, and into the page as long as it stays small."""

from pathlib import Path

from markupsafe import Markup, escape

from devlearn.records.arrays import Array
from devlearn.records.atomic import write_text
from devlearn.records.layout import RunFolder
from devlearn.report.aside import Aside
from devlearn.report.data import as_address, as_csv
from devlearn.report.looks import Look
from devlearn.report.png import data_uri
from devlearn.report.section import Drawn, SectionError, Shown
from devlearn.report.style import DOUBLE
from devlearn.report.svg import KINDS, inline, save

DATA = 400_000  # bytes of the page that the numbers of figures may take
ROOM = 2_000_000  # bytes of the page that figures and pictures may take; a page is promised to stay under 3 MB


class FigureStore:
    """Figures of one run. What no longer fits into the page is named there with its file, never left out quietly.

    They go into ``out``/figures, in this ``look``. ``aside`` writes the files that the page does without.
    """

    def __init__(self, out: Path, aside: Aside, room: int = ROOM, look: Look = "paper") -> None:
        self.folder, self.left, self.aside = RunFolder(out).figures, room, aside
        self.look: Look = look
        self.data_left = DATA
        self.names: set[str] = set()
        self.files: set[str] = set()  # in figures/
        self._known: dict[str, str] = {}  # pictures by their content, with the id of the place that holds them

    def figure(self, drawn: Drawn) -> Shown:
        """A figure saved and, where there is room, ready for the page.

        Raises:
            SectionError: another figure has its name.
        """
        svg = inline(self._save(drawn), drawn.name, drawn.alt)
        wide = float(drawn.figure.get_figwidth()) >= DOUBLE
        return Shown(self._put(svg), drawn.caption, drawn.name, wide, drawn.alt, self._data(drawn))

    def _data(self, drawn: Drawn) -> str:
        """The address of a figure's numbers: one that holds them, or, where there is no room, that of their file."""
        if not drawn.data:
            return ""
        text = as_csv(drawn.data)
        write_text(self.folder / f"{drawn.name}.csv", text)
        self.files.add(f"{drawn.name}.csv")
        address = as_address(text)
        if len(address) > self.data_left:
            return f"figures/{drawn.name}.csv"
        self.data_left -= len(address)
        return address

    def file(self, drawn: Drawn) -> str:
        """A figure that is saved only, because the page shows its pictures one by one; its name."""
        self._save(drawn)
        return drawn.name

    def _save(self, drawn: Drawn) -> str:
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
