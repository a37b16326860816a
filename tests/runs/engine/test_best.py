"""Best checkpoints: which moment is kept, what is measured of it, and that the life itself is left alone."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from pydantic import Field
from torch import nn

from devlearn.learners.cohort import Cohort
from devlearn.probes.probe import Measurement, Metric, Probe, Probing, probe
from devlearn.runs.engine import checkpoint, live
from devlearn.runs.engine.job import Job
from devlearn.runs.engine.job_runner import JobRunner
from devlearn.stages.context import Context, State
from devlearn.stages.stage import Cost, Metrics, Stage, stage
from tests.laws.rows import make, needs_of
from tests.runs.engine.jobs import DIGITS, changed_checkpoint, digest, killed_after, rows, write_job

SCHOOL = {
    "kind": "supervise",
    "labels": 20,
    "batch": 10,
    "updates": 23,
    "lr": 0.05,
    "optimiser": "sgd",
    "momentum": 0.9,
}
SELECT = {"probe": "digits", "metric": "accuracy", "better": "higher"}
PROBES = {"digits": {**DIGITS, "every": 2, "quick": 5000}, "all": {"kind": "accuracy", "data": "mnist.valid"}}


def school(folder: Path, **more: Any) -> Path:
    return write_job(folder, "branch", {"school": {**SCHOOL, **more}}, PROBES, select=SELECT)


def told(folder: Path, moment: str, name: str, stage: str = "00-school.0") -> dict[str, list[tuple[int, float]]]:
    """{seed: [(update, value)]} of a metric at a kind of moment."""
    found: dict[str, list[tuple[int, float]]] = {}
    for row in rows(folder, f"{stage}/probes.csv"):
        if (row["moment"], f"{row['probe']}.{row['metric']}") == (moment, name):
            found.setdefault(row["seed"], []).append((int(row["update"]), float(row["value"])))
    return found


def weights(folder: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = checkpoint.load(folder / "artifacts" / "end.pt")["brain"]
    return found


def test_each_learner_is_measured_as_it_was_at_its_best(tmp_path: Path) -> None:
    """The moment is the best of all on the way and the end; the values are those of a life that ends there."""
    folder = school(tmp_path / "whole")
    live(folder)
    way, end, best = (told(folder, moment, "digits.accuracy") for moment in ("every", "end", "best"))
    updates = {seed: moments[0][0] for seed, moments in best.items()}
    assert len(set(updates.values())) > 1
    assert min(updates.values()) < 23
    for seed, moments in ((seed, way[seed] + end[seed]) for seed in way):
        highest = max(value for _, value in moments)
        assert updates[seed] == next(update for update, value in moments if value == highest)
    for seed, update in updates.items():
        short = school(tmp_path / seed, updates=update)
        live(short)
        for name in ("digits.accuracy", "digits.cross_entropy", "all.accuracy"):
            assert told(folder, "best", name)[seed] == told(short, "end", name)[seed]


def test_the_end_is_a_moment_too(tmp_path: Path) -> None:
    """A learner that gets better all the time is at its best at the end."""
    keys = {"labels": "all", "batch": 256, "updates": 9, "lr": 3e-3, "optimiser": "adam"}
    select = {"probe": "digits", "metric": "cross_entropy", "better": "lower"}
    folder = write_job(tmp_path, "branch", {"school": {**SCHOOL, **keys}}, PROBES, select=select)
    live(folder)
    for name in ("digits.accuracy", "all.cross_entropy"):
        assert told(folder, "best", name) == told(folder, "end", name)
        assert {moments[0][0] for moments in told(folder, "best", name).values()} == {9}


def test_a_life_is_the_same_whether_its_best_is_kept_or_not(tmp_path: Path) -> None:
    kept = school(tmp_path / "kept")
    plain = write_job(tmp_path / "plain", "branch", {"school": SCHOOL}, PROBES)
    live(kept)
    live(plain)
    path = "00-school.0/probes.csv"
    lines = (kept / "records" / path).read_text().splitlines()
    assert [line for line in lines if ",best," not in line] == (plain / "records" / path).read_text().splitlines()
    a, b = digest(kept), digest(plain)
    paid = "00-school.0/train.csv"  # the labels that the choice of the best reads stand on the ledger
    assert {name: a[name] for name in a if name not in (path, paid)} == {
        name: b[name] for name in b if name not in (path, paid)
    }
    own, other = ([{**row, "labels_validation": ""} for row in rows(job, paid)] for job in (kept, plain))
    assert own == other
    assert all(torch.equal(weights(kept)[name], value) for name, value in weights(plain).items())


def test_only_the_stage_that_says_so_keeps_its_best(tmp_path: Path) -> None:
    first = {**SCHOOL, "updates": 6}
    folder = write_job(tmp_path, "branch", {"first": first, "school": SCHOOL}, PROBES, select=SELECT)
    live(folder)
    moments = {row["moment"] for row in rows(folder, "00-first.0/probes.csv")}
    assert moments == {"every", "end"}
    assert set(told(folder, "best", "digits.accuracy", "01-school.0")) == {"0", "1", "2"}


@pytest.mark.parametrize("checkpoints", [2, 4, 7])
def test_a_life_that_was_cut_keeps_the_same_best(tmp_path: Path, checkpoints: int) -> None:
    whole, cut = school(tmp_path / "whole"), school(tmp_path / "cut")
    live(whole)
    killed_after(cut, checkpoints, segment=3)
    live(cut, segment=2)
    assert digest(cut) == digest(whole)


def test_a_life_that_was_cut_while_its_best_was_measured_is_the_same(tmp_path: Path) -> None:
    whole, cut = school(tmp_path / "whole"), school(tmp_path / "cut")
    live(whole)
    life = JobRunner(Job.read(cut), 3)

    def dies(*_: Any) -> None:
        raise KeyboardInterrupt

    life.learners.cohort.load, load = dies, life.learners.cohort.load  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        life.run()
    assert load is not None
    live(cut)
    assert digest(cut) == digest(whole)
    assert all(torch.equal(weights(cut)[name], value) for name, value in weights(whole).items())


def test_a_checkpoint_holds_the_best(tmp_path: Path) -> None:
    """Without it the records would be others: it can't be left out."""
    whole, cut = school(tmp_path / "whole"), school(tmp_path / "cut")
    live(whole)
    killed_after(cut, 7, segment=3)
    with changed_checkpoint(cut) as content:
        content["best"]["value"][:] = 2.0
    live(cut)
    assert digest(cut) != digest(whole)


