"""What ships, by kind: the registry without what tests have put into it (``test.…``, ``module:Name``)."""

from devlearn import registry


def shipped(group: str) -> list[str]:
    return [name for name in registry.names(group) if not name.startswith("test.") and ":" not in name]
