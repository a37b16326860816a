"""What several commands are given: modules in the current folder, keys, an environment with what it is wrapped in."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

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


class RunPath(click.Path):
    """A run's folder; what is none is answered with the likeliest one."""

    def __init__(self) -> None:
        super().__init__(file_okay=False, path_type=Path)

    def convert(
        self, value: "str | os.PathLike[str]", param: click.Parameter | None, ctx: click.Context | None
    ) -> Path:
        path = Path(value)
        if path.is_dir():
            return path
        why = f"{value} is a file, not the folder of a run" if path.exists() else f"there is no folder {value}"
        folders = [*Path().glob("*/"), *Path("runs").glob("*/")]
        known = [str(folder) for folder in folders if (folder / "jobs").is_dir()]
        alike = [folder for folder in known if Path(folder).name in (path.name, path.stem)]
        likely = alike[0] if alike else nearest(str(value), known)
        mend = f"did you mean {likely!r}?" if likely else "a run is in runs/SCENARIO, or where --out said"
        self.fail(f"{why}; {mend}", param, ctx)


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
