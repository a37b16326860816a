"""Commands on finished runs: compare, report, export."""

from __future__ import annotations

import json
import shlex
import sys
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from devlearn.cli.given import RunPath, beginning
from devlearn.cli.group import waiting

if TYPE_CHECKING:
    from devlearn.evidence import Analyses, Comparisons
    from devlearn.records.reader import RunRecords
    from devlearn.report.looks import Look

LOOKS = ("paper", "talk", "dark")  # those of report.looks, which loads matplotlib
STYLE = "How the files of figures look: paper; talk, twice as large; dark, for a dark ground."
SECTION = "One more section of the page; MODULE may stand in the current folder."
MIB = 2**20
READING = "{}: reading records"


def _seeds(context: click.Context, parameter: click.Parameter, text: str | None) -> tuple[int, ...] | None:
    """``16`` as the seeds 0 to 15, ``3,7`` as these."""
    if text is None:
        return None
    parts = [part.strip() for part in text.removesuffix(",").split(",")]
    if not all(part.isdecimal() for part in parts):
        raise click.BadParameter(f"write how many (16) or which (3,7), not {text!r}")
    if "," not in text and int(parts[0]) == 0:
        raise click.BadParameter("0 seeds show nothing; write how many (16) or which (3,7)")
    found = tuple(map(int, parts))
    if len({*found}) < len(found):
        raise click.BadParameter(f"a seed stands in {text!r} twice; a learner counts once")
    return found if "," in text else tuple(range(found[0]))


SEEDS = click.option("--seeds", callback=_seeds, metavar="N|A,B", help="Only the first N seeds, or these.")
FOLDER = RunPath()


@click.command()
@click.argument("runs", nargs=-1, required=True, type=FOLDER)
@click.option("--probe", help="PROBE or PROBE.METRIC instead of what the scenario declares (exploratory).")
@click.option("--at", help="end, best, birth, area, or an update of the last stage.")
@SEEDS
@click.option("--json", "as_json", is_flag=True, help="Print comparison.json's content.")
def compare(
    runs: tuple[Path, ...], probe: str | None, at: str | None, seeds: tuple[int, ...] | None, as_json: bool
) -> None:
    """Compare the arms of one run, or of several RUNS: seed by seed on the seeds that all of them hold."""
    with waiting(READING.format(_names(runs))):
        from devlearn import evidence
        from devlearn.records.results import note_seen

        records = _loaded(runs)
        found = evidence.compare(records, probe, at, seeds)
    for one in records:
        note_seen(one)
    if as_json:
        click.echo(json.dumps(evidence.document(found), indent=2))
    else:
        declared = len(runs) == 1 and probe is None and at is None and seeds is None
        analyses = evidence.analyse(records[0]) if declared else None
        show(found, analyses, runs[0] if len(runs) == 1 else None)


def _names(runs: Sequence[Path]) -> str:
    return ", ".join(map(str, runs))


def _loaded(runs: Sequence[Path]) -> list[RunRecords]:
    """Raises UsageError where one run is named twice: compared with itself it would count for two."""
    from devlearn.records.layout import RunFolder
    from devlearn.records.ownership import is_run
    from devlearn.records.reader import load

    if twice := [run for run, count in Counter(run.resolve() for run in runs).items() if count > 1]:
        raise click.UsageError(f"{twice[0]} is named twice; name each run once")
    for run in runs:
        if not is_run(run) or not RunFolder(run).resolved.exists():
            from devlearn.runs.run import Run

            Run(run)  # refuses it, and says why
    return [load(run) for run in runs]


