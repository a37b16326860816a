"""A stand-in for the engine: it does what job.json's ``act`` says, one letter per attempt.

``.`` finish, ``!`` raise the same error each time, ``?`` raise an error that differs each time, ``k`` be killed,
``z`` sleep for a minute.
"""

import json
import os
import signal
import time
from pathlib import Path

from devlearn.runs.executors import read_json, write_json


def live(folder: Path) -> None:
    """One attempt. Each one appends its letter and process to ``tried``."""
    job = json.loads((folder / "job.json").read_text())
    tried = folder / "tried"
    count = len(tried.read_text().split()) if tried.exists() else 0
    act = job["act"][min(count, len(job["act"]) - 1)]
    with tried.open("a") as file:
        file.write(f"{act}{os.getpid()}\n")
    print("attempt", count)
    parent = job["parent"]
    assert parent is None or (read_json(folder.parents[2] / parent / "state.json") or {})["status"] == "done"
    _report(folder, len(job["stages"]))
    if act == "k":
        os.kill(os.getpid(), signal.SIGKILL)
    if act == "z":
        time.sleep(60)
    if act in "!?":
        raise ValueError(f"boom{count if act == '?' else ''}")


def _report(folder: Path, stages: int) -> None:
    progress = {"stage": "s0", "index": 0, "stages": stages, "fraction": 0.5, "overall": 0.25, "updates": 10}
    write_json(folder / "progress.json", {**progress, "metrics": {"loss": 0.5}, "diverged": 0})


def make(run: Path, acts: dict[str, str], parents: dict[str, str] | None = None) -> list[dict[str, str]]:
    """Job folders named after the keys of ``acts``; returns the entries of resolved.json's ``jobs``."""
    entries = []
    for name, act in acts.items():
        folder, parent = f"jobs/{name}/seeds-0-3", (parents or {}).get(name)
        (run / folder).mkdir(parents=True)
        job = {
            "branch": name,
            "arms": [name],
            "seeds": [0, 1, 2, 3],
            "act": act,
            "stages": [{"name": "s0"}, {"name": "s1"}],
        }
        job["parent"] = f"jobs/{parent}/seeds-0-3" if parent else None
        (run / folder / "job.json").write_text(json.dumps(job))
        entries.append({"folder": folder})
    return entries


def attempts(run: Path, name: str) -> str:
    """The letters of a job's attempts, or nothing where it never ran."""
    tried = run / f"jobs/{name}/seeds-0-3/tried"
    return "".join(line[0] for line in tried.read_text().split()) if tried.exists() else ""
