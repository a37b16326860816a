"""Commands that train learners, and what comes before them: run, resume, register."""

from __future__ import annotations

import hashlib
import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from devlearn.cli.given import RunPath, ScenarioName, beginning
from devlearn.cli.group import CUT_OFF, FAILED, INTERRUPTED, PARTLY_FAILED, interruptible, unheard, waiting

if TYPE_CHECKING:
    from devlearn.runs.forewarnings import Forewarning
    from devlearn.runs.pipeline import Evaluated, Face, Finished, Started


def _seeds(context: click.Context, parameter: click.Parameter, text: str | None) -> str | None:
    """``16`` and ``3,7`` as an override of the scenario."""
    if text is None:
        return None
    parts = [part.strip() for part in text.removesuffix(",").split(",")]
    if not all(part.isdecimal() for part in parts):
        raise click.BadParameter(f"write how many (16) or which (3,7), not {text!r}")
    return f"seeds=[{', '.join(parts)}]" if "," in text else f"seeds={parts[0]}"


def _env_workers(context: click.Context, parameter: click.Parameter, text: str) -> int | None:
    if text == "auto":
        return None
    if not text.isdecimal() or int(text) < 1:
        raise click.BadParameter(f"write a number from 1 on, or auto, not {text!r}")
    return int(text)


def _name(context: click.Context, parameter: click.Parameter, text: str | None) -> str:
    """Who registers; nothing where nobody says. A name that is empty would be on record as if nobody had said one."""
    if text is not None and not text.strip():
        raise click.BadParameter("the name is empty; say who registers it, or leave --by out")
    return (text or "").strip()


def _executors(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """For a shell: what starts workers."""
    from devlearn import registry

    return beginning(incomplete, registry.names("executors"))


KEPT = "the rest is kept; once it is mended"
JOBS = click.option("--jobs", type=click.IntRange(min=1), help="Workers at once; one per core by default.")
EXECUTOR = click.option(
    "--executor",
    default="local",
    shell_complete=_executors,
    show_default=True,
    metavar="NAME",
    help="What starts the workers: local, ray, slurm, or your own (module:Class).",
)
ACCEPT = click.option(
    "--accept-changes", is_flag=True, help="Go on although a plug-in or a version has changed since its jobs began."
)
ENV_WORKERS = click.option(
    "--env-workers",
    callback=_env_workers,
    default="auto",
    show_default=True,
    metavar="N|auto",
    help="Processes that step a job's environments; auto: several where cores are free and a step is slow.",
)
JSON = click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print as JSON where the run is, what failed and what came out; with --dry-run the plan.",
)
NO_REPORT = click.option("--no-report", is_flag=True, help="Compare, but write no report.html.")


SEEDS = click.option("--seeds", callback=_seeds, metavar="N|A,B", help="How many learners an arm has, or which seeds.")
SET = click.option(
    "--set", "settings", multiple=True, metavar="K=V", help="Lay a value over the scenario, by dotted path."
)
FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(short_help="Run SCENARIO and compare its arms.")
@click.argument("scenario", type=ScenarioName())
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Run folder; runs/<scenario> by default.")
@SEEDS
@SET
@click.option("--prereg", type=FILE, metavar="FILE", help="A registration: the run has to ask what it says.")
@JOBS
@EXECUTOR
@ENV_WORKERS
@click.option(
    "--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True, help="Where tensors live."
)
@click.option(
    "--compile",
    "compiled",
    is_flag=True,
    help="Compile updates of small networks (torch.compile; on a GPU as CUDA graphs): worth it in long runs.",
)
@click.option("--dry-run", is_flag=True, help="Print the plan and stop.")
@ACCEPT
@NO_REPORT
@JSON
def run(
    scenario: str,
    out: Path | None,
    seeds: str | None,
    settings: tuple[str, ...],
    prereg: Path | None,
    jobs: int | None,
    executor: str,
    env_workers: int | None,
    device: str,
    compiled: bool,
    dry_run: bool,
    accept_changes: bool,
    no_report: bool,
    as_json: bool,
) -> None:
    """Run SCENARIO (a file, or the name of one of ours) and compare its arms.

    The same scenario in the same folder goes on where it stopped; more seeds and arms are added.
    """
    overrides = [*settings, *([seeds] if seeds else [])]
    if dry_run:
        with unheard():
            _show_plan(scenario, overrides, out, prereg, executor, jobs, compiled, as_json)
        return
    click.echo(f"{scenario}: reading the scenario, starting workers", err=True)  # before anything heavy is imported
    from devlearn.runs import pipeline

    options = pipeline.Options(executor, jobs, accept_changes, not no_report, env_workers)
    command, face = shlex.join(["devlearn", *sys.argv[1:]]), _face(as_json)
    _finish(pipeline.start(scenario, out, overrides, device, command, options, face, prereg, compiled), as_json)


@click.command()
@click.argument("run", type=RunPath())
@JOBS
@EXECUTOR
@ENV_WORKERS
@ACCEPT
@NO_REPORT
@JSON
def resume(
    run: Path,
    jobs: int | None,
    executor: str,
    env_workers: int | None,
    accept_changes: bool,
    no_report: bool,
    as_json: bool,
) -> None:
    """Go on with an interrupted RUN, and try again what failed."""
    click.echo(f"{run}: reading what is there", err=True)
    from devlearn.runs import pipeline

    options = pipeline.Options(executor, jobs, accept_changes, not no_report, env_workers)
    _finish(pipeline.restart(run, options, _face(as_json)), as_json)


