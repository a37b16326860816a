"""A run's folder: what is written before the first job starts."""

import os
import platform
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devlearn.execute.files import read_json, write_json
from devlearn.execute.jobs import Job, load_job
from devlearn.execute.local import cores

if TYPE_CHECKING:
    from devlearn.plan import Plan

PACKAGES = ("devlearn", "torch", "torchvision", "gymnasium", "numpy")


class Refused(ValueError):
    """The folder can't be used for this; the message says why and what to do."""


def write_run(
    folder: Path, source: Path, plan: "Plan", how: Mapping[str, Any], path: Sequence[str], device: str
) -> None:
    """Write a run's files into ``folder``, or bring those of the same run up to date (more seeds, more arms).

    Args:
        source: the scenario's file, copied as it is.
        how: ``command`` and ``overrides``, for the manifest.
        path: folders that workers put on their module path.

    Raises:
        Refused: the folder holds another run.
    """
    from devlearn import plan as plans  # torch comes with it

    resolved, before = plans.resolved(plan), read_json(folder / "resolved.json")
    if before is not None and (reasons := plans.same_run(before, resolved)):
        raise Refused(
            f"{folder} holds another run: {'; '.join(reasons)}\nchoose another folder with --out, or delete it"
        )
    (folder / "scenario.yaml").write_bytes(source.read_bytes())
    for spec in plans.job_specs(plan):
        job = folder / spec["folder"]
        job.mkdir(parents=True, exist_ok=True)
        write_json(job / "job.json", {**spec, "path": list(path), "device": device})
    write_json(folder / "manifest.json", manifest(resolved["digest"], how))
    write_json(folder / "resolved.json", resolved)


def manifest(digest: str, how: Mapping[str, Any]) -> dict[str, Any]:
    """What a reader needs to repeat the run: command, versions, machine."""
    return {
        "command": how["command"],
        "digest": digest,
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
        "machine": {"platform": platform.platform(), "cores": os.cpu_count(), "usable_cores": cores()},
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "overrides": list(how["overrides"]),
    }


def jobs_of(folder: Path) -> list[Job]:
    """The jobs of a run, parents before children.

    Raises:
        Refused: the folder holds no run.
    """
    resolved = read_json(folder / "resolved.json")
    if resolved is None:
        raise Refused(f"{folder} holds no run: it has no resolved.json")
    return [load_job(folder, entry) for entry in resolved["jobs"]]


def importable(*folders: Path) -> list[str]:
    """Put folders on the module path, so that a user's ``my_envs:Maze-v0`` imports; returns them."""
    found = list(dict.fromkeys(str(folder.resolve()) for folder in folders))
    for entry in reversed(found):
        if entry not in sys.path:
            sys.path.insert(0, entry)
    return found
