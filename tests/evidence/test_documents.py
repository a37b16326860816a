"""What results are as files: the keys and numbers that they always had; every note of theirs is a sentence."""

import inspect
import json
from pathlib import Path
from typing import Any, get_args

import pytest

from devlearn.evidence import evaluate
from devlearn.evidence.statistics import FLIPS
from devlearn.evidence.text.reasons import REASONS, render_note
from devlearn.evidence.text.warnings import PARTS, WARNINGS
from devlearn.records.layout import RunFolder
from devlearn.records.reader import load
from devlearn.records.results import Analyses, Comparison, Note, Reason, TestKind, Warning_, document, note_seen
from tests.evidence.answers import analyse, compare, entries, save, save_analyses
from tests.evidence.fake_run import write_run
from tests.evidence.golden import RUNS

SCORED = ("at_end", "at_best", "beyond_smallest_effect")  # these go by the interval of the family
GOLDEN = Path(__file__).with_name("golden_answers")


@pytest.mark.parametrize("name", RUNS)
def test_files_keep_their_keys_and_numbers(tmp_path: Path, name: str) -> None:
    """As the first version wrote them, to 12 digits (quantiles of scipy's versions differ in the last), but for what it
    did not say: what hangs on failures and on single learners, and intervals that hold together for a family. Its
    intervals are those of each pair alone."""
    run = write_run(tmp_path / name, **RUNS[name])
    before = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    found = compare([run])
    for point in entries(found):
        assert point.pop("of") == "mean"
        assert point.pop("registered").startswith("not registered: ")
        point["warnings"] = [text for text in point["warnings"] if "hangs on what diverged learners" not in text]
    for point in (*entries(found), *entries(before["comparison"])):
        for pair in point["comparisons"]:
            pair["interval"] = pair.pop("interval_alone", pair["interval"])
            for key in ("failures", "fragile", "unless", "level", "interval_new_images", *SCORED):
                pair.pop(key, None)
    assert rounded(found) == rounded(before["comparison"])
    assert rounded(analyse(load(run))) == rounded(before["analyses"])


def rounded(found: Any) -> Any:
    """What a file holds, its numbers to 12 digits."""
    if isinstance(found, dict):
        return {key: rounded(value) for key, value in found.items()}
    if isinstance(found, list):
        return [rounded(value) for value in found]
    return float(f"{found:.12g}") if isinstance(found, float) else found


def test_files_are_what_was_evaluated(copy: Path) -> None:
    save(copy)
    save_analyses(copy)
    found = evaluate(load(copy))
    folder = RunFolder(copy)
    for path, part in ((folder.comparison, found.comparisons), (folder.analyses, found.analyses)):
        assert json.loads(path.read_text(encoding="utf-8"), parse_constant=pytest.fail) == document(part, render_note)


def test_evaluating_writes_nothing(copy: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in copy.rglob("*")}
    evaluate(load(copy))
    assert {path: path.stat().st_mtime_ns for path in copy.rglob("*")} == before


def test_what_was_seen_is_noted_once_the_arms_are_whole(copy: Path) -> None:
    note_seen(load(copy))
    assert json.loads(RunFolder(copy).seen.read_text(encoding="utf-8"))["seeds"] == [16]


@pytest.mark.parametrize(("kind", "rendered"), [(Warning_, WARNINGS), (Reason, REASONS)])
def test_every_code_has_its_sentence_and_every_sentence_a_code(kind: type[Note], rendered: dict[str, Any]) -> None:
    assert set(get_args(kind.model_fields["code"].annotation)) == set(rendered)


def test_a_note_that_no_sentence_fits_is_an_error() -> None:
    with pytest.raises(TypeError):
        render_note(Reason.of("one_lineage"))
    with pytest.raises(ValueError, match="code"):
        Reason.of("few")


def test_whatever_is_left_out_has_a_name() -> None:
    source = "".join(
        path.read_text(encoding="utf-8") for path in Path(inspect.getfile(evaluate)).parent.rglob("analysis/*.py")
    )
    assert all(f'"{part}"' in source for part in PARTS)


def test_the_number_of_random_flips_in_a_tests_name_is_that_of_the_test() -> None:
    assert f"{FLIPS:,} random flips" in TestKind.RANDOM
    assert [kind.paired for kind in TestKind] == [True, True, False, True, True]


def test_units_are_known_of_a_result_and_in_no_file(made_up: Path) -> None:
    found = evaluate(load(made_up))
    parts: tuple[Comparison | Analyses, ...] = (found.comparisons.points[0], found.analyses)
    for part in parts:
        assert "unit" not in document(part, render_note)
        assert part.unit == "share"
