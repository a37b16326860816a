"""The rooms of the package and what each may import, from rooms.yaml."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from devlearn_docs.words import table


def rooms() -> str:
    """Every room with its folders, lowest first."""
    listed: dict[str, dict[str, Any]] = yaml.safe_load(
        Path(__file__).with_name("rooms.yaml").read_text(encoding="utf-8")
    )
    return table(("room", "what it is", "imports", "apart from"), _rows(listed))


def _rows(listed: dict[str, dict[str, Any]]) -> Iterator[list[str]]:
    for name, room in listed.items():
        yield [f"**{name}**", room["about"], ", ".join(room["imports"]), ", ".join(room.get("without", ()))]
        for folder, part in room.get("inside", {}).items():
            yield [f"{name}/{folder}", part["about"], ", ".join(f"{name}/{other}" for other in part["imports"]), ""]
