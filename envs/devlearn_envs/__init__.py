"""devlearn's own Gymnasium environments, one a file. Importing this package registers them.

Each is batch-native (:class:`devlearn_envs.batch.BatchEnv`: one numpy program for all copies) and an ordinary
Gymnasium environment as well, under the id that its file gives it with ``@environment``.
"""

import importlib
import pkgutil

from devlearn_envs.batch import NATIVE, BatchEnv, SingleEnv, environment

__all__ = ["NATIVE", "BatchEnv", "SingleEnv", "environment"]

for _module in pkgutil.iter_modules(__path__, f"{__name__}."):
    importlib.import_module(_module.name)
