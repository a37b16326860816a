"""What a plan leaves uncontrolled is said once for each arm, and not twice about computing."""

from pathlib import Path

from devlearn.records.reader import Json
from tests.evidence.answers import compare, words
from tests.evidence.fake_run import tiny_run

PLAIN = [0.50, 0.52, 0.51, 0.53, 0.50, 0.54, 0.52, 0.51]
BORN = [0.80, 0.82, 0.81, 0.83, 0.80, 0.84, 0.82, 0.80]
SHAM = {"control": "sham", "stages": ["waves"], "pair": "[born, sham]", "arm": "sham: [school]"}
COMPUTE = {"control": "compute", "stages": ["waves"], "pair": "[born, more]"}


def warned(folder: Path, *wanting: Json) -> list[str]:
    entries = {"born": {"uncontrolled": list(wanting)}} if wanting else {}
    keys = {"flops": {"plain": 1e6, "born": 2e6}, "compare": {"pairs": [["born", "plain"]]}, "entries": entries}
    found = compare([tiny_run(folder, {"plain": PLAIN, "born": BORN}, **keys)])
    assert isinstance(found, dict) and words(found)
    return [warning for warning in found["warnings"] if "control" in warning]


def test_what_is_missing_is_named_with_its_mend_and_computing_once(tmp_path: Path) -> None:
    (line,) = warned(tmp_path, SHAM, COMPUTE)
    assert line == (
        "born lacks control pairs for waves: sham, compute; add to arms sham: [school]; "
        "to pairs [born, sham], [born, more]"
    )


def test_a_winner_that_only_computed_more_is_named_beside_other_controls(tmp_path: Path) -> None:
    first, second = warned(tmp_path, SHAM)
    assert first.startswith("born lacks control pairs for waves: sham;") and "computed less" in second


def test_an_older_record_has_the_old_warning_alone(tmp_path: Path) -> None:
    (line,) = warned(tmp_path)
    assert "computed less" in line


def test_over_several_runs_their_own_pairs_are_not_asked_for(tmp_path: Path) -> None:
    runs = [
        tiny_run(tmp_path / name, {"plain": PLAIN, "born": BORN}, entries={"born": {"uncontrolled": [SHAM]}})
        for name in ("one", "two")
    ]
    found = compare(runs)
    assert isinstance(found, dict) and not any("control pairs" in warning for warning in found["warnings"])
