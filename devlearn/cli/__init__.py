"""The command line. Heavy imports stand inside the commands: ``devlearn --help`` answers at once."""

from devlearn.cli.check import check
from devlearn.cli.completion import completion
from devlearn.cli.group import main
from devlearn.cli.list import list_, schema
from devlearn.cli.new import demonstrate, new
from devlearn.cli.replicate import replicate
from devlearn.cli.results import compare, export, genome, report, thin
from devlearn.cli.run import register, resume, run
from devlearn.cli.worker import worker

__all__ = ["main"]

for command in (
    run, register, resume, compare, report, export, genome, thin, replicate, list_, check, new, demonstrate, schema,
    completion, worker,
):  # fmt: skip
    main.add_command(command)
