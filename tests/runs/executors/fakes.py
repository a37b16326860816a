"""A stand-in for the engine: it does what the file ``act`` beside job.json says, one letter per attempt.

``.`` finish, ``!`` raise the same error each time, ``?`` raise an error that differs each time, ``k`` be killed,
``z`` sleep for a minute; inside an environment ``x`` exit at the same step each time, ``X`` at another each time, ``h``
hang.
"""

import os
import signal
import time
from pathlib import Path

from devlearn.records import flight
from devlearn.records.job_state import job_info
from devlearn.records.schema import GiverEntry, JobSpec, VisitEntry
from devlearn.records.versions import JOB
from devlearn.runs.executors import read_json, write_json
from devlearn.tasks.envs import EnvSpec


def live(folder: Path) -> None:
    """One attempt. Each one appends its letter and process to ``tried``."""
    job, acts = JobSpec.read(folder / "job.json"), (folder / "act").read_text(encoding="utf-8")
    assert job is not None
    tried = folder / "tried"
    count = len(tried.read_text().split()) if tried.exists() else 0
    act = acts[min(count, len(acts) - 1)]
    with tried.open("a") as file:
        file.write(f"{act}{os.getpid()}\n")
    print("attempt", count)
    for before in job_info("", job).before:
        assert (read_json(folder.parents[2] / before / "state.json") or {})["status"] == "done"
    _report(folder, len(job.stages))
    if act == "k":
        os.kill(os.getpid(), signal.SIGKILL)
    if act == "z":
        time.sleep(60)
    if act in "xXh":
        flight.recorder().enter(EnvSpec("Maze-v0", timeout=1.0), flight.STEP, 3, 1, 5, 77 + count * (act == "X"))
        if act == "h":
            time.sleep(60)
        os._exit(4)
    if act in "!?":
        raise ValueError(f"boom{count if act == '?' else ''}")


def _report(folder: Path, stages: int) -> None:
    progress = {"stage": "s0", "index": 0, "stages": stages, "fraction": 0.5, "overall": 0.25, "updates": 10}
    write_json(folder / "progress.json", {**progress, "metrics": {"loss": 0.5}, "diverged": 0})


def make(
    run: Path, acts: dict[str, str], parents: dict[str, str] | None = None, givers: dict[str, str] | None = None
) -> list[dict[str, str]]:
    """Job folders named after the keys of ``acts``; returns the entries of resolved.json's ``jobs``."""
    entries = []
    for name, act in acts.items():
        folder, parent = f"jobs/{name}/seeds-0-3", (parents or {}).get(name)
        (run / folder).mkdir(parents=True)
        (run / folder / "act").write_text(act, encoding="utf-8")
        spec = JobSpec(
            format=JOB.written,
            scenario="fake",
            arms=(name,),
            branch=name,
            seeds=(0, 1, 2, 3),
            parent=f"jobs/{parent}/seeds-0-3" if parent else None,
            givers=tuple(
                GiverEntry(arm=other, stage="s1", what="learner", folder=f"jobs/{other}/seeds-0-3")
                for heir, other in (givers or {}).items()
                if heir == name
            ),
            brain={},
            needs_stages=(),
            stages=tuple(VisitEntry(name=stage, kind="fake", index=i) for i, stage in enumerate(("s0", "s1"))),
            probes={},
            digest=name,
        )
        write_json(run / folder / "job.json", spec.content())
        entries.append({"folder": folder})
    return entries


def attempts(run: Path, name: str) -> str:
    """The letters of a job's attempts, or nothing where it never ran."""
    tried = run / f"jobs/{name}/seeds-0-3/tried"
    return "".join(line[0] for line in tried.read_text().split()) if tried.exists() else ""
