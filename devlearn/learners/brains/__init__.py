"""Networks for one learner. ``brain_builder`` turns a scenario's ``brain`` keys and the union of needs into one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from devlearn.lazy import torch
from devlearn.learners.brains.needs import Head, Needs, Part, Sense, Slot, fed_back, sense_name, split_observation
from devlearn.registry import get

if TYPE_CHECKING:
    from torch import nn

__all__ = ["Head", "Needs", "Part", "Sense", "Slot", "brain_builder", "fed_back", "sense_name", "split_observation"]


def brain_builder(keys: Mapping[str, Any], needs: Needs) -> Callable[[], nn.Module]:
    """A function that builds one learner's network.

    ``keys`` are the scenario's ``brain`` map with its ``kind``: a built-in name, the name of an installed plug-in or
    ``package.module:Class``. A kind is either a model with ``build(needs)`` or an ``nn.Module`` class that is called
    as ``Class(needs, **keys)``.
    """
    kind = get("brains", keys["kind"])
    rest = {key: value for key, value in keys.items() if key != "kind"}
    if isinstance(kind, type) and issubclass(kind, torch.nn.Module):
        return _born_with(needs, lambda: kind(needs, **rest))
    config = kind(**rest)
    return _born_with(needs, lambda: config.build(needs))


def _born_with(needs: Needs, build: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    """Give what is built a submodule ``reflexes`` with the slots that are asked for, whatever brain it is."""
    if not needs.reflexes:
        return build

    def with_reflexes() -> nn.Module:
        from devlearn.learners.brains.reflexes import Reflex

        brain = build()
        brain.reflexes = torch.nn.ModuleDict({name: Reflex(slot) for name, slot in needs.reflexes.items()})
        return brain

    return with_reflexes
