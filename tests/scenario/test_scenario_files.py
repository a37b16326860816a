"""What a valid scenario becomes: values, arms, vary, extends, overrides, names, the schema."""

import json
import os
from pathlib import Path

import pytest

from devlearn.scenario import UNITS, ScenarioError, find, library, load, parse, points, schema
from devlearn.scenario.problems import Problems
from devlearn.scenario.yaml_nodes import compose, plain
from devlearn.stages import stage


def test_yaml_values_follow_version_1_2():
    text = "[true, false, yes, on, Off, null, ~, 1e-3, .5, 1_000, 0o17, 0x1f, 010, 12:30, 2020-01-01, '1', -3, <<]"
    expected = [True, False, "yes", "on", "Off", None, None, 1e-3, 0.5, "1_000", 15, 31, 10]
    expected += ["12:30", "2020-01-01", "1", -3, "<<"]
    assert plain(compose(text, "f", Problems())) == expected


def test_a_valid_scenario(valid):
    scenario = parse(valid, "file.yaml")
    assert scenario.seeds == (0, 1, 2, 3) and scenario.block == 2 and scenario.about == "A question"
    assert scenario.brain == {
        "kind": "mlp",
        "width": [8, 8],
        "activation": "tanh",
        "init": "default",
        "critic": "shared",
        "memory": "none",
        "linear_features": False,
    }
    assert scenario.stages["school"].learning_rate == 0.01
    assert scenario.stages["school"].until.probe == "held.accuracy"
    assert scenario.stage_kinds["play"] == "fake.play" and scenario.probe_kinds["fun"] == "fake.objective"
    compare = scenario.compare
    assert (compare.probe, compare.metric, compare.better, compare.at) == ("digits", "accuracy", "higher", "end")
    assert compare.pairs == (("playful", "plain"), ("matched", "plain"))
    assert (compare.looks, compare.levels, compare.select) == ((2, 4), (0.5, 0.9), "held")
    assert (compare.fit.over, compare.fit.from_, compare.fit.to) == ("labels", 20, 30)
    assert scenario.pin == ("init", "labels")
    assert (scenario.tune.over, scenario.tune.seeds) == ({"stages.review.learning_rate": [0.01, 0.02]}, (50, 51))


def test_the_first_seeds_of_a_scenario_are_its_first_at_every_point(valid):
    first = parse(valid, "f").first(2)
    assert first.seeds == (0, 1) and [point.seeds for _, point in points(first)] == [(0, 1)] * 4


def test_arms_are_resolved(valid):
    arms = parse(valid, "file.yaml").arms
    again = arms["playful"].steps[1]
    assert (again.use, again.stream, again.kind, again.stage.labels) == ("review", "again", "fake.school", 50)
    assert arms["plain"].steps[0].stage.labels == "all"
    assert arms["gated"].total == ("updates", 90)
    assert (arms["matched"].match.arm, arms["matched"].match.by) == ("playful", "flops")


def test_the_metric_knows_its_direction(valid):
    text = (
        valid.replace("  better: higher\n", "")
        .replace("levels: [0.5, 0.9]", "levels: [3, 0.5]")
        .replace("digits.accuracy", "digits.cross_entropy")
        .replace("worst: 0.1", "worst: 9")
    )
    compare = parse(text, "f").compare
    assert (compare.metric, compare.better, compare.levels) == ("cross_entropy", "lower", (3.0, 0.5))


def test_without_compare_the_first_probe_at_the_end(valid):
    head, _, rest = valid.partition("compare:")
    compare = parse(head + rest[rest.index("vary") :], "f").compare
    assert (compare.probe, compare.metric, compare.at, compare.pairs) == ("held", "accuracy", "end", ())


def test_vary_is_a_product_in_the_order_written(valid):
    grid = points(parse(valid, "f"))
    assert [(p["stages.review.labels"], p["brain.width"]) for p, _ in grid] == [
        (20, [4]), (20, [4, 4]), (30, [4]), (30, [4, 4]),
    ]  # fmt: skip
    _, scenario = grid[1]
    assert scenario.stages["review"].labels == 20 and scenario.brain["width"] == [4, 4]
    assert scenario.arms["plain"].steps[0].stage.labels == 20
    assert scenario.arms["playful"].steps[1].stage.labels == 50  # set by the arm itself


