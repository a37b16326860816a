"""Whether a plug-in keeps the laws of its kind, and whether a scenario's file can be run."""

from __future__ import annotations

import json
import math
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from devlearn.cli.columns import hanging
from devlearn.cli.given import Named, ScenarioName, env_spec, given_keys, plugin_names, see_here
from devlearn.cli.group import BAD_INPUT, FAILED, mistakes, waiting

if TYPE_CHECKING:
    from devlearn.records.schema import Resolved
    from devlearn.runs.forewarnings import Forewarning
    from devlearn.tasks.envs.finding import Finding

NOT_FOUND = ("id", "kind", "keys")  # broken first where the name or its keys are wrong, not the plug-in
TRIED = "its import, and the laws of its kind"  # that is told before; what hangs there has no bound on its time
CHECKED = ("env", "stage", "brain", "probe", "executor", "section", "data", "scenario")


class Checked(Named):
    """What can be checked, or a thing that says itself what it is: ``named`` judges it with what follows."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        kinds = super().shell_complete(ctx, param, incomplete)
        others = ScenarioName().shell_complete(ctx, param, incomplete)
        return kinds + [one for one in others if one.type == "plain" or not kinds]


def named(what: str, name: str | None) -> tuple[str, str]:
    """What is to be checked, and its name. Raises UsageError where that can't be told."""
    from devlearn.registry import nearest
    from devlearn.scenario import ScenarioError, find

    if what == "prior":
        raise click.UsageError("a prior is a stage: devlearn check stage NAME")
    if what in CHECKED:
        if name is None:
            raise click.UsageError(f"check {what} NAME: which {what}?")
        return what, name
    if name is not None:
        likely = nearest(what, CHECKED)
        known = f"did you mean {likely!r}?" if likely else f"there are: {', '.join(CHECKED)}"
        raise click.UsageError(f"what is {what!r}? {known}")
    if kind := guessed(what):
        return kind, what
    try:
        find(what)
    except ScenarioError as error:
        others = f"devlearn check {'|'.join(CHECKED[:-1])} NAME"
        raise click.UsageError(f"{error}\nwhat is no scenario is checked by: {others}") from error
    return "scenario", what


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


def _time(context: click.Context, parameter: click.Parameter, seconds: float | None) -> float | None:
    if seconds is not None and math.isnan(seconds):  # it is within every range
        raise click.BadParameter("--seconds nan is no time; write how many, as 60")
    return seconds


@click.command(short_help="Try NAME against the laws of its kind.")
@click.argument("what", type=Checked(CHECKED))
@click.argument("name", required=False, shell_complete=plugin_names)
@click.option("--key", "keys", multiple=True, metavar="K=V", help="A key of the stage, brain, probe or environment.")
@click.option("--section", "beside", multiple=True, metavar="MODULE:NAME", help="A section that NAME stands behind.")
@click.option("--wrapper", "wrappers", multiple=True, metavar="ID", help="What the environment is wrapped in, as YAML.")
@click.option("--vocabulary", metavar="WORDS", help="The words of the environment's texts, with spaces between them.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=1),
    callback=_time,
    help="What the check of an environment may take; 60 by default.",
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

    WHAT is one of env, stage, brain, probe, executor, section, data, scenario. What a scenario, an environment's id or
    a data file is needs no word before it.

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
    with waiting(f"check {' '.join(filter(None, (what, name)))}"):
        what, name = named(what, name)
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
    if keys and what in ("executor", "section", "data"):
        raise click.UsageError(f"{'an executor' if what == 'executor' else f'a {what}'} has no keys")
    title = f"{what} {name}"
    with _progress(title) as tell:
        tell(TRIED)
        from devlearn import testing
        from devlearn.tasks.demonstrations import is_demonstrations

        laws: dict[str, Callable[[str, dict[str, object]], list[Finding]]]
        laws = {"stage": testing.check_stage, "brain": testing.check_brain, "probe": testing.check_probe}
        if what in laws:
            findings = laws[what](name, given_keys(keys))
        elif what == "data":
            shown = is_demonstrations(name)
            title = f"demonstrations {name}" if shown else title
            findings = testing.check_demonstrations(name) if shown else testing.check_data(name)
        else:
            findings = testing.check_executor(name) if what == "executor" else testing.check_section(name, beside)
    _print_findings(title, findings, as_json)


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
    """Check a scenario; with ``as_json`` its mistakes are on stdout too. Raises what it finds, as ``run`` does."""
    try:
        _check_file(name, as_json)
    except mistakes() as error:
        if as_json:
            click.echo(json.dumps({"scenario": name, "ok": False, "problems": _problems(name, error)}, indent=2))
        raise


def _problems(name: str, error: Exception) -> list[dict[str, object]]:
    """Each mistake with its file, line and column, counted from 1; null where it is of the file as a whole."""
    from devlearn.scenario import ScenarioError
    from devlearn.scenario.problems import Problem

    found = error.problems if isinstance(error, ScenarioError) else [Problem(name, 0, 0, str(error))]
    return [
        {"file": one.file, "line": one.line or None, "column": one.column or None, "message": one.message}
        for one in found
    ]


def _check_file(name: str, as_json: bool) -> None:
    """Check a file, and its plan too where a plug-in has imported torch already: that takes most of a plan's time."""
    with waiting(f"{name}: reading the scenario"):
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


def warn(plan: Resolved, counted: bool = True) -> None:
    """Say on stderr what a plan can't decide, can't score, leaves without a control or does not inherit."""
    from devlearn.runs.forewarnings import forewarnings

    tell_all(forewarnings(plan, counted))


def tell_all(warnings: Sequence[Forewarning]) -> None:
    """Say warnings on stderr, their lines to paste unbroken."""
    for warning in warnings:
        first, *pasted = str(warning).split("\n") if warning.paste else [str(warning)]
        click.echo("\n".join([hanging("warning: ", first.removeprefix("warning: "), sys.stderr), *pasted]), err=True)


def _print_findings(title: str, findings: Sequence[Finding], as_json: bool) -> None:
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


def _refused(findings: Sequence[Finding]) -> list[str]:
    """The laws that are broken and that a run can't do without."""
    return [finding.name for finding in findings if not finding.ok and not finding.runs]


def _print_laws(title: str, findings: Sequence[Finding]) -> None:
    from devlearn.tasks.envs.check import TIME

    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        broken_mark = click.style("warn", fg="yellow") if finding.runs else click.style("FAIL", fg="red", bold=True)
        mark = click.style("ok  ", fg="green") if finding.ok else broken_mark
        said = hanging(f"{'':<{4}}  {finding.name:<{width}}  ", finding.message, sys.stdout)
        click.echo(f"{mark}{said[4:]}")
    broken = [finding.name for finding in findings if not finding.ok]
    if broken:
        goes_on = "" if _refused(findings) else "; a run goes on all the same"
        click.echo(f"{title}: {len(broken)} of {len(findings)} laws broken: {', '.join(broken)}{goes_on}")
    elif findings[-1].name == TIME:
        click.echo(f"{title}: keeps the {len(findings) - 1} laws that there was time for")
    else:
        click.echo(f"{title}: keeps all {len(findings)} laws")
