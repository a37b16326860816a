"""A point is named as shortly as stays unambiguous, and the same wherever words are made of it."""

from pathlib import Path
from typing import Any

import pytest

from devlearn.evidence import setting
from devlearn.evidence.text.points import brief, place, settings
from tests.evidence.answers import compare, words
from tests.evidence.fake_run import write_run


@pytest.mark.parametrize(
    ("point", "text"),
    [
        ({}, ""),
        ({"stages.school.labels": 10}, "labels = 10"),
        ({"stages.school.shift": 4, "probes.digits.shift": 4, "probes.held.shift": 4}, "shift = 4"),
        ({"stages.school.labels": "all", "stages.school.batch": 128}, "labels = all, batch = 128"),
        ({"stages.a.lr": 0.1, "stages.b.lr": 0.2}, "a.lr = 0.1, b.lr = 0.2"),
        ({"stages.a.lr": 0.1, "probes.a.lr": 0.2}, "stages.a.lr = 0.1, probes.a.lr = 0.2"),
        ({"stages.a.x": 1, "probes.b.x": 1, "y": 1}, "x = 1, y = 1"),
        ({"seen": 1, "stages.seen": 2}, "seen = 1, stages.seen = 2"),
        ({"brain": {"kind": "mlp", "width": [8]}}, "brain = {kind: mlp, width: [8]}"),
    ],
)
def test_short_names_stay_unambiguous(point: dict[str, Any], text: str) -> None:
    assert setting(point) == text
    assert place(point) == (f"{text}: " if text else "")
    assert {repr(value) for value in settings(point).values()} == {repr(value) for value in point.values()}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1e9, "1e9"), (1_000_000.0, "1e6"), (-2.5e12, "-2.5e12"), (1e-5, "1e-5"), (3e-12, "3e-12"), (1e100, "1e100"),
        (1000.0, "1000"), (0.0, "0"), (0.003, "0.003"), (0.1234567, "0.1234567"), (12345678.0, "12345678"),
        (0.0031415926535, "0.003142"), (123456789012345.0, "1.235e14"), (float("inf"), "inf"), (float("nan"), "nan"),
        (10**9, "1000000000"), (True, "True"), ("1e9", "1e9"), (None, "None"),
    ],
)  # fmt: skip
def test_a_value_is_told_in_few_letters(value: object, text: str) -> None:
    assert brief(value) == text
    assert setting({"stages.school.lr": value}) == f"lr = {text}"


def test_paths_of_different_values_are_never_one() -> None:
    """All ways to give two values to four paths: as many names as it takes to tell each path's value."""
    paths = ("stages.a.x", "stages.b.x", "probes.a.x", "stages.a.y")
    for code in range(16):
        point = {path: code >> place & 1 for place, path in enumerate(paths)}
        found = settings(point)
        for path, value in point.items():
            told = [name for name in found if path == name or path.endswith(f".{name}")]
            assert told and {found[name] for name in told} == {value}, (point, found)


def test_sentences_begin_with_the_short_name(tmp_path: Path) -> None:
    found = words(compare([write_run(tmp_path, seeds=6, vary=[10, 1000])]))
    assert sum(sentence.startswith("labels = 10: developmental") for sentence in found[1:]) == 3
    assert not any("stages.school" in sentence for sentence in found)
