"""The Python face: live a scenario, open a run folder.

run = devlearn.run("first_steps", seeds=8)
run.records                          # a pandas frame where pandas is installed, else a list of dicts
run.compare()                        # what comparison.json holds
run.learner("developmental", seed=3) # an ordinary nn.Module
"""

import csv
import importlib.util
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devlearn.execute.files import read_json
from devlearn.execute.folder import Refused
from devlearn.execute.local import warming
from devlearn.execute.supervise import Outcome
from devlearn.living import complaints, live, prepare

if TYPE_CHECKING:
    from torch import nn

    from devlearn.evidence.load import Arm, Moment

Row = dict[str, Any]


class RunFailed(RuntimeError):
    """Some jobs of a run failed. ``folder`` has what was lived, ``outcome`` what failed and why."""

    def __init__(self, folder: Path, outcome: Outcome) -> None:
        self.folder, self.outcome = folder, outcome
        super().__init__("\n".join(complaints(outcome)))

    @property
    def run(self) -> "Run":
        """What was lived. Raises Refused where the trials of ``tune`` failed, and nothing else began."""
        return Run(self.folder)


def run(
    scenario: str | Path,
    seeds: int | Sequence[int] | None = None,
    out: str | Path | None = None,
    set: Mapping[str, Any] | None = None,
    jobs: int | None = None,
    progress: bool = True,
    device: str = "cpu",
) -> "Run":
    """Live a scenario on this machine and compare its arms.

    Args:
        scenario: the path of a scenario file, or the name of one of ours.
        seeds: how many learners an arm has, or which; the scenario's own by default.
        out: the run's folder, ``runs/<scenario>`` by default. The same scenario in the same folder goes on.
        set: values laid over the scenario, by dotted path: ``{"stages.look.updates": 100}``.
        jobs: worker processes, one per core by default.
        progress: show bars or lines on stderr.
        device: ``cpu`` or ``cuda``.

    Raises:
        ScenarioError: with every mistake of the scenario.
        Refused: the folder holds another run.
        RunFailed: some jobs failed; the rest is kept.
    """
    overrides = [f"{path}={json.dumps(value)}" for path, value in (set or {}).items()]
    overrides += [] if seeds is None else [f"seeds={json.dumps(seeds if isinstance(seeds, int) else list(seeds))}"]
    with warming():
        prepared = prepare(scenario, out, overrides, device, command="devlearn.run(...)")
    outcome = live(prepared, jobs, progress, say=_tell if progress else lambda line: None)
    if outcome.failed:
        raise RunFailed(prepared, outcome)
    from devlearn import evidence  # scipy: only where records are compared

    evidence.save(prepared)
    return Run(prepared)


def _tell(line: str) -> None:
    print(line, file=sys.stderr)


class Run:
    """A run folder, opened.

    Raises:
        Refused: ``folder`` holds no run.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        found = read_json(self.folder / "resolved.json")
        if found is None:
            raise Refused(f"{folder} holds no run: it has no resolved.json")
        self.resolved: dict[str, Any] = found

    def __repr__(self) -> str:
        return f"Run({str(self.folder)!r})"

    @property
    def records(self) -> Any:
        """A row for each arm, seed, moment and metric that was measured, with the ledger at that moment.

        A pandas frame where pandas is installed, else a list of dicts.
        """
        rows = self.probe_rows()
        if importlib.util.find_spec("pandas") is None:
            return rows
        return importlib.import_module("pandas").DataFrame(rows)

    def probe_rows(self) -> list[Row]:
        """``records`` as a list of dicts."""
        from devlearn.evidence import load

        return [
            {**point.point, "arm": arm.name, "seed": life.seed, **row}
            for point in load(self.folder).points
            for arm in point.arms.values()
            for life in arm.lives.values()
            for moment in (*life.moments, *((life.best,) if life.best else ()))
            for row in _moment_rows(arm, moment)
        ]

    def train_rows(self) -> list[Row]:
        """What training said on the way: every row of every train.csv, with its arm and stage."""
        return [
            {**entry["point"], "arm": name, **row}
            for entry in self.resolved["points"]
            for name, arm in entry["arms"].items()
            for branch in arm["path"]
            for job in self.resolved["jobs"]
            if job["branch"] == branch
            for row in _train_rows(self.folder / job["folder"])
        ]

    def compare(self, probe: str | None = None, at: str | int | None = None) -> Any:
        """The comparison that the scenario declares, or another (exploratory); a list with ``vary``."""
        from devlearn.evidence import compare

        return compare([self.folder], probe, at)

    def report(self) -> Path:
        """Write report.html and return its path."""
        from devlearn.report import write

        return write(self.folder)

    def learner(self, arm: str, seed: int, point: int = 0) -> "nn.Module":
        """The network of one learner at the end of its life.

        Args:
            point: which point of ``vary``, in the order of the scenario.

        Raises:
            LookupError: no such arm, seed or point.
            FileNotFoundError: its job is not finished.
        """
        from devlearn import engine

        arms = self.resolved["points"][point]["arms"]
        if arm not in arms:
            raise LookupError(f"no arm {arm!r}; there are: {', '.join(arms)}")
        last = arms[arm]["path"][-1]
        for job in self.resolved["jobs"]:
            if job["branch"] == last and seed in job["seeds"]:
                return engine.learner(self.folder / job["folder"], seed)
        raise LookupError(f"no seed {seed}; there are: {', '.join(map(str, self.resolved['seeds']))}")


def _moment_rows(arm: "Arm", moment: "Moment") -> Iterator[Row]:
    stage = arm.stages[moment.position] if moment.position >= 0 else {"name": "birth", "visit": 0}
    place = {"stage": stage["name"], "visit": stage["visit"], "position": moment.position}
    for (probe, metric), value in moment.values.items():
        what = {"update": moment.update, "moment": moment.when, "probe": probe, "metric": metric, "value": value}
        yield {**place, **what, **moment.ledger}


def _train_rows(job: Path) -> Iterator[Row]:
    for path in sorted((job / "records").glob("*/train.csv")):
        stage, _, visit = path.parent.name.partition("-")[2].rpartition(".")
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                yield {"stage": stage, "visit": int(visit), **{key: _number(value) for key, value in row.items()}}


def _number(text: str) -> int | float | None:
    """A field of train.csv: empty where a metric was not given."""
    if text == "":
        return None
    return int(text) if text.lstrip("-").isdecimal() else float(text)
