"""What the command line says of what there is, of what is wrong and of what a user plugs in."""

import inspect
import io
import json
import os
import runpy
from pathlib import Path

import pytest

from devlearn import registry
from devlearn.templates import KINDS, SPACES
from tests.commands import call, fresh
from tests.shipped import shipped

WITHOUT = """
import sys
from devlearn.cli import main
try:
    main()
finally:
    heavy = {"torch", "torchvision", "numpy", "scipy", "matplotlib", "gymnasium", "pydantic", "rich"} & set(sys.modules)
    print("HEAVY", sorted(heavy), file=sys.stderr)
"""


def test_help_imports_nothing_heavy_and_names_every_command() -> None:
    found = fresh("--help", code=WITHOUT)
    assert found.returncode == 0 and "HEAVY []" in found.stderr
    commands = [line.split()[0] for line in found.stdout.partition("Commands:")[2].splitlines() if line.strip()]
    assert commands == [
        "check", "compare", "completion", "demonstrate", "export", "genome", "list", "new", "register", "replicate",
        "report", "resume", "run", "schema", "thin",
    ]  # fmt: skip


def test_a_dry_run_prints_the_plan_without_torchvision_and_writes_nothing(here: Path) -> None:
    found = fresh("run", "toy.yaml", "--dry-run", code=WITHOUT)
    assert found.returncode == 0, found.stderr
    assert "torchvision" not in found.stderr.partition("HEAVY")[2]
    for text in (
        "looked",
        "look: pretrain.denoise, 4 updates",
        "20 labels",
        "jobs/look+school",
        "seeds-2-3",
        "roughly",
    ):
        assert text in found.stdout
    assert [path.name for path in here.iterdir()] == ["toy.yaml"]


def test_a_plan_says_how_settings_were_searched(here: Path) -> None:
    (here / "toy.yaml").write_text(f"searched: 'by hand: lr [of two]'\n{(here / 'toy.yaml').read_text()}")
    assert "Settings were searched by hand: lr [of two]." in call("run", "toy.yaml", "--dry-run").stdout


@pytest.mark.parametrize(
    ("env", "lines"),
    [
        ("devlearn/DigitReach-v0", ["  reach              [8]", "  limit              [16]"]),
        ("BipedalWalker-v3", ["  hardcore           [False]", "  max_episode_steps  [1600]"]),
    ],
)
def test_what_can_stand_in_env_kwargs_is_listed(env: str, lines: list[str]) -> None:
    found = call("list", "envs", env).stdout.splitlines()
    assert found[0].startswith(f"{env}: ") and set(lines) <= set(found)


LISTED = ["stages", "priors", "brains", "envs", "probes", "executors", "sections", "scenarios"]


@pytest.mark.parametrize("arguments", [["check", "scenario", "first_steps"], *(["list", what] for what in LISTED)])
def test_looking_around_takes_neither_torch_nor_scipy_nor_matplotlib(arguments: list[str]) -> None:
    found = fresh(*arguments, code=WITHOUT)
    assert found.returncode == 0 and found.stdout, found.stderr
    heavy = found.stderr.partition("HEAVY")[2]
    assert "[" in heavy and not any(f"'{name}'" in heavy for name in ("torch", "torchvision", "scipy", "matplotlib"))


def test_names_of_plug_ins_take_neither_torch_nor_scipy_nor_matplotlib() -> None:
    program = (
        "import sys; from devlearn import registry\n"
        "for group in registry.GROUPS: assert registry.names(group), group\n"
        "print(sorted({'torch', 'torchvision', 'scipy', 'matplotlib'} & set(sys.modules)))"
    )
    assert fresh(code=program).stdout == "[]\n"


def test_a_check_warns_as_a_dry_run_does_and_says_what_it_left_to_that() -> None:
    checked, planned = fresh("check", "scenario", "few_labels"), call("run", "few_labels", "--dry-run")
    assert checked.stderr == planned.stderr and checked.stderr.startswith("warning: developmental lacks")
    assert "is counted by: devlearn run few_labels --dry-run" in checked.stdout


