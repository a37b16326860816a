"""Tidy tables: their rows by hand, the same columns in every run and format, extras that are missing."""

import csv
import importlib.util
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from devlearn import evidence
from devlearn.records.reader import RunRecords, load
from devlearn.records.results import Comparisons
from devlearn.report.export import COLUMNS, MissingExtra, export, tables
from devlearn.report.export.tables import SOME, Table
from tests.commands import call
from tests.evidence.answers import compare

DOCS = Path(__file__).parents[3] / "docs"


def compared(folder: Path) -> tuple[RunRecords, Comparisons]:
    run = load(folder)
    return run, evidence.compare([run])


def only(table: Table, **wanted: Any) -> dict[str, Any]:
    (row,) = [row for row in table.rows if all(row.get(key) == value for key, value in wanted.items())]
    return row


def test_a_measurement_is_one_row(tiny: Path) -> None:
    found = tables(*compared(tiny))["probes"]
    assert Counter((row["arm"], row["moment"]) for row in found.rows) == {
        ("plain", "birth"): 3, ("plain", "every"): 3, ("plain", "end"): 3,
        ("played", "birth"): 3, ("played", "every"): 3, ("played", "end"): 3, ("played", "best"): 3,
    }  # fmt: skip
    assert only(found, arm="played", seed=1, moment="best") == {
        "arm": "played", "seed": 1, "stage": "school", "visit": 0, "position": 0, "update": 10, "moment": "best",
        "probe": "score", "metric": "points", "value": 0.8,
        "labels": 0, "label_bits": 0.0, "labels_validation": 0, "images": 0, "env_steps": 0, "updates": 0, "flops": 0,
    }  # fmt: skip
    end = only(found, arm="plain", seed=0, moment="end")
    assert (end["value"], end["update"], end["labels"], end["updates"], end["flops"]) == (0.25, 20, 5, 20, 10**6)
    birth = only(found, arm="plain", seed=0, moment="birth")
    assert (birth["stage"], birth["position"], birth["value"]) == ("birth", -1, 0.1)


def test_what_training_said_keeps_its_place_in_life(tiny: Path) -> None:
    found = tables(*compared(tiny))["train"]
    assert found.columns == (*COLUMNS["train"], "loss") and len(found.rows) == 6
    row = only(found, arm="plain", seed=2)
    assert (row["stage"], row["visit"], row["position"], row["update"], row["loss"]) == ("school", 0, 0, 20, 0.5)


def test_the_ledger_has_every_life_and_what_tuning_cost(tiny: Path) -> None:
    found = tables(*compared(tiny))["ledger"]
    assert [(row["arm"], row["part"], row.get("seed")) for row in found.rows] == [
        ("plain", "life", 0), ("plain", "life", 1), ("plain", "life", 2),
        ("played", "life", 0), ("played", "life", 1), ("played", "life", 2), ("played", "tuning", None),
    ]  # fmt: skip
    assert [row["diverged"] for row in found.rows[:3]] == [False, False, True]
    assert found.rows[0]["updates"] == 20 and found.rows[0]["seconds"] == 1.0
    assert (found.rows[-1]["updates"], found.rows[-1]["label_bits"]) == (80, 132.5)


def test_the_verdicts_are_those_of_comparison_json(tiny: Path) -> None:
    found, answer = tables(*compared(tiny)), compare([tiny])
    assert isinstance(answer, dict)
    (row,), (pair,) = found["comparisons"].rows, answer["comparisons"]
    assert (row["arm"], row["against"], row["at"], row["smallest_effect"]) == ("played", "plain", "end", 0.1)
    for key in ("n", "difference", "p", "p_adjusted", "probability_of_improvement", "verdict"):
        assert row[key] == pair[key]
    assert [row["low"], row["high"]] == (pair["interval"] or [None, None])
    arms = {row["arm"]: row for row in found["arms"].rows}
    assert (arms["plain"]["n"], arms["plain"]["mean"], arms["plain"]["diverged"]) == (3, 0.25, 1)  # worst is 0
    assert arms["played"]["best"] == answer["arms"]["played"]["best"]


def test_points_of_vary_are_columns_of_every_table(varied: Path) -> None:
    for name, table in tables(*compared(varied)).items():
        metrics = table.columns[1 + len(COLUMNS[name]) :]
        assert table.columns == ("stages.school.labels", *COLUMNS[name], *metrics) and (name == "train" or not metrics)
        assert {row["stages.school.labels"] for row in table.rows} == {10, 1000}
    found = tables(*compared(varied))["train"]
    assert {row["arm"] for row in found.rows} == set(tables(*compared(varied))["arms"].rows[i]["arm"] for i in range(6))


@pytest.mark.parametrize("name", COLUMNS)
def test_the_columns_are_documented(name: str) -> None:
    from_docs = (DOCS / "reference" / "records.md").read_text(encoding="utf-8")
    assert f"<!-- generate: exported {name} -->" in from_docs
    assert all(meaning for meaning in COLUMNS[name].values())


def test_csv_reads_back(tiny: Path, tmp_path: Path) -> None:
    written = export(*compared(tiny), "csv", tmp_path / "out")
    assert [path.name for path in written] == [f"{name}.csv" for name in COLUMNS if name not in SOME]
    for path, table in zip(written, tables(*compared(tiny)).values(), strict=True):
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
        assert tuple(reader.fieldnames or ()) == table.columns and len(rows) == len(table.rows)
        for row, wanted in zip(rows, table.rows, strict=True):
            assert row == {key: "" if wanted.get(key) is None else str(wanted[key]) for key in table.columns}


