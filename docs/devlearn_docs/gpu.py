"""What learners take on a GPU, from docs/gpu.json, which ``make gpu`` writes."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FILE = Path(__file__).parents[1] / "gpu.json"
NOT_YET = "Nothing has been recorded yet: no test and no benchmark of this project has run on a GPU so far."


def gpu() -> str:
    return made(json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else None)


def made(found: Mapping[str, Any] | None) -> str:
    """A table of what was recorded, or that nothing was."""
    if found is None:
        return NOT_YET
    head = f"{found['device']}, torch {found['torch']}; each line measured for {found['seconds']:g} s or longer."
    lines = [head, "", "| where | what | learners | of all | of each | memory |", "|---|---|---|---|---|---|"]
    for where, rows in found["rows"].items():
        for row in rows:
            unit, memory = row["unit"], f"{row['bytes'] / 2**20:,.0f} MiB" if row["bytes"] else ""
            rates = f"{row['all']:,.0f} {unit}/s | {row['rate']:,.1f} {unit}/s"
            lines.append(f"| {where} | {row['stage']} | {row['learners']:,} | {rates} | {memory} |")
    return "\n".join(lines)
