"""A run's folder: what is written before the first job starts."""

import os
import platform
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devlearn.execute.files import read_json, write_json
from devlearn.execute.jobs import Job, load_job
from devlearn.execute.local import cores

if TYPE_CHECKING:
    from devlearn.scenario import Scenario

PACKAGES = ("devlearn", "torch", "torchvision", "gymnasium", "numpy")


class Refused(ValueError):
    """The folder can't be used for this; the message says why and what to do."""


def write_run(folder: Path, source: Path, scenario: "Scenario", how: Mapping[str, Any], device: str) -> None:
    """Plan ``scenario`` and write a run's files into ``folder``, or add to those of the same run (seeds, arms).

    Args:
        source: the scenario's file, copied as it is.
        how: ``command`` and ``overrides`` for the manifest, and ``path``, what workers put on their module path.

    Raises:
        Refused: the folder holds another run.
        ScenarioError: what can't be planned.
    """
    from devlearn import plan as plans  # torch comes with it

    before = read_json(folder / "resolved.json")
    plan = plans.plan(scenario, before)
    resolved = plans.resolved(plan)
    if before is not None and (reasons := plans.same_run(before, resolved)):
        why = "\n  ".join(reasons)
        raise Refused(f"{folder} holds another run:\n  {why}\nchoose another folder with --out, or delete it")
    seen = _seen(folder, before, resolved)
    resolved |= {"seen": seen} if seen else {}
    (folder / "scenario.yaml").write_bytes(source.read_bytes())
    seconds = {job.folder: job.seconds for job in plan.jobs}
    for name, spec in plans.job_specs(plan, device, tuple(how["path"])).items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        write_json(folder / name / "job.json", {**spec, "seconds": seconds[name]})
    write_json(folder / "manifest.json", manifest(resolved["digest"], how))
    write_json(folder / "resolved.json", resolved)


def _seen(folder: Path, before: dict[str, Any] | None, resolved: Mapping[str, Any]) -> list[int]:
    """The numbers of seeds at which a verdict had been seen before more were added."""
    if before is None:
        return []
    seen: list[int] = before.get("seen", [])
    grown = len(resolved["seeds"]) > len(before["seeds"]) and (folder / "comparison.json").exists()
    return [*seen, len(before["seeds"])] if grown else seen


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
