"""Commands that look at what there is: list, check, schema; and the one that workers are."""

import json
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from devlearn.cli.group import BAD_INPUT, FAILED

if TYPE_CHECKING:
    from devlearn.records.schema import Resolved
    from devlearn.tasks.envs import EnvSpec
    from devlearn.tasks.envs.finding import Finding

NOT_FOUND = ("id", "kind", "keys")  # broken first where the name or its keys are wrong, not the plug-in
LISTED = ("stages", "priors", "protections", "brains", "envs", "probes", "executors", "sections", "data", "scenarios")
KEYED = ("stages", "protections", "probes", "brains")  # whose keys can be listed, one by one
TRIED = "its import, and the laws of its kind"  # that is told before; what hangs there has no bound on its time
CHECKED = ("env", "stage", "brain", "probe", "executor", "section", "data", "scenario")


def see_here() -> None:
    """Modules in the current folder can be imported, where none that is installed has their name."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)


@click.command("list")
@click.argument("what", type=click.Choice(LISTED))
@click.argument("name", required=False)
@click.option("--download", metavar="DATA", help="Fetch a data set that is not on this machine, once.")
@click.option("--json", "as_json", is_flag=True, help="Print [{name, about}], or of one NAME its keys, as JSON.")
def list_(what: str, name: str | None, download: str | None, as_json: bool) -> None:
    """Name what can be used in a scenario, and how it can be trained and reported.

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
    if what == "priors":
        if as_json:
            raise click.UsageError("priors are a table for people; take: list stages --json")
        from devlearn.cli.list_priors import show

        show()
        return
    others = {"envs": _envs, "scenarios": _scenarios, "data": _data}
    rows = others[what]() if what in others else _plugins(what)
    if as_json:
        click.echo(json.dumps([{"name": name, "about": about} for name, about in rows], indent=2))
        return
    width = max((len(name) for name, _ in rows), default=0)
    for name, about in rows:
        click.echo(f"{name:<{width}}  {about}".rstrip())


def _plugins(what: str) -> list[tuple[str, str]]:
    """Stages, probes, brains, executors and report sections by name."""
    from devlearn import registry

    return [(name, first_line(registry.get(what, name).__doc__)) for name in registry.names(what)]


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
    width = max(map(len, keys), default=0)
    for key in keys:
        required = fields[key].is_required()
        value = "required" if required else _default(fields[key].get_default(call_default_factory=True))
        click.echo(f"  {key:<{width}}  {fields[key].description or ''}{value and f' [{value}]'}".rstrip())


def _list_arguments(name: str, as_json: bool) -> None:
    """What an environment is, and its keyword arguments with their defaults."""
    from inspect import Parameter

    from devlearn.tasks.envs.registration import WorldError, described

    try:
        found = described(name)
    except WorldError as error:
        raise click.UsageError(str(error)) from error
    lines = [line.strip() for line in found.about.splitlines() if not line.lstrip().startswith("#")]
    about = f"{' '.join(lines).strip().partition('. ')[0].removesuffix('.')}."
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
    """Ours first, then everything else that Gymnasium has registered here."""
    import devlearn_envs  # noqa: F401
    import gymnasium

    names = sorted(gymnasium.registry, key=lambda name: (not name.startswith("devlearn/"), name))
    return [(name, "") for name in names]


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
    lines = path.read_text(encoding="utf-8").splitlines()
    return next((line.removeprefix("about:").strip() for line in lines if line.startswith("about:")), "")


