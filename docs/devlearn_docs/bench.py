"""The page of benchmarks, from docs/bench.json and docs/start_up.json, which benchmarks/ writes.

python docs/devlearn_docs/bench.py    write docs/explanation/side-by-side.md
"""

import json
import statistics
from pathlib import Path
from typing import Any

from devlearn_docs import aims

DOCS = Path(__file__).parents[1]
FILE, START, SLOWER = DOCS / "bench.json", DOCS / "start_up.json", DOCS / "start_up_slower.json"
PAGE = DOCS / "explanation" / "side-by-side.md"
TEXT = """\
# Side by side

`make bench` measures everything that is said of speed, in one go: each case in a process of its own on one core and one
thread, its contenders in turn, and before each turn the rate of a 1024 x 1024 float32 matrix product, which is what the
core could do in that minute (GFLOP/s beside the name). A ratio is the first contender's number divided by that of the
line, turn by turn: above 1, the first one is better. It is the median, with the range in brackets. *Start* is all that
is before the work, imports and compiling included; *a verdict* is the start and all updates or steps of all seeds at
the steady rate.

{aims}{recorded}
"""
AIMS = """\
## Aims

Set before anything was measured; what is missed has its reasons in [speed](speed.md). {commands}

{table}

"""
COMMANDS = (
    "Commands are processes from their start to their end, on {cores} cores of {processor}, {gflops:.0f} GFLOP/s each, "
    "torch {torch}, {date} (`benchmarks/start_up.py`); medians of {times}, first_steps in full once."
)
BRACKETS = " In brackets: the same on {cores} cores of {processor}, {gflops:.0f} GFLOP/s each, {date}."
NOT_RECORDED = "It has not been recorded on a quiet machine yet."
DEVIATIONS = """\
Peers have the keys that ours have, and one environment of the same rules. The contenders in CleanRL's and in
PureJaxRL's *shape* are programs of this project's benchmarks (`benchmarks/cases/`) that are built as those are, not
those programs themselves: a SyncVectorEnv with plain modules, and one compiled program for all seeds with gymnax's
environment. There is no batch-native environment with continuous actions here, so SAC is measured in Gymnasium's
alone. AsyncVectorEnv has all its processes on the one core. What is compiled is compiled for the first time in *start*,
and its steady rate is measured after that, of ours and of others. The memory of a seed beside a script's is the line of
one seed a process."""


def read(file: Path = FILE) -> dict[str, Any] | None:
    """What was recorded; None where nothing was yet."""
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None


def page(
    found: dict[str, Any] | None, start: dict[str, Any] | None = None, slower: dict[str, Any] | None = None
) -> str:
    first = _aims(found, start, slower) if found or start else ""
    if found is None:
        return TEXT.format(aims=first, recorded=NOT_RECORDED)
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items() if version)
    head = f"Recorded on {found['date']}: {found['processor']}, {versions}; medians of {found['repetitions']} turns."
    return TEXT.format(aims=first, recorded="\n\n".join([head, DEVIATIONS, *map(_table, found["cases"])]))


def _aims(found: dict[str, Any] | None, start: dict[str, Any] | None, slower: dict[str, Any] | None) -> str:
    commands = COMMANDS.format(**start, times=max(map(len, start["seconds"].values()))) if start else ""
    commands += BRACKETS.format(**slower) if start and slower else ""
    return AIMS.format(commands=commands, table="\n".join(aims.table(found, start, slower)))


def _table(case: dict[str, Any]) -> str:
    unit = case["unit"] if case["lower"] else f"{case['unit']}/s"
    rows = [f"## {case['case'][0].upper()}{case['case'][1:]} ({case['gflops']:.0f} GFLOP/s)", ""]
    rows += [f"| | {unit} | ratio | start | a verdict |", "|---|---|---|---|---|"]
    for name, one in case["contenders"].items():
        ratio, low, high = one["ratio"]
        start = "" if one["start"] is None else f"{one['start']:.1f} s"
        verdict = f"{one['verdict']:,.0f} s" if "verdict" in one else ""
        number = _number(statistics.median(one["rates"]))
        rows.append(f"| {name} | {number} | {ratio:.2f} ({low:.2f} to {high:.2f}) | {start} | {verdict} |")
    rows += [f"| {name} | not measured: {why} | | | |" for name, why in case["missing"].items()]
    return "\n".join(rows)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    PAGE.write_text(page(read(), read(START), read(SLOWER)), encoding="utf-8")
