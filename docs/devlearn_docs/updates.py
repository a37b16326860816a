"""What updates gain, by what benchmarks/compiled.py and benchmarks/convolutions.py recorded."""

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[1]
COMPILED, CONVOLUTIONS = DOCS / "compiled.json", DOCS / "convolutions.json"


def compiled() -> str:
    return compiled_table(json.loads(COMPILED.read_text(encoding="utf-8")))


def compiled_table(found: Mapping[str, Any]) -> str:
    """Stage by stage: the rate with ``--compile`` over that without, and the seconds that it takes first."""
    counts = list(found["rows"][0]["ratios"])
    learners = " | ".join(f"{count} learner{'s' * (count != '1')}" for count in counts)
    lines = [_head(found), "", f"| stage | {learners} | first, cold | warm |", "|---" * (len(counts) + 3) + "|"]
    for row in found["rows"]:
        cells = [f"{middle:.2f} x ({low:.2f} to {high:.2f})" for middle, low, high in row["ratios"].values()]
        lines.append(f"| {' | '.join([row['stage'], *cells])} | {row['cold']:.0f} s | {row['warm']:.0f} s |")
    return "\n".join(lines)


def convolutions() -> str:
    return convolutions_table(json.loads(CONVOLUTIONS.read_text(encoding="utf-8")))


def convolutions_table(found: Mapping[str, Any]) -> str:
    """What the rule made of settings that it was set by, and of those that it was held against."""
    lines = [
        _head(found),
        "",
        "| settings | vmap is taken | its time, of the loop's | behind the faster, in the mean | at worst |",
        "|---|---|---|---|---|",
    ]
    for which, name in (("set", "it was set by"), ("held", "others")):
        lines.append(_rule([row for row in found["rows"] if row["which"] == which], name))
    return "\n".join(lines)


def _rule(rows: Sequence[Mapping[str, Any]], name: str) -> str:
    mapped = [row["update"][0] for row in rows if row["vmap"]]  # the loop's time over vmap's
    lost = [max(1.0, 1 / row["update"][0] if row["vmap"] else row["update"][0]) - 1 for row in rows]
    gain = f"{1 / statistics.geometric_mean(mapped):.2f} ({1 / max(mapped):.2f} to {1 / min(mapped):.2f})"
    losses = f"{100 * statistics.fmean(lost):.0f} % | {100 * max(lost):.0f} %"
    return f"| {len(rows)} {name} | in {len(mapped)} | {gain} | {losses} |"


def _head(found: Mapping[str, Any]) -> str:
    return (
        f"{found['processor']}, one core at {found['gflops']:.0f} GFLOP/s, torch {found['torch']}; "
        f"medians of {found['turns']} turns."
    )