class Checked(click.Choice[str]):
    """What can be checked; a prior is checked as the stage that it is."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value == "prior":
            self.fail("a prior is a stage: devlearn check stage NAME", param, ctx)
        return value if value not in CHECKED and guessed(value) else super().convert(value, param, ctx)


def guessed(name: str) -> str | None:
    """What a name is, where that is plain: a scenario's file or name, data, an environment's id; else None."""
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        return "scenario"
    if path.suffix == ".npz":
        return "data"
    if re.fullmatch(r"([\w.-]+[:/])*[\w.-]+-v\d+", name):
        return "env"
    from devlearn.scenario import library

    return "scenario" if name in library() else None


@click.command(short_help="Try NAME against the laws of its kind.")
@click.argument("what", type=Checked(CHECKED))
@click.argument("name", required=False)
@click.option("--key", "keys", multiple=True, metavar="K=V", help="A key of the stage, brain, probe or environment.")
@click.option("--section", "beside", multiple=True, metavar="MODULE:NAME", help="A section that NAME stands behind.")
@click.option("--wrapper", "wrappers", multiple=True, metavar="ID", help="What the environment is wrapped in, as YAML.")
@click.option("--vocabulary", metavar="WORDS", help="The words of the environment's texts, with spaces between them.")
@click.option(
    "--seconds", type=click.FloatRange(min=1), help="What the check of an environment may take; 60 by default."
)
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def check(
    what: str,
    name: str | None,
    keys: tuple[str, ...],
    beside: tuple[str, ...],
    wrappers: tuple[str, ...],
    vocabulary: str | None,
    seconds: float | None,
    as_json: bool,
) -> None:
    """Try NAME against the laws of its kind, and say what is wrong and how to mend it.

    What a scenario, an environment's id or a data file is needs no word before it.

    \b
    devlearn check first_steps.yaml
    devlearn check env my_envs:Maze-v0
    devlearn check env CartPole-v1 --wrapper "{id: FrameStackObservation, stack_size: 4}"
    devlearn check stage trial.ppo --key env=CartPole-v1
    devlearn check brain conv
    devlearn check probe return --key env=CartPole-v1
    devlearn check executor local
    devlearn check section my_sections:gained
    devlearn check data my_data:Shapes
    devlearn check data demonstrations.npz
    """
    see_here()
    if name is None:
        kind = guessed(what)
        if kind is None:
            raise click.UsageError(f"check {what} NAME: which {what}?")
        what, name = kind, what
    if beside and what != "section":
        raise click.UsageError(f"--section is for a section that stands behind it, not for: check {what}")
    if (wrappers or vocabulary is not None or seconds is not None) and what != "env":
        raise click.UsageError(f"--wrapper, --vocabulary and --seconds are for an environment, not for: check {what}")
    if what == "scenario":
        _check_scenario(name, as_json)
        return
    if what == "env":
        _check_env(name, given_keys(keys), wrappers, vocabulary, seconds, as_json)
        return
    from devlearn import testing
    from devlearn.tasks.demonstrations import is_demonstrations

    if what in ("executor", "section", "data"):
        if keys:
            raise click.UsageError(f"{'an executor' if what == 'executor' else f'a {what}'} has no keys")
        shown = what == "data" and is_demonstrations(name)
        data = testing.check_demonstrations if shown else testing.check_data
        alone = {"executor": testing.check_executor, "data": data}
        title = f"{'demonstrations' if shown else what} {name}"
        with _progress(title) as tell:
            tell(TRIED)
            found = alone[what](name) if what in alone else testing.check_section(name, beside)
        _print_findings(title, found, as_json)
        return
    laws: dict[str, Callable[[str, dict[str, object]], list[Finding]]]
    laws = {
        "stage": testing.check_stage,
        "brain": testing.check_brain,
        "probe": testing.check_probe,
    }
    with _progress(f"{what} {name}") as tell:
        tell(TRIED)
        findings = laws[what](name, given_keys(keys))
    _print_findings(f"{what} {name}", findings, as_json)


def _check_env(
    name: str,
    keys: dict[str, object],
    wrappers: Sequence[str],
    vocabulary: str | None,
    seconds: float | None,
    as_json: bool,
) -> None:
    """Check an environment in a process of its own, and say on stderr what is being tried."""
    from devlearn.tasks.envs.check import SECONDS, check_env_apart

    spec = env_spec(name, keys, wrappers, vocabulary)
    with _progress(f"env {spec}") as tell:
        found = check_env_apart(spec, SECONDS if seconds is None else seconds, tell)
    _print_findings(f"env {spec}", found, as_json)


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


@contextmanager
def _progress(title: str) -> Iterator[Callable[[str], None]]:
    """Tells what is being tried on stderr: on one line of a terminal, elsewhere at most once a second."""
    terminal, last = sys.stderr.isatty(), 0.0

    def tell(what: str) -> None:
        nonlocal last
        if terminal:
            click.echo(f"\r\x1b[K{title}: {what}", err=True, nl=False)
        elif time.monotonic() - last >= 1:
            last = time.monotonic()
            click.echo(f"{title}: {what}", err=True)

    try:
        yield tell
    finally:
        if terminal:
            click.echo("\r\x1b[K", err=True, nl=False)


def _check_scenario(name: str, as_json: bool) -> None:
    """Check a file, and its plan too where a plug-in has imported torch already: that takes most of a plan's time."""
    from devlearn.runs import pipeline
    from devlearn.runs.plan import resolved, sketch

    order = pipeline.load(name)
    scenario, counted = order.scenario, "torch" in sys.modules
    plan = resolved(pipeline.plan(order).own) if counted else sketch(scenario)
    counts = {"arm": len(scenario.arms), "stage": len(scenario.stages), "seed": len(scenario.seeds)}
    if as_json:
        from devlearn.runs.forewarnings import forewarnings

        told = [str(warning) for warning in forewarnings(plan, counted)]
        click.echo(
            json.dumps(
                {
                    "scenario": name,
                    "ok": True,
                    **{f"{unit}s": count for unit, count in counts.items()},
                    "counted": counted,
                    "warnings": told,
                },
                indent=2,
            )
        )
        return
    words = [f"{count} {word}{'s' * (count != 1)}" for word, count in counts.items()]
    click.echo(f"{name}: ok, {', '.join(words)}")
    if not counted:
        click.echo(f"what needs the network, as budgets and matches do, is counted by: devlearn run {name} --dry-run")
    warn(plan, counted)


