"""A job: one branch of the tree of lives for one block of seeds, as its folder describes it."""

import json
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from devlearn.learners.brains import Needs, brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.probes.probe import Probe
from devlearn.registry import get
from devlearn.stages.stage import Stage
from devlearn.streams import BIRTH, PINNED

FORMAT = 1


@dataclass(frozen=True)
class StageVisit:
    """One stage of a branch: its stream's ``name``, ``visit``, place in the life (``index``) and an arm's ``total``.

    ``select``: each learner's best checkpoint of the visit is measured too.
    """

    name: str
    visit: int
    index: int
    stage: Stage
    total: tuple[str, float] | None
    select: bool = False

    @property
    def folder(self) -> str:
        return f"{self.index:02d}-{self.name}.{self.visit}"


@dataclass(frozen=True)
class Job:
    """What ``job.json`` says. ``folder`` is where it lives."""

    folder: Path
    spec: dict[str, Any]

    @classmethod
    def read(cls, folder: Path) -> "Job":
        """Raises ValueError for another version of the format."""
        spec = json.loads((folder / "job.json").read_text())
        if spec["format"] != FORMAT:
            raise ValueError(
                f"{folder}: written by another version of devlearn (format {spec['format']}, not {FORMAT})"
            )
        for entry in spec.get("path", []):
            if entry not in sys.path:
                sys.path.append(entry)
        return cls(folder, spec)

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(self.spec["seeds"])

    @property
    def device(self) -> torch.device:
        return torch.device(self.spec.get("device", "cpu"))

    @property
    def parent(self) -> Path | None:
        """The folder of the job whose end this one begins at."""
        parent = self.spec["parent"]
        return None if parent is None else self.folder.parents[2] / parent

    @property
    def pin(self) -> frozenset[str]:
        """The names of streams that are the same for all learners."""
        return frozenset(self.spec.get("pin", []))

    @property
    def select(self) -> dict[str, str]:
        """What picks the best checkpoints: probe, metric, better. Empty where nothing does."""
        return self.spec.get("select") or {}

    @cached_property
    def calls(self) -> tuple[StageVisit, ...]:
        """The stages that this job lives."""
        return tuple(
            StageVisit(
                s["name"],
                s["visit"],
                s["index"],
                _stage(s),
                tuple(s["total"]) if s.get("total") else None,
                s.get("select", False),
            )
            for s in self.spec["stages"]
        )

    @cached_property
    def stages(self) -> dict[str, Stage]:
        """All stages of the scenario, by name: their needs make the brain."""
        return {s["name"]: _stage(s) for s in self.spec["needs_stages"]}

    @cached_property
    def probes(self) -> dict[str, Probe]:
        keys = {name: dict(entry) for name, entry in self.spec["probes"].items()}
        return {name: get("probes", entry.pop("kind"))(**_own(entry)) for name, entry in keys.items()}

    @cached_property
    def builder(self) -> Any:
        """Builds one learner's network."""
        needs = Needs()
        for stage in self.stages.values():
            needs |= stage.needs()
        for probe in self.probes.values():
            needs |= probe.needs()
        return brain_builder(self.spec["brain"], needs)

    def cohort(self) -> Cohort:
        """The newborn learners of this job."""
        born = (PINNED,) * len(self.seeds) if BIRTH in self.pin else None
        return Cohort(self.builder, self.seeds, self.device, born=born)


def _stage(entry: dict[str, Any]) -> Stage:
    stage: Stage = get("stages", entry["kind"])(**_own(entry["keys"]))
    return stage


def _own(keys: dict[str, Any]) -> dict[str, Any]:
    """A plug-in's own keys, without what the plan adds for readers."""
    return {key: value for key, value in keys.items() if key not in ("kind", "metrics")}
