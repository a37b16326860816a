"""Damages of a run folder, one at a time, and what every command says of them.

``python -m tests.chaos.damage 5000 SEED`` tries so many and prints what broke; with ``--cures``, it does what the
commands advise until the run has its answer again.
"""

import json
import random
import re
import shutil
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from click.testing import CliRunner

import devlearn
from devlearn.cli import main
from devlearn.records.reader import load
from devlearn.runs.engine import Job, JobFailed, JobRunner
from devlearn.runs.executors.base import WorkerExit
from devlearn.runs.executors.worker import live, work, write_state

SCENARIO = """
devlearn: 1
scenario: hurt
seeds: 2
block: 1
brain: {kind: mlp, width: [8]}
stages:
  look: {kind: pretrain.denoise, updates: 3, batch: 4}
  play: {kind: trial.ppo, env: devlearn/DigitReach-v0, env_steps: 64, num_envs: 2, rollout: 16}
  school: {kind: supervise, labels: 20, updates: 3, batch: 4}
arms:
  plain: [school]
  looked: [look, school]
  played: [look, play, school]
probes:
  digits: {kind: accuracy, data: mnist.test, every: 2}
  seen: {kind: objective, stage: look}
compare: {probe: digits, smallest_effect: 0.01, pairs: [[looked, plain], [played, plain]]}
"""
COMMANDS = ("compare", "report", "export", "genome", "resume")
KINDS = ("number", "text", "list", "map", "null", "huge")
OTHER: dict[str, Any] = {"number": -1, "text": "x\ud800", "list": [[]], "map": {}, "null": None, "huge": 10**400}


class Here:
    """An executor that lives jobs in this process, one at a time: thousands of damages need no process each."""

    workers = 1

    def __init__(self, workers: int | None) -> None:
        self.ended: list[WorkerExit] = []

    def free_slots(self) -> int:
        return 1 - len(self.ended)

    def submit(self, folder: Path) -> None:
        try:
            work(folder, live)
        except Exception:
            self.ended.append(WorkerExit(folder, 1))
        else:
            self.ended.append(WorkerExit(folder, 0))

    def poll(self, timeout: float) -> list[WorkerExit]:
        found, self.ended = self.ended, []
        return found

    def stop(self) -> None: ...


# ---- what can happen to a file -----------------------------------------------------------------------------------


def _flipped(content: bytes, draw: random.Random) -> bytes:
    found = bytearray(content)
    for _ in range(draw.choice((1, 1, 4)) if found else 0):
        found[draw.randrange(len(found))] ^= 1 << draw.randrange(8)
    return bytes(found)


def _doubled_line(content: bytes, draw: random.Random) -> bytes:
    lines = content.split(b"\n")
    at = draw.randrange(len(lines))
    return b"\n".join([*lines[:at], lines[at], *lines[at:]])


def _swapped_cell(content: bytes, draw: random.Random) -> bytes:
    lines = content.split(b"\n")
    at = draw.randrange(len(lines))
    cells = lines[at].split(b",")
    cells[draw.randrange(len(cells))] = draw.choice((b"", b"nan", b"-1", b"1e400", b"x", b"9" * 5000, b'"', b"\xff"))
    lines[at] = b",".join(cells)
    return b"\n".join(lines)


