"""The scratch environments of ``space_envs``: their ids, copies of them, and actions that are allowed there."""

from typing import Any

import gymnasium
import numpy as np
import torch

from devlearn.streams import generator
from devlearn.tasks.envs import EnvSpec, VectorEnv
from devlearn.tasks.envs.spaces import view_and_controls

SEEDS, COPIES = (3, 0), 2
WORDS = ("go", "to", "the", "door", "now", "left", "right", "wait")
SEEN = ("Camera", "Eyes", "Wrapped", "Film", "Told", "Errand")
DONE = ("Lever", "Switches", "Counts", "Bytes", "Endless", "Body")
MASKED = ("MaskedByInfo", "MaskedByMethod", "MaskedPairs")
PLAY = {"env_steps": 10_000, "num_envs": 2, "rollout": 8, "epochs": 2, "minibatches": 2}
MLP = {"kind": "mlp", "width": [8, 6], "activation": "tanh"}
CONV = {"kind": "conv", "channels": [3], "width": [8]}


def env(name: str) -> str:
    return f"space_envs:space/{name}-v0"


def open_world(name: str, vocabulary: tuple[str, ...] | None = None, **keys: Any) -> VectorEnv:
    return VectorEnv(EnvSpec(env(name), keys, vocabulary=vocabulary), SEEDS, COPIES, ("t",))


def made(name: str, **keys: Any) -> Any:
    view_and_controls(EnvSpec(env(name), keys))  # imports the module
    return gymnasium.make(f"space/{name}-v0", **keys).unwrapped


def draw(world: VectorEnv, t: int) -> np.ndarray:
    """Allowed actions of step t, by a policy that knows nothing; they depend on learner and copy alone."""
    factors = view_and_controls(world.spec)[1].factors
    rng = [[generator(seed, "test", e, counter=t) for e in range(world.copies)] for seed in world.seeds]
    size = factors.outputs
    output = torch.zeros(len(world.seeds), world.copies, size * (1 if factors.discrete else 2))
    noise = torch.from_numpy(np.array([[one.standard_normal(size, np.float32) for one in row] for row in rng]))
    mask = None if world.mask is None else torch.from_numpy(world.mask)
    return factors.sample(output, noise, mask).numpy()
