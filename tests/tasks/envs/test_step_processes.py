"""Copies that are stepped in several processes: the same records, the same words where they fail, nothing left over."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.classic_control import CartPoleEnv

from devlearn.records import flight
from devlearn.tasks.envs import EnvSpec, EnvStep, VectorEnv, WorldError, stepping
from devlearn.tasks.envs.step_process import StepProcess
from devlearn.tasks.envs.stepping import Allowance, allowed, processes_for

SEEDS, COPIES = (3, 0, 11), 2
ENVS = (
    "CartPole-v1",
    "Pendulum-v1",
    "BipedalWalker-v3",  # made anew for every episode
    "toy_envs:toy/Structured-v0",
    "space_envs:space/Eyes-v0",  # a Dict with a picture
    "space_envs:space/MaskedByInfo-v0",
)


@pytest.fixture(autouse=True)
def _none_left() -> Iterator[None]:
    yield
    StepProcess.end_idle()
    assert StepProcess.busy() == 0


def open_world(env: str, processes: int, state: dict[str, Any] | None = None) -> VectorEnv:
    with allowed(Allowance(processes, forced=True)):
        return VectorEnv(EnvSpec(env), SEEDS, COPIES, ("play", 0, ""), state, native=False)


def live(world: VectorEnv, begin: int, end: int) -> list[EnvStep]:
    space, moves = world.action_space, []
    for t in range(begin, end):
        rng = np.random.default_rng(t)
        if world.mask is not None:  # the first that is allowed, of a lone choice
            action = world.mask.argmax(-1)
        elif isinstance(space, gymnasium.spaces.Box):
            action = rng.uniform(-1.2, 1.2, (3, 2, *space.shape)).astype(np.float32)
        elif isinstance(space, gymnasium.spaces.MultiDiscrete):
            action = (rng.random((3, 2, *space.shape)) * space.nvec).astype(np.int64)
        else:
            action = rng.integers(space.n, size=(3, 2))
        moves.append(world.step(action))
    return moves


def flat(thing: Any) -> list[tuple[str, bytes]]:
    """Every array in steps, lists and dicts, with its type."""
    if isinstance(thing, np.ndarray):
        return [(f"{thing.dtype} {thing.shape}", thing.tobytes())]
    if isinstance(thing, dict):
        return [part for name in sorted(thing) for part in [(name, b""), *flat(thing[name])]]
    if isinstance(thing, list):
        return [part for one in thing for part in flat(one)]
    return flat(vars(thing)) if isinstance(thing, EnvStep) else [(repr(thing), b"")]


@pytest.mark.parametrize("env", ENVS)
def test_processes_change_no_bit_of_what_is_shown_and_saved(env: str) -> None:
    alone, several = open_world(env, 1), open_world(env, 3)
    assert StepProcess.busy() == 2
    lived = [live(world, 0, 70) for world in (alone, several)]
    states = [world.state() for world in (alone, several)]
    assert flat(lived[0]) == flat(lived[1]) and flat(states[0]) == flat(states[1])
    assert (alone.mask is None) == (several.mask is None)
    several.close()
    with_two, with_one = open_world(env, 2, states[1]), open_world(env, 1, states[1])
    on = [live(world, 70, 100) for world in (alone, with_two, with_one)]
    assert flat(on[0]) == flat(on[1]) == flat(on[2])
    assert flat(list(alone.completed)) == flat(list(with_two.completed)) == flat(list(with_one.completed))
    for world in (alone, with_two, with_one):
        world.close()


def test_a_process_that_was_released_steps_the_next_world() -> None:
    with allowed(Allowance(2, forced=True)):
        first = VectorEnv("CartPole-v1", SEEDS, COPIES, ("t",))
        process = first._batch._others[0]._process.pid  # type: ignore[attr-defined]
        first.close()
        second = VectorEnv("Acrobot-v1", SEEDS, COPIES, ("t",))
        assert second._batch._others[0]._process.pid == process  # type: ignore[attr-defined]
        second.close()


def test_an_error_is_named_as_it_would_be_here_with_its_line() -> None:
    told = []
    for processes in (1, 3):
        world = open_world("toy_envs:toy/FailsEarly-v0", processes)
        actions = np.zeros((3, 2), np.int64)
        for _ in range(12):
            world.step(actions)
        actions[1, 1] = actions[2, 1] = 2  # copies of two processes: the first counts
        with pytest.raises(WorldError) as caught:
            world.step(actions)
        told.append(str(caught.value))
        world.state()
        world.close()
    assert "FailsEarly-v0: seed 0, copy 1, episode 1, step 3: step(2) raised KeyError: 'no such move'" in told[0]
    assert told[1].startswith(told[0]) and "toy_envs.py:" in told[1].removeprefix(told[0])


PLACE = "seed 0, copy 1, episode 0, step 3"  # the first copy that another process steps, where two do


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("RaisesBeside", "raised KeyError: 'no such tile' ("),
        ("ExitsBeside", "its process ended inside step() (exit status 3)"),
        ("CrashesBeside", "its process ended inside step() (killed by SIGSEGV): in string_at ("),
    ],
)
def test_what_happens_in_another_process_is_told_with_its_place(name: str, said: str) -> None:
    world = open_world(f"scratch_envs:scratch/{name}-v0", 2)
    with pytest.raises(WorldError) as caught:
        live(world, 0, 3)
    assert f"scratch/{name}-v0: {PLACE}: " in str(caught.value) and said in str(caught.value)
    assert world.state()["batch"]["lengths"].tolist() == [[3, 3]] * 3  # what is known here needs nobody else
    world.close()


def test_whoever_waits_for_a_hanging_process_is_told_of_its_call(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom devlearn.records import flight\n"
        "sys.path.insert(0, sys.argv[2])\nfrom test_step_processes import live, open_world\n"
        "with flight.recording(Path(sys.argv[1])):\n    live(open_world(sys.argv[3], 2), 0, 3)\n"
    )
    path, env = tmp_path / "flight.bin", "scratch_envs:scratch/HoldsTheLockBeside-v0"
    owner = subprocess.Popen([sys.executable, "-c", code, str(path), str(Path(__file__).parent), env])
    try:
        deadline = time.monotonic() + 60
        while (found := flight.read(path)) is None or not found.relayed or found.call != flight.STEP:
            assert owner.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        count = found.count
        time.sleep(3 * flight.TICK)
        found = flight.read(path)
        assert found is not None and found.count == count  # so that patience with it can end
        assert (str(found), found.called) == (f"{env}: {PLACE}", "step()")
        children = Path(f"/proc/{owner.pid}/task/{owner.pid}/children")
        others = [int(one) for one in children.read_text().split()] if children.exists() else []
    finally:
        owner.kill()
        owner.wait()
    deadline = time.monotonic() + 10
    while any(_runs(one) for one in others):  # although it holds Python's lock
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_what_can_be_made_here_only_is_stepped_here() -> None:
    class Local(CartPoleEnv):
        pass

    gymnasium.register("only/Here-v0", entry_point=Local, max_episode_steps=20)
    try:
        world = open_world("only/Here-v0", 3)
        assert StepProcess.busy() == 0
        live(world, 0, 3)
        world.close()
    finally:
        del gymnasium.registry["only/Here-v0"]


def test_as_many_processes_as_have_enough_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    cost = {"CartPole-v1": 1e-5, "BipedalWalker-v3": 4e-4, "toy_envs:toy/Unseeded-v0": 1.0}
    monkeypatch.setattr(stepping, "step_seconds", lambda spec: cost[spec.id])

    def chosen(env: str, copies: int) -> int:
        return processes_for(EnvSpec(env), copies)

    assert chosen("BipedalWalker-v3", 128) == 1  # nothing was allowed
    with allowed(Allowance(8)):
        assert [chosen("BipedalWalker-v3", copies) for copies in (1, 4, 8, 128)] == [1, 1, 3, 8]
        assert chosen("CartPole-v1", 128) == 1
        assert chosen("toy_envs:toy/Unseeded-v0", 128) == 1
    with allowed(Allowance(8, forced=True)):
        assert [chosen("CartPole-v1", copies) for copies in (1, 4, 128)] == [1, 4, 8]
        assert chosen("toy_envs:toy/Unseeded-v0", 128) == 1


def test_a_trial_measures_what_a_step_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(stepping.time, "perf_counter", lambda: now[0])
    step = CartPoleEnv.step

    def slow(self: CartPoleEnv, action: Any) -> Any:
        now[0] += 0.003
        return step(self, action)

    monkeypatch.setattr(CartPoleEnv, "step", slow)
    assert stepping.step_seconds.__wrapped__(EnvSpec("CartPole-v1")) == pytest.approx(0.003)
    assert stepping.step_seconds.__wrapped__(EnvSpec("toy_envs:toy/FailsAtReset-v0")) == 0
