"""What is asked of a brain, in job.json and back: equal to the last bit of every bound."""

import numpy as np
import pytest
from gymnasium import spaces
from pydantic import ValidationError

from devlearn.learners.brains.needs import Head, Needs, Part, Sense, Slot
from devlearn.records.schema import NeedsEntry
from devlearn.runs.plan.describe import describe
from devlearn.runs.plan.needs import needs_of
from devlearn.runs.plan.needs_entry import entry_of, needs_from
from devlearn.scenario import library, load

ODD = np.array([[0.1, -np.inf, np.nextafter(1, 2)], [-1e-300, 0, 3]])
BOXES = (
    spaces.Box(ODD, np.full((2, 3), np.inf), dtype=np.float64),
    spaces.Box(-1, 1, (4,), np.float32),
    spaces.Box(0, 255, (3, 4, 5), np.uint8),
    spaces.Box(-(2**62) - 1, 2**62 + 1, (2,), np.int64),
    spaces.Box(np.float32([0.1, 0.2]), np.float32([0.3, np.inf])),
    spaces.Box(0, 1, (), np.float32),
)


def there_and_back(needs: Needs) -> Needs:
    return needs_from(NeedsEntry.model_validate_json(entry_of(needs).model_dump_json()))


@pytest.mark.parametrize("box", BOXES, ids=str)
def test_a_space_comes_back_bit_for_bit(box: spaces.Box) -> None:
    found = there_and_back(Needs({"seen": Sense(box, normalise=True)})).senses["seen"].space
    assert (found.shape, found.dtype) == (box.shape, box.dtype)
    assert found.low.tobytes() == box.low.tobytes() and found.high.tobytes() == box.high.tobytes()
    assert found.is_bounded("both") == box.is_bounded("both")


def test_everything_that_can_be_asked_of_a_brain_comes_back() -> None:
    row = Sense(BOXES[1], scrambled=True, parts=(Part("a", 0, (3,)), Part("b", 3, ())))
    words = Sense(spaces.Box(0, 2, (5,), np.int64), words=("up", "é"))
    heads = {"actor": Head(3, 0.01, True, False, 7), "critic": Head(1, critic=True)}
    slot = Slot("walk", 6, "oscillator", (1, 2), (3, 4), lags=2, rows=5, gate="gate")
    needs = Needs({"row": row, "told": words}, heads, True, {"walk": slot})
    assert there_and_back(needs) == needs
    assert describe(there_and_back(needs)) == describe(needs)


@pytest.mark.parametrize("name", ["first_steps", "newborn_swim", "causes", "mother_tongue"])
def test_what_a_shipped_scenario_asks_of_its_brain_comes_back(name: str) -> None:
    _, needs = needs_of(load(library()[name]))
    assert there_and_back(needs) == needs
    assert describe(there_and_back(needs)) == describe(needs)


@pytest.mark.parametrize(
    ("place", "value"),
    [("shape", [-1]), ("shape", [2**20, 2**20]), ("low", [0, 1]), ("dtype", "object"), ("high", ["1"])],
)
def test_a_space_that_is_none_is_refused(place: str, value: object) -> None:
    space = {"shape": [3], "dtype": "float32", "low": [0], "high": [1], place: value}
    with pytest.raises(ValidationError):
        NeedsEntry.of({"senses": {"seen": {"space": space}}, "heads": {}})
