"""What a stage is in a life goes by what it declares, whatever it is called: in listings, warnings and records."""

from typing import Any

import pytest
from click.testing import CliRunner

from devlearn import registry
from devlearn.cli import main
from devlearn.learners.brains.needs import Needs
from devlearn.runs.plan import plan, resolved
from devlearn.runs.plan.missing_controls import uncontrolled
from devlearn.scenario import ScenarioError, parse
from devlearn.stages.stage import Cost, Stage
from devlearn.testing import check_brain, check_probe, check_stage
from tests.laws.rows import STAGES, make

SCENARIO = """\
devlearn: 1
scenario: named
seeds: 2
brain: {kind: mlp, width: [4]}
stages:
  born: {kind: mine}
  mixed: {kind: innate.shuffle}
  look: {kind: pretrain.denoise, updates: 3}
  school: {kind: supervise, labels: 20, updates: 3}
arms:
  plain: [school]
  prior: [born, mixed, look, school]
probes:
  digits: {kind: accuracy}
compare: {probe: digits, smallest_effect: 0.1, pairs: [[prior, plain]]}
"""


class Mine(Stage):
    """A prior of somebody else, under a name of their own."""

    role = "innate"
    units = ()
    controls = ("shuffle",)

    def needs(self) -> Needs:
        return Needs()

    def cost(self, brain: Any) -> Cost:
        return Cost()


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    registry.names("stages")
    monkeypatch.setitem(registry._tables["stages"], "mine", Mine)


def test_records_have_the_role_of_every_stage() -> None:
    found = resolved(plan(parse(SCENARIO, "f.yaml")))
    roles = [stage.role for stage in found.points[0].arms["prior"].stages]
    assert roles == ["innate", "control", "pretrain", "supervise"]


def test_roles_follow_from_the_rest_and_leave_a_runs_digest_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    before = resolved(plan(parse(SCENARIO, "f.yaml")))
    monkeypatch.setattr(Mine, "role", "pretrain")
    after = resolved(plan(parse(SCENARIO, "f.yaml")))
    assert before.points != after.points
    assert before.digest == after.digest


def test_a_prior_that_was_installed_is_listed_among_the_priors() -> None:
    lines = CliRunner().invoke(main, ["list", "priors"]).stdout.splitlines()
    starts = [next(i for i, line in enumerate(lines) if line.startswith(f"{word} ")) for word in ("mine", "looking")]
    assert starts[0] < starts[1]
    controls = lines[lines.index("stages that make a control") :]
    assert {"innate.shuffle", "innate.scramble"} <= {line.split(" ")[0] for line in controls}


@pytest.mark.parametrize("row", sorted(STAGES))
def test_who_uses_labels_is_known_before_anything_is_counted(row: str) -> None:
    """Stages with the key ``labels``, and those that pass on what others learned."""
    kind = STAGES[row][0]
    assert make(row).uses_labels() == (hasattr(make(row), "labels") or kind == "innate.inherit")


def test_a_prior_that_passes_on_labels_is_matched_by_labels_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Mine, "controls", ("compute",))
    scenario = parse(SCENARIO.replace("[born, mixed, look, school]", "[born, school]"), "f.yaml")
    assert "by: flops}" in uncontrolled(scenario)["prior"][0]["arm"]
    monkeypatch.setattr(Mine, "uses_labels", lambda self: True)
    assert "by: [labels, flops]}" in uncontrolled(scenario)["prior"][0]["arm"]


@pytest.mark.parametrize(
    ("group", "kind", "says"),
    [
        ("stages", "devlearn.probes.accuracy:Accuracy", "is a probe, not a stage; it belongs under 'probes'"),
        ("probes", "tests.stages.test_roles:Mine", "is a stage, not a probe; it belongs under 'stages'"),
        ("brains", "tests.stages.test_roles:Mine", "is a stage, not a brain; it belongs under 'stages'"),
        ("stages", "devlearn.learners.brains.brain:MLP", "is no stage; derive the class from devlearn.plugin.Stage"),
        ("probes", "torch.nn:Linear", "is no probe; derive the class from devlearn.plugin.Probe"),
    ],
)
def test_a_plug_in_of_another_group_is_refused_at_its_kind(group: str, kind: str, says: str) -> None:
    """Whatever keys it is given: what is wrong is its place."""
    swap = {"stages": "kind: mine", "probes": "kind: accuracy", "brains": "kind: mlp"}[group]
    text = SCENARIO.replace(swap, f"kind: '{kind}'")
    with pytest.raises(ScenarioError) as caught:
        parse(text, "f.yaml")
    assert f"{kind!r} {says}" in str(caught.value)
    check = {"stages": check_stage, "probes": check_probe, "brains": check_brain}[group]
    found = check(kind)
    assert [(finding.name, finding.ok, finding.message) for finding in found] == [("kind", False, f"{kind!r} {says}")]


def test_a_stage_that_declares_no_role_is_noted_at_its_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    assert parse(SCENARIO, "f.yaml").notes == ()
    monkeypatch.delattr(Mine, "role")
    notes = [str(note) for note in parse(SCENARIO, "f.yaml").notes]
    assert len(notes) == 1
    assert notes[0].startswith(
        "f.yaml:6:16: the class of 'mine' declares no role and counts as pretrain; say in the class"
    )


def test_a_misspelt_role_is_refused_at_its_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Mine, "role", "inate")
    with pytest.raises(ScenarioError) as caught:
        parse(SCENARIO, "f.yaml")
    said = "'role' is 'inate', which is no role; did you mean 'innate'?"
    assert str(caught.value) == f"f.yaml:6:16: the class of 'mine' has to be mended: {said}"
    assert {found.name: found.message for found in check_stage(Mine) if not found.ok}["role"] == said


def test_a_sham_without_the_key_that_makes_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The arm that the file would be offered could not be read."""
    monkeypatch.setattr(Mine, "controls", ("shuffle", "sham"))
    with pytest.raises(ScenarioError, match=r"^f.yaml:6:16: .* asks for a sham, which the key 'sham' makes"):
        parse(SCENARIO, "f.yaml")


@pytest.mark.parametrize(("key", "value"), [("controls", ("shufle", "compute")), ("control", "shufle")])
def test_a_class_that_names_no_control_is_refused_at_its_kind(
    key: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Mine, key, value)
    with pytest.raises(ScenarioError) as caught:
        parse(SCENARIO, "f.yaml")
    said = f"the class of 'mine' has to be mended: '{key}' names 'shufle', which is no control"
    assert str(caught.value) == f"f.yaml:6:16: {said}; did you mean 'shuffle'?"
