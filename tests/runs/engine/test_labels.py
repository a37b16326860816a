"""Labels on the ledger: each is paid for once in a life, and those that choices read have a column of their own."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from devlearn.learners.brains import brain_builder
from devlearn.records.schema import VisitEntry
from devlearn.registry import get
from devlearn.runs.engine import live, remains
from devlearn.runs.engine.job import Job
from devlearn.runs.engine.job_runner import JobRunner
from devlearn.runs.engine.ledger import KnownLabels, Ledger
from devlearn.stages.context import Context
from devlearn.stages.shared.ancestors import ancestor_seed
from devlearn.stages.shared.labelled import LabelledBatches
from devlearn.stages.stage import Cost, Stage
from devlearn.streams import streams
from devlearn.tasks.data import balanced, load
from tests.runs.engine.jobs import DIGITS, killed_after, rows, write_job

SEEDS = (0, 1, 2)
EVERYBODY = torch.tensor([True, True])
SCHOOL = {"kind": "supervise", "data": "mnist.valid", "updates": 1, "batch": 8}
SELECT = {"probe": "digits", "metric": "accuracy", "better": "higher"}


def drawn(name: str, labels: int, seeds: Sequence[int] = SEEDS, split: str = "mnist.valid") -> list[set[int]]:
    """The images that a stage's first visit has labels of, from the streams themselves."""
    data = load(split, torch.device("cpu"))
    return [set(row) for row in balanced(data.labels, labels, streams(seeds, name, 0, "labels")).tolist()]


def source_of(stage: Stage) -> LabelledBatches:
    with torch.device("meta"):
        brain = brain_builder({"kind": "mlp", "width": [4]}, stage.needs())()
    source = stage.cost(brain).source
    assert source is not None
    return source


def column(folder: Path, table: str, name: str) -> list[float]:
    """What each learner has on its ledger at the end of a visit."""
    found = {int(row["seed"]): float(row[name]) for row in rows(folder, f"{table}/train.csv")}
    return [found[seed] for seed in SEEDS]


def test_labels_are_known_by_the_data_that_splits_are_parts_of() -> None:
    """3, 4 and 55,003 of the training images; the last by two names: 3 of valid, 55,003 of train+valid."""
    known = KnownLabels(2)
    assert known.take("mnist.train", torch.tensor([[3, 4], [3, 4]]), torch.tensor([True, False])).tolist() == [2, 0]
    assert known.take("mnist.valid", torch.tensor([[3], [3]]), EVERYBODY).tolist() == [1, 1]
    both = torch.tensor([[3, 4, 5, 55_003], [3, 4, 5, 55_003]])
    assert known.take("mnist.train+valid", both, EVERYBODY).tolist() == [1, 3]
    assert known.take("mnist.test", torch.tensor([[3], [3]]), EVERYBODY).tolist() == [1, 1]
    assert (known.bits / math.log2(10)).round().tolist() == [5, 5]
    again = KnownLabels(2)
    again.load(known.state())
    assert again.take("mnist.train+valid", both, EVERYBODY).tolist() == [0, 0]
    assert (again.bits / math.log2(10)).round().tolist() == [5, 5]


def test_bits_are_paid_up_to_what_the_labels_can_tell() -> None:
    """Ten labels tell 33.2 bits: guesses that were judged 5 times leave 28.2, whatever is asked for after them."""
    ledger, ten = Ledger(2), torch.arange(10).expand(2, -1)
    ledger.buy(Cost(labels=10, label_bits=5.0), "mnist.train", ten, EVERYBODY)
    ledger.buy(Cost(labels=10, label_bits=7.0), "mnist.train", ten, torch.tensor([True, False]))
    assert ledger.columns["label_bits"].tolist() == [12.0, 5.0]
    ledger.buy(Cost(labels=10, label_bits=10 * math.log2(10)), "mnist.train", ten, EVERYBODY)
    assert ledger.columns["label_bits"].tolist() == pytest.approx([10 * math.log2(10)] * 2)
    assert ledger.columns["labels"].tolist() == [10, 10]


def test_a_second_stage_pays_for_what_is_new_of_another_draw(tmp_path: Path) -> None:
    """2,000 of 5,000, then 1,500 and then all: what draws share is theirs by chance, learner by learner."""
    stages = {name: {**SCHOOL, "labels": labels} for name, labels in (("a", 2_000), ("b", 1_500), ("c", "all"))}
    folder = write_job(tmp_path, "life", stages, probes={})
    live(folder)
    first, second = drawn("a", 2_000), drawn("b", 1_500)
    both = [len(one | other) for one, other in zip(first, second, strict=True)]
    assert len(set(both)) > 1 and all(2_500 < size < 3_200 for size in both)
    assert column(folder, "00-a.0", "labels") == [2_000] * 3
    assert column(folder, "01-b.0", "labels") == both
    assert column(folder, "02-c.0", "labels") == [5_000] * 3
    assert column(folder, "01-b.0", "label_bits") == pytest.approx([size * math.log2(10) for size in both])
    assert column(folder, "02-c.0", "label_bits") == pytest.approx([5_000 * math.log2(10)] * 3)


