"""Environments for a cohort: any Gymnasium id, stepped together, resumed exactly."""

from devlearn.tasks.envs.registration import UnknownEnv, WorldError, check_id
from devlearn.tasks.envs.spaces import PLAIN, Interface, spaces
from devlearn.tasks.envs.vector_env import EnvStep, VectorEnv

__all__ = ["PLAIN", "EnvStep", "Interface", "UnknownEnv", "VectorEnv", "WorldError", "check_id", "spaces"]
