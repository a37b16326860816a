"""From a scenario to a verdict: plan, engine, executors, and the one way through."""

from typing import Any


def __getattr__(name: str) -> Any:
    from devlearn._deprecated import attribute

    return attribute(__name__, name)