def test_a_check_refuses_an_environment_that_does_not_fit_its_stage_and_takes_no_torch(here: Path, toy: str) -> None:
    look = "look: {kind: pretrain.predict, env: CartPole-v1, updates: 4}"
    (here / "toy.yaml").write_text(toy.replace("look: {kind: pretrain.denoise, updates: 4, batch: 8}", look))
    found = fresh("check", "scenario", "toy.yaml", code=WITHOUT)
    said, _, heavy = found.stderr.partition("HEAVY")
    assert found.returncode == 2 and "'torch'" not in heavy and not found.stdout
    assert said.startswith("toy.yaml:8:3: look: pretrain.predict foresees one picture (H, W) of bytes after one of ")
    assert "CartPole-v1 shows a vector of 4 numbers and takes one of 2 actions" in said
    assert "; name another env, or wrap this one" in said
    assert call("run", "toy.yaml", "--dry-run").output == said


@pytest.mark.parametrize(
    ("what", "names"),
    [
        ("stages", ["innate.shuffle", "supervise", "trial.ppo"]),
        ("priors", ["innate.waves"]),
        ("brains", ["conv", "mlp"]),
        ("envs", ["devlearn/DigitReach-v0", "CartPole-v1"]),
        ("probes", ["accuracy", "objective", "return"]),
        ("scenarios", ["first_steps", "cartpole"]),
    ],
)
def test_list(what: str, names: list[str]) -> None:
    listed = [line.split()[0] for line in call("list", what).stdout.splitlines() if line]
    assert set(names) <= set(listed)


def test_list_priors_says_what_each_has_to_be_compared_with() -> None:
    lines = call("list", "priors").stdout.splitlines()
    parts = {line.split(",")[0]: number for number, line in enumerate(lines) if line and not line.startswith(" ")}
    waves = next(number for number, line in enumerate(lines) if line.startswith("innate.waves"))
    assert lines[waves + 1].split() == ["needs:", "shuffle,", "sham,", "compute"]
    assert lines[waves + 2].strip() == "its sham: {sham: phase}"
    look = next(number for number, line in enumerate(lines) if line.startswith("pretrain.denoise"))
    assert lines[look + 2].strip() == "its sham: {sham: true}"
    shuffle = next(number for number, line in enumerate(lines) if line.startswith("innate.shuffle"))
    assert lines[shuffle + 1].split() == ["control:", "shuffle"]
    assert parts["priors"] < waves < parts["stages that make a control"] < shuffle < parts["controls"]
    assert any(line.startswith("sham") and "rules out:" in line for line in lines)
    compute = next(number for number, line in enumerate(lines) if line.startswith("compute"))
    assert lines[compute + 1].strip().endswith("by: flops}}; by: [labels, flops] where prior was bought with labels")


def test_missing_controls_are_warned_of_in_lines_that_can_be_copied() -> None:
    result = call("check", "scenario", "few_labels")
    lines = [line.rstrip() for line in result.stderr.splitlines()]
    assert result.exit_code == 0
    assert lines[0].startswith("warning: developmental lacks control pairs for waves and look: ")
    assert (
        lines[0].endswith("; add") and lines[1] == "  arms:" and "      - [developmental, developmental-sham]" in lines
    )


def test_the_keys_of_one_plug_in_with_their_meaning() -> None:
    lines = [line.strip() for line in call("list", "stages", "supervise").stdout.splitlines()]
    assert lines[0].startswith("supervise: ")
    batch = next(line for line in lines if line.startswith("batch "))
    field = registry.get("stages", "supervise").model_fields["batch"]
    assert batch.split(maxsplit=1) == ["batch", f"{field.description} [{field.default}]"]
    keys = [line.split()[0] for line in lines[1:]]
    assert {"updates", "labels", "lr"} <= set(keys) and "env_steps" not in keys  # no budget of it
    env = next(line for line in call("list", "stages", "trial.ppo").stdout.splitlines() if line.startswith("  env "))
    assert env.endswith(" [required]")
    assert "width" in call("list", "brains", "mlp").stdout and "every" in call("list", "probes", "accuracy").stdout


@pytest.mark.parametrize("kind", shipped("stages"))
def test_the_keys_of_every_stage_can_be_listed(kind: str) -> None:
    assert call("list", "stages", kind).exit_code == 0


