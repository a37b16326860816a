"""How often random actions solve KeyCorridor, exactly: its docstring says it."""

import re

import numpy as np
from devlearn_envs.key_corridor import KeyCorridor


def test_random_actions_open_the_door_as_rarely_as_is_said() -> None:
    cells, actions = 17, 4
    place, key, act = (part.ravel() for part in np.indices((cells, 2, actions)))
    env = KeyCorridor(len(place))
    env.load({"place": place, "has_key": key.astype(bool), "steps": np.zeros(len(place), np.int64)})
    opened, ended, _ = env.step(act)
    after = env.state()
    moves = np.zeros((2 * cells, 2 * cells))  # from place and key, to them; what ends goes nowhere
    np.add.at(moves, (2 * place + key, 2 * after["place"] + after["has_key"]), np.where(ended, 0, 1 / actions))
    wins = np.zeros(2 * cells)
    np.add.at(wins, 2 * place + key, opened / actions)

    env.reset(np.arange(env.copies), np.ones(env.copies, bool))
    starts = np.unique(env.state()["place"])
    now, chance = np.zeros(2 * cells), 0.0
    now[2 * starts] = 1 / len(starts)
    for _ in range(env.limit):
        chance += now @ wins
        now = now @ moves
    said = re.search(r"one episode of ([\d.]+) million", " ".join((KeyCorridor.__doc__ or "").split()))
    assert said is not None
    assert round(1e-6 / chance, 1) == float(said[1])
