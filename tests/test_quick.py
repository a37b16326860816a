"""The list of what the quick tests leave out speaks of tests that exist."""

from pathlib import Path

import pytest

from tests import quick

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("place", [*quick.WHOLE, *quick.PRODUCTS, *quick.EXAMPLES])
def test_every_place_of_the_list_is_there(place: str) -> None:
    path, _, name = place.partition("::")
    assert (ROOT / path).exists()
    assert not name or f"def {name}(" in (ROOT / path).read_text(encoding="utf-8")


@pytest.mark.parametrize(("place", "keys"), quick.PRODUCTS.items())
def test_every_parameter_of_a_product_is_one_of_its_tests(place: str, keys: tuple[str, ...]) -> None:
    files = (ROOT / place).glob("test_*.py") if (ROOT / place).is_dir() else [ROOT / place]
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)
    assert [key for key in keys if f'"{key}"' not in text] == []


@pytest.mark.parametrize(("place", "example"), quick.EXAMPLES.items())
def test_every_example_is_a_case_of_its_test(place: str, example: tuple[str, tuple[object, ...]]) -> None:
    text = (ROOT / place.partition("::")[0]).read_text(encoding="utf-8")
    assert f'"{example[0]}"' in text and example[1]
