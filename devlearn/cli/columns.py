"""Lines for a terminal: as wide as it is, each piece under its first word. Elsewhere a line is a line."""

import shutil
import textwrap
from collections.abc import Sequence
from typing import TextIO

NARROWEST = 24  # columns that text is wrapped into at least


def hanging(lead: str, text: str, stream: TextIO) -> str:
    """``lead`` and ``text`` behind it, which goes on below its own beginning where the terminal ends."""
    if not stream.isatty():
        return f"{lead}{text}".rstrip()
    room = max(NARROWEST, shutil.get_terminal_size().columns - len(lead))
    lines = [piece for line in text.split("\n") for piece in textwrap.wrap(line, room, break_on_hyphens=False) or [""]]
    return f"\n{' ' * len(lead)}".join([f"{lead}{lines[0]}", *lines[1:]]).rstrip() if lines else lead.rstrip()


def table(rows: Sequence[tuple[str, str]], stream: TextIO) -> list[str]:
    """A line for each name and what it is."""
    width = max((len(name) for name, _ in rows), default=0)
    return [hanging(f"{name:<{width}}  ", about, stream) for name, about in rows]