def test_a_list_that_varies_is_json_text(tmp_path: Path) -> None:
    from devlearn.report.export.formats import _write_csv

    path = _write_csv(Table(("brain.width", "arm"), [{"brain.width": [4, 4], "arm": "x"}]), tmp_path / "t.csv")
    assert path.read_text() == 'brain.width,arm\n"[4, 4]",x\n'


def test_parquet_reads_back_with_the_same_types_in_every_run(tiny: Path, varied: Path, tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet", reason="parquet needs pyarrow: pip install 'devlearn[parquet]'")
    kinds: dict[tuple[str, str], set[str]] = {}
    for number, run in enumerate((tiny, varied)):
        written = export(*compared(run), "parquet", tmp_path / str(number))
        for path, table in zip(written, tables(*compared(run)).values(), strict=True):
            found = pq.read_table(path)
            assert tuple(found.column_names) == table.columns
            assert found.to_pylist() == [{key: row.get(key) for key in table.columns} for row in table.rows]
            for field in found.schema:
                kinds.setdefault((path.stem, field.name), set()).add(str(field.type))
    ours = {key: found for key, found in kinds.items() if key[1] in COLUMNS[key[0]]}
    assert all(len(found) == 1 for found in ours.values()), {k: v for k, v in ours.items() if len(v) > 1}
    assert kinds["probes", "value"] == {"double"} and kinds["probes", "seed"] == {"int64"}
    assert kinds["ledger", "diverged"] == {"bool"} and kinds["arms", "diverged"] == {"int64"}


def test_parquet_writes_mixed_values_of_vary_as_text(tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet", reason="parquet needs pyarrow: pip install 'devlearn[parquet]'")
    from devlearn.report.export.parquet import write

    rows = [{"a": "all", "b": [1], "c": 1}, {"a": 10, "b": [1, 2], "c": 0.5}]
    assert pq.read_table(write(Table(("a", "b", "c"), rows), tmp_path / "t.parquet")).to_pylist() == [
        {"a": "all", "b": "[1]", "c": 1.0},
        {"a": "10", "b": "[1, 2]", "c": 0.5},
    ]


def events(path: Path) -> list[tuple[int, str, float]]:
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    found = [event for event in EventFileLoader(str(path)).Load() if event.HasField("summary")]
    return [(event.step, value.tag, value.tensor.float_val[0]) for event in found for value in event.summary.value]


def test_tensorboard_reads_the_curves_back(tiny: Path, varied: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="needs tensorboard: pip install 'devlearn[tensorboard]'")
    for _ in range(2):  # a second export replaces the first
        written = export(*compared(tiny), "tensorboard", tmp_path / "out")
    folder = tmp_path / "out" / "tensorboard"
    assert sorted(path.parent.relative_to(folder).as_posix() for path in written) == [
        f"{arm}/seed-{seed}" for arm in ("plain", "played") for seed in range(3)
    ]
    assert len(list(folder.rglob("events*"))) == 6
    found = events(next((folder / "played" / "seed-1").glob("events*")))
    assert [(step, tag) for step, tag, _ in found] == [
        (0, "score/points"), (0, "score/points"), (20, "score/points"), (20, "train/school/loss"),
    ]  # fmt: skip
    assert [value for *_, value in found] == pytest.approx([0.1, 0.3, 0.75, 0.5])
    points = {
        path.relative_to(tmp_path / "v" / "tensorboard").parts[0]
        for path in export(*compared(varied), "tensorboard", tmp_path / "v")
    }
    assert points == {"stages.school.labels=10", "stages.school.labels=1000"}


def test_tensorboard_keeps_the_order_of_a_life_where_moments_share_a_step(tmp_path: Path) -> None:
    """School ends at update 40, a stage without updates spoils what was learned, and school goes on from there."""
    pytest.importorskip("tensorboard", reason="needs tensorboard: pip install 'devlearn[tensorboard]'")
    from devlearn.report.export.tensorboard import write

    life = [("birth", 0, 0.5), ("end", 40, 0.75), ("end", 40, 0.25), ("end", 40, 0.5), ("end", 80, 1.0)]
    who = {"arm": "a", "seed": 0, "probe": "digits", "metric": "accuracy"}
    measured = [{**who, "moment": moment, "updates": step, "value": value} for moment, step, value in life]
    trained = [{"arm": "a", "seed": 0, "stage": "s", "updates": step, "loss": -step} for step in (10, 40, 80)]
    found = {
        "probes": Table(tuple(COLUMNS["probes"]), measured),
        "train": Table((*COLUMNS["train"], "loss"), trained),
    }
    (path,) = write(found, tmp_path)
    curves = events(path)
    assert [step for step, *_ in curves] == sorted(step for step, *_ in curves)
    assert [(step, value) for step, tag, value in curves if tag == "digits/accuracy"] == [
        (step, value) for _, step, value in life
    ]
    assert [value for _, tag, value in curves if tag == "train/s/loss"] == [-10, -40, -80]


@pytest.mark.parametrize(("to", "package"), [("parquet", "pyarrow"), ("tensorboard", "tensorboard")])
def test_a_missing_extra_says_how_to_install_it(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, to: str, package: str
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == package else sys)
    with pytest.raises(MissingExtra):
        export(*compared(tiny), to)
    said = call("export", tiny, "--to", to)
    assert said.exit_code == 2 and f"pip install 'devlearn[{to}]'" in said.output
    assert not (tiny / "export").exists()