CONTENT: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "emptied": lambda content, draw: b"",
    "cut": lambda content, draw: content[: draw.randrange(max(len(content), 1))],
    "zeroed tail": lambda content, draw: content[: len(content) // 2] + bytes(len(content) - len(content) // 2),
    "bits flipped": _flipped,
    "garbage appended": lambda content, draw: content + b"garbage,1,2,3\n",
    "appended to itself": lambda content, draw: content + content,
    "null": lambda content, draw: b"null\n",
    "a list": lambda content, draw: b"[]\n",
    "a deep list": lambda content, draw: b"[" * 100_000,
    "a line doubled": _doubled_line,
    "a cell swapped": _swapped_cell,
    "UTF-16": lambda content, draw: b"\xff\xfe" + content,
    "a long line": lambda content, draw: content + b"9" * 200_000 + b"\n",
}


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) of a JSON value."""
    found = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, own in found:
        yield value, key
        yield from _places(own)


def _json(path: Path, draw: random.Random) -> str:
    """One key of a JSON file taken away, added, or given a value of another type."""
    value = json.loads(path.read_bytes())
    places = list(_places(value))
    if not places:
        return ""
    where, key = draw.choice(places)
    how = draw.choice(("gone", "added", *KINDS))
    if how == "gone":
        del where[key]
    elif how == "added":
        value["unheard"] = 1
    else:
        where[key] = OTHER[how]
    path.write_bytes(json.dumps(value).encode())
    return f"key {key} {how}"


def _gone(path: Path) -> None:
    path.unlink()


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _dangling(path: Path) -> None:
    path.unlink()
    path.symlink_to("/nowhere/at/all")


def _loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


PLACE: dict[str, Callable[[Path], None]] = {
    "deleted": _gone,
    "a folder": _folder,
    "a dangling link": _dangling,
    "a link to itself": _loop,
}


def damage(path: Path, draw: random.Random) -> str:
    """Damage one file; what was done to it, empty where nothing was."""
    if path.suffix == ".json" and draw.random() < 0.4:
        return _json(path, draw)
    how = draw.choice([*CONTENT, *PLACE])
    if how in PLACE:
        PLACE[how](path)
        return how
    before = path.read_bytes()
    after = CONTENT[how](before, draw)
    path.write_bytes(after)
    return how if after != before else ""


def folder_damage(folder: Path, draw: random.Random) -> str:
    """Damage the tree: a folder is deleted, emptied, is a file, or holds what nobody of ours wrote."""
    how = draw.choice(("deleted", "emptied", "a file", "strangers", "renamed"))
    if how == "strangers":
        (folder / ".ipynb_checkpoints").mkdir()
        (folder / ".DS_Store").write_bytes(b"\0\1")
        (folder / "notes (copy).txt").write_text("mine")
        return how
    if how == "renamed":
        folder.rename(folder.with_name(f"{folder.name} (copy)"))
        return how
    shutil.rmtree(folder)
    if how == "emptied":
        folder.mkdir()
    elif how == "a file":
        folder.write_bytes(b"")
    return how


# ---- what every command says of it -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Broken:
    """A command that did not say what is wrong: ``where`` is the damaged file, ``how`` what was done to it."""

    command: str
    where: str
    how: str
    why: str


def whole(folder: Path, text: str = SCENARIO) -> Path:
    """A finished run to be damaged."""
    file = folder / "hurt.yaml"
    file.write_text(text, encoding="utf-8")
    devlearn.run(file, out=folder / "run", progress=False, executor="tests.chaos.damage:Here")
    return folder / "run"


class _Cut(Exception):
    """The power went."""


def unfinished(run: Path) -> Path:
    """The same run with its last job cut off at a checkpoint in the middle of its stage."""
    job = sorted(run.glob("jobs/*/*/job.json"))[-1].parent
    for part in ("records", "artifacts", "checkpoints"):
        shutil.rmtree(job / part)
    runner = JobRunner(Job.read(job), segment=1)
    save, saved = runner._checkpoint, count()

    def cut() -> None:
        save()
        if next(saved) == 1:
            raise _Cut

    runner._checkpoint = cut  # type: ignore[method-assign]
    with suppress(JobFailed):
        runner.run()
    write_state(job, "running", None, 1)
    return run


def call(command: str, run: Path) -> tuple[int, str, str]:
    """(exit code, what was said, where it raised what it should not)."""
    arguments = {
        "export": ["export", str(run), "--to", "csv"],
        "genome": ["genome", str(run), "plain"],
        "resume": ["resume", str(run), "--executor", "tests.chaos.damage:Here", "--no-report"],
        "run": ["run", str(run.parent / "hurt.yaml"), "--out", str(run), "--no-report"],
    }.get(command, [command, str(run)])
    if command == "run":
        arguments += ["--executor", "tests.chaos.damage:Here"]
    result = CliRunner().invoke(main, arguments)
    raised = result.exception
    if raised is None or isinstance(raised, SystemExit):
        return result.exit_code, result.output, ""
    at = [line for line in traceback.extract_tb(raised.__traceback__) if "/devlearn/" in line.filename]
    place = f"{at[-1].filename.partition('/devlearn/')[2]}:{at[-1].lineno}" if at else "?"
    return 1, result.output, f"{type(raised).__name__} at {place}: {str(raised)[:100]}"


def judge(command: str, code: int, said: str, raised: str) -> str:
    """Why a command's answer is none; empty where it is one."""
    if raised:
        return raised
    if code not in (0, 2, 3) and not (command in ("resume", "run") and code == 1 and "failed: " in said):
        return f"exit code {code}"
    if code == 2 and "Traceback" in said:
        return "a traceback is printed"
    return ""


REMOVE = re.compile(r"^(\S+): is (?:a link|no file).*: delete it$", re.MULTILINE)
MOVE = re.compile(r"^(\S+?)(?::\d+)?: .*move it away", re.MULTILINE)
DELETE = re.compile(r"^(\S+/jobs/[^/]+/[^/:]+)[/:].*delete (?:this job's|the) folder", re.MULTILINE)