def show(
    found: Comparisons,
    analyses: Analyses | None = None,
    run: Path | None = None,
    warned: Collection[str] = (),
) -> None:
    """The verdicts as a table and in words, then what the scenario declared about its curves, on stdout.

    Warnings that have been given before the run (``warned``) are left out.
    """
    from rich.console import Console

    from devlearn.evidence import conclusion
    from devlearn.report.terminal import below_the_table, verdict_table

    console = Console(soft_wrap=False) if sys.stdout.isatty() else Console(width=120)
    with console.capture() as printed:  # rich would end the process where nobody reads
        title = conclusion(found, analyses) if analyses else None
        console.print(verdict_table(found, title, warned))
        console.print()
        for sentence in below_the_table(found, analyses, None if run is None else shlex.quote(str(run))):
            console.print(sentence, highlight=False, markup=False)
    click.echo(printed.get(), nl=False)


@click.command()
@click.argument("runs", nargs=-1, required=True, type=FOLDER)
@click.option("--section", "sections", metavar="MODULE:NAME", multiple=True, help=SECTION)
@click.option("--style", "look", type=click.Choice(LOOKS), default="paper", show_default=True, help=STYLE)
@SEEDS
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of page and figures; RUN, or of several RUNS one beside the first, by default.",
)
def report(
    runs: tuple[Path, ...],
    sections: tuple[str, ...],
    look: Look,
    seeds: tuple[int, ...] | None,
    out: Path | None,
) -> None:
    """Write RUN/report.html, one self-contained page; of several RUNS one that shows them side by side.

    \b
    devlearn report shared/first-steps --out mine
    devlearn report runs/first-steps --style talk
    devlearn report runs/hundred runs/thousand --out runs/both
    """
    from devlearn.cli.given import see_here

    if len(runs) == 1 and seeds is not None:
        raise click.UsageError("--seeds is for a page of several runs; that of one is of all its seeds")
    if twice := [run for run, count in Counter(run.resolve() for run in runs).items() if count > 1]:
        raise click.BadParameter(f"{twice[0]} is named twice; name each run once", param_hint="'RUNS...'")
    see_here()
    with waiting(READING.format(_names(runs))):
        from devlearn.runs.run import Run
    if len(runs) == 1:
        with waiting(f"{runs[0]}: drawing"):
            page = Run(runs[0]).report(sections, look, out)
        click.echo(str(page))
        return
    from devlearn.evidence import evaluate_several
    from devlearn.records.results import note_seen
    from devlearn.report import write

    records = _loaded(runs)
    both, found = evaluate_several(records, seeds)
    for one in records:
        note_seen(one)
    folder = out or runs[0].resolve().parent / "-and-".join(dict.fromkeys(run.resolve().name for run in runs))
    click.echo(str(write(both, found, sections, folder, look, side_by_side=True)))


