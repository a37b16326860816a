"""Environments of other packages, from their id to a verdict; `make test-zoo` installs what they need.

The first part runs each at a tiny budget. The second part asks whether something is learned, against an arm that acts as
it was born: 8 seeds, a sign-flip test, and an effect that matters. Its settings were chosen on the seeds 100 to 103.
"""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import devlearn

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
os.environ.setdefault("MUJOCO_GL", "egl")

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
    "highway": ("highway_env:highway-v0", MLP, {"env_kwargs": {"max_episode_steps": 5}}),
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
    import yaml

    (folder / "zoo.yaml").write_text(yaml.safe_dump({"devlearn": 1, "scenario": "zoo", **scenario}))
    run = devlearn.run(folder / "zoo.yaml", out=folder / "run", progress=False, report=False)
    found = run.compare()
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
            "arms": {"born": [{"use": "play", "set": {"lr": 1e-12}}], "played": ["play"]},
            "probes": {"skill": {"kind": "return", "env": env, "episodes": 2, "limit": 50, "worst": -1000, **keys}},
            "compare": {"probe": "skill", "smallest_effect": 1, "pairs": [["played", "born"]]},
        },
    )
    (pair,) = found["comparisons"]
    assert pair["verdict"] in ("identical", "undecided") and pair["seeds"] == 2
    assert found["arms"]["played"]["ledger"]["env_steps"] == 64
