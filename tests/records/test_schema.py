"""The models of a run folder's files: the same keys on the disk, strict about types, tolerant of older folders."""

import inspect
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from devlearn.records import schema
from devlearn.records.atomic import write_json
from devlearn.records.schema import EvidenceError, FileModel, JobSpec, JobState, Progress, Resolved, Seen

# As the first version of the format had it: nothing that came later is there.
OLD = {
    "format": 1, "scenario": "old", "digest": "d", "about": "", "seeds": [0, 1], "brain": {"kind": "mlp", "width": [8]},
    "probes": {"digits": {"kind": "accuracy", "data": "mnist.test", "every": 25,
                          "metrics": {"accuracy": {"better": "higher", "worst": 0}}}},
    "compare": {"probe": "digits", "at": 25, "better": "higher", "smallest_effect": 1, "pairs": [["a", "b"]]},
    "points": [{"point": {"stages.school.labels": 10}, "arms": {"a": {"path": ["s-1"], "stages": [
        {"name": "school", "visit": 0, "kind": "supervise", "index": 0, "keys": {"lr": 0.1, "labels": 10},
         "budget": ["updates", 20], "branch": "s-1"}]}}}],
    "jobs": [{"folder": "jobs/s-1/seeds-0-1", "branch": "s-1", "seeds": [0, 1], "parent": None}],
}  # fmt: skip
NEW = {"draws", "match", "lineages", "uncontrolled", "tuning", "role", "kin", "trained", "left", "total", "select"}
MODELS = [model for model in vars(schema).values() if inspect.isclass(model) and issubclass(model, FileModel)]


def test_a_folder_of_the_first_version_is_read_and_nothing_is_made_up() -> None:
    found = Resolved.of(OLD)
    (stage,) = found.points[0].arms["a"].stages
    assert stage.budget == ("updates", 20) and stage.keys["lr"] == 0.1 and found.pin == () and found.seen == ()
    assert found.probes["digits"].own == {"every": 25, "data": "mnist.test"}
    assert found.compare is not None and found.compare.at == 25 and found.compare.metric is None
    arm = found.content()["points"][0]["arms"]["a"]
    assert not NEW & set(arm) and not NEW & set(arm["stages"][0]), "what says nothing is left out"
    assert json.loads(json.dumps(found.content()))["compare"]["smallest_effect"] == 1


def test_whole_numbers_and_the_order_of_keys_stay_as_they_were() -> None:
    text = json.dumps(Resolved.of(OLD).content())
    assert '"smallest_effect": 1,' in text and '"worst": 0}' in text
    assert list(Resolved.of(OLD).content()["probes"]["digits"]) == ["kind", "every", "data", "metrics"]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"seeds": ["0"]}, "seeds.0"),
        ({"seeds": 3}, "seeds"),
        ({"pn": []}, "pn"),
        ({"probes": {"digits": {"kind": 3}}}, "probes.digits.kind"),
        ({"points": [{"point": {}, "arms": {"a": {"path": ["s-1"]}}}]}, "points.0.arms.a.stages"),
    ],
)
def test_what_is_none_of_a_files_is_refused_with_its_place(tmp_path: Path, change: dict[str, Any], place: str) -> None:
    write_json(tmp_path / "resolved.json", {**OLD, **change})
    with pytest.raises(EvidenceError) as error:
        Resolved.read(tmp_path / "resolved.json")
    assert f"resolved.json: {place}: " in str(error.value)


def test_a_file_that_is_no_json_or_of_another_version_says_so(tmp_path: Path) -> None:
    path = tmp_path / "seen.json"
    assert Seen.read(path) is None
    path.write_bytes(b'{"format": 1, "see')
    with pytest.raises(EvidenceError, match=r"seen\.json: Invalid JSON"):
        Seen.read(path)
    write_json(path, {"format": 2, "numbers": [3]})
    with pytest.raises(EvidenceError, match=r"format 2, and this devlearn reads 1; update devlearn"):
        Seen.read(path)
    write_json(path, {"format": 2, "seeds": [3]})
    with pytest.raises(EvidenceError, match="format 2"):
        Seen.read(path)


def test_a_model_is_frozen_and_typed() -> None:
    state = JobState(status="done")
    with pytest.raises(ValidationError):
        state.status = "failed"  # type: ignore[misc]
    with pytest.raises(ValidationError):
        JobState.of({"status": "gone"})
    assert state.content() == {"status": "done", "error": None, "attempt": 1}


def test_a_metric_that_is_no_number_yet_is_kept(tmp_path: Path) -> None:
    told = {"stage": "school", "index": 0, "stages": 1, "fraction": 0.5, "overall": 0.5, "updates": 3, "diverged": 0}
    write_json(tmp_path / "progress.json", Progress(**told, metrics={"loss": float("nan")}).content())
    found = Progress.read(tmp_path / "progress.json")
    assert found is not None and found.metrics["loss"] != found.metrics["loss"]


def test_an_older_job_has_records_of_the_first_version() -> None:
    old = {"format": 1, "scenario": "s", "arms": ["a"], "branch": "b", "seeds": [0], "parent": None, "brain": {}}
    spec = JobSpec.of({**old, "needs_stages": [], "stages": [], "probes": {}, "digest": "d"})
    assert (spec.records, spec.pin, spec.select, spec.device) == (1, (), None, "cpu")


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_field_is_described_and_every_model_makes_a_json_schema(model: type[FileModel]) -> None:
    assert all(field.description for field in model.model_fields.values())
    keys = {field.alias or name: field for name, field in model.model_fields.items()}
    assert model.omitted <= set(keys)
    assert all(not keys[name].is_required() for name in model.omitted)
    assert model.model_json_schema()["type"] == "object"