def cured(run: Path, expected: Any) -> str:
    """Why what the commands advise leaves a damaged run without its answer; empty where it comes to it."""
    done: list[str] = []
    for _ in range(4):
        for command in ("resume", "run"):
            code, said, raised = call(command, run)
            done.append(command)
            if raised:
                return f"{', '.join(done)}: {raised}"
            if code == 0:
                return _same(run, expected, done)
        moved, gone = MOVE.findall(said), DELETE.findall(said)
        for path in map(Path, moved):
            path.rename(path.with_name(f"{path.name}.away{len(done)}"))
        for path in map(Path, gone):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        done += [f"move {Path(path).name}" for path in moved] + ["delete a job"] * len(gone)
        links = REMOVE.findall(said)
        for path in map(Path, links):
            path.unlink()
        done += [f"delete {Path(path).name}" for path in links]
        if not moved and not gone and not links:
            return f"{', '.join(done)}: no cure in {said[-300:]!r}"
    return f"{', '.join(done)}: still {said[-300:]!r}"


def answer(run: Path) -> Any:
    """What comparison.json says of every learner."""
    found = json.loads((run / "comparison.json").read_bytes())
    return {arm: entry["values"] for arm, entry in found["arms"].items()}


def _same(run: Path, expected: Any, done: list[str]) -> str:
    if answer(run) == expected or load(run).altered:
        return ""
    return f"{', '.join(done)}: another answer, and nothing is said to be altered"


def tried(
    base: Path, seed: int, damages: int, commands: Iterable[str] = COMMANDS, cures: bool = False
) -> tuple[Counter[str], list[Broken]]:
    """``damages`` damages of copies of the run ``base``: how often each command took it, and how; what broke."""
    draw, counts, broken = random.Random(seed), Counter[str](), []
    files = [path.relative_to(base) for path in sorted(base.rglob("*")) if path.is_file() and _counts(path)]
    few = [
        path for path in files if (path.suffix in (".json", "") and "jobs" not in path.parts[:1]) or path.name in FEW
    ]
    folders = sorted(path.relative_to(base) for path in base.rglob("*") if path.is_dir())
    with tempfile.TemporaryDirectory() as place:
        work_, commands = Path(place) / "run", tuple(commands)
        shutil.copy(base.parent / "hurt.yaml", place)
        shutil.copytree(base, work_)
        assert not call("resume", work_)[0]
        expected = answer(work_)
        for _ in range(damages):
            shutil.rmtree(work_, ignore_errors=True)
            shutil.copytree(base, work_)
            if draw.random() < 0.08:
                where = draw.choice(folders)
                how = folder_damage(work_ / where, draw)
            else:
                where = draw.choice(few if draw.random() < 0.5 else files)
                how = damage(work_ / where, draw)
            if not how:
                continue
            counts["damages"] += 1
            if cures:
                why = cured(work_, expected)
                counts["not cured" if why else "cured"] += 1
                if why:
                    broken.append(Broken("cure", str(where), how, why))
                continue
            for command in commands:
                if command == "report" and draw.random() > 0.1:
                    continue  # it takes seconds
                code, said, raised = call(command, work_)
                why = judge(command, code, said, raised)
                counts[f"{command} {'broke' if why else {0: 'answered', 2: 'refused'}.get(code, 'failed')}"] += 1
                if why:
                    broken.append(Broken(command, str(where), how, why))
    return counts, broken


FEW = ("job.json", "state.json", "progress.json", "cores.json", "end.pt", "end.sha256")


def _counts(path: Path) -> bool:
    return "figures" not in path.parts and path.suffix != ".html" and path.name not in (".lock",)


def _main() -> None:
    damages, seed = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    with tempfile.TemporaryDirectory() as place:
        base = unfinished(whole(Path(place)))
        counts, broken = tried(base, seed, damages, cures="--cures" in sys.argv)
    print(dict(sorted(counts.items())))
    kinds: dict[tuple[str, str], list[Broken]] = {}
    for one in broken:
        kinds.setdefault((one.command, one.why.partition(": ")[0]), []).append(one)
    for (command, why), found in sorted(kinds.items(), key=lambda pair: -len(pair[1])):
        places = sorted({f"{Path(one.where).name} {one.how}" for one in found})
        print(f"{len(found):4} {command}: {why}; {found[0].why.partition(': ')[2]!r}: {', '.join(places[:8])}")


if __name__ == "__main__":
    _main()
