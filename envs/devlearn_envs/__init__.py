"""devlearn's own Gymnasium environments. Importing this package registers them.

Each is batch-native (:class:`devlearn_envs.batch.BatchEnv`: one numpy program for all copies) and an ordinary
Gymnasium environment as well.
"""

import gymnasium

from devlearn_envs.batch import BatchEnv, SingleEnv
from devlearn_envs.cartpole import CartPole
from devlearn_envs.digit_reach import DigitReach

__all__ = ["NATIVE", "BatchEnv", "CartPole", "DigitReach", "SingleEnv"]

NATIVE: dict[str, type[BatchEnv]] = {
    "devlearn/DigitReach-v0": DigitReach,
    "devlearn/CartPole-v1": CartPole,
}


def register() -> None:
    """Enter every environment into Gymnasium's registry. Time limits are inside the environments."""
    for name, batch in NATIVE.items():
        if name not in gymnasium.registry:
            gymnasium.register(name, entry_point=f"{batch.__module__}:{batch.__name__}Env")


register()
