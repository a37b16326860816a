"""Environment ids: what is known, what is named instead, and what plug-ins add."""

import sys
from pathlib import Path
from types import SimpleNamespace

import gymnasium
import pytest

from devlearn.tasks.envs import EnvSpec, UnknownEnv, WorldError, check_id, spaces
from devlearn.tasks.envs import registration as ids
from devlearn.tasks.envs.registration import make


@pytest.mark.parametrize("env", ["CartPole-v1", "devlearn/DigitReach-v0", "toy_envs:toy/Toy-v0", "toy/Toy-v0"])
def test_known_ids(env: str) -> None:
    if env == "toy/Toy-v0":
        check_id("toy_envs:toy/Toy-v0")
    assert check_id(env) == env.rpartition(":")[2]


@pytest.mark.parametrize(
    ("env", "nearest"),
    [
        ("Cartpole-v1", "CartPole-v1"),
        ("CartPole", "CartPole-v1"),
        ("CartPole-v7", "CartPole-v1"),
        ("devlearn/DigitReach", "devlearn/DigitReach-v0"),
        ("toy_envs:toy/Tow-v0", "toy/Toy-v0"),
    ],
)
def test_an_unknown_id_is_answered_with_the_nearest(env: str, nearest: str) -> None:
    with pytest.raises(UnknownEnv, match=f"did you mean '.*{nearest}'") as caught:
        check_id(env)
    assert caught.value.nearest is not None and caught.value.nearest.endswith(nearest)


@pytest.mark.parametrize("env", ["../../mine:Maze-v0", "envs/mine:Maze-v0", "mine.py/:Maze-v0", ".mine:Maze-v0"])
def test_a_path_is_no_module(env: str) -> None:
    with pytest.raises(UnknownEnv, match=r"can't be the name of a module: write package.module:Name"):
        check_id(env)


def test_an_id_of_a_missing_module_is_unknown() -> None:
    with pytest.raises(UnknownEnv, match="No module named 'no_such_module'"):
        check_id("no_such_module:Thing-v0")


def test_a_module_that_fails_is_an_error_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "failing_module.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(WorldError, match="importing failing_module failed: ZeroDivisionError"):
        check_id("failing_module:Thing-v0")


@pytest.mark.parametrize("as_function", [True, False])
def test_the_entry_points_are_read_when_an_id_is_unknown(as_function: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"plugged/In{int(as_function)}-v0"

    def register() -> None:
        gymnasium.register(name, entry_point="toy_envs:Toy")

    def load() -> object:
        if as_function:
            return register
        register()
        return sys.modules[__name__]

    groups = []
    monkeypatch.setattr(ids, "entry_points", lambda group: groups.append(group) or [SimpleNamespace(load=load)])
    assert check_id("CartPole-v1") == "CartPole-v1" and groups == []
    assert check_id(name) == name and groups == ["devlearn.envs"]


def test_spaces_are_found_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = spaces(EnvSpec("MountainCar-v0"))
    monkeypatch.setattr(sys.modules["devlearn.tasks.envs.spaces"], "make", None)
    assert spaces(EnvSpec("MountainCar-v0")) == first


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x = 1", "quiet_module was imported and registers nothing: gymnasium.register"),
        (
            "import gymnasium\nclass A: ...\ngymnasium.register('Other-v0', entry_point=A)",
            "quiet_module was imported and registers Other-v0",
        ),
    ],
)
def test_a_module_that_does_not_register_the_name_says_what_it_does(
    text: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "quiet_module.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(gymnasium, "registry", dict(gymnasium.registry))
    monkeypatch.setattr(gymnasium.envs.registration, "registry", gymnasium.registry)
    with pytest.raises(UnknownEnv, match=why):
        check_id("quiet_module:Thing-v0")
    del sys.modules["quiet_module"]


def test_what_an_environment_needs_is_named_and_where_it_fails() -> None:
    with pytest.raises(WorldError, match=r"it needs size; write env_kwargs: \{size: \.\.\}, or --key size="):
        make(EnvSpec("scratch_envs:scratch/NeedsKeyword-v0"))
    make(EnvSpec("scratch_envs:scratch/NeedsKeyword-v0", {"size": 3})).close()
    with pytest.raises(WorldError, match=r"FileNotFoundError: no map.txt \(.*scratch_envs.py:\d+\)"):
        make(EnvSpec("scratch_envs:scratch/FailsInMake-v0"))


def test_what_an_environment_prints_is_not_among_our_results(capfd: pytest.CaptureFixture[str]) -> None:
    make(EnvSpec("scratch_envs:scratch/Prints-v0")).close()
    print("a result")
    out, err = capfd.readouterr()
    assert out == "a result\n" and len(err) > 2**20