def test_schema_is_a_json_schema() -> None:
    assert "stages" in json.dumps(json.loads(call("schema").stdout)["properties"])


# ---- bad input ----


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "nowhere.yaml"], "nowhere.yaml: no such file"),
        (["run", "toy.yaml", "--set", "stages.scool.updates=3"], "did you mean 'school'?"),
        (["run", "toy.yaml", "--set", "stages.school.updates=0"], "updates must be greater than 0"),
        (["run", "toy.yaml", "--seeds", "few"], "how many (16) or which (3,7)"),
        (["check", "scenario", "first_step"], "did you mean 'first_steps'?"),
        (["check", "stage", "supervize"], "did you mean 'supervise'?"),
        (["check", "env", "CartPoll-v1"], "did you mean 'CartPole-v1'?"),
        (["check", "env", "CartPole-v1", "--key", "cells=8"], "CartPole-v1 takes no 'cells'; it takes: sutton_barto"),
        (["check", "env", "CartPole-v1", "--key", "cells=["], "--key cells: '[' is not YAML; are its brackets"),
        (["check", "env", "CartPole-v1", "--key", "cells=2020-13-45"], "--key cells: '2020-13-45' is not YAML"),
        (["check", "env", "CartPole-v1", "--key", f"cells={'9' * 5000}"], "characters; the rest is left out) is not"),
        (["check", "env", "CartPole-v1", "--key", f"cells={'[' * 5000}"], "characters; the rest is left out) is not"),
        (["check", "env", "CartPole-v1", "--wrapper", "{id: A"], "--wrapper: '{id: A' is not YAML; are its brackets"),
        (["run", "toy.yaml", "--prereg", "toy.yaml"], "devlearn; write it anew, or fetch the one that was kept)"),
        (["run", "toy.yaml", "--executor", "locla", "--dry-run"], "unknown executor 'locla'; did you mean 'local'?"),
        (["run", "toy.yaml", "--prereg", "toy.yaml", "--dry-run"], "toy.yaml is no registration"),
        (["run", "toy.yaml", "--prereg", "gone.json", "--dry-run"], "there is no registration gone.json"),
        (["check", "stage", "trial.ppo"], "missing key 'env'"),
        (["check", "toy"], "did you mean 'toy.yaml'?"),
        (["check", "nothing-like-it"], "what is no scenario is checked by: devlearn check env|stage|brain|"),
        (["check", "stag", "supervise"], "what is 'stag'? did you mean 'stage'?"),
        (["check", "thing", "supervise"], "what is 'thing'? there are: env, stage"),
        (["check", "stage"], "check stage NAME: which stage?"),
        (["list", "env"], "'env' is none of them; did you mean 'envs'?"),
        (["completion", "tcsh"], "there are: bash, zsh, fish"),
        (["resume", "nowhere"], "there is no folder nowhere; a run is in runs/SCENARIO"),
        (["report", "toy.yaml"], "toy.yaml is a file, not the folder of a run"),
        (["check", "prior", "innate.waves"], "a prior is a stage: devlearn check stage NAME"),
        (["list", "stages", "supervize"], "did you mean 'supervise'?"),
        (["list", "stages", "devlearn.probes.accuracy:Accuracy"], "is a probe, not a stage"),
        (["list", "data", "mnist"], "keys are listed of stages, protections, probes, brains and envs, not of data"),
        (["list", "envs", "CartPoll-v1"], "did you mean 'CartPole-v1'?"),
        (["check", "probe", "acuracy"], "did you mean 'accuracy'?"),
        (["check", "probe", "return"], "missing key 'env'"),
        (["new", "executor", "my-queue-"], "can't be a name"),
        (["check", "section", "livs"], "did you mean 'lives'?"),
        (["resume", "."], "holds no run"),
        (["compare", "."], "is no run folder"),
        (["report", "."], "is no run folder"),
        (["export", "."], "holds no run"),
        (["export", "."], "`devlearn run SCENARIO` makes one"),
        (["run", "."], "is a directory, not a scenario's file; name one of its files: toy.yaml"),
        (["check", "."], "is a directory, not a scenario's file"),
        (["worker", "."], "is no job"),
        (["new", "env", "9lives"], "can't be a name"),
        (["new", "scenario", "toy"], "toy.yaml already here"),
    ],
)
def test_bad_input_is_exit_code_2_with_a_message(here: Path, arguments: list[str], message: str) -> None:
    result = call(*arguments)
    assert result.exit_code == 2
    assert message in result.output and "Traceback" not in result.output
    assert not (here / "runs").exists()