def test_a_second_visit_with_all_labels_pays_nothing_and_with_a_new_draw_what_is_new(tmp_path: Path) -> None:
    for labels, paid in (("all", [5_000] * 3), (20, None)):
        folder = write_job(tmp_path / str(labels), "life", {"a": {**SCHOOL, "labels": labels}}, probes={})
        job = Job.read(folder)
        again = VisitEntry(name="a", visit=1, kind="supervise", index=1, keys=job.spec.stages[0].keys)
        JobRunner(Job(folder, job.spec.model_copy(update={"stages": (*job.spec.stages, again)}))).run()
        stage: Stage = get("stages", "supervise")(**job.spec.stages[0].keys)
        if paid is None:
            visits = [Context(SEEDS, "a", visit, torch.device("cpu"), 1) for visit in (0, 1)]
            source = source_of(stage)
            draws = [stage.labels_bought(source, visit) for visit in visits]
            assert not torch.equal(*draws)
            paid = [len(set(one) | set(other)) for one, other in zip(*(draw.tolist() for draw in draws), strict=True)]
        assert column(folder, "01-a.1", "labels") == paid


def test_what_was_paid_for_outlives_a_kill_and_passes_to_later_branches(tmp_path: Path) -> None:
    stages = {"a": {**SCHOOL, "labels": 2_000, "updates": 6}, "b": {**SCHOOL, "labels": 1_500, "updates": 6}}
    whole = write_job(tmp_path / "whole", "life", stages, probes={})
    live(whole)
    killed = write_job(tmp_path / "killed", "life", stages, probes={})
    killed_after(killed, 1, 2)
    live(killed, 2)
    for table in ("00-a.0", "01-b.0"):
        path = f"records/{table}/train.csv"
        assert (killed / path).read_bytes() == (whole / path).read_bytes()
    run = tmp_path / "branches"
    parent = write_job(run, "first", {"a": stages["a"]}, probes={})
    live(parent)
    heir = write_job(run, "then", {"b": stages["b"]}, probes={}, parent=str(parent.relative_to(run)), first=1)
    live(heir)
    assert column(heir, "01-b.0", "labels") == column(whole, "01-b.0", "labels")


def test_learners_of_one_lineage_pay_for_their_ancestors_labels() -> None:
    for kind, keys in (("innate.genome", {}), ("innate.reptile", {}), ("innate.evolve", {"population": 2})):
        stage: Stage = get("stages", kind)(labels=20, data="mnist.valid", updates=1, lineages=2, **keys)
        source = source_of(stage)
        found = stage.labels_bought(source, Context(SEEDS, "birth", 0, torch.device("cpu"), 1))
        theirs = drawn("birth", 20, [ancestor_seed("birth", number) for number in (0, 1)])
        assert [set(row) for row in found.tolist()] == [theirs[0], theirs[1], theirs[0]]


def test_labels_that_a_gate_and_select_read_are_counted_once_and_apart(tmp_path: Path) -> None:
    """Both read 200 of valid on the way, 0, 25, 50, ...; a gate on 300 reads 0, 16, 33, 50, ...: a third is new."""
    gate = {"probe": "digits", "at_least": 2.0}
    more = {**DIGITS, "quick": 300}
    stages: dict[str, dict[str, Any]] = {
        "a": {**SCHOOL, "labels": 20, "updates": 4},
        "b": {**SCHOOL, "labels": 20, "updates": 4, "until": gate},
        "c": {**SCHOOL, "labels": 20, "updates": 4, "until": {**gate, "probe": "more"}},
    }
    folder = write_job(tmp_path, "life", stages, probes={"digits": DIGITS, "more": more}, select=SELECT)
    live(folder)
    some = {25 * place for place in range(200)}
    union = some | {place * 5_000 // 300 for place in range(300)}
    assert 300 < len(union) < 500
    assert column(folder, "00-a.0", "labels_validation") == [0] * 3
    assert column(folder, "01-b.0", "labels_validation") == [200] * 3
    assert column(folder, "02-c.0", "labels_validation") == [len(union)] * 3
    _, ledger = remains(folder, 1)
    assert ledger["labels_validation"] == len(union) and 20 < ledger["labels"] <= 60


@pytest.mark.parametrize(
    ("kind", "keys", "quick", "full"),
    [
        ("accuracy", {"data": "mnist.valid", "quick": 200}, {"mnist.valid": 200}, {"mnist.valid": 5_000}),
        ("layers", {"data": "mnist.valid", "fit_images": 50, "quick": 70}, {"mnist.valid": 70, "mnist.train": 50},
         {"mnist.valid": 5_000, "mnist.train": 50}),
        ("neighbours", {"data": "mnist.valid", "fit_images": 50, "quick": 70}, {"mnist.valid": 70, "mnist.train": 50},
         {"mnist.valid": 5_000, "mnist.train": 50}),
        ("clustering", {"data": "mnist.valid", "quick": 70}, {"mnist.valid": 70}, {"mnist.valid": 5_000}),
        ("alignment", {}, {}, {}),
        ("plasticity", {}, {}, {}),
        ("plasticity", {"task": "relabelled", "images": 70}, {"mnist.train": 70}, {"mnist.train": 70}),
        ("network_health", {"images": 70}, {"mnist.valid": 70}, {"mnist.valid": 70}),
        ("objective", {"stage": "look"}, {}, {}),
        ("return", {"env": "CartPole-v1"}, {}, {}),
    ],
)  # fmt: skip
def test_probes_say_which_labels_they_read(
    kind: str, keys: dict[str, Any], quick: dict[str, int], full: dict[str, int]
) -> None:
    probe = get("probes", kind)(**keys)
    for whole, said in ((False, quick), (True, full)):
        found = probe.labels_read(full=whole)
        assert {split: len(np.unique(places)) for split, places in found.items()} == said
