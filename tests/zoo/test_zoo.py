"""Environments of other packages, from their id to a verdict; `make test-zoo` installs what they need and runs this.

The first part runs each at a tiny budget. The second part asks whether something is learned, against learners that act
as they were born: 8 seeds, a sign-flip test, and an effect that matters. Budgets and rates were chosen on the seeds
100 to 103, one run of each.
"""

import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

import devlearn
from devlearn.records.schema.tables import RESTARTED
from tests.cut import Over, long_enough
from tests.runs.engine.jobs import digest

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
os.environ.setdefault("MUJOCO_GL", "egl")

pytestmark = pytest.mark.slow  # make test-zoo runs it; a few of these environments are installed for other tests too
BABYAI = ["go", "to", "the", "red", "ball", "a"]
SMALL: dict[str, Any] = {"num_envs": 2, "rollout": 16, "env_steps": 64, "epochs": 1, "minibatches": 1}
MLP = {"kind": "mlp", "width": [16]}
GRU = {"kind": "mlp", "width": [16], "memory": "gru"}
CONV = {"kind": "conv", "channels": [4, 4], "width": [16]}
PONG = [
    {"id": "gymnasium.wrappers:AtariPreprocessing", "frame_skip": 1},
    {"id": "FrameStackObservation", "stack_size": 4},
]
KINDS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "minigrid": ("minigrid:MiniGrid-Empty-5x5-v0", CONV, {}),
    "babyai": ("minigrid:BabyAI-GoToRedBall-v0", MLP, {"vocabulary": BABYAI}),
    "minigrid-picture": (
        "minigrid:MiniGrid-Empty-5x5-v0",
        CONV,
        {"wrappers": [{"id": "minigrid.wrappers:ImgObsWrapper"}]},
    ),
    "popgym-memory": ("popgym:popgym-RepeatPreviousEasy-v0", GRU, {}),
    "popgym-multidiscrete": ("popgym:popgym-BattleshipEasy-v0", MLP, {}),
    "pong": ("ale_py:ALE/Pong-v5", CONV, {"env_kwargs": {"frameskip": 4, "max_episode_steps": 40}, "wrappers": PONG}),
    "pointmaze": ("gymnasium_robotics:PointMaze_UMaze-v3", MLP, {"env_kwargs": {"max_episode_steps": 20}}),
    "pusht": ("gym_pusht:gym_pusht/PushT-v0", MLP, {"env_kwargs": {"max_episode_steps": 20}}),
    "highway": ("highway_env:highway-fast-v0", MLP, {"env_kwargs": {"max_episode_steps": 5}}),
    "flappy": ("flappy_bird_gymnasium:FlappyBird-v0", MLP, {"env_kwargs": {"use_lidar": False}}),
    "neurogym": ("neurogym:PerceptualDecisionMaking-v0", MLP, {"env_kwargs": {"max_episode_steps": 40}}),
    "cheetah": ("HalfCheetah-v5", MLP, {"env_kwargs": {"max_episode_steps": 20}}),
    "racing": ("CarRacing-v3", CONV, {"env_kwargs": {"max_episode_steps": 20}}),
}
PACKAGES = {"cheetah": "mujoco", "racing": "Box2D"}


def installed(kind: str) -> str:
    package = PACKAGES.get(kind, KINDS[kind][0].partition(":")[0])
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed; make test-zoo installs it")
    return KINDS[kind][0]


def compared(folder: Path, scenario: dict[str, Any]) -> dict[str, Any]:
    """The comparison of a scenario that is run."""
    (folder / "zoo.yaml").write_text(yaml.safe_dump({"devlearn": 1, "scenario": "zoo", **scenario}))
    run = devlearn.run(folder / "zoo.yaml", out=folder / "run", progress=False, report=False)
    found = run.compare().document()
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_an_environment_goes_from_its_id_to_a_verdict(kind: str, tmp_path: Path) -> None:
    env, (_, brain, keys) = installed(kind), KINDS[kind]
    found = compared(
        tmp_path,
        {
            "seeds": 2,
            "brain": brain,
            "stages": {"play": {"kind": "trial.ppo", "env": env, **SMALL, **keys}},
            "arms": {"born": [{"use": "play", "set": {"random": True}}], "played": ["play"]},
            "probes": {"skill": {"kind": "return", "env": env, "episodes": 2, "limit": 50, "worst": -1000, **keys}},
            "compare": {"probe": "skill", "smallest_effect": 1, "pairs": [["played", "born"]]},
        },
    )
    (pair,) = found["comparisons"]
    assert pair["verdict"] in ("identical", "equivalent", "undecided") and pair["seeds"] == 2
    assert (pair["test"] == "Welch, unpaired") == (kind == "neurogym")  # whose seed does not decide what it shows
    assert found["arms"]["played"]["ledger"]["env_steps"] == 64


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_life_that_is_killed_goes_on_as_if_it_had_not_been(kind: str, tmp_path: Path) -> None:
    long_enough(tmp_path, lambda folder, times: kill(kind, folder, times))


