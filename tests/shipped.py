"""What ships, by kind: the registry without what tests have put into it (``test.…``, ``module:Name``)."""

from importlib.util import find_spec

from devlearn import registry
from devlearn.scenario import library

NEEDS = {"newborn_swim": "mujoco"}  # scenarios whose packages are not among the tests' own; tests/zoo has them


def shipped(group: str) -> list[str]:
    return [name for name in registry.names(group) if not name.startswith("test.") and ":" not in name]


def runnable() -> list[str]:
    """The scenarios that can be run with the packages that are here."""
    return [name for name in sorted(library()) if name not in NEEDS or find_spec(NEEDS[name])]