@pytest.mark.parametrize("command", ["report", "export", "compare", "thin", "resume"])
def test_what_is_no_run_is_answered_with_the_runs_beside_it(here: Path, command: str) -> None:
    for folder in ("notes", "runs/it"):
        (here / folder).mkdir(parents=True)
    (here / "runs/it/.devlearn").write_text('{"devlearn": 1, "holds": "run"}')
    result = call(command, "notes")
    assert result.exit_code == 2 and "notes is no run folder" in result.stderr
    assert "run folders near it: runs/it" in result.stderr


def test_the_folder_of_a_run_is_no_scenario(here: Path) -> None:
    (here / "it").mkdir()
    (here / "it/resolved.json").write_text("{}")
    result = call("run", "it")
    assert result.exit_code == 2 and "go on with it: devlearn resume it" in result.stderr


def test_every_mistake_of_a_scenario_at_once_with_its_place(here: Path, toy: str) -> None:
    (here / "toy.yaml").write_text(toy.replace("labels: 20", "lables: 20").replace("[look, school]", "[lok, school]"))
    result = call("check", "scenario", "toy.yaml")
    assert result.exit_code == 2
    assert "toy.yaml:9:" in result.output and "did you mean 'labels'?" in result.output
    assert "toy.yaml:12:" in result.output and "did you mean 'look'?" in result.output


def test_a_module_that_fails_to_import_is_the_users_mistake(here: Path, toy: str) -> None:
    (here / "sick_env.py").write_text("1 / 0")
    (here / "toy.yaml").write_text(
        toy.replace("pretrain.denoise, updates: 4, batch: 8", "trial.ppo, env: 'sick_env:Sick-v0', env_steps: 64")
    )
    result = call("check", "scenario", "toy.yaml")
    assert result.exit_code == 2 and "sick_env" in result.output and "ZeroDivisionError" in result.output


# ---- plugging in ----


def test_a_new_environment_goes_from_a_skeleton_to_a_verdict(here: Path) -> None:
    made = call("new", "env", "SpotLight")
    assert made.exit_code == 0 and "devlearn check env spot_light_env:SpotLight-v0" in made.stdout
    checked = call("check", "env", "spot_light_env:SpotLight-v0")
    assert checked.exit_code == 0 and "keeps all" in checked.stdout
    small = ["--set", "stages.play.env_steps=2048", "--set", "probes.skill.episodes=2"]
    found = call("run", "spot_light.yaml", "--seeds", "2", "--no-report", *small)
    assert found.exit_code == 0 and "played" in found.stdout
    assert call("new", "env", "SpotLight").exit_code == 2


@pytest.mark.parametrize("spaces", SPACES[1:])
def test_an_environment_with_other_spaces_keeps_the_laws_and_trains(here: Path, spaces: str) -> None:
    module = f"spot_{spaces}_env"  # a name that no other test has imported
    assert call("new", "env", f"Spot-{spaces}", "--spaces", spaces).exit_code == 0
    assert "keeps all 14 laws" in call("check", "env", f"{module}:Spot{spaces.capitalize()}-v0").stdout
    small = ["--set", "stages.play.env_steps=1024", "--set", "probes.skill.episodes=2"]
    found = call("run", f"spot_{spaces}.yaml", "--seeds", "2", "--no-report", *small)
    assert found.exit_code == 0 and "played" in found.stdout


def test_only_an_environment_has_spaces(here: Path) -> None:
    told = call("new", "stage", "Spot", "--spaces", "image")
    assert told.exit_code == 2 and "--spaces is for an environment, not for: new stage" in told.output


TORN = """
from torch import nn
class Torn(nn.Module):
    def __init__(self, needs):
        super().__init__()
        self.layer = nn.Linear(784, 10)
    def forward(self, x, sense, head):
        return self.layer(x)
"""


