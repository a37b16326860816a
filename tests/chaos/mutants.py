"""Scenario files that were mutated: each is a scenario, or is refused with the place of every mistake.

``python -m tests.chaos.mutants 10000`` tries so many, the shipped scenarios in turn, and prints what broke.
"""

import json
import os
import random
import re
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import torch  # noqa: F401  a plan's import takes seconds, which are no file's
import yaml
from click.testing import CliRunner

from devlearn.cli import main
from devlearn.scenario import library

LIMIT_S = 20.0  # seconds of work for one file
LIMIT_MB = 1024  # by which memory may grow over all files
PLACED = re.compile(r"^[^\n]*mutant\.yaml:\d+:\d+: ")

ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 3, 10**9, 10**18, 10**30, -(2**63), 0.5, -0.0, 1e-300, 1e300,
    float("inf"), float("nan"), "", " ", "x", "null", "~", "a" * 300, "é" * 200, "[/foo]", "[link=http://x]y[/link]",
    "<script>", "=1+1", "../../x", "/etc/passwd", "a/b", ".", "..", "\t", "\n", "\x7f", "\x1b[31m", "\u202e", "𝕏",
    "%s%n", "{}", "{0.__class__}", "$HOME", "mnist.train", "mnist.test", "CartPole-v1", "devlearn/DigitReach-v0",
    "nowhere:Thing", "os:path", "a:b:c", "mlp", "conv", [], {}, [None], [[]], [[[[]]]], {"": {}}, {"kind": "mlp"},
    {"use": "look"}, [1, 2, 3], ["x", "x"], [10**9], list(range(500)), {"a": {"b": {"c": 1}}}, {"kind": None},
    {"each": [1, 2]},
)  # fmt: skip
CHARACTERS = "\0\x01\x1b\x7f\u0085\ufeff\u2028\ud7ff\ufffd𝕏é:-?{}[],&*#!|>'\"%@` \t\n\r0aA~="
LINES = (
    "&a [*a]", "<<: *x", "<<: 3", "? [1, 2]\n: 3",
    "!!python/object:os.system x: 1", "!t x: 1", "%TAG ! x", "---",
    "...", '"\\ud800": 1', '"\\U00110000": 1', "x: \"\\x00\"", "- - - - - 1", "vary: {seeds: [1, 2]}",
    "extends: mutant.yaml", "extends: /dev/zero", "extends: .", "seeds: 1000000000", "about: |\n    \x1b[2J",
    "block: 0", "pin: [everything]",
    "tune: {}", "vary: []", "compare: 3", "stream: {kind: envs}",
)  # fmt: skip


# ---- mutants -----------------------------------------------------------------------------------------------------


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) of plain values."""
    items = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    for key, own in items:
        yield value, key
        yield from _places(own)


def _value(tree: Any, draw: random.Random) -> None:
    where, key = draw.choice(list(_places(tree)))
    where[key] = draw.choice(ODD)


def _swapped(tree: Any, draw: random.Random) -> None:
    places = list(_places(tree))
    (one, a), (other, b) = draw.choice(places), draw.choice(places)
    one[a], other[b] = json.loads(json.dumps(other[b])), json.loads(json.dumps(one[a]))


def _lost(tree: Any, draw: random.Random) -> None:
    where, key = draw.choice(list(_places(tree)))
    del where[key]


def _renamed(tree: Any, draw: random.Random) -> None:
    where, key = draw.choice([place for place in _places(tree) if isinstance(place[0], dict)])
    name = draw.choice(
        (f"{key}x", str(key)[1:], str(key).upper(), "", "kind", "a" * 300, "a.b", "../x", "[/b]", "é", 3)
    )
    where[name] = where.pop(key)


def _wrapped(tree: Any, draw: random.Random) -> None:
    where, key = draw.choice(list(_places(tree)))
    for _ in range(draw.choice((1, 3, 40))):
        where[key] = [where[key]] if draw.random() < 0.5 else {"x": where[key]}


def _scaled(tree: Any, draw: random.Random) -> None:
    numbers = [(w, k) for w, k in _places(tree) if isinstance(w[k], int | float) and not isinstance(w[k], bool)]
    where, key = draw.choice(numbers)
    where[key] = draw.choice((-where[key], 0, where[key] * 10**6, where[key] * 10**12, where[key] / 3, str(where[key])))


TREE: tuple[Callable[[Any, random.Random], None], ...] = (_value, _value, _swapped, _lost, _renamed, _wrapped, _scaled)


def _cut(text: str, draw: random.Random) -> str:
    return text[: draw.randrange(len(text))]


def _letter(text: str, draw: random.Random) -> str:
    at = draw.randrange(len(text))
    return text[:at] + draw.choice(CHARACTERS) + text[at + draw.randrange(2) :]


def _line(text: str, draw: random.Random) -> str:
    lines = text.split("\n")
    lines.insert(draw.randrange(len(lines) + 1), " " * draw.choice((0, 0, 2, 4)) + draw.choice(LINES))
    return "\n".join(lines)


def _moved(text: str, draw: random.Random) -> str:
    lines = text.split("\n")
    lines.insert(draw.randrange(len(lines)), lines.pop(draw.randrange(len(lines))))
    return "\n".join(lines)


def _repeated(text: str, draw: random.Random) -> str:
    lines = text.split("\n")
    at = draw.randrange(len(lines))
    return "\n".join(lines[:at] + lines[at : at + 1] * draw.choice((2, 50, 3000)) + lines[at:])


TEXT: tuple[Callable[[str, random.Random], str], ...] = (
    _cut,
    _letter,
    _letter,
    _letter,
    _line,
    _line,
    _moved,
    _repeated,
)


def mutant(text: str, draw: random.Random) -> bytes:
    """A scenario's text, mutated once to three times: in values and keys, in letters and lines, in bytes."""
    if draw.random() < 0.5:
        tree = yaml.safe_load(text)
        for _ in range(draw.choice((1, 1, 1, 2, 3))):
            if any(True for _ in _places(tree)):
                with _no_such_place():
                    draw.choice(TREE)(tree, draw)
        return yaml.safe_dump(tree, sort_keys=False, allow_unicode=draw.random() < 0.5).encode("utf-8", "surrogatepass")
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        text = draw.choice(TEXT)(text or "x", draw)
    found = bytearray(text.encode("utf-8", "surrogatepass"))
    if found and draw.random() < 0.05:
        found[draw.randrange(len(found))] ^= 1 << draw.randrange(8)
    return bytes(found)


