"""How often runs were killed, damaged and soaked and scenarios mutated, from docs/chaos.json of ``make chaos``."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FILE = Path(__file__).parents[1] / "chaos.json"
TOLD = {"all": "all at once"}
COMMANDS = ("compare", "export", "genome", "resume", "run", "report")


def chaos() -> str:
    return made(json.loads(FILE.read_text(encoding="utf-8")))


def made(found: Mapping[str, Mapping[str, Any]]) -> str:
    """A table: what was done, how often, what came of it."""
    rows = [_kills(found["kills"]), *_damages(found["damages"]), _mutants(found["mutants"]), _soak(found["soak"])]
    days = sorted({part["date"] for part in found.values()})
    minutes = sum(part["took"] for part in found.values()) / 60
    head = f"`make chaos`, {' and '.join(days)}, {minutes:.0f} minutes:"
    return "\n".join([head, "", "| what was done | how often | what came of it |", "|---|---|---|", *rows])


def _kills(part: Mapping[str, Any]) -> str:
    whom = sum((Counter(one["kills"]) for one in part["scenarios"]), Counter[str]())
    files = sum(one["files"] for one in part["scenarios"])
    differ, left = (sum(len(one[key]) for one in part["scenarios"]) for key in ("differ", "left"))
    often = (
        f"{whom.total()} times: {', '.join(f'{TOLD.get(name, name)} {count}' for name, count in sorted(whom.items()))}"
    )
    what = f"runs of {len(part['scenarios'])} scenarios killed, or stopped for a second"
    return (
        f"| {what} | {often} | {differ} of {files:,} records and answers differ from those of runs left alone; "
        f"{left} half-written files are left |"
    )


def _damages(part: Mapping[str, Any]) -> list[str]:
    counts, cures = part["counts"], part["cures"]
    ways = {way: sum(counts.get(f"{name} {way}", 0) for name in COMMANDS) for way in ("answered", "refused", "failed")}
    broke = sum(one["command"] != "cure" for one in part["broken"])
    asked = sum(ways.values()) + broke
    return [
        f"| a file or a folder of a run damaged | {counts['damages']:,} damages, {asked:,} commands | "
        f"{ways['refused']:,} refused in words, {ways['answered']:,} answered, {ways['failed']:,} told of a job that "
        f"failed, {broke} did otherwise |",
        f"| the same, and what the message advised | {cures['damages']:,} | {cures.get('cured', 0):,} came to the "
        f"answer of the sound run, {cures.get('not cured', 0)} did not |",
    ]


def _mutants(part: Mapping[str, Any]) -> str:
    counts = part["counts"]
    number = counts["accepted"] + counts["refused"]
    each = counts["milliseconds"] / number
    return (
        f"| shipped scenarios mutated | {number:,} | {counts['refused']:,} refused with line and column, "
        f"{counts['accepted']:,} are scenarios, {len(part['broken'])} were answered otherwise; {each:.0f} ms each, "
        f"{counts['peak MB']:,} MB at most |"
    )


def _soak(part: Mapping[str, Any]) -> str:
    first, last = part["quarters"][0], part["quarters"][-1]
    left = sum(len(part[key]) for key in ("workers_left", "memory_left", "files_left"))
    memory = f"{first['megabytes']:,.0f} and {last['megabytes']:,.0f} MB"
    files = f"{first['files']} and {last['files']} open files"
    threads = f"{first['threads']} and {last['threads']} threads"
    return (
        f"| jobs under one supervisor, {last['workers']} workers at once | {part['jobs']} in {part['seconds']:.0f} s | "
        f"in the first and the last quarter it held {memory}, {files}, {threads}; "
        f"{left} processes, pieces of memory and files are left |"
    )