def test_check_says_what_is_broken(here: Path) -> None:
    (here / "torn_brain.py").write_text(TORN)
    result = call("check", "brain", "torn_brain:Torn")
    assert result.stderr.startswith("brain torn_brain:Torn: its import, and the laws of its kind")
    assert result.exit_code == 1 and "FAIL" in result.stdout and "laws broken" in result.stdout


def test_every_skeleton_passes_its_own_test(here: Path) -> None:
    ran = []
    for kind in KINDS:
        assert call("new", kind, f"my-{kind}").exit_code == 0
        assert call("check", "scenario", f"my_{kind}.yaml").exit_code == 0
    for path in sorted(here.glob("test_*.py")):
        for name, test in runpy.run_path(str(path)).items():
            if name.startswith("test_"):
                test(**({"tmp_path": here / "out"} if "tmp_path" in inspect.signature(test).parameters else {}))
                ran.append(name)
    assert len(ran) == len(KINDS)


def test_new_names_pytest_where_it_is(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert call("new", "env", "Spot").output.splitlines()[-1] == "  pytest"
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    made = call("new", "stage", "Spots")
    assert made.exit_code == 0 and made.output.splitlines()[-1] == "  devlearn run spots.yaml"


def test_only_environments_that_can_be_made_are_listed() -> None:
    import gymnasium

    listed = call("list", "envs")
    names = [line.split()[0] for line in listed.stdout.splitlines()]
    assert {"devlearn/TMaze-v0", "CartPole-v1", "BipedalWalker-v3"} <= set(names)
    assert "Ant-v3" in gymnasium.registry and not {"Ant-v3", "GymV21Environment-v0"} & set(names)
    assert f"{len(gymnasium.registry) - len(names)} more are registered and can't be made here" in listed.stderr
    (told,) = (line for line in listed.stdout.splitlines() if line.startswith("devlearn/TMaze-v0 "))
    assert "  Working memory: a cue at the beginning of a corridor says " in told and told.endswith(" the reward is.")


class Narrow(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_lines_end_where_a_terminal_does(monkeypatch: pytest.MonkeyPatch) -> None:
    from devlearn.cli.columns import hanging, table

    monkeypatch.setattr("shutil.get_terminal_size", lambda **_: os.terminal_size((40, 24)))
    rows = [("one", "what there is to be said of this is more than one line"), ("three", "little")]
    assert table(rows, Narrow()) == [
        "one    what there is to be said of this\n       is more than one line",
        "three  little",
    ]
    assert table(rows, io.StringIO())[0] == f"one    {rows[0][1]}"
    assert hanging("warning: ", "that this is so; and\nthat that is", Narrow()).splitlines() == [
        "warning: that this is so; and",
        "         that that is",
    ]


GATED = """
devlearn: 1
scenario: gated
seeds: 3
brain: {kind: mlp, width: [16]}
stages:
  look: {kind: pretrain.denoise, updates: 60, until: {probe: held, at_least: 0.0, min_updates: 10}}
  school: {kind: supervise, labels: 100, updates: 20, schedule: linear}
arms:
  lin: {stages: [look, school]TOTAL}
probes:
  held: {kind: accuracy, data: mnist.valid, every: 5}
"""


@pytest.mark.parametrize(
    ("total", "old", "new", "says"),
    [
        (", total: {updates: 80}", "", "", "'school' follows its planned budget (a schedule), and the gate of 'look'"),
        (
            "",
            "labels: 100",
            "optimiser: continue, labels: 100",
            "'school' can't continue an optimiser: 'look' before it",
        ),
    ],
)
def test_what_a_run_refuses_without_a_network_is_refused_by_check(
    tmp_path: Path, total: str, old: str, new: str, says: str
) -> None:
    path = tmp_path / "gated.yaml"
    path.write_text(GATED.replace("TOTAL", total).replace(old, new))
    code = "import sys; from devlearn.cli import main\ntry: main()\nfinally: assert 'torch' not in sys.modules"
    checked = fresh("check", "scenario", str(path), code=code)
    assert checked.returncode == 2 and says in checked.stderr, checked.stderr
    assert call("run", path, "--dry-run").stderr == checked.stderr