def test_vary_as_points_may_replace_whole_parts(valid):
    head, _, _ = valid.partition("vary:")
    head = head.replace("  looks: [2, 4]\n", "")
    first = "{brain: {kind: mlp, width: [2]}, stages.review.updates: 11}"
    text = head + f"vary:\n  - {first}\n  - {{brain: {{kind: conv, channels: [2]}}}}\n"
    (_, mlp), (_, conv) = points(parse(text, "f"))
    assert (mlp.brain["kind"], mlp.stages["review"].updates) == ("mlp", 11)
    assert (conv.brain["kind"], conv.stages["review"].updates) == ("conv", 10)


def test_without_vary_there_is_one_empty_point(unvaried):
    scenario = parse(unvaried, "f")
    assert points(scenario) == [({}, scenario)]


def test_overrides(valid):
    scenario = parse(valid, "f", ["stages.review.updates=7", "seeds=[3, 7]", "stages.review.optimiser=sgd", "block=1"])
    review = scenario.stages["review"]
    assert (review.updates, review.optimiser, scenario.seeds, scenario.block) == (7, "sgd", (3, 7), 1)
    assert all(point.seeds == (3, 7) for _, point in points(scenario))


def test_extends_merges_maps_and_replaces_lists(valid, tmp_path):
    (tmp_path / "base.yaml").write_text(valid)
    child = tmp_path / "child.yaml"
    child.write_text(
        "extends: base.yaml\nscenario: child\nstages: {review: {labels: 70}}\narms: {plain: [review, review]}\n"
    )
    scenario = load(child)
    assert (scenario.scenario, scenario.stages["review"].updates, len(scenario.arms["plain"].steps)) == ("child", 10, 2)
    assert list(scenario.arms) == ["plain", "playful", "gated", "matched"]


def test_extends_points_into_the_right_file(valid, tmp_path, problems):
    base = tmp_path / "base.yaml"
    base.write_text(valid.replace("width: [8", "widht: [8"))
    text = "extends: base.yaml\nstages: {review: {lables: 70}}\n"
    assert problems(text, f"{tmp_path}/child.yaml") == [
        f"{base}:6:20: unknown key 'widht'; did you mean 'width'?",
        f"{tmp_path}/child.yaml:2:19: unknown key 'lables'; did you mean 'labels'?",
    ]


def test_extends_of_nothing_of_itself_and_of_a_number(tmp_path, problems, valid):
    (tmp_path / "first.yaml").write_text("extends: second.yaml\n" + valid)
    (tmp_path / "second.yaml").write_text("extends: first.yaml\n")
    name = f"{tmp_path}/new.yaml"
    assert problems("extends: frist.yaml\n" + valid, name) == [
        f"{name}:1:10: there is no file {tmp_path}/frist.yaml to extend; did you mean 'first.yaml'?"
    ]
    assert problems("extends: 3\n" + valid, name) == [f"{name}:1:10: extends must be the path of a file, got 3"]
    with pytest.raises(ScenarioError, match=r"second.yaml:1:10: first.yaml extends this file in turn"):
        load(tmp_path / "first.yaml")


def test_our_scenarios_are_found_by_name():
    assert {"first_steps", "plain_mnist", "cartpole"} <= set(library())
    assert find("first_steps") == find("first_steps.yaml") == library()["first_steps"]
    path = library()["cartpole"]
    assert find(path) == path and load("cartpole").scenario == "cartpole"
    with pytest.raises(ScenarioError, match=r"^frist_steps: no such file.*did you mean 'first_steps'\?$"):
        find("frist_steps")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("goood.yaml", "no such file; did you mean 'good.yaml'?"),
        ("good", "no such file, and no scenario of that name; did you mean 'good.yaml'?"),
        ("first_step.yaml", "no such file, and no scenario of that name; did you mean 'first_steps'?"),
        ("nothing-like-it.yaml", "no such file, and no scenario of that name; `devlearn list scenarios` names ours"),
        ("below/goood.yml", "no such file; there are: other.yaml"),
        ("above/good.yaml", "no such file: there is no folder above"),
        ("empty/good.yaml", "no such file, and no other YAML file beside it"),
    ],
)
def test_a_missing_file_is_answered_with_files(tmp_path, monkeypatch, name, says):
    monkeypatch.chdir(tmp_path)
    for folder in ("below", "empty"):
        (tmp_path / folder).mkdir()
    for file in ("good.yaml", "below/other.yaml"):
        (tmp_path / file).write_text("")
    with pytest.raises(ScenarioError) as found:
        find(name)
    assert str(found.value) == f"{name}: {says}"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("pipe.yaml", "is a pipe, a socket or a device, not a file; write the scenario into one"),
        ("zero.yaml", "is a pipe, a socket or a device, not a file; write the scenario into one"),
        ("loop.yaml", "is a link that leads to no file"),
        ("nowhere.yaml", "is a link that leads to no file"),
        ("folder.yaml", "is a directory, not a scenario's file"),
    ],
)
def test_what_is_there_and_no_file_is_called_what_it_is(tmp_path, problems, valid, name, says):
    os.mkfifo(tmp_path / "pipe.yaml")
    for link, to in (("zero", "/dev/zero"), ("loop", "loop.yaml"), ("nowhere", "/nowhere")):
        (tmp_path / f"{link}.yaml").symlink_to(to)
    (tmp_path / "folder.yaml").mkdir()
    with pytest.raises(ScenarioError) as found:
        find(tmp_path / name)
    assert str(found.value).startswith(f"{tmp_path / name}: {says}")
    new = f"{tmp_path}/new.yaml"
    assert problems(f"extends: {name}\n" + valid, new) == [f"{new}:1:10: {tmp_path / name} {says}"]


