"""Whatever stands in the place of a value, the answer is a scenario or its mistakes, never another exception."""

import json

import pytest
import yaml

from devlearn.runs import pipeline
from devlearn.scenario import ScenarioError, library, parse

TURNS = 3  # every place meets a third of the values; neighbours of a place meet the others
OTHERS = (None, 3, -1.5, True, "x", "", [], {}, [None], [[]], [{}], [3, "x"], {"a": 1}, {"kind": "mlp"}, {"": {}})


def places(value, path=()):
    """The path of every value below ``value``."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from places(inner, (*path, key))


def replaced(whole, path, other):
    whole = json.loads(json.dumps(whole))
    at = whole
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = other
    return json.dumps(whole)


@pytest.mark.parametrize("other", OTHERS, ids=json.dumps)
def test_any_value_in_any_place(valid, other):
    whole = yaml.safe_load(valid.replace("1e-2", "0.01"))
    refused = 0
    for path in list(places(whole))[OTHERS.index(other) % TURNS :: TURNS]:
        try:
            parse(replaced(whole, path, other), "f")
        except ScenarioError as error:
            refused += 1
            assert all(problem.line >= 1 and problem.column >= 1 for problem in error.problems), (path, str(error))
    assert refused > 20 / TURNS


def test_what_reads_data_that_there_is_not_is_refused_where_it_is_named(tmp_path):
    """A probe of that stage, and one that decides something, would ask it for what it reads."""
    text = library()["first_steps"].read_text().replace("data: mnist.train, updates: 500", "data: school, updates: 500")
    (tmp_path / "lost.yaml").write_text(text)
    with pytest.raises(ScenarioError) as caught:
        pipeline.load(tmp_path / "lost.yaml")
    (problem,) = caught.value.problems
    assert "unknown data 'school'" in problem.message
    assert text.splitlines()[problem.line - 1][problem.column - 1 :].startswith("school")


def test_neither_a_matrix_asks_what_there_is_not_nor_a_pair_of_one_twice_breaks_the_answer(tmp_path):
    text = library()["childhood"].read_text()
    text = text.replace("data: mnist.train", "data: school").replace("pairs: [", "pairs: [[x], [x], ")
    (tmp_path / "lost.yaml").write_text(text)
    with pytest.raises(ScenarioError) as caught:
        pipeline.load(tmp_path / "lost.yaml")
    assert all(problem.line > 1 for problem in caught.value.problems)
    assert "unknown data 'school'" in str(caught.value) and "no arm is called 'x'" in str(caught.value)