def kill(kind: str, folder: Path, times: int) -> None:
    env, (_, brain, keys) = installed(kind), KINDS[kind]
    play = {"kind": "trial.ppo", "env": env, **SMALL, "env_steps": 512 * times, **keys}
    content = {"devlearn": 1, "scenario": "killed", "seeds": 2, "brain": brain, "stages": {"play": play}}
    (folder / "killed.yaml").write_text(yaml.safe_dump(content | {"arms": {"played": ["play"]}}))
    whole, cut = folder / "whole", folder / "cut"
    assert started(whole).wait() == 0
    process = started(cut)
    while not list(cut.glob("jobs/*/*/checkpoints/*.pt")):
        if process.poll() is not None:
            assert process.returncode == 0
            raise Over
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    (job,) = cut.glob("jobs/*/*")
    if (job / "artifacts" / "end.pt").exists():
        raise Over
    assert started(cut).wait() == 0
    if kind == "neurogym":  # whose seed does not decide what it shows: its episodes begin anew, and that is on record
        assert any(RESTARTED in path.read_text() for path in job.glob("records/*/events.csv"))
    else:
        assert digest(job) == digest(next(whole.glob("jobs/*/*")))


def started(run: Path) -> subprocess.Popen[bytes]:
    """The scenario beside ``run``, in processes of its own, all of one group."""
    command = ["run", str(run.parent / "killed.yaml"), "--out", str(run), "--no-report"]
    keys: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    surroundings = {**os.environ, "DEVLEARN_CHECKPOINT_SECONDS": "0"}
    return subprocess.Popen([sys.executable, "-m", "devlearn", *command], env=surroundings, **keys)


ROOM = {"normalise_observations": True, "rollout": 64, "env_steps": 12288, "lr": 1e-3}
CARDS = {"num_envs": 16, "env_steps": 65536, "lr": 1e-3}
REACH = {
    "num_envs": 16,
    "env_steps": 98304,
    "epochs": 10,
    "lr": 1e-3,
    "gamma": 0.95,
    "entropy": 0,
    "normalise_observations": True,
}
LARGER = {"kind": "conv", "channels": [8, 16], "width": [32]}
RECALL = "popgym:popgym-RepeatPreviousEasy-v0"
LEARNED: dict[str, tuple[str, dict[str, Any], dict[str, Any], float, float]] = {  # ..., worst return, smallest effect
    "room": ("minigrid:MiniGrid-Empty-5x5-v0", LARGER, ROOM, 0, 0.2),
    "recall-with-memory": (RECALL, {"kind": "mlp", "width": [64], "memory": "gru"}, CARDS, -1, 0.2),
    "recall-without": (RECALL, {"kind": "mlp", "width": [64]}, CARDS, -1, 0.2),
    "reach": ("Reacher-v5", {"kind": "mlp", "width": [64, 64]}, REACH, -1000, 3),
}


@pytest.mark.parametrize("what", sorted(LEARNED))
def test_what_can_be_learned_is_learned_and_what_needs_memory_only_with_it(what: str, tmp_path: Path) -> None:
    env, brain, keys, worst, effect = LEARNED[what]
    if find_spec(package := "mujoco" if what == "reach" else env.partition(":")[0]) is None:
        pytest.skip(f"{package} is not installed; make test-zoo installs it")
    found = compared(
        tmp_path,
        {
            "seeds": 8,
            "block": 4,
            "brain": brain,
            "stages": {"play": {"kind": "trial.ppo", "env": env, **keys}},
            "arms": {"born": [{"use": "play", "set": {"random": True, "env_steps": 4096}}], "played": ["play"]},
            "probes": {"skill": {"kind": "return", "env": env, "episodes": 16, "worst": worst}},
            "compare": {"probe": "skill", "smallest_effect": effect, "pairs": [["played", "born"]]},
        },
    )
    (pair,) = found["comparisons"]
    if what == "recall-without":
        assert pair["interval"][1] < effect
    else:
        assert pair["verdict"] == "better" and pair["interval"][0] > effect
