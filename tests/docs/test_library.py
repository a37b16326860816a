"""The pages that are written when the documentation is built: whole, and made of examples that can be run."""

import re
from pathlib import Path

import numpy as np
import pytest
from devlearn_docs import drawing, examples, gallery, library, study_pictures, thing_pictures
from devlearn_docs.kinds import file_name, ours
from devlearn_docs.usage import scenarios, users
from devlearn_envs import NATIVE

from devlearn.probes.probe import Probe
from devlearn.records.published import StudyResult, read, studies
from devlearn.runs.plan import plan
from devlearn.stages.stage import Stage

FEW = ("innate.gabor", "innate.waves", "supervise")  # whose pictures are drawn here


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thing_pictures, "stage", lambda kind: None)
    monkeypatch.setattr(thing_pictures, "environment", lambda name: None)
    monkeypatch.setattr(thing_pictures, "data_set", lambda name: None)
    monkeypatch.setattr(drawing, "save", lambda figure, at: (at, at))
    monkeypatch.setattr(study_pictures, "picture", lambda result: None)


def test_every_stage_and_probe_has_a_page_with_its_keys_and_metrics(no_pictures: None, tmp_path: Path) -> None:
    for group, base in (("stages", Stage), ("probes", Probe)):
        pages = dict(getattr(library, group)(tmp_path))
        assert set(pages) == {f"{group}/{file_name(kind)}" for kind in ours(group)}
        for kind, cls in ours(group).items():
            page: str = pages[f"{group}/{file_name(kind)}"]
            keys = set(cls.model_fields) - set(base.model_fields)
            assert not [word for word in {*keys, *cls.metrics} if f"`{word}`" not in page], kind
            assert "```yaml\ndevlearn: 1" in page and "## Cost" in page and "## Scenarios that use it" in page


def test_every_environment_data_set_and_scenario_has_a_page(no_pictures: None, tmp_path: Path) -> None:
    made = dict(page for part in (library.environments, library.data, gallery.pages) for page in part(tmp_path))
    expected = {f"environments/{file_name(name)}" for name in NATIVE} | {f"data/{name}" for name in ours("data")}
    assert set(made) == expected | {f"scenarios/{file_name(name)}" for name in scenarios()}
    for name, page in made.items():
        assert page.startswith("(") and page.splitlines()[1].startswith("# "), name
    assert {f"{name}.md" for name in made} <= library.names()


@pytest.mark.parametrize("kind", [kind for kind in ours("stages") if kind not in examples.FROM_FILES])
def test_the_example_of_a_stage_can_be_planned(kind: str) -> None:
    stage = examples.planned(kind)
    assert stage is not None and stage.kind == kind
    assert ("FLOPs" in examples.cost(kind)) == (stage.ledger.flops > 0)


@pytest.mark.parametrize("kind", ours("probes"))
def test_the_example_of_a_probe_can_be_planned(kind: str) -> None:
    scenario = plan(examples.of_probe(kind).scenario()).scenario
    assert list(scenario.probe_kinds.values()) == [kind]


def test_the_gallery_tells_what_is_recorded_from_what_is_not() -> None:
    page = gallery.gallery()
    first, _, late = page.partition("## Not recorded yet")
    for name, scenario in scenarios().items():
        own = any(study.scenario == name and read(key) is not None for key, study in studies().items())
        part = first if own else late
        assert f"grid-item-card}} {name}\n" in part, name
        card = part.partition(f"grid-item-card}} {name}\n")[2].partition(":::{")[0]
        assert scenario.about.split()[0] in card and "devlearn run" in card
        assert ("Not recorded yet" in card) == (not own)


def test_a_study_without_pairs_shows_what_it_reached() -> None:
    result = read("cartpole")
    assert result is not None
    assert gallery.verdict(result).startswith("- PPO, CartPole-v1")


@pytest.mark.parametrize("name", [name for name in studies() if read(name) is not None])
def test_a_recorded_study_has_a_picture(name: str) -> None:
    result = read(name)
    assert isinstance(result, StudyResult)
    (axes,) = study_pictures.picture(result).axes
    assert axes.lines or axes.collections or axes.containers
    assert axes.get_xlabel() or axes.get_ylabel()


@pytest.mark.parametrize("name", ["copying", "genome", "causes_trials"])
def test_a_legend_names_every_arm_and_lies_over_none(name: str) -> None:
    result = read(name)
    assert result is not None
    figure = study_pictures.picture(result)
    figure.draw_without_rendering()
    (axes,), (legend,) = figure.axes, figure.legends
    assert [text.get_text() for text in legend.get_texts()] == list(result.points[0].arms)
    looks = [(line.get_marker(), line.get_color()) for line, *_ in axes.containers]
    assert len(set(looks)) == len(looks) == len(result.points[0].arms)
    key, plot = legend.get_window_extent(), axes.get_tightbbox()
    assert plot is not None and not key.overlaps(plot)
    assert figure.bbox.x0 <= key.x0 and key.x1 <= figure.bbox.x1 and key.y1 <= figure.bbox.y1


def test_a_picture_is_the_same_each_time_and_has_other_colours_in_the_dark(tmp_path: Path) -> None:
    result = read("first_steps")
    assert result is not None
    light, dark = drawing.save(study_pictures.picture(result), tmp_path / "a")
    again, _ = drawing.save(study_pictures.picture(result), tmp_path / "b")
    assert light.read_bytes() == again.read_bytes() != dark.read_bytes()
    assert drawing.INK in light.read_text() and drawing.INK not in dark.read_text()


@pytest.mark.parametrize("name", NATIVE)
def test_an_environment_is_drawn(name: str) -> None:
    picture = thing_pictures.environment(name)
    assert (picture is not None) == NATIVE[name].drawable()
    assert picture is None or (picture.dtype == np.uint8 and len(np.unique(picture)) > 1)


@pytest.mark.parametrize("kind", FEW)
def test_a_stage_is_drawn_by_what_it_makes_of_the_first_layer(kind: str) -> None:
    found = thing_pictures.stage(kind)
    assert found is not None
    assert found[0].dtype == np.uint8 and len(np.unique(found[0])) > 10 and found[1].endswith(".")


def test_what_uses_a_thing_is_found() -> None:
    assert "first_steps" in users()["stages", "innate.waves"]
    assert "lessons" in users()["environments", "devlearn/KeyCorridor-v0"]
    assert "mother_tongue" in users()["data", "odd_one_out"]
    assert not re.search(r"\d", "".join(users().get(("stages", "consolidate.sleep"), [])))
