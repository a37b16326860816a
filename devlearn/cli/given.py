"""What several commands are given: modules in the current folder, keys, an environment with what it is wrapped in."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from devlearn.registry import nearest

if TYPE_CHECKING:
    from devlearn.tasks.envs import EnvSpec


class Named(click.Choice[str]):
    """One of a few names; the nearest is told instead of all of them where there is one."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(tuple(names))

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        return (param.name or "").upper()

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value in self.choices:
            return value
        likely = nearest(value, [*self.choices])
        self.fail(f"{value!r} is none of them; {f'did you mean {likely!r}?' if likely else self._all()}", param, ctx)

    def _all(self) -> str:
        return f"there are: {', '.join(self.choices)}"


class ScenarioName(click.types.StringParamType):
    """A scenario's file, or the name of one of ours."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        from devlearn.scenario import library

        files = [str(path) for path in _beside(incomplete) if path.suffix in (".yaml", ".yml")]
        return beginning(incomplete, [*library(), *files]) or [CompletionItem(incomplete, type="file")]


class RunPath(click.Path):
    """A run's folder; what is none is answered with the likeliest one."""

    def __init__(self) -> None:
        super().__init__(file_okay=False, path_type=Path)

    def convert(self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None) -> Path:
        path = Path(value)
        if path.is_dir():
            return path
        why = f"{value} is a file, not the folder of a run" if path.exists() else f"there is no folder {value}"
        known = runs_in(Path(), Path("runs"))
        alike = [folder for folder in known if Path(folder).name in (path.name, path.stem)]
        likely = alike[0] if alike else nearest(str(value), known)
        mend = f"did you mean {likely!r}?" if likely else "a run is in runs/SCENARIO, or where --out said"
        self.fail(f"{why}; {mend}", param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        known = runs_in(*dict.fromkeys([Path(), Path("runs"), _folder_of(incomplete)]))
        return beginning(incomplete, known) or [CompletionItem(incomplete, type="dir")]


def runs_in(*folders: Path) -> list[str]:
    """The run folders that lie in ``folders``."""
    return [str(path) for folder in folders for path in sorted(folder.glob("*/")) if (path / "jobs").is_dir()]


def beginning(incomplete: str, names: Iterable[str]) -> list[CompletionItem[str]]:
    """The names that begin as a shell has it so far; where none does, those whose part after the last slash does."""
    known = list(dict.fromkeys(names))
    found = [name for name in known if name.startswith(incomplete)]
    return [
        CompletionItem(name)
        for name in found or [name for name in known if name.rpartition("/")[2].startswith(incomplete)]
    ]


def _folder_of(incomplete: str) -> Path:
    """The folder that a path begins with."""
    return Path(incomplete.rpartition("/")[0] or ("/" if incomplete.startswith("/") else ""))


def _beside(incomplete: str) -> list[Path]:
    folder = _folder_of(incomplete)
    return sorted(path for path in folder.glob("*") if path.is_file())


def plugin_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """For a shell: the names of what the word before (``stages`` or ``stage``) stands for."""
    what = str(ctx.params.get("what")).removesuffix("s")
    if what == "scenario":
        return ScenarioName().shell_complete(ctx, param, incomplete)
    if what == "env":
        from devlearn.tasks.envs.registration import makeable

        return beginning(incomplete, sorted(makeable()[0]))
    from devlearn import registry

    group = what if what in registry.GROUPS else f"{what}s"
    return beginning(incomplete, registry.names(group)) if group in registry.GROUPS else []


def see_here() -> None:
    """Modules in the current folder can be imported, where none that is installed has their name."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)


def given_keys(texts: Sequence[str]) -> dict[str, object]:
    """``K=V`` texts with V in YAML."""
    if unfit := [text for text in texts if "=" not in text]:
        raise click.UsageError(f"write --key KEY=VALUE, not {unfit[0]!r}")
    return {key: _yaml(f"--key {key}", value) for key, _, value in (text.partition("=") for text in texts)}


def _yaml(option: str, text: str) -> Any:
    """What is written in YAML behind an option."""
    import yaml

    from devlearn.records.text import shortened

    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # a day that does not exist, a number of 5,000 digits
        said = shortened(repr(text), "the rest is left out")
        raise click.UsageError(f"{option}: {said} is not YAML; are its brackets and quotes closed?") from error


def env_spec(name: str, keys: dict[str, object], wrappers: Sequence[str], vocabulary: str | None) -> EnvSpec:
    """The environment that the options of a command name."""
    from devlearn.tasks.envs import EnvSpec

    items = [_yaml("--wrapper", text) for text in wrappers]
    if unfit := [text for text, item in zip(wrappers, items, strict=True) if not _names_wrapper(item)]:
        raise click.UsageError(f"write --wrapper NAME or --wrapper '{{id: NAME, KEY: VALUE}}', not {unfit[0]!r}")
    return EnvSpec.of(name, keys, items, vocabulary=None if vocabulary is None else vocabulary.split())


def _names_wrapper(item: object) -> bool:
    return isinstance(item, str) or (isinstance(item, dict) and isinstance(item.get("id"), str))
