"""How to reproduce: the command, seeds, versions, machine and plug-ins, and the scenario's file."""

from dataclasses import dataclass

from devlearn.records.layout import RunFolder
from devlearn.report.section import Page, section


@dataclass(frozen=True)
class Origin:
    """The text of the scenario's file (empty where the run has none), and its plug-ins' files with their sha256."""

    scenario: str
    plug_ins: tuple[tuple[str, str], ...]


@section("reproduce", title="How to reproduce", after="methods", folded=True)
def reproduce(page: Page) -> Origin:
    """The command, seeds, versions, machine, plug-ins with their digests, and the scenario's file."""
    path = RunFolder(page.run.folder).scenario
    programs = page.run.manifest.get("programs") or {}  # an older manifest has none
    sources = (files for program in programs.values() for files in (program.get("sources") or {}).values())
    plug_ins = sorted({(file, digest) for files in sources for file, digest in files.items()})
    return Origin(path.read_text(encoding="utf-8") if path.exists() else "", tuple(plug_ins))
