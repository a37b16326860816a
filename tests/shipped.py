"""What ships, by kind: the registry without what the tests themselves have put into it (``test.…``)."""

from devlearn import registry


def shipped(group: str) -> list[str]:
    return [name for name in registry.names(group) if not name.startswith("test.")]
