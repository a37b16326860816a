"""Environments for a cohort: any Gymnasium id, stepped together, resumed exactly."""

from devlearn.records.flight import STEP_TIMEOUT
from devlearn.tasks.envs.lessons import LessonRefused
from devlearn.tasks.envs.registration import UnknownEnv, WorldError, WrapperRefused, check_id
from devlearn.tasks.envs.spaces import spaces
from devlearn.tasks.envs.spec import EnvSpec
from devlearn.tasks.envs.vector_env import EnvStep, VectorEnv, undetermined
from devlearn.tasks.envs.wrappers import BadWrapper, check_wrapper

__all__ = [
    "STEP_TIMEOUT",
    "BadWrapper",
    "EnvSpec",
    "EnvStep",
    "LessonRefused",
    "UnknownEnv",
    "VectorEnv",
    "WorldError",
    "WrapperRefused",
    "check_id",
    "check_wrapper",
    "spaces",
    "undetermined",
]
