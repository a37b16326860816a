"""What ``make test`` leaves to ``make test-all``: tests that are marked ``full`` here, in one place.

Of a product of registered things (stages x brains, stages x keys, ...) the quick set keeps the cases that show each
thing for the first time, so that everything registered is tried once; what takes long alone is left out whole.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

import pytest

from tests.laws.rows import STAGES

WHOLE: Mapping[str, str] = {
    "tests/browser": "pages in a browser",
    "tests/runs/executors/test_kill.py": "runs that are killed again and again",
    "tests/scenario/test_scenario_misspelt.py::test_a_misspelt_key_is_named": "hundreds of misspelt keys",
}
PRODUCTS: Mapping[str, tuple[str, ...]] = {  # the parameters whose values are registered things
    "tests/laws": ("row", "brain", "kind", "mapper", "schedule"),
    "tests/learners/test_flops.py": ("row", "kind", "name"),
    "tests/learners/test_cohort.py": ("kind", "mapper", "rule"),
    "tests/stages/test_controls.py": ("kind", "brain", "by"),
    "tests/tasks/envs/test_vector_env.py": ("env",),
}
EXAMPLES: Mapping[str, tuple[str, tuple[object, ...]]] = {  # of one parameter, the values that stay
    "tests/test_shipped.py::test_a_shipped_scenario_runs_to_its_report": ("name", ("first_steps", "cartpole")),
    "tests/runs/engine/test_job_runner.py::test_a_life_that_was_cut_ends_with_the_same_records": ("checkpoints", (4,)),
    "tests/runs/engine/test_best.py::test_a_life_that_was_cut_keeps_the_same_best": ("checkpoints", (4,)),
    "tests/runs/engine/test_change.py::test_a_life_that_was_cut_near_a_boundary_is_the_same_life": ("segment", (2,)),
    "tests/runs/engine/test_memory.py::test_a_life_with_memory_that_was_cut_ends_with_the_same_records": (
        "take",
        ("nothing",),
    ),
    "tests/scenario/test_scenario_hardy.py": ("other", ("x", {"a": 1})),
}
Rule = TypeVar("Rule")


def left_to_the_whole(items: Iterable[pytest.Item]) -> Iterator[pytest.Item]:
    """The tests that the quick set does without, in the order collected."""
    shown: set[tuple[str, str, str]] = set()
    for item in items:
        name = item.nodeid.partition("[")[0]
        params = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
        example, product = _rule(EXAMPLES, name), _rule(PRODUCTS, name)
        if _rule(WHOLE, name):
            yield item
        elif example and example[0] in params:
            if getattr(params[example[0]], "__name__", params[example[0]]) not in example[1]:
                yield item
        elif product and (things := {(name, key, _thing(key, params[key])) for key in product if key in params}):
            if things <= shown:
                yield item
            shown |= things


def _rule(rules: Mapping[str, Rule], name: str) -> Rule | None:
    """The rule of a test, by its file, a folder above it or its own name."""
    places = (place for place in rules if name == place or name.startswith((f"{place}/", f"{place}::")))
    return next((rules[place] for place in places), None)


def _thing(key: str, value: object) -> str:
    """What is registered: the kind of a row of stages, anything else by itself."""
    return STAGES[str(value)][0] if key == "row" else repr(value)
