"""Nothing is written over that is not ours: run folders and exports know what they wrote."""

import json
from pathlib import Path

import pytest

from devlearn.records.ownership import MARK, NotOurs, check_free, claim_run, is_run, make_folder, note_written, sweep

THEIRS = [
    "scenario.yaml",
    "manifest.json",
    "report.html",
    "comparison.json",
    "notes.txt",
    "resolved.json",
    "steps.json",
]


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("url", ["s3://bucket/run", "gs:/bucket/run", "file:///tmp/run"])
def test_a_url_is_refused_with_the_reason(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotOurs, match="is a URL: a run folder is locked"):
        claim_run(Path(url))
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("name", THEIRS)
@pytest.mark.parametrize("content", ["mine", '{"format": 1, "mine": true}', "[]", ""])
def test_a_folder_with_a_file_of_somebody_elses_is_refused_and_left_alone(
    tmp_path: Path, name: str, content: str
) -> None:
    (tmp_path / name).write_text(content)
    before = files(tmp_path)
    with pytest.raises(NotOurs, match=rf"holds {name}.*choose another with --out"):
        claim_run(tmp_path)
    assert files(tmp_path) == before and not is_run(tmp_path)


@pytest.mark.parametrize("name", [".lock", MARK, "scenario.yaml"])
def test_a_folder_of_that_name_is_somebody_elses(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(NotOurs):
        claim_run(tmp_path)


def test_empty_new_and_marked_folders_are_taken(tmp_path: Path) -> None:
    claim_run(tmp_path / "a" / "new")
    assert is_run(tmp_path / "a" / "new")
    (tmp_path / "a" / "new" / "resolved.json").write_text("half")
    claim_run(tmp_path / "a" / "new")
    (tmp_path / "stopped").mkdir()
    (tmp_path / "stopped" / ".lock").write_text("4711")
    claim_run(tmp_path / "stopped")
    assert is_run(tmp_path / "stopped")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("resolved.json", {"format": 1, "scenario": "x", "digest": "d", "seeds": [0], "points": [], "jobs": []}),
        ("steps.json", {"format": 1, "scenario": "x", "seeds": [0], "how": {}}),
    ],
)
def test_a_run_folder_that_is_older_than_the_mark_is_known(tmp_path: Path, name: str, content: object) -> None:
    (tmp_path / name).write_text(json.dumps(content))
    assert is_run(tmp_path)
    claim_run(tmp_path)
    assert json.loads((tmp_path / MARK).read_text()) == {"devlearn": 1, "holds": "run"}


@pytest.mark.parametrize("name", ["file", "file/below", "a\0b", "x" * 300])
def test_what_cannot_be_a_folder_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(NotOurs, match="can't be made a run folder"):
        claim_run(tmp_path / name)
    with pytest.raises(NotOurs, match=r"can't be written into: .*; choose another folder with --out"):
        make_folder(tmp_path / name)


def test_what_was_written_may_be_written_again_and_nothing_else(tmp_path: Path) -> None:
    note_written(tmp_path, ["probes.csv"])
    (tmp_path / "probes.csv").write_text("ours")
    (tmp_path / "train.csv").write_text("theirs")
    check_free(tmp_path, ["probes.csv", "arms.csv"])
    with pytest.raises(NotOurs, match=r"train\.csv in .* would be overwritten"):
        check_free(tmp_path, ["probes.csv", "train.csv"])
    assert not is_run(tmp_path)
    with pytest.raises(NotOurs):
        claim_run(tmp_path)


def test_a_sweep_takes_what_was_ours_and_is_no_longer_written_and_nothing_of_anybody_elses(tmp_path: Path) -> None:
    folder = tmp_path / "figures"
    folder.mkdir()
    for name in ("old.svg", "edited.svg", "new.svg", "theirs.svg"):
        (folder / name).write_text(name)
    sweep(folder, ["old.svg", "edited.svg"])  # the first: whatever else lies there is unknown
    assert {*files(folder)} == {"old.svg", "edited.svg", "new.svg", "theirs.svg", MARK}
    (folder / "edited.svg").write_text("by hand")
    sweep(folder, ["new.svg"])
    assert {*files(folder)} == {"edited.svg", "new.svg", "theirs.svg", MARK}
    sweep(folder, [])
    assert {*files(folder)} == {"edited.svg", "theirs.svg", MARK}


def test_a_sweep_stays_in_its_folder_and_leaves_none_where_nothing_was_written(tmp_path: Path) -> None:
    sweep(tmp_path / "figures", [])
    assert not (tmp_path / "figures").exists()
    (tmp_path / "report.html").write_text("page")
    sweep(tmp_path, ["report.html"])
    (tmp_path / "figures").mkdir()
    known = json.loads((tmp_path / MARK).read_text())["digests"]["report.html"]
    (tmp_path / "figures" / MARK).write_text(json.dumps({"devlearn": 1, "digests": {"../report.html": known}}))
    sweep(tmp_path / "figures", [])
    assert (tmp_path / "report.html").exists()