def warn(plan: "Resolved", counted: bool = True) -> None:
    """Say on stderr what a plan can't decide, can't score, leaves without a control or does not inherit."""
    from devlearn.runs.forewarnings import forewarnings

    for warning in forewarnings(plan, counted):
        click.echo(str(warning), err=True)


def given_keys(texts: Sequence[str]) -> dict[str, object]:
    """``K=V`` texts with V in YAML."""
    import yaml

    if unfit := [text for text in texts if "=" not in text]:
        raise click.UsageError(f"write --key KEY=VALUE, not {unfit[0]!r}")
    return {key: yaml.safe_load(value) for key, _, value in (text.partition("=") for text in texts)}


def _print_findings(title: str, findings: Sequence["Finding"], as_json: bool) -> None:
    """One line a law, then the verdict; or both as JSON.

    The exit code is 1 where a law is broken that a run can't do without, 2 where there is no such plug-in.
    """
    if as_json:
        laws = [
            {"law": one.name, "ok": one.ok, "goes_on": one.ok or one.runs, "message": one.message} for one in findings
        ]
        click.echo(json.dumps({"of": title, "ok": all(one.ok for one in findings), "laws": laws}, indent=2))
    else:
        _print_laws(title, findings)
    if refused := _refused(findings):
        sys.exit(BAD_INPUT if refused[0] in NOT_FOUND else FAILED)


def _refused(findings: Sequence["Finding"]) -> list[str]:
    """The laws that are broken and that a run can't do without."""
    return [finding.name for finding in findings if not finding.ok and not finding.runs]


def _print_laws(title: str, findings: Sequence["Finding"]) -> None:
    from devlearn.tasks.envs.check import TIME

    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        broken_mark = click.style("warn", fg="yellow") if finding.runs else click.style("FAIL", fg="red", bold=True)
        mark = click.style("ok  ", fg="green") if finding.ok else broken_mark
        click.echo(f"{mark}  {finding.name:<{width}}  {finding.message}")
    broken = [finding.name for finding in findings if not finding.ok]
    if broken:
        goes_on = "" if _refused(findings) else "; a run goes on all the same"
        click.echo(f"{title}: {len(broken)} of {len(findings)} laws broken: {', '.join(broken)}{goes_on}")
    elif findings[-1].name == TIME:
        click.echo(f"{title}: keeps the {len(findings) - 1} laws that there was time for")
    else:
        click.echo(f"{title}: keeps all {len(findings)} laws")


@click.command(short_help="Print a JSON Schema of the scenario file.")
def schema() -> None:
    """Print a JSON Schema of the scenario file, for editors to complete from."""
    see_here()
    from devlearn.scenario import schema as make

    click.echo(json.dumps(make(), indent=2))


@click.command(hidden=True)
@click.argument("jobdir", type=click.Path(exists=True, file_okay=False, path_type=Path))
def worker(jobdir: Path) -> None:
    """Train or resume the job in JOBDIR."""
    from devlearn.records.layout import JobFolder
    from devlearn.runs.executors import work

    if not JobFolder(jobdir).spec.exists():
        click.echo(f"{jobdir} is no job: it has no job.json", err=True)
        sys.exit(BAD_INPUT)
    work(jobdir)
