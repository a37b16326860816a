"""Commands that live jobs: run, resume."""

import json
import shlex
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from devlearn.cli.group import BAD_INPUT, FAILED, INTERRUPTED, PARTLY_FAILED

if TYPE_CHECKING:
    from devlearn.runs.executors import Outcome


def _seeds(context: click.Context, parameter: click.Parameter, text: str | None) -> str | None:
    """``16`` and ``3,7`` as an override of the scenario."""
    if text is None:
        return None
    parts = [part.strip() for part in text.removesuffix(",").split(",")]
    if not all(part.isdecimal() for part in parts):
        raise click.BadParameter(f"write how many (16) or which (3,7), not {text!r}")
    return f"seeds=[{', '.join(parts)}]" if "," in text else f"seeds={parts[0]}"


JOBS = click.option("--jobs", type=click.IntRange(min=1), help="Worker processes; one per core by default.")
NO_REPORT = click.option("--no-report", is_flag=True, help="Compare, but write no report.html.")


@click.command(short_help="Live SCENARIO and compare its arms.")
@click.argument("scenario")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Run folder; runs/<scenario> by default.")
@click.option("--seeds", callback=_seeds, metavar="N|A,B", help="How many learners an arm has, or which seeds.")
@click.option("--set", "settings", multiple=True, metavar="K=V", help="Lay a value over the scenario, by dotted path.")
@JOBS
@click.option(
    "--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True, help="Where tensors live."
)
@click.option("--dry-run", is_flag=True, help="Print the plan and stop.")
@NO_REPORT
def run(
    scenario: str,
    out: Path | None,
    seeds: str | None,
    settings: tuple[str, ...],
    jobs: int | None,
    device: str,
    dry_run: bool,
    no_report: bool,
) -> None:
    """Live SCENARIO (a file, or the name of one of ours) and compare its arms.

    The same scenario in the same folder goes on where it stopped; more seeds and arms are added.
    """
    overrides = [*settings, *([seeds] if seeds else [])]
    if dry_run:
        from devlearn.cli.inspect import warn
        from devlearn.cli.show_plan import show_plans
        from devlearn.runs.pipeline import make_plans
        from devlearn.runs.plan import resolved

        plans = make_plans(scenario, overrides)
        show_plans(plans)
        warn(resolved(plans.own))
        return
    from devlearn.runs.executors import warming

    with warming():
        from devlearn.runs.pipeline import prepare

        _check_device(device)
        folder = prepare(scenario, out, overrides, device, _command())
        _warn(folder)
    _live_and_conclude(folder, jobs, no_report)


@click.command()
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@JOBS
@NO_REPORT
def resume(run: Path, jobs: int | None, no_report: bool) -> None:
    """Go on with an interrupted RUN, and try again what failed."""
    _live_and_conclude(run, jobs, no_report)


def _command() -> str:
    return shlex.join(["devlearn", *sys.argv[1:]])


def _warn(folder: Path) -> None:
    """Before anything is lived: which controls the plan leaves out. With ``tune`` the plan comes later."""
    from devlearn.cli.inspect import warn

    if (folder / "resolved.json").exists():
        warn(json.loads((folder / "resolved.json").read_text(encoding="utf-8")))


def _check_device(device: str) -> None:
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        click.echo("--device cuda: torch finds no CUDA device here; leave the option out to run on the CPU", err=True)
        sys.exit(BAD_INPUT)


def _live_and_conclude(folder: Path, jobs: int | None, no_report: bool) -> None:
    """Live the jobs, compare, report; the exit code says how it went."""
    from devlearn.runs import pipeline

    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        outcome = pipeline.live(folder, jobs, progress=True, say=click.echo)
        if (folder / "resolved.json").exists():  # not yet where a trial of 'tune' failed
            _conclude(folder, no_report)
    except KeyboardInterrupt:
        click.echo(f"interrupted; devlearn resume {shlex.quote(str(folder))} goes on", err=True)
        sys.exit(INTERRUPTED)
    finally:
        signal.signal(signal.SIGTERM, before)
    _exit(outcome, folder)


def _interrupt(number: int, frame: Any) -> None:
    raise KeyboardInterrupt


def _conclude(folder: Path, no_report: bool) -> None:
    from devlearn import evidence
    from devlearn.cli.results import show

    show(evidence.save(folder), evidence.save_analyses(folder), folder)
    click.echo()
    if not no_report:
        from devlearn.report import write

        click.echo(f"report: {write(folder)}")
    else:
        click.echo(f"records: {folder}")


def _exit(outcome: "Outcome", folder: Path) -> None:
    from devlearn.runs.pipeline import complaints

    for complaint in complaints(outcome):
        click.echo(complaint, err=True)
    if outcome.failed:
        click.echo(f"the rest is kept; once it is mended: devlearn resume {shlex.quote(str(folder))}", err=True)
        sys.exit(PARTLY_FAILED if outcome.done else FAILED)
