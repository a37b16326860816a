"""Mastery gates: which probe a gate looks at, and who passes it."""

from collections.abc import Mapping

from torch import Tensor

from devlearn.probes.probe import Probe
from devlearn.stages.fields import Gate


def passing(
    gate: Gate, values: Mapping[str, Mapping[str, Tensor]], probes: Mapping[str, Probe], updates: Tensor
) -> Tensor | None:
    """Who passes the gate, (N,) bool; None where its probe was not measured now.

    Args:
        gate: ``until`` of a stage.
        values: what was measured now, {probe: {metric: (N,)}}.
        probes: of the scenario; a probe's first metric counts where the gate names none.
        updates: of each learner in this visit, (N,).
    """
    name, _, metric = gate.probe.partition(".")
    if name not in values:
        return None
    value = values[name][metric or next(iter(probes[name].metrics))]
    # a nan is on neither side of a level, so a learner whose measurement failed stays
    if gate.at_least is not None:
        reached = value >= gate.at_least
    else:
        assert gate.at_most is not None  # a gate has exactly one level
        reached = value <= gate.at_most
    return reached & (updates >= gate.min_updates)


def described(gate: Gate) -> str:
    """The gate in a few words, e.g. ``digits >= 0.9``: the detail of the event ``passed`` in the records."""
    level = f"<= {gate.at_most:g}" if gate.at_least is None else f">= {gate.at_least:g}"
    return f"{gate.probe} {level}"
