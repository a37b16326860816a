"""An area ends with the shorter budget, and so sees nothing of a match: said before a life, and beside the verdict."""

from pathlib import Path
from typing import Any

import pytest

from devlearn.evidence import unscored_matches
from devlearn.records.reader import Json, load
from tests.evidence.answers import compare
from tests.evidence.fake_run import tiny_run

VALUES = {"born": [0.6, 0.7, 0.8], "more": [0.5, 0.6, 0.7], "plain": [0.4, 0.5, 0.6]}
PAIRS = [["born", "plain"], ["born", "more"]]


def run(folder: Path, by: Any = "flops", at: str = "area", updates: int = 90, pairs: Any = PAIRS) -> Path:
    stage = {"name": "school", "visit": 0, "kind": "supervise", "budget": ["updates", updates], "branch": "more",
             "index": 0, "keys": {"data": "mnist.train"}}  # fmt: skip
    more = {"match": {"arm": "born", "by": by}, "stages": [stage]}
    return tiny_run(folder, VALUES, compare={"pairs": pairs, "at": at}, entries={"more": more})


def said(found: Any) -> list[str]:
    assert isinstance(found, dict)
    return [warning for warning in found["warnings"] if "no effect there" in warning]


@pytest.mark.parametrize("by", ["flops", ["labels", "flops"]])
def test_it_is_said_before_and_after(tmp_path: Path, by: Any) -> None:
    folder = run(tmp_path, by)
    (line,) = said(compare([folder]))
    assert unscored_matches(load(folder).resolved) == [line]
    assert line == (
        "more: matched by flops and scored by the area, which ends with the shorter budget, so the match has no effect "
        "there; declare compare.at: end, or read it with --at end"
    )


@pytest.mark.parametrize(
    "keys",
    [
        {"at": "end"},
        {"by": "labels"},  # which sets no budget
        {"updates": 20},  # the other's budget: the prior cost nothing
        {"pairs": PAIRS[:1]},
        {"pairs": [["more", "plain"]]},  # not the arm it is matched to
    ],
)
def test_where_nothing_is_lost_nothing_is_said(tmp_path: Path, keys: Json) -> None:
    folder = run(tmp_path, **keys)
    assert said(compare([folder])) == unscored_matches(load(folder).resolved) == []


def test_who_asks_for_the_area_afterwards_is_told_too(tmp_path: Path) -> None:
    folder = run(tmp_path, at="end")
    assert len(said(compare([folder], at="area"))) == 1
    assert said(compare([folder], at="end")) == []
