"""The reference is generated: everything registered has a docstring with what its page needs."""

import inspect
import json
from collections.abc import Iterator
from typing import Any

import pytest
from devlearn_docs import MARK, generators, indexed
from devlearn_docs.docstrings import own_doc, parse
from devlearn_docs.fields import MODELS, described, paths
from devlearn_docs.kinds import first_sentence, ours
from devlearn_docs.results import pages
from devlearn_docs.scenario_keys import scenario_keys
from devlearn_docs.words import type_words
from devlearn_envs import NATIVE

from devlearn.records.schema import SOMETIMES
from devlearn.report.section import sections

HEADINGS = (
    "Description", "Action Space", "Observation Space", "Starting State", "Reward", "Episode End", "Arguments",
    "References", "Deviations", "Version History",
)  # fmt: skip
PLUG_INS = [(group, name) for group in ("stages", "probes", "brains") for name in ours(group)]
METRICS = """

    Metrics:
        NAME: its meaning, with a formula where there is one
"""


def ids(pair: Any) -> str:
    return str(pair[1])


@pytest.mark.parametrize("plug_in", PLUG_INS, ids=ids)
def test_everything_registered_says_what_it_is(plug_in: tuple[str, str]) -> None:
    cls = ours(plug_in[0])[plug_in[1]]
    text = parse(own_doc(cls)).text
    assert len(text) > 20, f"{inspect.getfile(cls)}: give {cls.__name__} a docstring; it is its page in the reference"


@pytest.mark.parametrize("plug_in", PLUG_INS, ids=ids)
def test_every_key_is_described(plug_in: tuple[str, str]) -> None:
    cls: Any = ours(plug_in[0])[plug_in[1]]
    bare = [name for name, field in cls.model_fields.items() if not field.description and name != "kind"]
    assert not bare, f"{inspect.getfile(cls)}: write Field(..., description='...') for {', '.join(bare)}"


@pytest.mark.parametrize("plug_in", [pair for pair in PLUG_INS if pair[0] != "brains"], ids=ids)
def test_every_metric_has_its_meaning(plug_in: tuple[str, str]) -> None:
    cls: Any = ours(plug_in[0])[plug_in[1]]
    said = parse(own_doc(cls)).metrics
    mend = f"{inspect.getfile(cls)}: the docstring of {cls.__name__} needs a section like{METRICS}"
    assert not set(cls.metrics) - set(said), f"{mend}with {', '.join(sorted(set(cls.metrics) - set(said)))}"
    assert not set(said) - set(cls.metrics), f"{mend}without {', '.join(sorted(set(said) - set(cls.metrics)))}"


@pytest.mark.parametrize("plug_in", [(g, name) for g in ("stages", "probes", "data") for name in ours(g)], ids=ids)
def test_what_has_a_source_says_how_it_deviates_from_it(plug_in: tuple[str, str]) -> None:
    doc = parse(own_doc(ours(plug_in[0])[plug_in[1]]))
    assert bool(doc.source) == bool(doc.deviations), (
        "say under Deviations: what differs from the source, or None known."
    )


def test_et_al_ends_no_sentence() -> None:
    assert first_sentence(ours("stages")["trial.sac"]).startswith("Soft actor-critic (Haarnoja et al. 2018): a policy")
    assert first_sentence(ours("probes")["layers"]).endswith("how much each says about the class.")


@pytest.mark.parametrize("name", NATIVE)
def test_every_environment_has_gymnasiums_headings(name: str) -> None:
    text = inspect.cleandoc(own_doc(NATIVE[name]))
    missing = [heading for heading in HEADINGS if f"## {heading}\n" not in text]
    assert not missing, f"the docstring of {NATIVE[name].__name__} has no '## {missing[0]}'"


def test_every_mark_in_a_page_is_known_and_every_generator_is_used() -> None:
    found = {name for page in pages() for name, _ in MARK.findall(page.read_text(encoding="utf-8"))}
    assert found == set(generators())


def test_what_is_plugged_in_is_found_by_a_search_for_ones_own() -> None:
    page = indexed("# Plug in your own data\n\nA stage names a split.\n")
    assert page == "# Plug in your own data\n\n```{index} ! own data, ! custom data\n```\n\n\nA stage names a split.\n"
    assert "{index} ! own environment, ! custom environment\n" in indexed("# Plug in an environment\n")
    assert indexed("# Export\n") == "# Export\n"


def test_what_a_shared_key_leads_to_is_shown_too() -> None:
    page = generators()["stages"]()
    assert "### `until`" in page and "| `min_updates` |" in page
    assert "```bash\ndevlearn check first_steps.yaml" in generators()["commands"]()


def test_the_reference_has_every_key_of_brains() -> None:
    page = generators()["brains"]()
    for name, cls in ours("brains").items():
        part = page.partition(f"## {name}\n")[2].partition("\n## ")[0]
        assert not [word for word in set(cls.model_fields) - {"kind"} if f"`{word}`" not in part], name
        assert "(see below)" not in part or "| `std` | number > 0 |" in part, f"{name}: what is below is not there"