def test_nested_names(tmp_path, monkeypatch):
    (tmp_path / "scenarios" / "innate").mkdir(parents=True)
    (tmp_path / "scenarios" / "innate" / "gabor.yaml").write_text("")
    monkeypatch.setattr("devlearn.scenario.files._PACKAGE", tmp_path / "devlearn")
    assert find("innate/gabor") == find("gabor") == tmp_path / "scenarios" / "innate" / "gabor.yaml"
    (tmp_path / "scenarios" / "movement").mkdir()
    (tmp_path / "scenarios" / "movement" / "gabor.yaml").write_text("")
    with pytest.raises(ScenarioError, match=r"^gabor: no such file"):
        find("gabor")
    with pytest.raises(ScenarioError, match=r"^innate/gobor: no such file.*did you mean 'innate/gabor'\?$"):
        find("innate/gobor")


def test_a_file_that_is_not_text(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_bytes(b"about: \xff")
    with pytest.raises(ScenarioError, match=r"x.yaml:1:8: not UTF-8 text: invalid start byte$"):
        load(path)


@pytest.mark.parametrize("name", sorted(library()))
def test_every_scenario_of_ours_is_valid(name):
    from devlearn.tasks.data import size
    from devlearn.tasks.envs import check_id

    assert points(load(name, check_env=check_id, check_data=size))


def test_a_plain_module_as_brain(tmp_path, monkeypatch, unvaried, problems):
    (tmp_path / "my_brain.py").write_text("class Tiny:\n    def __init__(self, needs, depth=2): ...\nraise_on = 1\n")
    (tmp_path / "broken_brain.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    text = unvaried
    whole = "{kind: mlp, width: [8, 8], activation: tanh}"
    assert parse(text.replace(whole, '{kind: "my_brain:Tiny", depth: 3}'), "f").brain == {
        "kind": "my_brain:Tiny",
        "depth": 3,
    }
    assert problems(text.replace(whole, "{kind: 'my_brain:Tiny', dpth: 3}")) == [
        "file.yaml:6:32: unknown key 'dpth'; did you mean 'depth'?"
    ]
    assert problems(text.replace(whole, "{kind: 'broken_brain:Tiny'}")) == [
        "file.yaml:6:15: 'broken_brain:Tiny' can't be imported: ZeroDivisionError: division by zero "
        f"({tmp_path / 'broken_brain.py'}:1)"
    ]
    assert problems(text.replace(whole, "{kind: 'my_brain:raise_on'}")) == [
        "file.yaml:6:15: 'my_brain:raise_on' is not a class of brains"
    ]


def test_the_units_are_those_of_a_stage():
    assert UNITS == stage.UNITS


def test_the_schema_offers_each_kind_its_own_keys():
    whole = schema()
    json.dumps(whole)
    kinds = {
        part["title"]: part
        for part in whole["properties"]["stages"]["additionalProperties"]["oneOf"]
        if "title" in part
    }
    school, play, shuffle = (kinds[f"fake.{name}"]["properties"] for name in ("school", "play", "shuffle"))
    assert school["kind"] == {"const": "fake.school"} and school["labels"]["description"] == "how many"
    assert {"updates", "images", "flops"} <= set(school) and "env_steps" not in school
    assert "env_steps" in play and "images" not in play
    assert not set(shuffle) & set(UNITS)
    assert kinds["fake.play"]["required"] == ["kind", "env"] and kinds["fake.play"]["additionalProperties"] is False


def test_every_reference_of_the_schema_is_defined():
    text = json.dumps(schema())
    defined = set(schema()["$defs"])
    used = {part.partition('"')[0] for part in text.split('"#/$defs/')[1:]}
    assert used and used <= defined


def test_the_package_is_found_where_it_stands():
    assert Path(library()["first_steps"]).parent.name == "scenarios"
