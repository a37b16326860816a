"""Parts of a scenario between the file and the models: a model together with the nodes it was read from."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from devlearn.scenario.keys import LONGEST, NAME, Unit
from devlearn.scenario.models import units_of
from devlearn.scenario.problems import Mark, Problems, hint
from devlearn.scenario.splits import is_test, overlap
from devlearn.scenario.yaml_nodes import Map, plain, show


@dataclass(frozen=True)
class Piece:
    """A stage, a probe or the brain: what the file says, its kind's class, and the model.

    ``cls`` is None where the kind is unknown, ``model`` is None where a key is wrong; both have been reported. The
    other rules are checked all the same, so that a file's mistakes come at once.
    """

    name: str
    kind: str
    cls: type[Any] | None
    model: Any
    node: Map
    mark: Mark

    @property
    def units(self) -> tuple[Unit, ...]:
        return units_of(self.cls)

    def get(self, key: str) -> Any:
        """The value of a key as plain data, with the model's default where there is a model."""
        if self.model is not None and key in getattr(self.cls, "model_fields", ()):
            value = getattr(self.model, key)
            return value.model_dump() if hasattr(value, "model_dump") else value
        return plain(self.node.entries[key].node) if key in self.node.entries else None

    def texts(self) -> dict[str, str]:
        """All top-level values that are text."""
        keys = dict.fromkeys((*getattr(self.cls, "model_fields", ()), *self.node.entries))
        values = {key: self.get(key) for key in keys if key != "kind"}
        return {key: value for key, value in values.items() if isinstance(value, str)}

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


def check_name(text: str, mark: Mark, problems: Problems) -> None:
    """Names key random streams and name folders and files: letters, digits, - and _, and not too many."""
    if re.fullmatch(NAME.strip("^$"), text) is None:
        problems.add(mark, f"{show(text)} is not a name: use letters, digits, - and _")
    elif len(text) > LONGEST:
        why = f"{len(text)} characters; give it at most {LONGEST}, as files are named after it"
        problems.add(mark, f"the name {show(text)} has {why}")


def metric(reference: str, mark: Mark, probes: Lookup, problems: Problems) -> tuple[Piece, str] | None:
    """The probe and the metric that NAME or NAME.METRIC means; None where there is none or the probe is broken."""
    name, _, wanted = reference.partition(".")
    if name not in probes:
        problems.add(mark, f"no probe is called {name!r}{hint(name, probes)}")
        return None
    probe = probes[name]
    if probe.cls is None:
        return None
    known = tuple(_metrics(probe))
    if wanted and wanted not in known:
        problems.add(mark, f"probe {name!r} has no metric {wanted!r}{hint(wanted, known)}")
        return None
    return (probe, wanted or known[0]) if probe.model is not None else None


def _metrics(probe: Piece) -> Mapping[str, Any]:
    """What a probe measures with its keys; of a broken one, what all of its kind do."""
    assert probe.cls is not None
    found: Mapping[str, Any] = probe.cls.metrics if probe.model is None else probe.model.named_metrics()
    return found


BOUNDS = {"share": (0.0, 1.0), "nats": (0.0, math.inf), "steps": (0.0, math.inf), "degrees": (0.0, 180.0)}


def bounds(probe: Piece, name: str) -> tuple[float, float]:
    """The least and the largest value that a probe's metric can have, by its unit."""
    return BOUNDS.get(_metrics(probe)[name].unit, (-math.inf, math.inf))


def span(ends: tuple[float, float]) -> str:
    """Bounds in words."""
    low, high = ends
    return f"goes from {low:g} to {high:g}" if math.isfinite(high) else f"is {low:g} or more"


def reads(probe: Piece, stages: Lookup) -> tuple[str, ...]:
    """The data splits that a probe reads, by itself and through the stage whose objective it measures."""
    own: tuple[str, ...] = probe.model.splits() if probe.model is not None else ()
    of = stages.get(str(probe.get("stage")))
    return (*own, *(of.model.evaluates_on() if of is not None and of.model is not None else ()))


def no_test_split(probe: Piece, stages: Lookup, probes: Lookup, who: str, mark: Mark, problems: Problems) -> None:
    """A probe that decides something reads no test split, and no image of one that another probe reads."""
    tests = [split for other in probes.values() for split in reads(other, stages) if is_test(split)]
    for split in reads(probe, stages):
        held = None if is_test(split) else next((test for test in tests if overlap(split, test)), None)
        if is_test(split) or held:
            why = f", which holds images of {held}" if held else ""
            mend = f"as probe {probe.name!r} does; use a probe of a valid split"
            problems.add(mark, f"{who} can't read {split}{why}, {mend}")
            return