def _formats(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """For a shell: what --to takes."""
    from devlearn import registry
    from devlearn.runs import film, hand_over

    return beginning(incomplete, (*registry.names("exports"), *hand_over.KINDS, *film.KINDS))


@click.command(short_help="Write the records of RUN as tables.")
@click.argument("run", type=FOLDER)
@click.option(
    "--to",
    "target",
    metavar="FORMAT",
    shell_complete=_formats,
    default="csv",
    show_default=True,
    help="csv, parquet, tensorboard, mlflow, wandb; of one learner safetensors, onnx, mp4, gif; or a plug-in's.",
)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder; RUN/export by default.")
@click.option("--arm", help="Of one learner: its arm.")
@click.option("--seed", type=click.IntRange(min=0), help="Of one learner: its seed; the first by default.")
@click.option("--probe", help="Of a film: the probe, of the kind return, whose first episode it shows.")
def export(run: Path, target: str, out: Path | None, arm: str | None, seed: int | None, probe: str | None) -> None:
    """Write RUN as tidy tables: probes, train, ledger, arms, comparisons.

    For TensorBoard, MLflow (a local store) and Weights & Biases (offline) write the curves of every learner. The
    network of one learner is written as safetensors, that of a plain brain as ONNX; what it does in its environment as
    a film, mp4 or gif.

    \b
    devlearn export runs/first_steps --to parquet
    devlearn export runs/first_steps --to onnx --arm developmental --seed 3
    devlearn export runs/cartpole --to mp4 --arm ppo --seed 3
    """
    with waiting(READING.format(run)):
        from devlearn import registry
        from devlearn.runs import film, hand_over
        from devlearn.runs.run import Run
        from devlearn.scenario.problems import hint

        opened = Run(run)
    kinds = (*hand_over.KINDS, *film.KINDS)
    if probe is not None and target not in film.KINDS:
        raise click.UsageError(f"--probe chooses an episode, for {' and '.join(film.KINDS)}, not for {target}")
    if target in kinds:
        if arm is None:
            arms = ", ".join(opened.resolved["points"][0]["arms"])
            raise click.UsageError(f"--to {target} writes one learner: name its --arm, one of {arms}")
        try:
            click.echo(str(opened.hand_over(arm, seed, target, out, probe=probe)))
        except (LookupError, ValueError, FileNotFoundError) as error:
            raise click.UsageError(str(error.args[0])) from error
        return
    if arm is not None or seed is not None:
        raise click.UsageError(f"--arm and --seed choose a learner, for {', '.join(kinds)}; {target} has all")
    if ":" not in target and target not in (formats := registry.names("exports")):
        raise click.UsageError(f"unknown format {target!r}{hint(target, (*formats, *kinds))}")
    for path in opened.export(target, out):
        click.echo(str(path))
    _warn_altered(run)


@click.command(short_help="Write learners of RUN as genome files.")
@click.argument("run", type=FOLDER)
@click.argument("arm")
@click.option("--seed", "seeds", type=int, multiple=True, help="A learner; all of the run by default.")
@click.option("--after", metavar="STAGE", help="The stage whose end counts; the arm's last one by default.")
@click.option("--point", type=click.IntRange(min=0), default=0, help="Which point of vary, counted from 0.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder; RUN/genomes by default.")
def genome(run: Path, arm: str, seeds: tuple[int, ...], after: str | None, point: int, out: Path | None) -> None:
    """Write what learners of ARM have become as ARM-seedS.genome.npz, for others to be born from (innate.inherit).

    A file holds plain tensors, where they come from and what their making consumed.
    """
    from devlearn.runs.run import Run

    try:
        paths = Run(run).genomes(arm, seeds, after, out, point)
    except (LookupError, FileNotFoundError) as error:
        raise click.UsageError(str(error.args[0])) from error
    for path in paths:
        click.echo(str(path))
    _warn_altered(run)


def _warn_altered(run: Path) -> None:
    """Say on stderr that records are not what they were when their jobs were done, where that is so."""
    from devlearn.evidence.text.reasons import render_note
    from devlearn.records.reader import load
    from devlearn.records.results import Warning_

    if altered := load(run).altered:
        note = Warning_.of("records_altered", altered={how: list(paths) for how, paths in altered.items()})
        click.echo(f"warning: {render_note(note)}", err=True)


@click.command(short_help="Make the folder of RUN smaller.")
@click.argument("run", type=FOLDER)
@click.option("--learners", is_flag=True, help="Remove the arms' learners too: no network can be handed over any more.")
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and stop.")
def thin(run: Path, learners: bool, dry_run: bool) -> None:
    """Remove from RUN what no answer needs: end states that jobs have gone on from, and optimiser moments.

    Records, comparison and report stay as they are. What is needed after all, as where an arm is added, is trained anew
    to the same records.
    """
    with waiting(READING.format(run)):
        from devlearn.runs.thin import WORDS
        from devlearn.runs.thin import thin as thinned

        found = thinned(run, learners, dry_run)
    for kind, words in WORDS.items():
        if kind in found.gone:
            click.echo(f"{found.gone[kind] / MIB:10,.1f} MiB  {words}")
    left = found.before - sum(found.gone.values())
    click.echo(f"{found.before / MIB:10,.1f} MiB {'would become' if dry_run else 'became'} {left / MIB:,.1f} MiB")
