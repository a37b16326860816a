"""The page of a GPU's times, from docs/gpu.json, which `make gpu` writes where there is one.

python docs/devlearn_docs/gpu.py    write docs/explanation/on-a-gpu.md
"""

import json
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[1]
FILE, PAGE = DOCS / "gpu.json", DOCS / "explanation" / "on-a-gpu.md"
MIB = 2**20
TEXT = """\
---
orphan: true
---

# On a GPU

`make gpu` on {device}, torch {torch}: every stage has learned there what it learns on the CPU, and no update made the
host wait. Then learners were trained at once, {seconds:g} s a line, as absolute times: school is an MLP 784-256-128-10
at batch 128 with Adam, play is PPO in the native CartPole with 64 x 64 units. *Of each* is what one learner gets of it.

{tables}
"""


def page(found: dict[str, Any]) -> str:
    tables = "\n\n".join(_table(where, rows) for where, rows in found["rows"].items())
    return TEXT.format(**{key: found[key] for key in ("device", "torch", "seconds")}, tables=tables)


def _table(where: str, rows: list[dict[str, Any]]) -> str:
    head = ["| learners | | all | of each | memory at its peak |", "|---|---|---|---|---|"]
    lines = [f"## {where[0].upper()}{where[1:]}", "", *head]
    for row in rows:
        peak = f"{row['bytes'] / MIB:,.0f} MiB" if row["bytes"] else "not measured"
        rates = f"{row['all']:,.0f} {row['unit']}/s | {row['rate']:,.3g} {row['unit']}/s"
        lines.append(f"| {row['learners']:,} | {row['stage']} | {rates} | {peak} |")
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page(json.loads(FILE.read_text(encoding="utf-8"))), encoding="utf-8")