@stage("test.counts")
class Counts(Stage):
    """Adds one to a bias at every update; learner 1 turns to NaN at its fifth."""

    def needs(self) -> Any:
        return needs_of(make("school"))

    def cost(self, brain: nn.Module) -> Cost:
        return Cost(updates=1, images=1)

    def begin(self, cohort: Cohort, context: Context) -> State:
        return {"done": 0, "moments": {}}

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        while True:
            cohort.updates += 1
            state["done"] += 1
            first = next(iter(cohort.parameters().values())).flatten(1)
            first[:, 0] = state["done"]
            if state["done"] == 5:
                first[1] = torch.nan
            yield {}


@probe("test.table")
class Table(Probe):
    """What a table says of the number of updates."""

    metrics: ClassVar = {"value": Metric("higher", 0.0)}

    table: list[float] = Field(description="one value an update")

    def measure(self, cohort: Cohort, probing: Probing, full: bool) -> Measurement:
        done = next(iter(cohort.parameters().values())).flatten(1)[:, 0]
        values = [self.table[int(n)] if n == n and 0 <= n < len(self.table) else float("nan") for n in done.tolist()]
        return Measurement({"value": torch.tensor(values, dtype=torch.float64)})


@pytest.mark.parametrize(
    ("table", "better", "whole", "diverged"),
    [
        ([0, 1, 2, 3, 4, 5, 6, 7, 8], "higher", 8, 4),
        ([0, 1, 2, 3, 4, 5, 6, 7, 8], "lower", 1, 1),
        ([0, 3, 1, 3, 3, 1, 3, 2, 3], "higher", 1, 1),
        ([0, 5, 4, 4, 9, 4, 9, 9, 4], "lower", 2, 2),
        ([0, 1, 2, 1, 1, 3, 3, 1, 1], "higher", 5, 2),
    ],
)
def test_the_earlier_of_equal_moments_is_kept_and_a_diverged_learner_keeps_its_last_best(
    tmp_path: Path, table: list[float], better: str, whole: int, diverged: int
) -> None:
    folder = write_job(
        tmp_path,
        "branch",
        {"count": {"kind": "test.counts", "updates": 8}},
        {"table": {"kind": "test.table", "table": table, "every": 1}},
        select={"probe": "table", "metric": "value", "better": better},
    )
    live(folder)
    best = {seed: moments[0] for seed, moments in told(folder, "best", "table.value", "00-count.0").items()}
    assert best == {"0": (whole, table[whole]), "1": (diverged, table[diverged]), "2": (whole, table[whole])}


def test_a_learner_that_diverged_before_has_no_better_moment(tmp_path: Path) -> None:
    """It is measured as it is, and the evidence counts it as the probe's worst."""
    stages = {"count": {"kind": "test.counts", "updates": 8}, "school": SCHOOL}
    folder = write_job(tmp_path, "branch", stages, PROBES, select=SELECT)
    live(folder)
    best = told(folder, "best", "digits.accuracy", "01-school.0")
    assert best["1"][0][0] == 0
    assert best["1"][0][1] != best["1"][0][1]
    assert all(best[seed][0][1] > 0 for seed in ("0", "2"))


def test_a_stage_that_acts_once_is_at_its_best_at_its_end(tmp_path: Path) -> None:
    folder = write_job(tmp_path, "branch", {"school": SCHOOL, "mix": {"kind": "innate.shuffle"}}, PROBES, select=SELECT)
    live(folder)
    text = (folder / "records" / "01-mix.0" / "probes.csv").read_text()
    table = [row for row in csv.DictReader(io.StringIO(text)) if row["moment"] in ("best", "end")]
    ends, bests = ([{**row, "moment": ""} for row in table if row["moment"] == moment] for moment in ("end", "best"))
    assert ends == bests != []
