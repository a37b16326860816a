"""Records that are unfinished, cut off or changed: what is left out, and what is named."""

from pathlib import Path

import pytest

from devlearn.evidence import EvidenceError
from tests.evidence.answers import compare, only, words
from tests.evidence.fake_run import finish, tiny_run
from tests.evidence.pairs import BASE


def test_unfinished_jobs_leave_only_their_pairs_open(copy: Path) -> None:
    finish(copy / "jobs/grown/seeds-8-15", "failed")
    body = only(compare([copy]))
    assert [pair["verdict"] for pair in body["comparisons"]] == ["incomplete"] * 3 + ["equivalent", "identical"]
    assert body["incomplete"] == ["jobs/grown/seeds-8-15"]
    assert body["arms"]["developmental"]["n"] == 8
    assert body["comparisons"][3]["p_equivalence_adjusted"] == 5 * body["comparisons"][3]["p_equivalence"]
    assert "jobs/grown/seeds-8-15" in words(body)[1]


def test_a_half_written_line_is_not_read(copy: Path) -> None:
    before = compare([copy])
    for file in copy.glob("jobs/plain/*/records/00-school.0/train.csv"):
        with file.open("a") as train:
            train.write("3,40,100,33")
    assert compare([copy]) == before


def test_a_cut_off_line_is_named(copy: Path) -> None:
    path = next(copy.glob("jobs/*/*/records/*/probes.csv"))
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:2], lines[2].rpartition(",")[0] + "\n", *lines[3:]]))
    with pytest.raises(EvidenceError, match=r"probes.csv:3: expected 8 cells"):
        compare([copy])


@pytest.mark.parametrize(
    ("file", "column", "cell"),
    [("probes.csv", 7, "abc"), ("probes.csv", 4, "often"), ("train.csv", 7, "nan"), ("events.csv", 3, "1.5")],
)
def test_a_garbage_cell_is_named(tmp_path: Path, file: str, column: int, cell: str) -> None:
    run = tiny_run(tmp_path, {"a": BASE}, diverged={"a": {0: 5}})
    path = run / "jobs/a/all/records/00-school.0" / file
    rows = [line.split(",") for line in path.read_text().splitlines()]
    name, rows[1][column] = rows[0][column], cell
    path.write_text("\n".join(",".join(row) for row in rows) + "\n")
    with pytest.raises(EvidenceError, match=rf"{file}:2: {name} is '{cell}'; the records were changed"):
        compare([run])


def test_a_stage_whose_probe_is_not_on_record_is_left_out_by_name(copy: Path) -> None:
    for path in copy.glob("jobs/early/*/records/01-look.0/probes.csv"):
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(line for line in lines if ",pictures," not in line))
    before = only(compare([copy]))
    found = [entry for entry in before["stages"] if entry["probe"] == "pictures"]
    assert found == []
    (told,) = [warning for warning in before["warnings"] if "left out" in warning]
    assert told.startswith("left out, what stage look bought by pictures.loss: pictures.loss of arm 'developmental'")
    assert [pair["verdict"] for pair in before["comparisons"]] == ["better"] * 3 + ["equivalent", "identical"]
