"""The list of what the quick tests leave out speaks of tests that exist."""

from pathlib import Path

import pytest

from tests import quick

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("place", [*quick.WHOLE, *quick.PRODUCTS, *quick.EXAMPLES, *quick.KEPT])
def test_every_place_of_the_list_is_there(place: str) -> None:
    assert _is_there(place)


@pytest.mark.parametrize(("place", "keys"), quick.PRODUCTS.items())
def test_every_parameter_of_a_product_is_one_of_its_tests(place: str, keys: tuple[str, ...]) -> None:
    files = (ROOT / place).glob("test_*.py") if (ROOT / place).is_dir() else [ROOT / place]
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)
    assert [key for key in keys if f'"{key}"' not in text] == []


@pytest.mark.parametrize(("place", "example"), quick.EXAMPLES.items())
def test_every_example_is_a_case_of_its_test(place: str, example: tuple[str, tuple[object, ...]]) -> None:
    text = (ROOT / place.partition("::")[0]).read_text(encoding="utf-8")
    assert f'"{example[0]}"' in text and example[1]


def test_every_long_test_is_there_and_some_are_kept() -> None:
    listed = [line.partition(" ")[2] for line in quick.LONG.read_text(encoding="utf-8").splitlines()]
    assert [name for name in listed if not _is_there(name)] == []
    assert "tests/laws/test_stages.py::test_a_stage_keeps_the_laws" in {*listed} - {*quick.long_ones()}


def test_how_long_tests_take_is_read_from_what_pytest_says() -> None:
    log = """
 3.20s call     tests/a/test_b.py::test_one[x y]
 0.90s setup    tests/a/test_b.py::test_two
 0.30s call     tests/a/test_b.py::test_one[z]
 0.50s setup    tests/a/test_b.py::test_three[z]
 0.40s call     tests/a/test_b.py::test_three[z]
 0.40s call     tests/a/test_b.py::test_four
"""
    lines = ["3.2 tests/a/test_b.py::test_one", "0.9 tests/a/test_b.py::test_three", "0.9 tests/a/test_b.py::test_two"]
    assert quick.measured(log).splitlines() == lines


def _is_there(place: str) -> bool:
    path, _, name = place.partition("::")
    return (ROOT / path).exists() and (not name or f"def {name}(" in (ROOT / path).read_text(encoding="utf-8"))
