"""Environments for a cohort: any Gymnasium id, stepped together, resumed exactly."""

from devlearn.worlds.ids import UnknownEnv, WorldError, check_id
from devlearn.worlds.translate import spaces
from devlearn.worlds.world import Step, World

__all__ = ["Step", "UnknownEnv", "World", "WorldError", "check_id", "spaces"]