@click.command(short_help="Register what SCENARIO asks, before it is run.")
@click.argument("scenario", type=ScenarioName())
@SEEDS
@SET
@click.option("--by", callback=_name, metavar="NAME", help="Who registers it.")
@click.option("--out", type=FILE, metavar="FILE", help="The file; SCENARIO.registration.json here by default.")
def register(scenario: str, seeds: str | None, settings: tuple[str, ...], by: str, out: Path | None) -> None:
    """Write down what SCENARIO asks (seeds, stages, probes, comparison) with the date, before anything of it is run.

    A run is held against it by `devlearn run SCENARIO --prereg FILE`.
    """
    with waiting(f"{scenario}: reading the scenario"):
        from devlearn.runs import pipeline

        path = pipeline.register(scenario, [*settings, *([seeds] if seeds else [])], by, out)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    click.echo(f"registered: {path}\nsha256: {sha256}")
    click.echo("keep the sha256 where others see its date: the file alone can't prove when it was written", err=True)


def _show_plan(
    scenario: str,
    overrides: Sequence[str],
    out: Path | None,
    prereg: Path | None,
    executor: str,
    jobs: int | None,
    compiled: bool,
    as_json: bool,
) -> None:
    """The plan, its warnings, and why its folder can't be used, where that is so."""
    with waiting(f"{scenario}: reading the scenario"):
        from devlearn.cli.check import warn
        from devlearn.cli.plan_document import plan_document
        from devlearn.cli.show_plan import show_plans
        from devlearn.records.ownership import check_claimable
        from devlearn.records.text import as_json as as_text
        from devlearn.registry import get
        from devlearn.runs import pipeline, registration
        from devlearn.runs.plan import resolved

        get("executors", executor)
        pipeline.check_machine("cpu", compiled)
        order = pipeline.load(scenario, overrides)
        plans = pipeline.plan(order)
        if prereg is not None:
            registration.check(prereg, registration.question(plans.own, order.how.path))
    if as_json:
        click.echo(as_text(plan_document(plans, jobs), indent=2))
    else:
        show_plans(plans, jobs)
        warn(resolved(plans.own))
    check_claimable(pipeline.folder_of(order, out))


def _face(as_json: bool = False) -> Face:
    from devlearn.runs.pipeline import Face

    if as_json:  # stdout is for the one document
        return Face(say=lambda text: click.echo(text, err=True), warn=_warn, show=_silent, progress=True)
    return Face(say=click.echo, warn=_warn, show=_show, progress=True)


def _silent(results: Evaluated, warned: Sequence[Forewarning]) -> None:
    """Results are part of the document that is printed at the end."""


def _warn(warnings: Sequence[Forewarning]) -> None:
    from devlearn.cli.check import tell_all

    tell_all(warnings)


def _show(results: Evaluated, warned: Sequence[Forewarning]) -> None:
    """The results; where nobody reads them any more, the report is written all the same."""
    from devlearn.cli.results import show

    with unheard():
        found, known = results.found, {warning.text for warning in warned}
        show(found.comparisons, found.analyses, results.run.folder, known)
        click.echo()


def _finish(started: Started, as_json: bool = False) -> None:
    """Train, evaluate, report; the exit code says how it went."""
    from devlearn.runs import pipeline
    from devlearn.runs.executors import ExecutorFailed

    resume = f"devlearn resume {shlex.quote(str(started.folder))}"
    try:
        with interruptible():
            finished = pipeline.finish(started, _face(as_json))
    except KeyboardInterrupt:
        click.echo(f"interrupted; {resume} goes on", err=True)
        sys.exit(INTERRUPTED)
    except ExecutorFailed as error:
        click.echo(f"{error}\n{KEPT}: {resume}", err=True)
        sys.exit(PARTLY_FAILED if error.done else FAILED)
    except BrokenPipeError:  # whoever read our output has left while learners were trained
        with unheard():
            click.echo(f"nobody reads what this prints any more; {resume} goes on", err=True)
        sys.exit(CUT_OFF)
    with unheard():
        if as_json:
            click.echo(json.dumps(_document(finished), indent=2))
        elif finished.results is not None or not finished.outcome.failed:
            click.echo(f"report: {finished.page}" if finished.page else f"records: {finished.folder}")
        _complain(finished, resume)
    if finished.outcome.failed:
        sys.exit(PARTLY_FAILED if finished.outcome.done else FAILED)


def _document(finished: Finished) -> dict[str, Any]:
    """What ``--json`` prints: the folder, the page, the jobs that failed, and the content of comparison.json."""
    from devlearn import evidence

    results = finished.results
    return {
        "run": str(finished.folder),
        "report": None if finished.page is None else str(finished.page),
        "done": len(finished.outcome.done),
        "failed": [{"job": failure.job.folder, "error": failure.error} for failure in finished.outcome.failed],
        "not_run": [job.folder for job in finished.outcome.not_run],
        "comparison": None if results is None else evidence.document(results.found.comparisons),
    }


def _complain(finished: Finished, resume: str) -> None:
    from devlearn.records.text import printable
    from devlearn.runs.pipeline import complaints

    for complaint in complaints(finished.outcome):
        click.echo(printable(complaint), err=True)
    if finished.outcome.failed:
        click.echo(f"{KEPT}: {resume}", err=True)