@contextmanager
def _no_such_place() -> Iterator[None]:
    """A mutation may find nothing to change: a scenario without numbers, a swap of a thing with what is in it."""
    try:
        yield
    except (IndexError, KeyError, ValueError, TypeError):
        return


# ---- what is said of them ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Broken:
    """A mutant of ``scenario`` (its ``number``) that was answered otherwise than it should."""

    scenario: str
    number: int
    why: str


class _TooSlow(BaseException):
    """A file took longer than it may."""


@contextmanager
def _in_time(seconds: float) -> Iterator[None]:
    def late(number: int, frame: FrameType | None) -> None:
        raise _TooSlow("".join(traceback.format_stack(frame)[-3:]))

    before = signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, seconds)  # of its own work, however busy the machine is
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def verdict(path: Path) -> tuple[str, str]:
    """(accepted or refused, why that is no answer; empty where it is one) of one file."""
    try:
        with _in_time(LIMIT_S):
            result = CliRunner().invoke(main, ["check", "scenario", str(path)])
    except _TooSlow as error:
        return "slow", f"more than {LIMIT_S:g} s: {error}"
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        at = [line for line in traceback.extract_tb(result.exception.__traceback__) if "/devlearn/" in line.filename]
        place = f"{at[-1].filename.partition('/devlearn/')[2]}:{at[-1].lineno}" if at else "?"
        return "broke", f"{type(result.exception).__name__} at {place}: {str(result.exception)[:150]}"
    if result.exit_code == 0:
        return "accepted", ""
    first = next((line for line in result.stderr.splitlines() if line.strip()), "")
    if result.exit_code != 2 or not PLACED.match(first):
        return "refused", f"exit code {result.exit_code}, without a place: {first[:150]!r}"
    unfit = next((letter for letter in result.output if letter < " " and letter not in "\n\t\r"), "")
    if unfit or len(result.output) > 200_000:
        return "refused", f"prints {unfit!r}" if unfit else f"prints {len(result.output):,} characters"
    return "refused", ""


def tried(seed: int, count: int, folder: Path) -> tuple[Counter[str], list[Broken]]:
    """``count`` mutants of our own scenarios in turn: how often each answer was given, and what broke."""
    shipped, counts, broken = sorted(library().items()), Counter[str](), []
    folder.mkdir(parents=True, exist_ok=True)
    here = Path.cwd()
    os.chdir(folder)
    memory = 0
    try:
        for number in range(count):
            name, file = shipped[number % len(shipped)]
            path, draw = folder / "mutant.yaml", random.Random(seed * 10**9 + number)
            path.write_bytes(mutant(file.read_text(encoding="utf-8"), draw))
            began = time.monotonic()
            answer, why = verdict(path)
            counts[answer] += 1
            counts["milliseconds"] += int(1000 * (time.monotonic() - began))
            grown, memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024 - memory, _peak_mb()
            if number > len(shipped) and grown > LIMIT_MB:
                why = why or f"memory grew by {grown} MB"
            if why:
                broken.append(Broken(name, number, why))
                (folder / f"broken-{number}.yaml").write_bytes(path.read_bytes())
    finally:
        os.chdir(here)
    counts["peak MB"] = memory
    return counts, broken


def _peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _main() -> None:
    count, seed = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    folder = Path(sys.argv[3] if len(sys.argv) > 3 else tempfile.mkdtemp()).resolve()
    counts, broken = tried(seed, count, folder)
    print(dict(sorted(counts.items())), "in", folder)
    kinds: dict[str, list[Broken]] = {}
    for one in broken:
        kinds.setdefault(re.sub(r"\d+|'[^']*'", "_", one.why.partition(": ")[0]), []).append(one)
    for kind, found in sorted(kinds.items(), key=lambda pair: -len(pair[1])):
        print(f"{len(found):5} {kind}: {found[0].why!r} (mutants {', '.join(str(one.number) for one in found[:6])})")


if __name__ == "__main__":
    _main()
