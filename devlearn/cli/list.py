"""What there is: the lists of plug-ins with their keys, and the schema of the scenario file."""

import json
import sys
from pathlib import Path

import click

from devlearn.cli.columns import table
from devlearn.cli.given import Named, plugin_names, see_here
from devlearn.cli.group import waiting

LISTED = ("stages", "priors", "protections", "brains", "envs", "probes", "executors", "sections", "data", "scenarios")
KEYED = ("stages", "protections", "probes", "brains")  # whose keys can be listed, one by one


@click.command("list")
@click.argument("what", type=Named(LISTED))
@click.argument("name", required=False, shell_complete=plugin_names)
@click.option("--download", metavar="DATA", help="Fetch a data set that is not on this machine, once.")
@click.option("--json", "as_json", is_flag=True, help="Print [{name, about}], or of one NAME its keys, as JSON.")
def list_(what: str, name: str | None, download: str | None, as_json: bool) -> None:
    """Name what can be used in a scenario, and how it can be trained and reported.

    WHAT is one of stages, priors, protections, brains, envs, probes, executors, sections, data, scenarios.

    With the NAME of a stage, protection, probe or brain: its keys, what each means and its value by default; with that
    of an environment: what can stand in env_kwargs. Data sets are fetched into the folder DEVLEARN_DATA,
    ~/.cache/devlearn without it.

    \b
    devlearn list stages
    devlearn list stages supervise
    devlearn list envs CartPole-v1
    devlearn list data
    devlearn list data --download fashion
    """
    see_here()
    if download is not None:
        if what != "data":
            raise click.UsageError(f"--download is for data, not for: list {what}")
        _download(download)
        return
    if name is not None:
        if what not in (*KEYED, "envs"):
            raise click.UsageError(f"keys are listed of {', '.join(KEYED)} and envs, not of {what}")
        _list_arguments(name, as_json) if what == "envs" else _list_keys(what, name, as_json)
        return
    if what == "priors" and not as_json:
        from devlearn.cli.list_priors import show

        show()
        return
    others = {"envs": _envs, "scenarios": _scenarios, "data": _data, "priors": _priors}
    with waiting(f"looking for {what}"):
        rows = others[what]() if what in others else _plugins(what)
    if as_json:
        click.echo(json.dumps([{"name": name, "about": about} for name, about in rows], indent=2))
        return
    for line in table(rows, sys.stdout):
        click.echo(line)


def _plugins(what: str) -> list[tuple[str, str]]:
    """Stages, probes, brains, executors and report sections by name."""
    from devlearn import registry

    return [(name, first_line(registry.get(what, name).__doc__)) for name in registry.names(what)]


def _priors() -> list[tuple[str, str]]:
    from devlearn import registry

    return [(name, about) for name, about in _plugins("stages") if registry.get("stages", name).role == "innate"]


def _list_keys(group: str, name: str, as_json: bool) -> None:
    """What one plug-in is, and its keys: value by default, then what it means."""
    from pydantic import BaseModel

    from devlearn import registry
    from devlearn.scenario.validate import usable_keys

    cls = registry.get(group, name)
    if why := registry.misplaced(group, name, cls):
        raise click.UsageError(why)
    if not as_json:
        click.echo(f"{name}: {first_line(cls.__doc__)}")
    if not issubclass(cls, BaseModel):
        raise click.UsageError(f"{name!r} is a plain class: its keys are the arguments of {cls.__name__}(needs, ..)")
    fields = {field.alias or key: field for key, field in cls.model_fields.items()}
    keys = usable_keys(cls)
    if as_json:
        found = [
            {"name": key, "about": fields[key].description or "", "required": fields[key].is_required()}
            | (
                {}
                if fields[key].is_required()
                else {"default": _plain(fields[key].get_default(call_default_factory=True))}
            )
            for key in keys
        ]
        click.echo(json.dumps({"name": name, "about": first_line(cls.__doc__), "keys": found}, indent=2))
        return
    rows = []
    for key in keys:
        required = fields[key].is_required()
        value = "required" if required else _default(fields[key].get_default(call_default_factory=True))
        rows.append((f"  {key}", f"{fields[key].description or ''}{value and f' [{value}]'}"))
    for line in table(rows, sys.stdout):
        click.echo(line)


