"""The command that workers are."""

import sys
from pathlib import Path

import click

from devlearn.cli.group import BAD_INPUT


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