def test_the_report_page_has_every_section_in_its_order() -> None:
    rows = generators()["sections"]().splitlines()[2:]
    order = sections()
    assert [row.split(" | ")[0].removeprefix("| ") for row in rows] == [one.title for one in order]
    assert all(len(row) > len(one.title) + 30 for row, one in zip(rows, order, strict=True))


def test_the_scenario_page_has_the_keys_of_every_map() -> None:
    page = scenario_keys()
    headings = [line for line in page.splitlines() if line.startswith("## ")]
    for place in ("Top level", "`compare`", "`arms.NAME`", "`arms.NAME.stages[]`", "`arms.NAME.match`"):
        assert any(place in heading for heading in headings)
    for key in ("smallest_effect", "extends", "block", "use", "by"):
        assert f"| `{key}` |" in page


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "integer", "minimum": 1}, "integer ≥ 1"),
        ({"type": "integer", "exclusiveMaximum": 2**62}, "integer < 2^62"),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, "number > 0 and < 1"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "integer"),
        ({"anyOf": [{"type": "integer"}, {"const": "all"}]}, "integer or `all`"),
        ({"enum": ["adam", "sgd"]}, "`adam` or `sgd`"),
        ({"type": "array", "items": {"type": "string"}}, "list of text"),
        ({"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}]}, "[text, integer]"),
        ({"anyOf": [{"$ref": "#/$defs/Gate"}, {"type": "null"}]}, "map (see below)"),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "map of integer"),
    ],
)
def test_a_schema_in_words(schema: dict[str, Any], words: str) -> None:
    assert type_words(schema) == words


def test_a_docstring_taken_apart() -> None:
    doc = parse(
        "It learns.\n\nMore.\n\nMetrics:\n    a, b: one\n        and two\n    c: three\n\nDeviations:\n    Many."
    )
    assert doc.text == "It learns.\n\nMore."
    assert doc.metrics == {"a": "one and two", "b": "one and two", "c": "three"}
    assert doc.deviations == "Many." and doc.source == ""


# ---- the files that a run writes ----


def test_the_reference_has_the_fields_of_every_model() -> None:
    known = described()
    assert {"points[].arms.*.stages[].budget", "points[].arms.*", "probes.*.metrics.*.better", "jobs[].parent"} <= set(
        known["resolved"]
    )
    assert known["resolved"]["points[].arms.*"] == "One arm"
    assert "compare.fit.from" in known["resolved"]
    assert {*MODELS, "train", "probes", "events", "seconds", "arrays"} <= set(known)


def test_every_field_of_a_comparison_is_described(comparisons: list[Any]) -> None:
    known = described()["comparison"]
    found = {path for body in comparisons for path in paths(body, known)}
    found |= {"comparisons[].undetermined"}  # only where a seed decides nothing: analysis/test_undetermined
    told = ("arms.*.ledger", "arms.*.total", "comparisons[].gain_per")  # caregivers, protections
    found |= {f"{part}.{unit}" for part in told for unit in SOMETIMES}
    assert not found - set(known), f"devlearn/records/results: no model has {sorted(found - set(known))}"
    assert not set(known) - found, f"devlearn/records/results: no comparison has {sorted(set(known) - found)}"


@pytest.fixture(scope="module")
def comparisons(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Any]]:
    import devlearn

    folder = tmp_path_factory.mktemp("fields")
    (folder / "toy.yaml").write_text(TOY)
    run = devlearn.run(folder / "toy.yaml", out=folder / "run", progress=False, report=False)
    found = json.loads((run.folder / "comparison.json").read_text())
    yield found if isinstance(found, list) else [found]


TOY = """
devlearn: 1
scenario: toy
seeds: 2
brain: {kind: mlp, width: [8]}
pin: [init]
stages:
  school: {kind: supervise, labels: 20, updates: 2, batch: 8}
arms:
  one: [school]
  two: [{use: school, set: {labels: 30}}]
  more: {stages: [school], match: {arm: two, by: images}}
probes:
  digits: {kind: accuracy, data: mnist.valid, every: 1, quick: 50}
tune: {over: {stages.school.lr: [0.001, 0.01]}, seeds: [100], probe: digits}
vary: {stages.school.batch: [4, 8]}
compare:
  probe: digits
  smallest_effect: 0.01
  fails: {below: 0.99}
  pairs: [[two, one], [two, more]]
  looks: [2]
  select: digits
"""


def test_everything_that_a_plug_in_imports_is_on_a_page() -> None:
    from devlearn import plugin

    names = generators()["plugin_names"]()
    for name in plugin.__all__:
        (row,) = [line for line in names.splitlines() if line.startswith((f"| `{name}`", f"| `{name}("))]
        assert len(row) > len(name) + 12, f"devlearn.plugin.{name} has no docstring: {row}"
    shared = generators()["shared_names"]()
    keys = "data, labels, batch, blur=0.0, shift=0, classes=None, head=None, view=None, relabel=None, rare=None"
    assert f"| `LabelledBatches({keys})` | Minibatches of labelled images." in shared
    assert (
        "| `LabelledBatches.label_bits` | What the labels can tell at most: log2(K) bits each, of K classes. |"
        in shared
    )
    assert "| `train(cohort, objective, batches, descent, state, context)` |" in shared
