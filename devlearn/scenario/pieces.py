"""Parts of a scenario between the file and the models: a model together with the nodes it was read from."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from devlearn.scenario.model import NAME
from devlearn.scenario.problems import Mark
from devlearn.scenario.yaml_nodes import Map


@dataclass(frozen=True)
class Piece:
    """A stage, a probe or the brain; ``model`` is None where it is broken, which has been reported."""

    name: str
    kind: str
    model: Any
    node: Map
    mark: Mark

    def value(self, key: str) -> Mark:
        """The place of a key's value, or of the piece where the key is not written."""
        return self.node.entries[key].node.mark if key in self.node.entries else self.mark

    def key(self, key: str) -> Mark:
        """The place of a key."""
        return self.node.entries[key].mark if key in self.node.entries else self.mark

    def within(self, key: str, inner: str) -> Mark:
        """The place of a value inside the map at ``key``."""
        node = self.node.get(key)
        return node.entries[inner].node.mark if isinstance(node, Map) and inner in node.entries else self.value(key)


@dataclass(frozen=True)
class Item:
    """One item of an arm: ``piece`` is the stage with ``set`` applied, ``plain`` says that nothing was set."""

    use: str
    stream: str
    piece: Piece
    node: Map
    plain: bool


Lookup = Mapping[str, Piece]


def is_name(text: str) -> bool:
    """Names key random streams and name folders: letters, digits, - and _."""
    return re.match(NAME, text) is not None
