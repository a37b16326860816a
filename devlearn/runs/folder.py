"""A run's folder: what is written before the first job starts."""

import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devlearn.records.atomic import read_json, write_json
from devlearn.records.job_state import JobInfo, load_job
from devlearn.runs.executors.local import cores

if TYPE_CHECKING:
    from devlearn.runs.plan import Plan
    from devlearn.scenario import Scenario

SEEN = "seen.json"  # written by evidence with every verdict
PACKAGES = ("devlearn", "torch", "torchvision", "gymnasium", "numpy")


class FolderMismatch(ValueError):
    """The folder can't be used for this; the message says why and what to do."""


@dataclass(frozen=True)
class Planned:
    """What a run folder is to hold: the plan, and the content of its resolved.json."""

    plan: "Plan"
    resolved: dict[str, Any]


def plan_run(folder: Path, scenario: "Scenario", tuning: Sequence[Mapping[str, Any]] | None = None) -> Planned:
    """Plan ``scenario`` for ``folder``, beside what the folder has of the same run (seeds, arms). Writes nothing.

    Args:
        tuning: for each point of ``vary``, {arm: how its values were chosen}, for resolved.json.

    Raises:
        FolderMismatch: the folder holds another run.
        ScenarioError: what can't be planned.
    """
    from devlearn.runs import plan as plans  # torch comes with it

    before = read_json(folder / "resolved.json")
    plan = plans.plan(scenario, before)
    resolved = plans.resolved(plan)
    for point, chosen in zip(resolved["points"], tuning or (), strict=False):
        for arm, record in chosen.items():
            point["arms"][arm]["tuning"] = record
    if before is not None and (reasons := plans.same_run(before, resolved, _answered(folder, before))):
        why = "\n  ".join(reasons)
        raise FolderMismatch(f"{folder} holds another run:\n  {why}\nchoose another folder with --out, or delete it")
    seen = _seen(folder, before, resolved)
    return Planned(plan, resolved | ({"seen": seen} if seen else {}))


def write_run(folder: Path, planned: Planned, text: bytes, how: Mapping[str, Any]) -> None:
    """Write a run's files, or add to those of the same run; resolved.json, which counts, comes last.

    Args:
        text: the scenario's file as it was given.
        how: ``command`` and ``overrides`` for the manifest, ``device``, and ``path``, what workers put on their
            module path.
    """
    from devlearn.runs import plan as plans

    (folder / "scenario.yaml").write_bytes(text)
    seconds = {job.folder: job.seconds for job in planned.plan.jobs}
    for name, spec in plans.job_specs(planned.plan, how["device"], tuple(how["path"])).items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        write_json(folder / name / "job.json", {**spec, "seconds": seconds[name]})
    write_json(folder / "manifest.json", manifest(planned.resolved["digest"], how))
    write_json(folder / "resolved.json", planned.resolved)


def _seen(folder: Path, before: dict[str, Any] | None, resolved: Mapping[str, Any]) -> list[int]:
    """The numbers of seeds at which a verdict had been seen before more were added."""
    if before is None:
        return []
    count = len(before["seeds"])
    noted = (read_json(folder / SEEN) or {"seeds": []})["seeds"]
    seen = {*before.get("seen", []), *noted, *([count] if _compared(folder, count) else [])}
    return sorted(number for number in seen if number < len(resolved["seeds"]))


def _answered(folder: Path, before: Mapping[str, Any]) -> bool:
    """Whether somebody may have seen an answer to the question, for however many seeds."""
    return bool(before.get("seen")) or any((folder / name).exists() for name in ("comparison.json", SEEN))


def _compared(folder: Path, count: int) -> bool:
    """Whether comparison.json speaks of ``count`` seeds, and not of those before them."""
    path = folder / "comparison.json"
    if not path.exists():
        return False
    found = json.loads(path.read_text(encoding="utf-8"))
    first = found[0] if isinstance(found, list) else found
    return any(len(arm["values"]) == count for arm in first["arms"].values())


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


def jobs_of(folder: Path) -> list[JobInfo]:
    """The jobs of a run, parents before children.

    Raises:
        FolderMismatch: the folder holds no run.
    """
    resolved = read_json(folder / "resolved.json")
    if resolved is None:
        raise FolderMismatch(f"{folder} holds no run: it has no resolved.json")
    return [load_job(folder, entry) for entry in resolved["jobs"]]


def importable(*folders: Path) -> list[str]:
    """Put folders on the module path, so that a user's ``my_envs:Maze-v0`` imports; returns them."""
    found = list(dict.fromkeys(str(folder.resolve()) for folder in folders))
    for entry in reversed(found):
        if entry not in sys.path:
            sys.path.insert(0, entry)
    return found
