"""Published results run anew: devlearn replicate."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from devlearn.cli.given import beginning
from devlearn.cli.group import FAILED, waiting

if TYPE_CHECKING:
    from devlearn.records.published import Study, StudyResult
    from devlearn.runs.replicate import Beside

OUT = Path("runs/replicate")


def _studies(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """For a shell: what can be replicated."""
    from devlearn.records.published import studies

    return beginning(incomplete, studies())


@click.command(short_help="Run published results anew, beside the published numbers.")
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=_studies)
@click.option("--list", "list_", is_flag=True, help="Show every row and what it costs; run nothing.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=OUT, show_default=True, help="Folder.")
@click.option("--jobs", type=click.IntRange(min=1), help="Worker processes; one per core by default.")
@click.option(
    "--from",
    "run",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A finished run of NAME, instead of a new one.",
)
@click.option("--record", is_flag=True, help="Write docs/results/NAME.json, which README and docs are made from.")
def replicate(names: tuple[str, ...], list_: bool, out: Path, jobs: int | None, run: Path | None, record: bool) -> None:
    """Run the scenario behind a documented number, and print published, documented and new value side by side.

    NAME is a study as --list shows it; without one, all of them are run. Exit code 1: some row does not agree, which
    means that its 95 % interval and the documented one do not overlap.
    """
    with waiting("reading published results"):
        from devlearn.records.published import read, studies, write

    chosen = _chosen(names, list(studies()))
    if list_:
        for name in chosen:
            _show(name, studies()[name], read(name), None)
        return
    if run is not None and len(chosen) != 1:
        raise click.UsageError("--from RUN is the run of one study: name it")
    from devlearn.runs.replicate import summary

    fine = True
    for name in chosen:
        study, documented = studies()[name], read(name)
        new = summary(run or _run(name, study, out, jobs), name, study)
        fine &= _show(name, study, documented, new)
        if record:
            click.echo(f"wrote {write(new)}; `make results` brings it into the pages")
    if not fine:
        sys.exit(FAILED)


def _chosen(names: tuple[str, ...], known: list[str]) -> list[str]:
    from devlearn.scenario.problems import hint

    for name in names:
        if name not in known:
            raise click.UsageError(f"no study {name!r}{hint(name, known)}; `devlearn replicate --list` shows all")
    return list(names) or known


def _run(name: str, study: Study, out: Path, jobs: int | None) -> Path:
    import devlearn
    from devlearn.runs.run import RunFailed

    click.echo(f"{name}: {study.command}", err=True)
    try:
        return devlearn.run(study.scenario, out=out / name, set=study.set, jobs=jobs).folder
    except RunFailed as error:
        click.echo(str(error), err=True)
        sys.exit(FAILED)


def _show(name: str, study: Study, documented: StudyResult | None, new: StudyResult | None) -> bool:
    """The rows of a study as a table on stdout; whether none disagrees."""
    from rich.console import Console
    from rich.table import Table

    from devlearn.runs.replicate import beside, cost

    rows = list(beside(study, documented, new))
    table = Table(box=None, pad_edge=False)
    heads = ["what", "published", "documented", *(["new", "agree"] if new else [])]
    for head in heads:
        table.add_column(head, overflow="fold")
    for row in rows:
        table.add_row(*_cells(row, new is not None))
    console = Console() if sys.stdout.isatty() else Console(width=160)
    click.echo(f"{name}: {study.command}\n{cost(study, documented)}")
    console.print(table)
    console.print()
    return all(row.agrees is not False for row in rows)


def _cells(row: Beside, new: bool) -> Iterator[str]:
    yield from (row.row.what, row.published, row.documented)
    if new:
        yield row.new
        yield {None: "", True: "yes", False: "NO"}[row.agrees]
