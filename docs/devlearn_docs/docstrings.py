"""A plug-in's docstring taken apart: what it says, its metrics, its deviations from the source."""

import inspect
import re
import textwrap
from dataclasses import dataclass, field

SECTIONS = ("Metrics", "Deviations", "Source")
_HEADING = re.compile(rf"^({'|'.join(SECTIONS)}):\s*(.*)$")
_ENTRY = re.compile(r"^([a-z_0-9]+(?:, [a-z_0-9]+)*): +(\S.*)$")


@dataclass(frozen=True)
class Doc:
    """``text`` is Markdown without the sections; ``metrics`` {name: meaning}; ``deviations`` and ``source`` or ""."""

    text: str
    metrics: dict[str, str] = field(default_factory=dict)
    deviations: str = ""
    source: str = ""


def own_doc(cls: type) -> str:
    """The docstring that a class has written itself; an inherited one describes something else."""
    return inspect.cleandoc(cls.__dict__.get("__doc__") or "")


def parse(text: str) -> Doc:
    """Sections begin with a line ``Metrics:``, ``Deviations:`` or ``Source:`` and are indented below it."""
    parts: dict[str, list[str]] = {"": []}
    current = ""
    for line in text.splitlines():
        found = _HEADING.match(line)
        if found:
            current = found[1]
            parts[current] = [f"    {found[2]}"] if found[2] else []
        elif current and line and not line.startswith(" "):
            current = ""
            parts[""].append(line)
        else:
            parts[current].append(line)
    whole = {name: textwrap.dedent("\n".join(lines)).strip() for name, lines in parts.items()}
    deviations, source = whole.get("Deviations", ""), whole.get("Source", "")
    return Doc(whole[""], _metrics(whole.get("Metrics", "")), deviations, source)


def _metrics(text: str) -> dict[str, str]:
    """``name, name: meaning`` entries; what is indented below an entry belongs to it."""
    found: dict[str, str] = {}
    names: list[str] = []
    for line in text.splitlines():
        entry = _ENTRY.match(line)
        if entry:
            names = entry[1].split(", ")
            found.update(dict.fromkeys(names, entry[2].strip()))
        elif line.strip():
            found.update({name: f"{found[name]} {line.strip()}" for name in names})
    return found
