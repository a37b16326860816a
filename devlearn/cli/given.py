"""What several commands are given: modules in the current folder, keys, an environment with what it is wrapped in."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from devlearn.tasks.envs import EnvSpec


def see_here() -> None:
    """Modules in the current folder can be imported, where none that is installed has their name."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)


def given_keys(texts: Sequence[str]) -> dict[str, object]:
    """``K=V`` texts with V in YAML."""
    import yaml

    if unfit := [text for text in texts if "=" not in text]:
        raise click.UsageError(f"write --key KEY=VALUE, not {unfit[0]!r}")
    return {key: yaml.safe_load(value) for key, _, value in (text.partition("=") for text in texts)}


def env_spec(name: str, keys: dict[str, object], wrappers: Sequence[str], vocabulary: str | None) -> "EnvSpec":
    """The environment that the options of a command name."""
    import yaml

    from devlearn.tasks.envs import EnvSpec

    items = [yaml.safe_load(text) for text in wrappers]
    if unfit := [text for text, item in zip(wrappers, items, strict=True) if not _names_wrapper(item)]:
        raise click.UsageError(f"write --wrapper NAME or --wrapper '{{id: NAME, KEY: VALUE}}', not {unfit[0]!r}")
    return EnvSpec.of(name, keys, items, vocabulary=None if vocabulary is None else vocabulary.split())


def _names_wrapper(item: object) -> bool:
    return isinstance(item, str) or (isinstance(item, dict) and isinstance(item.get("id"), str))
