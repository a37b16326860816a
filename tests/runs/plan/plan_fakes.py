"""Fake stages and a fake probe, and plans made of them."""

import json
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import torch
from gymnasium import spaces
from pydantic import Field

from devlearn.learners.brains.needs import Head, Needs, Sense
from devlearn.learners.cohort import Cohort
from devlearn.probes.probe import Metric, Probe
from devlearn.runs.plan import Plan, job_specs, plan, resolved
from devlearn.scenario import Of, parse
from devlearn.stages.context import Context, State
from devlearn.stages.stage import Cost, Stage


def needs(size: int) -> Needs:
    return Needs({f"box{size}": Sense(spaces.Box(-np.inf, np.inf, (size,), np.float32))}, {"out": Head(2)})


class Drill(Stage):
    """Consumes what its keys say at every yield."""

    units: ClassVar = ("updates", "images", "env_steps", "flops")

    labels: int = Field(0, description="at the beginning")
    gain: int = Field(1, description="updates a yield")
    rows: int = Field(10, description="images a yield")
    steps: int = Field(0, description="env_steps a yield")
    each: int = Field(100, description="flops a yield")
    size: int = Field(3, description="of the observation")
    slots: int = Field(1, description="of the state")
    kept: int = Field(0, description="bytes of the state")
    env: str = Field("", description="for estimates")

    def needs(self) -> Needs:
        return needs(self.size)

    def cost(self, brain: torch.nn.Module) -> Cost:
        assert all(weights.is_meta for weights in brain.parameters())
        return Cost(self.gain, self.steps, self.rows, self.each, self.labels, float(self.labels), memory=self.kept)

    def begin(self, cohort: Cohort, context: Context) -> State:
        return {"done": 0, "replay": {"seen": torch.zeros(cohort.n, self.slots)}}


class Taker(Drill):
    of: Of | None = Field(None, description="what it takes")


class Kin(Stage):
    """Two lineages."""

    units: ClassVar = ()

    def needs(self) -> Needs:
        return Needs()

    def cost(self, brain: torch.nn.Module) -> Cost:
        return Cost()

    def lineage(self, seed: int) -> str:
        return "odd" if seed % 2 else "even"


class Silent(Drill):
    """Reads labels and does not say so."""

    def cost(self, brain: torch.nn.Module) -> Cost:
        return replace(super().cost(brain), labels=0, label_bits=0.0)


class Fades(Drill):
    schedule: str = Field("linear", description="of nothing")


class Once(Stage):
    units: ClassVar = ()

    def needs(self) -> Needs:
        return Needs()

    def cost(self, brain: torch.nn.Module) -> Cost:
        return Cost()


class Score(Probe):
    metrics: ClassVar = {"score": Metric("higher", 0.0)}

    def splits(self) -> tuple[str, ...]:
        return ("mnist.valid",)


class Picky(Drill):
    def needs(self) -> Needs:
        return Needs({}, {"out": Head(3)})


FAKES = {
    "stages": {
        "drill": Drill,
        "fades": Fades,
        "silent": Silent,
        "once": Once,
        "picky": Picky,
        "taker": Taker,
        "kin": Kin,
    },
    "probes": {"score": Score},
}


def made(arms: str, more: str = "", old: Any = None, stages: str = "", head: str = "seeds: 4\nblock: 4") -> Plan:
    text = f"""\
devlearn: 1
scenario: fake
{head}
brain: {{kind: mlp, width: [4, 4]}}
stages:
  a: {{kind: drill, updates: 30}}
  b: {{kind: drill, updates: 20, each: 70}}
  c: {{kind: drill, updates: 10, labels: 5}}
  mix: {{kind: once}}
{stages}
arms:
{arms}
probes:
  valid: {{kind: score, every: 10}}
{more}
"""
    return plan(parse(text, "f.yaml"), old)


def arm(made: Plan, name: str, point: int = 0) -> Any:
    return next(arm for arm in made.points[point].arms if arm.name == name)


def stored(made: Plan) -> dict[str, Any]:
    """The resolved plan as it is read from a file."""
    found: dict[str, Any] = json.loads(json.dumps(resolved(made).content(), allow_nan=False))
    return found


def message(error: Any) -> str:
    return str(error.value)


def spec(made: Plan, number: int = 0) -> Any:
    return list(job_specs(made).values())[number]


def paths(found: Plan, point: int = 0) -> dict[str, list[str]]:
    """The path of every arm, branches by their stages' names."""
    return {arm.name: [name.rsplit("-", 1)[0] for name in arm.path] for arm in found.points[point].arms}


def branches(found: Plan) -> list[str]:
    return [job.branch.digest for job in found.jobs if 0 in job.seeds]