def _list_arguments(name: str, as_json: bool) -> None:
    """What an environment is, and its keyword arguments with their defaults."""
    from inspect import Parameter

    from devlearn.tasks.envs.registration import WorldError, described, first_sentence

    try:
        found = described(name)
    except WorldError as error:
        raise click.UsageError(str(error)) from error
    about = first_sentence(found.about)
    if as_json:
        keys = [
            {"name": key} | ({"required": True} if value is Parameter.empty else {"default": _plain(value)})
            for key, value in found.kwargs.items()
        ]
        click.echo(json.dumps({"name": name, "about": about, "keys": keys, "open": found.open}, indent=2))
        return
    click.echo(f"{name}: {about}")
    width = max(map(len, found.kwargs), default=0)
    for key, value in found.kwargs.items():
        click.echo(f"  {key:<{width}}  {'[required]' if value is Parameter.empty else f'[{value!r}]'}")
    if found.open:
        click.echo("  and others, which it passes on")


def _default(value: object) -> str:
    """A key's value as YAML has it; empty where there is none."""
    return "" if value in (None, ()) else json.dumps(_plain(value))


def _plain(value: object) -> object:
    """A value as JSON has it, or its text."""
    from pydantic_core import to_jsonable_python

    return to_jsonable_python(value, by_alias=True, fallback=repr)


def first_line(text: str | None) -> str:
    return next((line.strip() for line in (text or "").splitlines() if line.strip()), "")


def _envs() -> list[tuple[str, str]]:
    """Ours first, then everything else that Gymnasium has registered here and can make."""
    from devlearn.tasks.envs.registration import makeable

    found, left_out = makeable()
    if left_out:
        why = "more are registered and can't be made here, as packages of theirs are missing or they are too old"
        click.echo(f"{len(left_out)} {why}: devlearn check env {left_out[0]} says which", err=True)
    return sorted(found.items(), key=lambda row: (not row[0].startswith("devlearn/"), row[0]))


def _data() -> list[tuple[str, str]]:
    """Data sets by name: their images, how many, and whether they are on this machine."""
    from devlearn import registry
    from devlearn.tasks.data import size, source_named, splits

    rows = []
    for name in registry.names("data"):
        source = source_named(name)
        looks = f"{' x '.join(map(str, source.shape))}, {source.classes} classes"
        parts = [split for split in splits(source) if "+" not in split]
        sizes = ", ".join(f"{split.rpartition('.')[2]} {size(split):,}" for split in parts)
        there = f" (not here: --download {name})" if source.missing() else ""
        rows.append((name, f"{first_line(source.__doc__)} {looks}; {sizes}{there}"))
    return rows


def _download(name: str) -> None:
    """Fetch a data set, if it is not there."""
    from devlearn.tasks.data import source_named
    from devlearn.tasks.data.sets.downloads import Downloaded

    source = source_named(name)
    if not isinstance(source, Downloaded):
        raise click.UsageError(f"{name!r} is not fetched: it is there")
    there = source.file if not source.missing() else source.download()
    click.echo(f"{name}: {there}")


def _scenarios() -> list[tuple[str, str]]:
    from devlearn.scenario import library

    return [(name, _about(path)) for name, path in library().items()]


def _about(path: Path) -> str:
    """What a scenario asks, in its own words or those of the file that it extends."""
    found = {key: value.strip() for key, _, value in _top(path)}
    return found.get("about", "") or (_about(path.parent / found["extends"]) if "extends" in found else "")


def _top(path: Path) -> list[tuple[str, str, str]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line.partition(":") for line in lines if line[:1].isalpha()]


@click.command(short_help="Print a JSON Schema of the scenario file.")
def schema() -> None:
    """Print a JSON Schema of the scenario file, for editors to complete from."""
    see_here()
    with waiting("looking for plug-ins"):
        from devlearn.scenario import schema as make

        made = make()
    click.echo(json.dumps(made, indent=2))
